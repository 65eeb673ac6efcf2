"""What an export has no word for is named, and what trainers would take for granted is told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.resources import files as resources
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.catalogue.recipe_files import RecipeFile
from lehr.recipes.catalogue.yaml import parse_yaml
from lehr.recipes.errors import LehrError
from lehr.recipes.exporting.gaps import Assumed
from lehr.recipes.exporting.result import Export
from lehr.recipes.exporting.run import export
from lehr.recipes.exporting.text import as_text
from lehr.simulators.machine.layout import Layout
from lehr.simulators.objectives import Fim, NextToken, PolicyGradient, Preference, Supervised
from lehr.simulators.schedules import Batch, Constant, Cosine, Linear
from lehr.simulators.training import Adapter, Balance, Base, Hardware, Optimizer, Stage

CATALOGUE = Catalogue()
FULL = {"beta1": 0.9, "beta2": 0.95, "epsilon": 1e-8, "weight_decay": 0.1, "grad_clip": 1.0}
EIGHT = Hardware(accelerator="h100_sxm", count=8)
OF_THE_HUB = ("axolotl", "llama_factory", "ms_swift", "trl")


def exported(
    to: str,
    model: str,
    stages: dict[str, Any],
    *,
    base: bool = False,
    norm_epsilon: float | None = None,
    **settings: Any,
) -> Export:
    plain = Stage(
        kind="PT", objective=NextToken(), steps=40, batch=Batch(sequences=32), sequence_length=1024,
        schedule=Cosine(peak=1e-5), optimizer=Optimizer(kind="adamw", **FULL),
        hardware=EIGHT,
    )  # fmt: skip
    made: dict[str, Stage] = {name: msgspec.structs.replace(plain, **changes) for name, changes in stages.items()}
    recipe: RecipeFile = msgspec.structs.replace(
        CATALOGUE.recipe("starcoder"), order=list(made), stages=made, base=Base(model=model) if base else None,
        reported=[], name="said",
    )  # fmt: skip
    found = CATALOGUE.model(model)
    if norm_epsilon is not None:
        found = msgspec.structs.replace(
            found, architecture=msgspec.structs.replace(found.shape(), norm_epsilon=norm_epsilon)
        )
    return export(found, recipe, to, models={model: found}, accelerators=CATALOGUE.accelerators, **settings)


def open_of(done: Export, stage: int = 0) -> list[str]:
    """What is left of a stage, but for what is the trainer's own."""
    return [gap.whose for gap in done.stages[stage].gaps if gap.whose != "wordless"]


def flags_of(done: Export, folder: str = "01_pt") -> dict[str, str]:
    return dict(pairwise(done.files[f"{folder}/flags.txt"].decode().splitlines()))


def test_megatron_is_told_that_nothing_is_dropped_and_nothing_left_out() -> None:
    """Its own defaults are a tenth of all activations, twice, and 31 parts of a thousand of the corpus."""
    flags = flags_of(exported("megatron", "llama_2_7b", {"pt": {}}))
    assert [flags[f"--{key}"] for key in ("attention-dropout", "hidden-dropout", "split")] == ["0.0", "0.0", "1,0,0"]
    sgd = exported("megatron", "llama_2_7b", {"pt": {"optimizer": Optimizer(kind="sgd", momentum=0.95)}})
    assert flags_of(sgd)["--sgd-momentum"] == "0.95"


def test_megatron_without_a_layout_shares_moments_out_and_says_what_does_not_fit() -> None:
    done = exported("megatron", "llama_2_7b", {"pt": {}})
    assert "--use-distributed-optimizer" in done.files["01_pt/flags.txt"].decode()
    # 6.74e9 weights, gradients and an eighth of 12 bytes of moments: under 86 GB
    assert open_of(done) == []
    large = exported("megatron", "llama_65b", {"pt": {}})
    assert "full" in [gap.whose for gap in large.stages[0].gaps]
    assert large.files["README.md"].decode().index("## Does not fit") > 0


@pytest.mark.parametrize("to", OF_THE_HUB)
def test_a_recipes_own_beta_of_preferences_reaches_the_trainer(to: str) -> None:
    for beta, how in ((0.05, "exact"), (None, "assumed: the recipe does not say it")):
        objective = Preference(method="dpo", beta=beta)
        done = exported(to, "qwen2_5_7b", {"dpo": {"kind": "RL", "objective": objective}}, base=True)
        (row,) = (
            row
            for row in json.loads(done.files["export.json"])["stages"][0]["values"]
            if row["what"] == "objective.beta"
        )
        assert (row["value"], row["how"]) == (beta or 0.1, how)
        told = next(body for path, body in done.files.items() if path.startswith("01_dpo/") and path.endswith(".yaml"))
        assert f"beta: {beta or 0.1}" in told.decode()


WITHOUT = {"prime_rl": ["optimizer.epsilon"]}
"""Settings for which a trainer has no word."""


@pytest.mark.parametrize("to", ["axolotl", "litgpt", "llama_factory", "megatron", "ms_swift", "olmo_core", "torchtitan",
                                "trl", "prime_rl"])  # fmt: skip
def test_every_setting_of_an_optimiser_went_somewhere_or_is_named(to: str) -> None:
    kind = {"kind": "SFT", "objective": Supervised()} if to == "prime_rl" else {}
    done = exported(to, "llama_2_7b", {"pt": kind}, base=to == "prime_rl")
    told = {row["what"] for row in json.loads(done.files["export.json"])["stages"][0]["values"]}
    named = [gap.what for gap in done.stages[0].gaps if gap.whose == "unset"]
    assert named == WITHOUT.get(to, [])
    assert {f"optimizer.{name}" for name in FULL} - told == set(named)


@pytest.mark.parametrize("to", OF_THE_HUB)
def test_a_momentum_that_transformers_would_leave_out_is_refused(to: str) -> None:
    with pytest.raises(LehrError, match=r"momentum of 0.9, and transformers makes SGD without"):
        exported(to, "llama_2_7b", {"pt": {"optimizer": Optimizer(kind="sgd", momentum=0.9)}})


def test_a_stage_that_goes_on_says_that_its_moments_do_not() -> None:
    done = exported(
        "trl", "llama_2_7b", {"pt": {}, "ann": {"kind": "ANN"}, "sft": {"kind": "SFT", "objective": Supervised()}}
    )
    named = [[gap.whose for gap in result.gaps if gap.whose != "wordless"] for result in done.stages]
    assert named == [[], ["fresh"], []]
    assert "ann, moments of nought: weights alone are carried over" in done.files["README.md"].decode()


def test_a_fall_from_a_constant_rate_goes_on_with_its_run() -> None:
    """Of three stages TRL's count of updates goes on through all."""
    flat = {"schedule": Constant(peak=1e-3), "hardware": None}
    fall = {"kind": "ANN", "schedule": Linear(peak=1e-3), "steps": 10, "hardware": None}
    done = exported("trl", "llama_2_7b", {"pt": flat, "cpt": {"kind": "CPT", **flat}, "ann": fall}, devices=1)
    assert [result.exported.counted_from for result in done.stages] == [0, 40, 80]
    told = done.files["03_ann/sft.yaml"].decode()
    assert "resume_from_checkpoint: checkpoints/cpt/checkpoint-80" in told
    assert ["max_steps: 90" in told, "ignore_data_skip: true" in told] == [True, True]
    assert done.stages[2].exported.deviation.exact
    assert not [gap for result in done.stages for gap in result.gaps if gap.whose == "fresh"]


def test_the_moments_of_a_rate_that_fell_before_stay_behind() -> None:
    fall = {"kind": "ANN", "schedule": Linear(peak=1e-3), "steps": 10}
    done = exported("trl", "llama_2_7b", {"pt": {}, "ann": fall})
    assert done.stages[1].exported.counted_from == 0
    assert open_of(done, 1) == ["fresh"]


@pytest.mark.parametrize(("to", "kept"), [("llama_factory", "moe_aux_loss_coef"), ("ms_swift", "router_aux_loss_coef")])
def test_a_mixtures_balance_is_named(to: str, kept: str) -> None:
    done = exported(to, "qwen3_30b_a3b", {"pt": {}})
    assert [kept in str(gap) for gap in done.stages[0].gaps if gap.whose == "balance"] == [True]
    tuned = exported(to, "qwen3_30b_a3b", {"sft": {"kind": "SFT", "objective": Supervised()}}, base=True)
    assert "balance" not in [gap.whose for gap in tuned.stages[0].gaps]


TOLD = {"axolotl": "router_aux_loss_coef", "llama_factory": "moe_aux_loss_coef", "ms_swift": "router_aux_loss_coef",
        "trl": "router_aux_loss_coef"}  # fmt: skip
"""What a trainer over transformers calls the weight of the auxiliary loss."""


@pytest.mark.parametrize("to", TOLD)
def test_a_recipes_balance_of_experts_reaches_the_trainer(to: str) -> None:
    """Six layers for every choice of a token (48 over 8) make papers' weight transformers' own, which stands as it is
    where the recipe counts like it; by which a bias moves no trainer over transformers is told."""
    for balance, weight, how in (
        (Balance(auxiliary=0.001, counted="together"), 0.001, "exact"),
        (Balance(auxiliary=0.001, over="sequence", bias_rate=0.01), 0.006, "approximate: 48 layers over 8 choices"),
    ):
        done = exported(to, "qwen3_30b_a3b", {"pt": {"balance": balance}})
        told = next(body for path, body in done.files.items() if path.startswith("01_pt/") and path.endswith(".yaml"))
        assert f"{TOLD[to]}: {weight}" in told.decode()
        rows = {row["what"]: row for row in json.loads(done.files["export.json"])["stages"][0]["values"]}
        assert rows["balance.auxiliary"]["value"] == pytest.approx(weight)
        assert rows["balance.auxiliary"]["how"].startswith(how)
        unset = ["balance.bias_rate"] if balance.bias_rate else []
        assert [gap.what for gap in done.stages[0].gaps if gap.whose in ("unset", "balance")] == unset


def test_a_persons_own_balance_of_experts_is_taken_and_a_dense_networks_refused() -> None:
    done = exported(
        "trl", "qwen3_30b_a3b", {"pt": {}}, assume=Assumed(balance=Balance(auxiliary=0.001, counted="together"))
    )
    assert "router_aux_loss_coef: 0.001" in done.files["01_pt/sft.yaml"].decode()
    assert open_of(done) == ["yours"]
    with pytest.raises(LehrError, match="balance of experts, and its network has none"):
        exported("trl", "llama_2_7b", {"pt": {"balance": Balance(auxiliary=0.01)}})


def test_a_class_without_such_a_loss_leaves_the_balance_named() -> None:
    done = exported("trl", "glm_4_5", {"sft": {"kind": "SFT", "balance": Balance(auxiliary=1e-4)}}, base=True)
    assert [gap.what for gap in done.stages[0].gaps if gap.whose == "unset"] == ["balance.auxiliary"]
    assert "router_aux_loss_coef" not in done.files["01_sft/sft.yaml"].decode()


def test_sequences_that_no_table_of_positions_holds_are_refused() -> None:
    with pytest.raises(LehrError, match=r"of 2,048 tokens, and its network has a table of 1,024 positions; write"):
        exported("trl", "gpt2_124m", {"pt": {"sequence_length": 2048}})
    turned = exported("trl", "pythia_1b", {"pt": {"sequence_length": 4096}})
    assert "sequence_length 4,096 over 2,048: longer than the network's context" in map(str, turned.stages[0].gaps)


@pytest.mark.parametrize("trainer", ["trl", "litgpt", "olmo_core", "megatron", "torchtitan"])
def test_what_norms_add_below_the_root_is_told_or_named(trainer: str) -> None:
    value = "of the class's own default" if trainer == "trl" else "1e-05"
    named = f"epsilon of the norms {value}: the model's file does not say it; write architecture.norm_epsilon"
    unsaid = exported(trainer, "llama_7b", {"pt": {}})
    assert named in map(str, unsaid.stages[0].gaps)
    said = exported(trainer, "llama_7b", {"pt": {}}, norm_epsilon=3e-7)
    assert named not in map(str, said.stages[0].gaps)
    holds = [name for name, content in said.files.items() if b"3e-07" in content]
    assert holds == [name for name in holds if name != "export.json"] != []


def test_what_a_trainer_does_of_its_own_stands_in_the_readme_and_not_on_the_screen() -> None:
    done = exported("olmo_core", "codellama_7b", {"pt": {}})
    named = [str(gap) for gap in done.stages[0].gaps if gap.whose == "wordless"]
    assert [line.split()[0] for line in named] == ["documents", "first", "weight"]
    assert all(line in done.files["README.md"].decode() and line not in as_text(done) for line in named)


def test_what_is_yours_to_do_in_the_data_is_said_aloud() -> None:
    """Half of StarCoder's documents have their middle moved to the end, which no trainer is told."""
    done = exported("trl", "codellama_7b", {"pt": {"objective": NextToken(fim=Fim(rate=0.5)), "data": {"code": 0.6}}})
    text = as_text(done)
    assert "pt: objective.fim rate 0.5: not told to the trainer: yours to do in the data" in text
    assert "pt: data code 0.6: not told" in text
    assert "pt, data code 0.6: not told" in done.files["README.md"].decode()


def test_verl_is_told_to_save() -> None:
    """Its own ``save_freq`` is -1, by which the last step is not saved either."""
    policy = PolicyGradient(method="grpo", group_size=8, kl=0.0)
    done = exported("verl", "qwen2_5_0_5b", {"rl": {"kind": "RL", "objective": policy}}, base=True)
    told = dict(line.split("=", 1) for line in done.files["01_rl/overrides.txt"].decode().splitlines())
    assert (told["trainer.save_freq"], told["data.seed"]) == ("40", "1")
    assert told["actor_rollout_ref.rollout.tensor_model_parallel_size"] == "1"


@pytest.mark.parametrize("trainer", ["trl", "ms_swift"])
def test_weights_are_held_in_32_bits_unless_they_are_frozen(trainer: str) -> None:
    """At a rate of 1e-6 a weight in bf16 moves only below 4.9e-4: 2^-8 of it is more than a step of Adam."""
    key = "dtype" if trainer == "trl" else "torch_dtype"
    sft: dict[str, Any] = {"kind": "SFT", "objective": Supervised()}
    for adapter, held in ((None, "float32"), (Adapter(rank=8), "bfloat16")):
        done = exported(trainer, "qwen2_5_0_5b", {"s": {**sft, "adapter": adapter}}, base=True)
        (body,) = [parse_yaml(c, n) for n, c in done.files.items() if n.startswith("01_s/") and n.endswith(".yaml")]
        assert body[key] == held


def test_axolotl_holds_them_by_deepspeed_as_it_has_no_such_word() -> None:
    sft: dict[str, Any] = {"kind": "SFT", "objective": Supervised()}
    done = exported("axolotl", "qwen2_5_0_5b", {"s": sft}, base=True)
    zero = json.loads(done.files["01_s/zero1.json"])
    assert (zero["zero_optimization"], zero["data_types"]) == ({"stage": 1}, {"grad_accum_dtype": "fp32"})
    adapted = exported("axolotl", "qwen2_5_0_5b", {"s": {**sft, "adapter": Adapter(rank=8)}}, base=True)
    assert not [name for name in adapted.files if "zero" in name]


@pytest.mark.parametrize("trainer", ["trl", "axolotl", "ms_swift"])
def test_answers_are_written_by_an_engine_as_they_are_costed(trainer: str) -> None:
    """7.6e9 weights of 2 bytes are over half of three tenths of 80 GB: two devices share them."""
    policy = PolicyGradient(method="grpo", group_size=8, kl=0.0)
    done = exported(trainer, "qwen2_5_7b", {"rl": {"kind": "RL", "objective": policy}}, base=True)
    (text,) = [c.decode() for n, c in done.files.items() if n.startswith("01_rl/") and n.endswith(".yaml")]
    assert "use_vllm: true" in text
    assert "tensor_parallel_size: 2" in text
    assert any(row.what == "engine of the answers" for row in done.stages[0].exported.said)


def test_passes_over_the_data_follow_from_the_updates() -> None:
    done = exported("trl", "codellama_7b", {"pt": {"epochs": 2.0}}, devices=1)
    assert "epochs" not in {gap.what for gap in done.stages[0].gaps}
    assert "on 1 device; rates" in done.files["README.md"].decode()


@pytest.mark.parametrize("line", ["{model: m,\n  template: qwen}\n", "{model: m}\n", "{model: m,\n  template: }\n"])
def test_a_template_is_seen_however_the_settings_are_written(line: str, tmp_path: Path) -> None:
    """The tokenizer is asked only where none is named: here that of a module in its place, which has none."""
    (tmp_path / "train.yaml").write_text(line)
    (tmp_path / "transformers.py").write_text(
        "class AutoTokenizer:\n    from_pretrained = classmethod(lambda cls, name: cls())\n"
    )
    program = resources("lehr.recipes.exporting") / "scripts" / "check_template.py"
    done = subprocess.run(
        [sys.executable, str(program), "m", "train.yaml"], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    named = "qwen" in line
    assert (done.returncode, done.stderr) == (
        (0, "") if named else (2, "m has no chat template; write template: in train.yaml, one of LLaMA-Factory's\n")
    )


def test_megatron_divides_heads_over_whole_groups() -> None:
    hardware = Hardware(accelerator="h100_sxm", count=24, layout=Layout(tp=3, dp=8))
    with pytest.raises(
        LehrError, match=r"32 heads and 32 of keys and values do not divide over tp 3; write .*tp= of 32"
    ):
        exported("megatron", "llama_2_7b", {"pt": {"hardware": hardware, "batch": Batch(sequences=24)}})
