"""Exports that are really run: the trainer's own command, ten updates and more on a CPU, and the rates that it logged.

``LEHR_TRAINERS`` names a folder with an environment for each trainer, called like it (as in ``test_proofs``).
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.catalogue.recipe_files import RecipeFile
from lehr.recipes.exporting.result import Export
from lehr.recipes.exporting.run import export
from lehr.recipes.importing.hugging_face.config import import_config
from lehr.recipes.presenting.files import write_folder
from lehr.simulators.objectives import NextToken, PolicyGradient, Preference, Supervised
from lehr.simulators.schedules import Batch, Constant, Cosine, Linear, Schedule, Warmup
from lehr.simulators.training import Adapter, Hardware
from tests.trainers.test_proofs import python_of, recipe

STEPS = 14
SMALL = {
    "model_type": "llama", "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 320, "max_position_embeddings": 256,
}  # fmt: skip
FILL_IN, HOOKS = Path(__file__).parent / "fill_in.py", Path(__file__).parent / "hooks"
PATIENCE = 900
REWARDS = "def reward(completions, **columns):\n    return [float(len(text)) for text in completions]\n"


def in_two_stages(to: str, folder: Path, flat: dict[str, Schedule] | None = None, devices: int = 1) -> Export:
    """The same in two stages of training on a corpus, the second from what the first leaves, by schedules of their own
    where they are given; several devices hold too little for all of it each."""
    model = msgspec.structs.replace(
        Catalogue().model("llama_2_7b"), architecture=import_config(SMALL).architecture, reported=[]
    )
    made = recipe(Cosine(peak=3e-4, floor=3e-5, warmup=Warmup(steps=4)), NextToken(), "PT", None)
    one = msgspec.structs.replace(made.stages["s"], steps=STEPS, batch=Batch(sequences=8), sequence_length=64)
    two = msgspec.structs.replace(one, kind="ANN", steps=STEPS + 2)
    stages = {"s": one, "t": two}
    for name, schedule in (flat or {}).items():
        stages[name] = msgspec.structs.replace(stages[name], schedule=schedule)
    accelerators = dict(Catalogue().accelerators)
    if devices > 1:
        accelerators["small"] = msgspec.structs.replace(accelerators["h100_sxm"], name="small", memory_bytes=1e6)
        small = Hardware(accelerator="small", count=devices)
        stages = {name: msgspec.structs.replace(stage, hardware=small) for name, stage in stages.items()}
    both = msgspec.structs.replace(made, order=["s", "t"], stages=stages)
    done = export(model, both, to, accelerators=accelerators, devices=devices, micro_batch=4)
    write_folder(folder, done.files)
    return done


def exported(
    to: str,
    objective: Any,
    kind: str,
    folder: Path,
    devices: int = 1,
    *,
    sharded: bool = False,
    hours: float | None = None,
) -> Export:
    """A small network and one stage of ``STEPS`` updates in the trainer's words, written to ``folder``; ``sharded`` for
    a device with less memory than it takes; of so many ``hours`` [h], by which it saves."""
    model = msgspec.structs.replace(
        Catalogue().model("llama_2_7b"), architecture=import_config(SMALL).architecture, reported=[]
    )
    made: RecipeFile = recipe(Cosine(peak=3e-4, floor=3e-5, warmup=Warmup(steps=4)), objective, kind, None)
    stage = msgspec.structs.replace(made.stages["s"], steps=STEPS, batch=Batch(sequences=8), sequence_length=64)
    accelerators = dict(Catalogue().accelerators)
    if sharded:
        accelerators["small"] = msgspec.structs.replace(accelerators["h100_sxm"], name="small", memory_bytes=1e6)
        stage = msgspec.structs.replace(stage, hardware=Hardware(accelerator="small", count=devices))
    made = msgspec.structs.replace(made, stages={"s": stage})
    done = export(
        model,
        made,
        to,
        accelerators=accelerators,
        devices=devices,
        micro_batch=4,
        hours={} if hours is None else {"s": hours},
    )
    write_folder(folder, done.files)
    return done


def run(words: list[str], folder: Path, **further: str) -> str:
    """The output of a command in the export's folder; the test fails with its end where it fails."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    quiet = {"CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "home")}
    done = subprocess.run(
        words,
        cwd=folder,
        env={**clean, **quiet, **further},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return done.stdout


def equal(rates: list[float], done: Export) -> None:
    """The rates of every update are those that the export says, and of the plan but for what it says of that."""
    result = done.stages[0]
    expected = result.exported.run.values()
    planned = result.stage.curve.values()
    assert len(rates) == STEPS
    np.testing.assert_allclose(rates, expected, rtol=1e-12, atol=1e-18)
    apart = float(np.max(np.abs(np.asarray(rates) - planned))) / result.stage.curve.peak
    assert apart == pytest.approx(result.exported.deviation.of_peak, rel=1e-9, abs=1e-12)


def launched(python: str, done: Export, stage: int = 0) -> list[str]:
    """What the export runs, by the environment's torchrun, at a meeting place where no other run here is met."""
    program, *words = done.stages[stage].exported.command
    assert program == "torchrun"
    return [str(Path(python).with_name(program)), "--standalone", *words]


def without_engine(file: Path) -> None:
    """vLLM takes an accelerator: without it the trainer writes its answers itself."""
    file.write_text("".join(line for line in file.read_text().splitlines(True) if "vllm" not in line))


TRL = {
    "corpus": ("sft", NextToken(), "PT"),
    "answers": ("sft", Supervised(), "SFT"),
    "preferences": ("dpo", Preference(method="dpo"), "RL"),
    "prompts": ("grpo", PolicyGradient(method="grpo", group_size=4, kl=0.04), "RL"),
}


@pytest.mark.slow
@pytest.mark.parametrize("what", TRL)
def test_trl_runs_what_was_exported(tmp_path: Path, what: str) -> None:
    python = python_of("trl")
    _, objective, kind = TRL[what]
    folder = tmp_path / "x"
    done = exported("trl", objective, kind, folder)
    run([python, str(FILL_IN), what, "data/s"], folder)
    (folder / "rewards.py").write_text(REWARDS)
    without_engine(folder / "01_s" / f"{TRL[what][0]}.yaml")
    # there is no accelerator here: the switch is no part of the recipe
    run([*launched(python, done), "--use_cpu", "true"], folder, PYTHONPATH=str(folder))
    state = json.loads((folder / "checkpoints" / "s" / f"checkpoint-{STEPS}" / "trainer_state.json").read_text())
    equal([row["learning_rate"] for row in state["log_history"] if "learning_rate" in row], done)


@pytest.mark.slow
def test_trl_runs_on_two_devices_as_launch_sh_says(tmp_path: Path) -> None:
    python = python_of("trl")
    folder = tmp_path / "x"
    done = exported("trl", Supervised(), "SFT", folder, devices=2)
    run([python, str(FILL_IN), "answers", "data/s"], folder)
    run([*launched(python, done), "--use_cpu", "true"], folder)
    state = json.loads((folder / "checkpoints" / "s" / f"checkpoint-{STEPS}" / "trainer_state.json").read_text())
    equal([row["learning_rate"] for row in state["log_history"] if "learning_rate" in row], done)


def has_deepspeed(python: str) -> None:
    if subprocess.run([python, "-c", "import deepspeed"], capture_output=True, check=False).returncode:
        pytest.skip("the environment has no deepspeed, which sharded stages take")


@pytest.mark.slow
@pytest.mark.parametrize("what", ["answers", "preferences", "prompts"])
def test_trl_shards_what_a_device_does_not_hold(tmp_path: Path, what: str) -> None:
    """DeepSpeed's optimiser and transformers' scheduler, the one made from the other, over two processes."""
    python = python_of("trl")
    has_deepspeed(python)
    _, objective, kind = TRL[what]
    folder = tmp_path / "x"
    done = exported("trl", objective, kind, folder, devices=2, sharded=True)
    assert "01_s/zero3.json" in done.files
    run([python, str(FILL_IN), what, "data/s"], folder)
    (folder / "rewards.py").write_text(REWARDS)
    without_engine(folder / "01_s" / f"{TRL[what][0]}.yaml")
    command = [*launched(python, done), "--use_cpu", "true"]
    run(command, folder, PYTHONPATH=f"{HOOKS}:{folder}", LEHR_GLOO="1")
    left = folder / "checkpoints" / "s" / f"checkpoint-{STEPS}"
    state = json.loads((left / "trainer_state.json").read_text())
    equal([row["learning_rate"] for row in state["log_history"] if "learning_rate" in row], done)
    # whole weights, from which the next stage begins, and a part of the moments for each process
    assert (left / "model.safetensors").exists()
    assert len(list((left / f"global_step{STEPS}").glob("*optim_states.pt"))) == 2


@pytest.mark.slow
def test_litgpt_runs_what_was_exported(tmp_path: Path) -> None:
    python = python_of("litgpt")
    folder = tmp_path / "x"
    done = exported("litgpt", NextToken(), "PT", folder)
    run([python, str(FILL_IN), "litdata", "data/s"], folder)
    command = [str(Path(python).with_name("litgpt")), "pretrain", "--config", "01_s/litgpt.yaml"]
    # compiling changes no rate, and takes a compiler
    run(command, folder, TORCH_COMPILE_DISABLE="1")
    (log,) = folder.rglob("metrics.csv")
    with log.open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["learning_rate"]]
    # a row a micro-batch: an update has the rate of its last
    last = {int(row["step"]): float(row["learning_rate"]) for row in rows if int(row["iter"]) % 2 == 0}
    equal([last[step] for step in sorted(last)], done)


def rates_of(words: list[str], folder: Path, **further: str) -> list[float]:
    """The rate of every update of a command, as its optimiser had it; one for all groups of weights."""
    hooked = folder / "rates.txt"
    run(words, folder, PYTHONPATH=str(HOOKS), LEHR_RATES=str(hooked), **further)
    return [float(line) for line in hooked.read_text().splitlines()]


@pytest.mark.slow
def test_olmo_core_runs_what_was_exported(tmp_path: Path) -> None:
    python = python_of("olmo_core")
    folder = tmp_path / "x"
    done = exported("olmo_core", NextToken(), "PT", folder)
    run([python, str(FILL_IN), "tokens", "data/s"], folder)
    launch = [python, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=1"]
    equal(rates_of([*launch, "train_olmo_core.py", "01_s/olmo_core.json"], folder), done)


@pytest.mark.slow
@pytest.mark.parametrize("to", ["olmo_core", "ms_swift"])
def test_a_second_stage_begins_from_the_first_and_is_trained(tmp_path: Path, to: str) -> None:
    python = python_of(to)
    folder = tmp_path / "x"
    done = in_two_stages(to, folder)
    for name in ("s", "t"):
        run([python, str(FILL_IN), "tokens" if to == "olmo_core" else "corpus", f"data/{name}"], folder)
    for result in done.stages:
        name = result.stage.folder
        launch = [python, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=1", "train_olmo_core.py"]
        words = [*launch, f"{name}/olmo_core.json"]
        if to == "ms_swift":
            words = [
                str(Path(python).with_name("swift")),
                "pt",
                f"{name}/pt.yaml",
                "--use_cpu",
                "true",
                *SWIFT["corpus"][3],
            ]
        for left in ("rates.txt", "moments.txt"):
            (folder / left).unlink(missing_ok=True)
        rates = rates_of(words, folder)
        carried = result.stage.number == 2 and to == "olmo_core"
        assert (folder / "moments.txt").read_text() == str(carried)
        np.testing.assert_allclose(rates, result.exported.run.values(), rtol=1e-12, atol=1e-18)
        assert len(rates) == result.stage.n_steps
    assert (done.stages[1].stage.begins or "").startswith("checkpoints/s")
    assert (folder / str(done.stages[1].stage.begins)).is_dir()


SAVED = 5
STOPPED = {
    # data, what a stage leaves, and what it has left besides where it stops after its first checkpoint
    "trl": ("answers", "model.safetensors", "checkpoint-1*"),
    "litgpt": ("litdata", "final/lit_model.pth", "step-0000001*"),
    "olmo_core": ("tokens", f"step{STEPS}", "step1*"),
}
SAME = """
import sys
from pathlib import Path
import torch
def of(path):
    path = Path(path)
    if path.is_dir():
        from olmo_core.distributed.checkpoint import unshard_checkpoint
        path, _ = unshard_checkpoint(path / "model_and_optim", str(path) + "_whole", optim=False)
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file
        return load_file(path)
    found = torch.load(path, weights_only=False)
    return found.get("model", found)
one, two = map(of, sys.argv[1:])
assert set(one) == set(two)
assert all(torch.equal(one[name], two[name]) for name in one)
"""


@pytest.mark.slow
@pytest.mark.parametrize("to", STOPPED)
def test_a_run_that_was_stopped_goes_on_and_ends_as_if_it_were_not(tmp_path: Path, to: str) -> None:
    """By launch.sh, with all gone that was made after the first checkpoint: the same weights to the last bit."""
    python = python_of(to)
    what, left, later = STOPPED[to]
    folder = tmp_path / "x"
    _, objective, kind = TRL["answers" if to == "trl" else "corpus"]
    # one device fails every 50,700 hours and saves every 11.9, five updates of 2.4
    done = exported(to, objective, kind, folder, hours=33.2)
    assert done.stages[0].stage.saves.every == SAVED
    run([python, str(FILL_IN), what, "data/s"], folder)
    if to == "trl":
        with (folder / "01_s" / "sft.yaml").open("a", encoding="utf-8") as file:
            file.write("use_cpu: true\n")
    further = {"PATH": f"{Path(python).parent}:{os.environ['PATH']}", "TORCH_COMPILE_DISABLE": "1"}
    hooked = {"PYTHONPATH": str(HOOKS), "LEHR_RATES": str(folder / "rates.txt")} if to != "litgpt" else {}
    ends = folder / "checkpoints" / "s"
    run(["bash", "launch.sh"], folder, **further, **hooked)
    (ends / left).rename(folder / f"whole{(ends / left).suffix}")
    for path in [*ends.glob(later), folder / "checkpoints" / "s.done", *folder.glob("rates.txt")]:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    run(["bash", "launch.sh"], folder, **further, **hooked)
    if hooked:
        rates = [float(line) for line in (folder / "rates.txt").read_text().splitlines()]
        np.testing.assert_allclose(rates, done.stages[0].exported.run.values()[SAVED:], rtol=1e-12, atol=1e-18)
    run([python, "-c", SAME, f"whole{(ends / left).suffix}", str(ends / left)], folder)


SWIFT = {
    # packing takes flash attention, which takes an accelerator
    "corpus": ("pt", NextToken(), "PT", ["--packing", "false", "--attn_impl", "sdpa"]),
    "answers": ("sft", Supervised(), "SFT", []),
    "chosen": ("rlhf", Preference(method="dpo"), "RL", []),
    "questions": (
        "rlhf",
        PolicyGradient(method="grpo", group_size=4, kl=0.04),
        "RL",
        ["--max_completion_length", "16"],
    ),
}
REWARDED = """from swift.rewards import ORM, orms


class Longer(ORM):
    def __call__(self, completions, **columns):
        return [float(len(text)) for text in completions]


orms["reward"] = Longer
"""


@pytest.mark.slow
@pytest.mark.parametrize("what", SWIFT)
def test_ms_swift_runs_what_was_exported(tmp_path: Path, what: str) -> None:
    python = python_of("ms_swift")
    verb, objective, kind, without = SWIFT[what]
    folder = tmp_path / "x"
    done = exported("ms_swift", objective, kind, folder)
    run([python, str(FILL_IN), what, "data/s"], folder)
    (folder / "rewards.py").write_text(REWARDED)
    without_engine(folder / "01_s" / f"{verb}.yaml")
    # there is no accelerator here: the switches are no part of the recipe
    words = [str(Path(python).with_name("swift")), verb, f"01_s/{verb}.yaml", "--use_cpu", "true", *without]
    equal(rates_of(words, folder), done)


@pytest.mark.slow
@pytest.mark.parametrize("what", ["answers", "chosen"])
def test_ms_swift_shards_what_a_device_does_not_hold(tmp_path: Path, what: str) -> None:
    python = python_of("ms_swift")
    has_deepspeed(python)
    _, objective, kind, without = SWIFT[what]
    folder = tmp_path / "x"
    done = exported("ms_swift", objective, kind, folder, devices=2, sharded=True)
    run([python, str(FILL_IN), what, "data/s"], folder)
    words = [*done.stages[0].exported.command, "--use_cpu", "true", *without]
    hooked, path = folder / "rates.txt", f"{Path(python).parent}:{os.environ['PATH']}"
    run(words, folder, PYTHONPATH=str(HOOKS), LEHR_RATES=str(hooked), LEHR_GLOO="1", PATH=path)
    # two processes, each of which updates what decays and what does not apart
    rates = [float(line) for line in hooked.read_text().splitlines()]
    assert sorted(rates[::4] * 4) == sorted(rates)
    equal(rates[::4], done)


LLAMA_FACTORY: dict[str, tuple[Any, str]] = {
    "corpus": (NextToken(), "PT"),
    "answers": (Supervised(), "SFT"),
    "preferences": (Preference(method="dpo"), "RL"),
}


def llama_factory(folder: Path, python: str) -> dict[str, str]:
    """What its commands are run with: torchaudio, which it imports for no text, stands empty where it is not there."""
    (folder / "empty").mkdir()
    if subprocess.run([python, "-c", "import torchaudio"], capture_output=True, check=False).returncode:
        (folder / "empty" / "torchaudio.py").write_text("")
    return {
        "PYTHONPATH": f"{HOOKS}:{folder / 'empty'}", "PATH": f"{Path(python).parent}:{os.environ['PATH']}",
        "DISABLE_VERSION_CHECK": "1",
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("what", LLAMA_FACTORY)
@pytest.mark.parametrize("devices", [1, 2])
def test_llama_factory_runs_what_was_exported(tmp_path: Path, what: str, devices: int) -> None:
    """On two devices, which do not hold it, by DeepSpeed."""
    python = python_of("llama_factory")
    if devices > 1:
        has_deepspeed(python)
    objective, kind = LLAMA_FACTORY[what]
    folder = tmp_path / "x"
    done = exported("llama_factory", objective, kind, folder, devices=devices, sharded=devices > 1)
    run([python, str(FILL_IN), what, "data/s"], folder)
    run(
        [*done.stages[0].exported.command, "use_cpu=true"], folder,
        **llama_factory(folder, python), **({"LEHR_GLOO": "1"} if devices > 1 else {}),
    )  # fmt: skip
    state = json.loads((folder / "checkpoints" / "s" / f"checkpoint-{STEPS}" / "trainer_state.json").read_text())
    equal([row["learning_rate"] for row in state["log_history"] if "learning_rate" in row], done)


@pytest.mark.slow
@pytest.mark.parametrize("devices", [1, 2])
def test_a_fall_goes_on_with_the_run_before(tmp_path: Path, devices: int) -> None:
    """Its optimiser, its moments and its count of updates, on data of its own, at the rates that the export says; on
    two devices, which do not hold it, with the moments in DeepSpeed's shards."""
    python = python_of("trl")
    if devices > 1:
        has_deepspeed(python)
    folder = tmp_path / "x"
    flat = {"s": Constant(peak=3e-4, warmup=Warmup(steps=4)), "t": Linear(peak=3e-4)}
    done = in_two_stages("trl", folder, flat, devices)
    for name in flat:
        run([python, str(FILL_IN), "corpus", f"data/{name}"], folder)
    for i, result in enumerate(done.stages):
        for left in ("rates.txt", "moments.txt"):
            (folder / left).unlink(missing_ok=True)
        meeting = {"LEHR_GLOO": "1"} if devices > 1 else {}
        rates = rates_of([*launched(python, done, i), "--use_cpu", "true"], folder, **meeting)
        # of each process and of its halves, the weights that decay and the others
        again = len(rates) // result.stage.n_steps
        assert sorted(rates[::again] * again) == sorted(rates)
        np.testing.assert_allclose(rates[::again], result.exported.run.values(), rtol=1e-12, atol=1e-18)
        assert (result.stage.sharded, result.exported.deviation.exact) == (devices > 1, True)
        assert (folder / "moments.txt").read_text() == str(i > 0)
    assert [result.exported.counted_from for result in done.stages] == [0, STEPS]


def test_what_is_filled_in_is_data_of_each_kind() -> None:
    sys.path.insert(0, str(FILL_IN.parent))
    try:
        import fill_in  # type: ignore[import-not-found]
    finally:
        sys.path.pop(0)
    assert {frozenset(fill_in.rows(what, 1)[0]) for what in {**TRL, **SWIFT}} == {
        frozenset({"text"}), frozenset({"messages"}), frozenset({"prompt", "chosen", "rejected"}),
        frozenset({"prompt"}), frozenset({"messages", "rejected_response"}),
    }  # fmt: skip


MERGED = """
import sys
from safetensors.torch import load_file
base, adapter, merged = (load_file(path) for path in sys.argv[1:])
assert set(base) == set(merged)
moved = 0
for name, weight in merged.items():
    low = "base_model.model." + name.removesuffix("weight") + "lora_{}.weight"
    weight, was, trained = weight.float(), base[name].float(), low.format("A") in adapter
    added = 2.0 * adapter[low.format("B")] @ adapter[low.format("A")] if trained else 0.0 * was
    # rounded to bfloat16 are what was there, each factor, their product and the sum: 2**-8 of it each
    bound = 2**-8 * (was.abs().max() + 3 * added.abs().max() + weight.abs().max())
    assert (weight - was - added).abs().max() <= bound, name
    moved += trained and bool(added.abs().max() > bound)
assert moved == 4, moved
"""
"""Whole weights are those that training began from and alpha/rank times the adapter's product, to bfloat16."""


@pytest.mark.slow
def test_trl_goes_on_from_a_merged_adapter(tmp_path: Path) -> None:
    """An adapter's stage, the merge that launch.sh has, and all weights by preferences from what it left."""
    python = python_of("trl")
    if subprocess.run([python, "-c", "import peft"], capture_output=True, check=False).returncode:
        pytest.skip("the environment of trl has no peft, which adapters take")
    folder = tmp_path / "x"
    made = recipe(Cosine(peak=1e-3, floor=1e-4, warmup=Warmup(steps=4)), Supervised(), "SFT", None)
    plain = msgspec.structs.replace(made.stages["s"], steps=STEPS, batch=Batch(sequences=8), sequence_length=64)
    stages = {
        "s": msgspec.structs.replace(plain, adapter=Adapter(rank=4, alpha=8, targets=("q", "v"))),
        "d": msgspec.structs.replace(plain, kind="RL", objective=Preference(method="dpo")),
    }
    model = msgspec.structs.replace(Catalogue().model("llama_2_7b"), architecture=import_config(SMALL).architecture)
    made = msgspec.structs.replace(made, order=list(stages), stages=stages)
    done = export(model, made, "trl", accelerators=Catalogue().accelerators, devices=1, micro_batch=4)
    write_folder(folder, done.files)
    run([python, str(FILL_IN), "answers", "data/s"], folder)
    run([*launched(python, done), "--use_cpu", "true"], folder)
    (words,) = done.stages[0].exported.after
    run([python, *words[1:]], folder)
    left = [f"checkpoints/s/{name}" for name in ("adapter_model.safetensors", "merged/model.safetensors")]
    run([python, "-c", MERGED, "model/model.safetensors", *left], folder)
    (folder / "data" / "d").mkdir()
    rows = [{"prompt": f"{i} and {i}", "chosen": f"{2 * i}", "rejected": f"{2 * i + 1}"} for i in range(256)]
    (folder / "data" / "d" / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    run([*launched(python, done, 1), "--use_cpu", "true"], folder)
    assert (folder / "checkpoints" / "d" / "model.safetensors").exists()
