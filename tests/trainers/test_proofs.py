"""Exports against the trainers' own parsers, schedulers and networks (independent evidence).

``LEHR_TRAINERS`` names a folder with an environment for each trainer, called like it; a test whose trainer is not there
skips. ``LEHR_MEGATRON`` names a checkout of Megatron-LM.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import msgspec
import pytest

import lehr.recipes.exporting as export_folder
from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.catalogue.recipe_files import RecipeFile
from lehr.recipes.errors import LehrError
from lehr.recipes.exporting.proving import ask
from lehr.recipes.exporting.run import export
from lehr.recipes.presenting.files import write_folder
from lehr.simulators.machine.layout import Layout
from lehr.simulators.objectives import NextToken, PolicyGradient, Preference, Supervised
from lehr.simulators.rollouts import Lengths, Rollout
from lehr.simulators.schedules import (
    WSD,
    Batch,
    Constant,
    Cosine,
    Decay,
    InverseSqrt,
    Linear,
    Polynomial,
    Schedule,
    Warmup,
)
from lehr.simulators.training import Adapter, Balance, Base, Hardware, Optimizer, Stage

FOLDER = Path(os.environ.get("LEHR_TRAINERS", "/nowhere"))

SCHEDULES: dict[str, Schedule] = {
    "constant": Constant(peak=3e-4),
    "warmed": Constant(peak=3e-4, warmup=Warmup(steps=10)),
    "cosine": Cosine(peak=3e-4, floor=3e-5, warmup=Warmup(steps=10)),
    "to nought": Cosine(peak=3e-4, warmup=Warmup(steps=7)),
    "from one": Cosine(peak=3e-4, floor=3e-5, warmup=Warmup(steps=10), convention="end"),
    "linear": Linear(peak=3e-4, floor=3e-5, warmup=Warmup(steps=10)),
    "line to nought": Linear(peak=3e-4, warmup=Warmup(steps=10)),
    "squared": Polynomial(peak=3e-4, power=2.0, warmup=Warmup(steps=10)),
    "wsd": WSD(peak=3e-4, floor=3e-5, warmup=Warmup(steps=10), decay=Decay(steps=20)),
    "wsd root": WSD(peak=3e-4, warmup=Warmup(steps=10), decay=Decay(steps=20, shape="one_minus_sqrt")),
    "wsd cosine": WSD(peak=3e-4, floor=1e-5, decay=Decay(steps=20, shape="cosine")),
    "inverse root": InverseSqrt(peak=3e-4, warmup=Warmup(steps=10)),
}


def python_of(trainer: str) -> str:
    python = FOLDER / trainer / "bin" / "python"
    if not python.exists():
        pytest.skip(f"no environment of {trainer} under LEHR_TRAINERS={FOLDER}")
    return str(python)


def recipe(schedule: Schedule, objective: object, kind: str, base: str | None) -> RecipeFile:
    return of_stages({"s": stage_of(schedule, objective, kind)}, base)


def stage_of(schedule: Schedule, objective: object, kind: str) -> Stage:
    return Stage(
        kind=kind,  # type: ignore[arg-type]
        objective=objective,  # type: ignore[arg-type]
        steps=100,
        batch=Batch(sequences=16),
        sequence_length=64,
        schedule=schedule,
        optimizer=Optimizer(kind="adamw", beta1=0.9, beta2=0.95, weight_decay=0.1, grad_clip=1.0),
    )


def of_stages(stages: dict[str, Stage], base: str | None) -> RecipeFile:
    found = Catalogue().recipe("starcoder")
    return msgspec.structs.replace(
        found, order=list(stages), stages=stages, base=Base(model=base) if base else None, reported=[]
    )


def proven(
    tmp_path: Path, trainer: str, made: RecipeFile, model: str, megatron: str | None = None, *, devices: int = 2
) -> set[str]:
    """The stages that the trainer answered for, each answer without a fault."""
    catalogue = Catalogue()
    done = export(
        catalogue.model(model), made, trainer, accelerators=catalogue.accelerators, devices=devices, micro_batch=2
    )
    write_folder(tmp_path / "x", done.files)
    verdicts = ask(done, tmp_path / "x", python_of("megatron" if megatron else trainer), megatron)
    assert verdicts
    assert [v for v in verdicts if not v.ok] == []
    return {v.stage for v in verdicts}


CORPUS_MODELS = {"trl": "starcoder", "olmo_core": "llama_2_7b", "litgpt": "llama_2_7b", "ms_swift": "qwen2_5_coder_7b",
                 "axolotl": "llama_2_7b", "llama_factory": "llama_2_7b", "torchtitan": "llama_3_8b",
                 "megatron": "llama_2_7b"}  # fmt: skip
HAVE_NOT = {
    "litgpt": set(SCHEDULES) - {"cosine", "to nought", "from one"},
    # weights in 32 bits are DeepSpeed's there, beside which transformers begins no power
    "axolotl": {"squared"},
    "olmo_core": {"squared", "wsd root", "wsd cosine", "inverse root"},
    "torchtitan": {"squared", "inverse root"},
    "megatron": {"squared", "inverse root"},
}


@pytest.mark.slow
@pytest.mark.parametrize("trainer", CORPUS_MODELS)
def test_schedules_are_run_as_the_export_says(tmp_path: Path, trainer: str) -> None:
    """One stage for each shape that the trainer has; its parser, its scheduler and its network once. On one device,
    where nothing is sharded, which takes shapes away."""
    megatron = os.environ.get("LEHR_MEGATRON") if trainer == "megatron" else None
    if trainer == "megatron" and not megatron:
        pytest.skip("no checkout of Megatron-LM; LEHR_MEGATRON names one")
    shapes = [name for name in SCHEDULES if name not in HAVE_NOT.get(trainer, ())]
    stages = {name.replace(" ", "_"): stage_of(SCHEDULES[name], NextToken(), "PT") for name in shapes}
    told = proven(tmp_path, trainer, of_stages(stages, None), CORPUS_MODELS[trainer], megatron, devices=1)
    assert {*stages} <= told


@pytest.mark.parametrize("trainer", HAVE_NOT)
def test_a_shape_that_a_trainer_has_not_is_refused(trainer: str) -> None:
    for name in HAVE_NOT[trainer]:
        with pytest.raises(LehrError):
            export(Catalogue().model(CORPUS_MODELS[trainer]), recipe(SCHEDULES[name], NextToken(), "PT", None), trainer)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("trainer", "objective", "kind"),
    [
        ("trl", Supervised(), "SFT"),
        ("trl", Preference(method="dpo"), "RL"),
        ("trl", PolicyGradient(method="grpo", group_size=8, kl=0.04), "RL"),
        ("ms_swift", Supervised(), "SFT"),
        ("ms_swift", Preference(method="dpo"), "RL"),
        ("ms_swift", PolicyGradient(method="grpo", group_size=8, kl=0.04), "RL"),
        ("llama_factory", Supervised(), "SFT"),
        ("llama_factory", Preference(method="dpo"), "RL"),
        ("axolotl", Supervised(), "SFT"),
        ("axolotl", Preference(method="dpo"), "RL"),
        ("verl", PolicyGradient(method="grpo", group_size=8, kl=0.04), "RL"),
        ("verl", PolicyGradient(method="ppo", kl=0.05), "RL"),
        ("prime_rl", Supervised(), "SFT"),
    ],
)
def test_a_tuning_stage_is_parsed(tmp_path: Path, trainer: str, objective: object, kind: str) -> None:
    made = recipe(Cosine(peak=1e-5, warmup=Warmup(steps=10)), objective, kind, "qwen2_5_coder_7b")
    proven(tmp_path, trainer, made, "qwen2_5_coder_7b")


@pytest.mark.slow
@pytest.mark.parametrize("model", ["llama_2_7b", "llama_3_1_8b"])
def test_torchtitan_builds_any_network_of_llamas_kind(tmp_path: Path, model: str) -> None:
    """Without stretched positions and with them, whatever torchtitan's own names have."""
    proven(tmp_path, "torchtitan", recipe(SCHEDULES["cosine"], NextToken(), "PT", None), model)


@pytest.mark.slow
@pytest.mark.parametrize("trainer", ["trl", "ms_swift", "llama_factory", "axolotl"])
def test_an_adapter_is_parsed(tmp_path: Path, trainer: str) -> None:
    """Both kinds, of some matrices and of all."""
    plain = stage_of(Cosine(peak=1e-4, warmup=Warmup(steps=10)), Supervised(), "SFT")
    kinds = {"some": Adapter(rank=16, alpha=32, targets=("q", "v")), "all_in_four_bits": Adapter(kind="qlora", rank=8)}
    stages = {name: msgspec.structs.replace(plain, adapter=adapter) for name, adapter in kinds.items()}
    assert {*stages} <= proven(tmp_path, trainer, of_stages(stages, "qwen2_5_coder_7b"), "qwen2_5_coder_7b")


@pytest.mark.slow
def test_a_layout_is_parsed_by_torchtitan(tmp_path: Path) -> None:
    """With the stage that begins from another's weights."""
    layout = Layout(tp=2, pp=2, vpp=2, recompute="full")
    stage = msgspec.structs.replace(
        stage_of(SCHEDULES["cosine"], NextToken(), "PT"),
        hardware=Hardware(accelerator="h100_sxm", count=16, layout=layout),
    )
    both = {"one": stage, "two": msgspec.structs.replace(stage, kind="ANN")}
    done = export(Catalogue().model("llama_3_8b"), of_stages(both, None), "torchtitan")
    write_folder(tmp_path / "x", done.files)
    verdicts = ask(done, tmp_path / "x", python_of("torchtitan"), None)
    assert {v.stage for v in verdicts} >= {"one", "two"}
    assert [v for v in verdicts if not v.ok] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "layout",
    [
        Layout(tp=2, pp=4, vpp=2, recompute="full"), Layout(tp=2, cp=2, recompute="modules"), Layout(pp=2, zero=3),
        Layout(zero=2), Layout(zero=3), Layout(tp=2, cp=2, zero=3),
    ],
    ids=Layout.short,
)  # fmt: skip
def test_a_layout_is_parsed_by_megatron(tmp_path: Path, layout: Layout) -> None:
    """Validated for Hopper, with what launch.sh sets in its surroundings, and the stage that begins from another's."""
    megatron = os.environ.get("LEHR_MEGATRON")
    if not megatron:
        pytest.skip("LEHR_MEGATRON names no checkout of Megatron-LM")
    stage = msgspec.structs.replace(
        stage_of(SCHEDULES["cosine"], NextToken(), "PT"),
        hardware=Hardware(accelerator="h100_sxm", count=16, layout=layout),
    )
    both = {"one": stage, "two": msgspec.structs.replace(stage, kind="ANN")}
    done = export(Catalogue().model("llama_2_7b"), of_stages(both, None), "megatron")
    write_folder(tmp_path / "x", done.files)
    verdicts = ask(done, tmp_path / "x", python_of("megatron"), megatron)
    assert {v.stage for v in verdicts} >= {"one", "two"}
    assert [v for v in verdicts if not v.ok] == []


@pytest.mark.slow
@pytest.mark.parametrize("trainer", ["trl", "ms_swift", "llama_factory", "axolotl", "verl"])
def test_tuning_from_an_adapter_to_rewards_is_parsed(tmp_path: Path, trainer: str) -> None:
    """What merges an adapter, what shards the whole network, and every value of a policy gradient."""
    machine = Hardware(accelerator="h100_sxm", count=8)
    rollout = Rollout(prompts=4, updates=2, at_once=64, prompt=Lengths(cap=512), response=Lengths(cap=1024))
    policy = PolicyGradient(method="grpo", group_size=8, kl=0.001, clip=0.3, rollout=rollout)
    flat = stage_of(SCHEDULES["constant"], policy, "RL")
    plain = {
        "sft": msgspec.structs.replace(stage_of(SCHEDULES["cosine"], Supervised(), "SFT"), adapter=Adapter(rank=8)),
        "dpo": stage_of(SCHEDULES["linear"], Preference(method="dpo"), "RL"),
        "rl": msgspec.structs.replace(flat, sequence_length=1536),
    }
    made = of_stages({name: msgspec.structs.replace(s, hardware=machine) for name, s in plain.items()}, "qwen2_5_7b")
    stages = {"verl": ["rl"], "llama_factory": ["sft", "dpo"]}.get(trainer)
    catalogue = Catalogue()
    done = export(catalogue.model("qwen2_5_7b"), made, trainer, accelerators=catalogue.accelerators, stages=stages)
    assert trainer == "verl" or any(path.endswith("zero3.json") for path in done.files)
    write_folder(tmp_path / "x", done.files)
    verdicts = ask(done, tmp_path / "x", python_of(trainer), None)
    assert [v for v in verdicts if not v.ok] == []
    assert {v.stage for v in verdicts if v.stage} == {result.stage.name for result in done.stages}


EVEN = """
import torch
from transformers.models.qwen3_moe.modeling_qwen3_moe import load_balancing_loss_func
even = tuple(torch.eye(8).repeat(4, 1) * 5 for _ in range(3))
print(float(load_balancing_loss_func(even, 8, 2)))
"""


@pytest.mark.slow
@pytest.mark.parametrize("trainer", ["trl", "ms_swift", "llama_factory", "axolotl"])
def test_the_weight_of_an_auxiliary_loss_is_parsed(tmp_path: Path, trainer: str) -> None:
    """And the loss of its transformers is as large as a token's choices are many where experts are used alike."""
    balance = Balance(auxiliary=0.001, bias_rate=0.001)
    stage = msgspec.structs.replace(stage_of(SCHEDULES["cosine"], NextToken(), "PT"), balance=balance)
    assert proven(tmp_path, trainer, of_stages({"s": stage}, None), "qwen3_30b_a3b", devices=1) >= {"s"}
    ran = subprocess.run([python_of(trainer), "-c", EVEN], capture_output=True, text=True, check=True)
    assert float(ran.stdout) == pytest.approx(2.0, rel=1e-5)


READ = """
import json, subprocess, sys
from transformers import AutoConfig, LlamaConfig
LlamaConfig(hidden_size=64, rope_theta=1e4, num_hidden_layers=2).save_pretrained("a")
for position in ({"rope_theta": 1e5, "rope_scaling": {"rope_type": "linear", "factor": 4.0}}, {"rope_theta": 1e6}):
    json.dump(position, open("p.json", "w"))
    subprocess.run([sys.executable, sys.argv[1], "a/config.json", "p.json"], check=True)
    print(json.dumps(AutoConfig.from_pretrained("a").rope_parameters, sort_keys=True))
"""


@pytest.mark.slow
@pytest.mark.parametrize("trainer", ["trl", "ms_swift"])
def test_positions_that_are_set_are_read_by_transformers(tmp_path: Path, trainer: str) -> None:
    script = Path(export_folder.__file__).parent / "scripts" / "set_position.py"
    words = [python_of(trainer), "-c", READ, str(script)]
    ran = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert [json.loads(line) for line in ran.stdout.splitlines()] == [
        {"rope_theta": 1e5, "rope_type": "linear", "factor": 4.0},
        {"rope_theta": 1e6, "rope_type": "default"},
    ]
