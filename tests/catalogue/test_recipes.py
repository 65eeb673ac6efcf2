"""Every recipe: the contract that it keeps, and the stages with a public report, typed in, each in its place."""

from __future__ import annotations

import re
from functools import cache

import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.catalogue.recipe_files import RecipeFile
from lehr.recipes.projecting.model import project_by_name
from lehr.simulators.projection.project import Projection
from lehr.simulators.quantities import number
from lehr.simulators.training import STAGE_KINDS, Stage

CATALOGUE = Catalogue()
NAMES = sorted(CATALOGUE.files("recipe"))
WORDS = re.compile(r"[a-z][a-z0-9_]*")


@cache
def projected(name: str) -> tuple[RecipeFile, Projection]:
    recipe, _, projection = project_by_name(CATALOGUE, name)
    return recipe, projection


def stages() -> list[tuple[str, str]]:
    return [(name, stage) for name in NAMES for stage in CATALOGUE.recipe(name).order]


def stage_of(name: str, stage: str) -> Stage:
    return CATALOGUE.recipe(name).stages[stage]


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_makes_the_model_that_it_is_named_after(name: str) -> None:
    assert CATALOGUE.recipe(name).model == name
    assert name in CATALOGUE.files("model")


@pytest.mark.parametrize("name", NAMES)
def test_its_base_has_a_model_file_and_its_bases_end(name: str) -> None:
    seen = [name]
    while (base := CATALOGUE.recipe(seen[-1]).base) is not None:
        assert base.model in CATALOGUE.files("model"), f"{seen[-1]} begins at {base.model}"
        assert base.model not in seen
        if base.model not in NAMES:
            break
        seen.append(base.model)


@pytest.mark.parametrize("name", NAMES)
def test_a_model_is_pre_trained_or_begins_at_a_base(name: str) -> None:
    recipe = CATALOGUE.recipe(name)
    first = recipe.stages[recipe.order[0]]
    assert (recipe.base is None) == (first.kind == "PT") or name in UNKNOWN_START


UNKNOWN_START = {"codexembed_400m"}
"""No report that was read says what the encoder of these begins at."""


@pytest.mark.parametrize(("name", "stage"), stages())
def test_a_stage_is_of_a_known_kind_and_its_amounts_are_positive(name: str, stage: str) -> None:
    it = stage_of(name, stage)
    assert it.kind in STAGE_KINDS
    amounts = (
        it.n_tokens,
        it.n_steps,
        number(it.examples),
        number(it.epochs),
        it.sequence_length,
        it.final_batch_tokens,
    )
    assert all(amount is None or amount > 0 for amount in amounts)
    assert sum(it.data.values()) <= 1 + 1e-9


@pytest.mark.parametrize(("name", "stage"), stages())
def test_its_data_are_datasets_of_the_catalogue_or_plain_words(name: str, stage: str) -> None:
    it = stage_of(name, stage)
    assert set(it.datasets) <= set(CATALOGUE.files("dataset"))
    assert all(WORDS.fullmatch(word) for word in it.data)


@pytest.mark.parametrize(("name", "stage"), stages())
def test_steps_and_batch_and_tokens_agree(name: str, stage: str) -> None:
    it = stage_of(name, stage)
    if it.n_tokens is None or it.n_steps is None or it.batch is None or it.sequence_length is None:
        return
    # the last update may be cut short: the tokens end within one full batch
    after = it.batch.clock(it.sequence_length).tokens_at(it.n_steps)
    assert abs(after - it.n_tokens) <= it.batch.sequences * it.sequence_length


@pytest.mark.parametrize("name", NAMES)
def test_it_projects_every_stage_and_its_history(name: str) -> None:
    recipe, projection = projected(name)
    assert [stage.name for stage in projection.stages] == recipe.order
    for stage in projection.stages:
        assert (stage.flops is None) == (stage.tokens is None)
    has_history = recipe.base is not None and recipe.base.model in NAMES
    assert (projection.totals_with_base is not None) == has_history
    if projection.totals_with_base is not None:
        assert projection.totals_with_base.tokens >= projection.totals.tokens


PUBLISHED = """
alphacode_41b PT
bge_code_v1 CPT CPT CPT
codebert CPT
codefuse_cge_large CPT
codefuse_cge_small CPT
codegemma_2b CPT
codegemma_7b CPT SFT
codegpt_small_java_adaptedgpt2 CPT
codegpt_small_py PT
codellama_13b CPT REPO_PT SFT
codellama_13b_python CPT CPT REPO_PT
codellama_34b CPT REPO_PT SFT
codellama_34b_python CPT CPT REPO_PT
codellama_70b CPT
codellama_70b_instruct SFT
codellama_70b_python CPT CPT
codellama_7b CPT REPO_PT SFT
codellama_7b_python CPT CPT REPO_PT
codeparrot_1_5b PT
codeparrot_small_110m PT
codesage_base PT CPT
codesage_large PT CPT
codesage_small PT CPT
codet5_base PT
codet5_large PT
codet5_small PT
codet5p_16b CPT
codet5p_220m PT
codet5p_2b CPT
codet5p_6b CPT
codet5p_770m PT
codexembed_2b CPT
codexembed_400m CPT
codexembed_7b CPT
deepcoder_14b RL
deepcoder_1_5b RL
deepseek_coder_1_3b PT REPO_PT SFT
deepseek_coder_33b PT REPO_PT SFT
deepseek_coder_6_7b PT REPO_PT SFT
deepseek_coder_v2 CPT REPO_PT REPO_PT SFT RL
deepseek_coder_v2_lite CPT REPO_PT REPO_PT SFT RL
deepseek_r1 SFT RL SFT RL
deepseek_r1_zero RL
deepseek_r1_distill_qwen_14b SFT
deepseek_r1_distill_qwen_1_5b SFT
deepseek_v2 PT REPO_PT
deepseek_v2_lite PT REPO_PT SFT
deepseek_v3 PT REPO_PT REPO_PT SFT RL
deepseek_v3_1 REPO_PT REPO_PT
deepseek_v3_2_exp CPT CPT RL
deepseek_v4_flash PT
deepseek_v4_pro PT
deepswe_preview RL
deltanet_1_3b PT
devstral_small_2505 REPO_SFT
diffucoder_7b CPT ANN SFT RL
ernie_code_560m CPT
gated_deltanet_1_3b PT
gemma_2b PT
gemma_7b PT
gemma_2_2b PT
glm_4_5 PT CPT REPO_PT ANN REPO_PT SFT RL
gpt_3_175b PT
granite_20b_code PT ANN SFT
granite_34b_code CPT ANN SFT
granite_3b_code PT ANN SFT
granite_3b_code_base_128k REPO_PT REPO_PT REPO_PT REPO_PT REPO_PT
granite_8b_code PT ANN SFT
granite_8b_code_base_128k REPO_PT REPO_PT REPO_PT REPO_PT REPO_PT
graphcodebert CPT
hyena_153m PT
instructgpt_175b SFT RL
kat_dev_32b CPT SFT RL RL
kimi_k2 PT ANN REPO_PT
kimi_k2_instruct PT ANN REPO_PT SFT RL
llada_8b PT SFT
llama_13b PT
llama_2_13b PT
llama_2_13b_chat SFT
llama_2_34b PT
llama_2_70b PT
llama_2_70b_chat SFT
llama_2_7b PT
llama_2_7b_chat SFT
llama_33b PT
llama_3_1_405b PT REPO_PT ANN
llama_3_1_70b PT
llama_3_1_8b PT
llama_3_70b PT
llama_3_8b PT
llama_4_maverick PT
llama_4_scout PT
llama_65b PT
llama_7b PT
mamba_130m PT
mimo_v2_flash PT CPT REPO_PT
seed_coder_8b PT PT REPO_PT REPO_PT SFT RL
mamba_1_4b PT
mamba_2_8b PT
mamba_370m PT
mamba_790m PT
minimax_m1 CPT RL
minimax_text_01 PT ANN REPO_PT REPO_PT REPO_PT
nomic_embed_code CPT
opencoder_1_5b PT ANN SFT SFT
opencoder_8b PT ANN SFT SFT
pythia_12b PT
pythia_160m PT
pythia_1_4b PT
pythia_1b PT
pythia_2_8b PT
pythia_410m PT
pythia_6_9b PT
pythia_70m PT
qwen2_5_0_5b PT
qwen2_5_14b PT
qwen2_5_1_5b PT
qwen2_5_32b PT
qwen2_5_3b PT
qwen2_5_72b PT SFT RL RL
qwen2_5_7b PT
qwen2_5_coder_0_5b CPT REPO_PT SFT SFT RL
qwen2_5_coder_14b CPT REPO_PT SFT SFT RL
qwen2_5_coder_1_5b CPT REPO_PT SFT SFT RL
qwen2_5_coder_32b CPT REPO_PT SFT SFT RL
qwen2_5_coder_3b CPT REPO_PT SFT SFT RL
qwen2_5_coder_7b CPT REPO_PT SFT SFT RL
qwen3_14b PT CPT REPO_PT SFT
qwen3_235b_a22b PT CPT REPO_PT SFT RL SFT RL
qwen3_30b_a3b PT CPT REPO_PT SFT
qwen3_32b PT CPT REPO_PT SFT RL SFT RL
qwen3_8b PT CPT REPO_PT SFT
qwen3_coder_30b_a3b PT RL RL
qwen3_coder_480b_a35b PT RL RL
qwen3_next_80b_a3b PT
retnet_1_3b PT
retnet_2_7b PT
retnet_6_7b PT
rwkv_4_14b PT
rwkv_4_169m PT
rwkv_4_1_5b PT
rwkv_4_3b PT
rwkv_4_430m PT
rwkv_4_7b PT
rwkv_5_eagle_0_4b PT
rwkv_5_eagle_1_5b PT
rwkv_5_eagle_3b PT
rwkv_5_eagle_7b PT
rwkv_6_finch_1_6b PT
rwkv_6_finch_3b PT
rwkv_7_pile_0_1b PT
rwkv_7_pile_0_4b PT
rwkv_7_pile_1_5b PT
santacoder PT
skywork_swe_32b SFT
starcoder CPT
starcoder2_15b PT REPO_PT
starcoder2_3b PT REPO_PT
starcoder2_7b PT REPO_PT
starcoderbase_15_5b PT
starcoderbase_1b PT
starcoderbase_3b PT
starcoderbase_7b PT
yi_6b PT
yi_9b CPT CPT
yi_coder_1_5b PT
yi_coder_9b CPT
"""


def published() -> list[tuple[str, list[str]]]:
    """A model and the kinds of its published stages, in their order."""
    return [(name, kinds) for name, *kinds in (line.split() for line in PUBLISHED.strip().splitlines())]


@pytest.mark.parametrize(("name", "kinds"), published())
def test_every_published_stage_is_there_in_its_order(name: str, kinds: list[str]) -> None:
    actual = [stage.kind for _, stage in CATALOGUE.recipe(name).ordered()]
    at = iter(actual)
    assert all(kind in at for kind in kinds), f"published {kinds}, catalogued {actual}"
