"""One resolver for every group: what people call a model, an accelerator or a law, and how they write numbers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.catalogue.resolving import resolve
from lehr.recipes.cli import VERBS, file_of
from lehr.recipes.composing.command_line import MAIN
from lehr.recipes.composing.manual import help_of, manual
from lehr.recipes.composing.python import job_of
from lehr.recipes.errors import LehrError

ROOT = Path(__file__).parents[2]
CATALOGUE = Catalogue()

WAYS = {
    ("model", "kimi_k2"): ["Kimi K2", "kimi-k2", "KIMI_K2", "moonshotai/Kimi-K2-Base"],
    ("model", "deepseek_v3"): ["DeepSeek-V3", "deepseek v3", "deepseek-ai/DeepSeek-V3", "DEEPSEEK_V3"],
    ("model", "llama_3_1_8b"): ["Llama 3.1 8B", "llama-3.1-8b", "meta-llama/Llama-3.1-8B"],
    ("model", "llama_3_1_405b"): ["Llama-3.1-405B", "llama 3.1 405b", "llama_3_1_405B"],
    ("model", "starcoder"): ["StarCoder", "bigcode/starcoder", "star coder"],
    ("model", "starcoder2_15b"): ["StarCoder2 15B", "bigcode/starcoder2-15b", "starcoder2-15b"],
    ("model", "mistral_7b_v0_1"): ["Mistral 7B", "mistralai/Mistral-7B-v0.1", "mistral-7b"],
    ("model", "codet5p_16b"): ["CodeT5+ 16B", "codet5p-16b", "Salesforce/codet5p-16b"],
    ("model", "santacoder"): ["SantaCoder", "santa coder", "santa-coder"],
    ("model", "deepseek_coder_33b"): ["DeepSeek Coder 33B", "deepseek-coder-33b", "DeepSeek-Coder-33B"],
    ("model", "claude_opus_4_5"): ["Claude Opus 4.5", "claude-opus-4-5", "claude-opus-4-5-20251101"],
    ("accelerator", "h100_sxm"): ["h100", "H100", "H100 SXM", "NVIDIA H100 80GB"],
    ("accelerator", "a100_80gb"): ["A100 80GB", "a100-80gb", "A100", "NVIDIA A100 SXM4 80 GB"],
    ("accelerator", "mi300x"): ["MI300X", "AMD Instinct MI300X", "Instinct MI300X"],
    ("accelerator", "tpu_v5p"): ["TPU v5p", "tpu-v5p", "Google TPU v5p"],
    ("accelerator", "rtx_4090"): ["RTX 4090", "rtx4090", "GeForce RTX 4090"],
    ("law", "chinchilla"): ["Chinchilla", "CHINCHILLA", "Chinchilla, approach 3 (Hoffmann et al. 2022), as printed"],
    ("law", "besiroglu"): ["Besiroglu et al. 2024", "Besiroglu", "besirog"],
    ("law", "step_law"): ["Step Law", "step-law", "StepLaw"],
    ("law", "multi_power_100m"): ["Multi-Power 100M", "multi power 100m", "multi-power-100m"],
    ("cluster", "deepseek_h800"): ["DeepSeek H800", "deepseek-h800", "DeepSeek's cluster of 2,048 H800"],
}  # fmt: skip


def test_so_many_ways_are_tried() -> None:
    assert sum(map(len, WAYS.values())) >= 60
    assert len(WAYS) >= 20


@pytest.mark.parametrize(("group", "name", "text"), [(*key, text) for key, ways in WAYS.items() for text in ways])
def test_what_people_call_it_is_understood(group: str, name: str, text: str) -> None:
    assert resolve(text, group, CATALOGUE) == name


@pytest.mark.parametrize("group", ["model", "recipe", "law", "accelerator", "cluster"])
def test_a_name_of_the_catalogue_means_itself(group: str) -> None:
    assert all(resolve(name, group, CATALOGUE) == name for name in CATALOGUE.files(group))


@pytest.mark.parametrize(
    ("text", "group", "said"),
    [
        ("Llama 3.1 40", "model", "no model is called 'Llama 3.1 40'"),
        ("H100 PCIe", "accelerator", "no accelerator is called 'H100 PCIe'"),
        ("MI300", "accelerator", "did you mean mi300x?"),
        ("Llama 405B", "model", "did you mean llama_3_1_405b?"),
        ("llama3.1 70b instruct", "model", "did you mean llama_3_1_70b"),
        ("qwen 7b", "model", "did you mean qwen"),
        ("phi", "model", "no model is called 'phi'; did you mean phi"),
        ("gemma 2", "model", "did you mean gemma_2_2b"),
        ("someone/DeepSeek-V3", "model", "no model is called 'someone/DeepSeek-V3'"),
        ("", "model", "model: a name is missing"),
    ],
)
def test_what_may_be_several_or_is_another_is_refused(text: str, group: str, said: str) -> None:
    with pytest.raises(LehrError, match=said):
        resolve(text, group, CATALOGUE)


def test_a_model_of_ones_own_comes_before_what_resembles_it(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    own = (ROOT / "conf" / "model" / "santacoder.yaml").read_text().replace("name: santacoder", "name: kimi")
    (tmp_path / "model" / "kimi.yaml").write_text(own)
    assert job_of("count", {"model": "kimi"}, config_dir=tmp_path).config["model"]["name"] == "kimi"


@pytest.mark.parametrize(
    ("verb", "settings", "key", "value"),
    [
        ("plan", {"usd": "2M"}, "usd", 2_000_000),
        ("plan", {"usd": "$2.5 million"}, "usd", 2_500_000),
        ("plan", {"mfu": "40%"}, "mfu", 0.4),
        ("plan", {"mfu": "40 %"}, "mfu", 0.4),
        ("plan", {"unique_tokens": "14.8 trillion"}, "unique_tokens", 14_800_000_000_000),
        ("plan", {"served_tokens": "3T"}, "served_tokens", 3_000_000_000_000),
        ("plan", {"memory": "640GB"}, "memory", 640_000_000_000),
        ("plan", {"days": "30 days", "devices": "1k"}, "devices", 1000),
        ("plan", {"size": "7B..15B"}, "size", "7000000000..15000000000"),
        ("plan_schedule", {"steps": "24k", "cooldown": ["1k", "2k"]}, "cooldown", [1000, 2000]),
        ("plan", {"base": "StarCoder2 15B"}, "base", "starcoder2_15b"),
        ("plan", {"hyper_laws": ["Step Law"]}, "hyper_laws", ["step_law"]),
        ("compare", {"names": ["Kimi K2", "DeepSeek-V3"]}, "names", ["kimi_k2", "deepseek_v3"]),
    ],
)
def test_numbers_and_names_of_settings_are_understood(
    verb: str, settings: dict[str, object], key: str, value: object
) -> None:
    assert job_of(verb, settings).config[key] == value


@pytest.mark.parametrize(
    ("verb", "settings", "said"),
    [
        ("plan", {"mfu": 40}, r"mfu: 40 is no share of one; write mfu=0\.4 or mfu=40%"),
        ("count", {"sequence_length": "128k"}, "sequence_length: 128k may be 128000 or 131072"),
        ("plan", {"law": "Step Lew"}, r"law: no law is called 'Step Lew'; did you mean step_law\?"),
        ("plan", {"moe_law": "nope"}, "moe_law: no law is called 'nope'"),
        ("compare", {"names": ["starcodr", "santacoder"]}, r"names: no model .*did you mean starcoder\?"),
        ("report", {"model": "Qwen"}, "model: 'Qwen' may be any of .* more; write one of them"),
        ("report", {"law": "Hoffmann et al. 2022"}, "law: 'Hoffmann et al. 2022' may be any of chinchilla, "),
    ],
)
def test_a_refusal_says_the_key_and_what_to_write(verb: str, settings: dict[str, object], said: str) -> None:
    with pytest.raises(LehrError, match=said):
        job_of(verb, settings)


def test_a_number_within_a_recipe_is_understood() -> None:
    job = job_of("report", {"model": "StarCoder"}, overrides=["recipe.stages.pt.steps=100k"])
    assert job.config["recipe"]["stages"]["pt"]["steps"] == 100_000


PURE = {
    *("seed", "delta", "approach", "imbalance", "peak_rate", "prompts", "samples", "epochs", "updates"),
    *("host", "pue", "price_spread", "electricity", "misfit"),
}
"""Numbers that count nothing, or something that no unit of help names."""


@pytest.mark.parametrize("verb", VERBS)
def test_help_says_of_every_setting_what_it_is_its_default_and_its_unit(verb: str) -> None:
    page, shown = manual(file_of(verb)), help_of(file_of(verb))
    for setting in page.groups + page.settings:
        assert setting.says, f"conf/{file_of(verb)}.yaml: {setting.key} has no comment that says what it is"
        assert f"  {setting.key}=" in shown
        is_number = setting.default.replace(".", "").replace("e", "").replace("-", "").isdigit()
        if is_number and setting.key not in PURE:
            assert setting.unit, f"conf/{file_of(verb)}.yaml: {setting.key} is a number without [unit] in its comment"


@pytest.mark.slow
def test_the_settings_of_help_are_those_of_the_config() -> None:
    for verb in VERBS:
        config = job_of(file_of(verb), {}).config
        page = manual(file_of(verb))
        assert {s.key for s in page.settings} | {g.key for g in page.groups} >= {*config} - {"runtime"}


@pytest.mark.parametrize("verb", MAIN)
def test_a_bare_word_is_a_setting_of_the_verb(verb: str) -> None:
    page = manual(file_of(verb))
    assert MAIN[verb] in {s.key for s in page.groups + page.settings}


def lehr(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    command = [sys.executable, "-m", "lehr", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, check=False)


def test_a_persons_first_tries(tmp_path: Path) -> None:
    for words in (["Kimi", "K2"], ["Kimi K2"], ["model=Kimi K2", "accelerator=h100"], ["moonshotai/Kimi-K2-Base"]):
        done = lehr("count", *words, folder=tmp_path)
        assert done.stdout.startswith("kimi_k2 "), done.stderr
    done = lehr("plan", "1e23", folder=tmp_path)
    assert (done.returncode, done.stderr.strip()) == (
        2,
        "lehr: 1e23: a budget of what? write flops=1e23, usd=2M, or days=30 devices=512",
    )


def test_the_reference_of_an_empty_folder_is_missing_and_not_moved(tmp_path: Path) -> None:
    done = lehr("reference", folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("lehr: reference: outputs/reference holds no accepted projections; write reference=")
