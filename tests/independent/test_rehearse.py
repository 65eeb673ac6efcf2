"""Rehearsals in torch: networks against the count and torch's counter of FLOPs, rates, and runs that are stopped."""

from __future__ import annotations

import csv
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.errors import LehrError
from lehr.recipes.rehearsing import checkpoints, networks
from lehr.recipes.rehearsing.checks import BY_TORCH, rates_of, whole_square, work_of
from lehr.recipes.rehearsing.corpus import split
from lehr.recipes.rehearsing.result import Log
from lehr.recipes.rehearsing.scale import OF_NAME
from lehr.recipes.rehearsing.shrinking import shrunken
from lehr.recipes.rehearsing.tasks import tasks_of
from lehr.recipes.rehearsing.training import Setup, train
from lehr.simulators.counting import count_parameters
from lehr.simulators.objectives import NextToken, PolicyGradient, Preference, Supervised
from lehr.simulators.schedules import Batch, Constant, Cosine, Warmup, WeightDecay
from lehr.simulators.schedules.batch import Linear as Ramp
from lehr.simulators.training import Optimizer, Stage
from tests.command import lehr
from tests.commands import REHEARSE, inputs

CATALOGUE = Catalogue()
TINY = OF_NAME["tiny"]
ATTENTION = ("starcoder", "llama_3_1_8b", "gpt2_124m", "deepseek_v3", "qwen3_30b_a3b", "gpt_oss_20b", "starcoder2_15b")
RECURRENT = ("mamba_130m", "qwen3_next_80b_a3b", "deltanet_1_3b", "retnet_1_3b", "minimax_m1")
SMALL = msgspec.structs.replace(TINY, d_model=32, n_layers=2, sequence_length=64, batch_tokens=256)


def text(word: str) -> bytes:
    return "".join(f"{word}_{i} = compute_{word}(value[{i}], other(that[{i}]))\n" for i in range(60)).encode()


CORPUS = split("made up", [text(f"word{i}") for i in range(400)])


def network(name: str, scale: Any = TINY) -> Any:
    return shrunken(CATALOGUE.model(name).shape(), scale, scale.sequence_length)[0]


@pytest.mark.parametrize("name", ATTENTION + RECURRENT)
def test_what_is_counted_is_what_is_trained(name: str) -> None:
    shape = network(name)
    weights = networks.first_weights(shape, 1)
    assert sum(w.numel() for w in weights.values()) == count_parameters(shape).total
    for weight in weights.values():
        weight.requires_grad_()
    scores, balance = networks.forward(shape, weights, torch.arange(64)[None] % 256)
    assert scores.shape == (1, 64, 256)
    (scores.sum() + balance).backward()
    unused = [n for n, w in weights.items() if w.grad is None]
    # of experts that no token chose, nothing is learnt
    assert all("experts" in n for n in unused)


@pytest.mark.parametrize("name", ATTENTION + RECURRENT)
def test_no_token_sees_a_later_one(name: str) -> None:
    shape = network(name, SMALL)
    weights = networks.first_weights(shape, 1)
    tokens = torch.randint(0, 256, (1, 48), generator=torch.Generator().manual_seed(1))
    other = tokens.clone()
    other[0, 24:] = (other[0, 24:] + 7) % 256
    with torch.no_grad():
        one, two = (networks.forward(shape, weights, t)[0] for t in (tokens, other))
    assert torch.allclose(one[0, :24], two[0, :24], atol=1e-5)
    assert not torch.allclose(one[0, 24:], two[0, 24:], atol=1e-3)


@pytest.mark.parametrize("name", ATTENTION)
def test_flops_are_those_of_torchs_counter(name: str) -> None:
    shape = network(name, SMALL)
    setup = setup_of(shape, {"pt": stage(NextToken())})
    work = work_of(setup, "pt", setup.recipe.stages["pt"])
    assert work.flops_counted == pytest.approx(work.flops_by_torch, rel=1e-12)
    assert not any(getattr(b.mixer, "window", None) for b in whole_square(shape).blocks.values())
    assert BY_TORCH.router


def stage(objective: Any, kind: str = "PT", steps: int = 12, **changes: Any) -> Stage:
    given: dict[str, Any] = {
        "kind": kind, "objective": objective, "steps": steps, "batch": Batch(sequences=8), "sequence_length": 64,
        "optimizer": Optimizer(kind="adamw", beta1=0.9, beta2=0.95, weight_decay=0.1, grad_clip=1.0),
        "schedule": Cosine(peak=3e-3, floor_ratio=0.1, warmup=Warmup(steps=3)),
    }  # fmt: skip
    return Stage(**{**given, **changes})


def setup_of(shape: Any, stages: dict[str, Stage], save_every: int = 5) -> Setup:
    recipe = CATALOGUE.recipe("starcoder")
    made = msgspec.structs.replace(recipe, order=list(stages), stages=stages, reported=[], base=None)
    return Setup(
        shape=shape, recipe=made, corpus=CORPUS, tasks=tasks_of(CORPUS, 128), text_length=64, seed=3, device="cpu",
        save_every=save_every, fingerprint="x",
    )  # fmt: skip


ALL = {
    "pt": stage(NextToken(), batch=Batch(sequences=8, ramp=Ramp(start=2, steps=6))),
    "cpt": stage(NextToken(), "CPT", optimizer=Optimizer(kind="muon", weight_decay=0.1)),
    "sft": stage(Supervised(), "SFT", optimizer=Optimizer(kind="adamw", weight_decay=WeightDecay(start=0.0, end=0.1))),
    "dpo": stage(Preference(method="dpo"), "RL", schedule=Constant(peak=1e-3)),
    "rl": stage(PolicyGradient(method="grpo", group_size=4), "RL", optimizer=Optimizer(kind="sgd")),
}


def quiet(name: str, row: object) -> None:
    """Nobody watches."""


class Stopped(Exception):  # noqa: N818  (it is no error)
    """As if the process ended here."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Setup, Path, list[Log]]:
    """All stages, trained in one go."""
    folder = tmp_path_factory.mktemp("whole")
    setup = setup_of(network("llama_3_1_8b", SMALL), ALL)
    return setup, folder, train(setup, folder, quiet)


@pytest.mark.slow
@pytest.mark.parametrize("after", [7, 12, 29, 41, 55])
def test_a_stopped_run_goes_on_to_the_same_bytes(
    tmp_path: Path, whole: tuple[Setup, Path, list[Log]], after: int
) -> None:
    setup, folder, _ = whole
    seen = 0

    def stop(name: str, row: object) -> None:
        nonlocal seen
        seen += 1
        if seen == after:
            raise Stopped

    with pytest.raises(Stopped):
        train(setup, tmp_path, stop)
    train(setup, tmp_path, quiet)
    files = sorted(p.relative_to(folder) for p in folder.rglob("*") if p.is_file())
    assert len(files) == 5 + 5 + 1
    for path in files:
        assert (folder / path).read_bytes() == (tmp_path / path).read_bytes(), path


def test_every_update_has_the_planned_rate_and_tokens(whole: tuple[Setup, Path, list[Log]]) -> None:
    setup, folder, logs = whole
    rates = rates_of(setup.recipe.ordered(), logs)
    assert [(r.updates, r.other_rate, r.other_tokens, r.worst) for r in rates] == [(12, 0, 0, 0.0)] * 5
    # from the files, by the schedule's own formula
    with (folder / "01_pt.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    at = np.arange(12.0)
    falling = 3e-4 + 2.7e-3 * (1 + np.cos(np.pi * (at - 3) / 9)) / 2
    expected = np.where(at < 3, 1e-3 * at, falling)
    assert [float(row["lr"]) for row in rows] == pytest.approx(expected.tolist(), rel=1e-12, abs=0)
    # the batch grows from 2 to 8 texts in 6 updates: 2 x 6 + 6 x 6 / 2 = 30 texts, then 8 in each
    assert sum(int(row["tokens"]) for row in rows) == 64 * (30 + 6 * 8)
    # and one that leaves the plan is told
    rows_late = [msgspec.structs.replace(r, lr=r.lr * (1 + 1e-9)) for r in logs[0].rows]
    late = msgspec.structs.replace(logs[0], rows=rows_late)
    assert rates_of(setup.recipe.ordered()[:1], [late])[0].other_rate == 11


def test_a_checkpoint_is_data(tmp_path: Path) -> None:
    class Runs:
        def __reduce__(self) -> Any:
            return (os.system, ("touch ran",))

    torch.save({"version": 1, "fingerprint": "x", "stage": Runs()}, tmp_path / "checkpoint.pt")
    with pytest.raises(LehrError, match="cannot be read as a checkpoint"):
        checkpoints.load(tmp_path, "x")
    assert not Path("ran").exists()
    (tmp_path / "checkpoint.pt").write_bytes(b"\0" * 100)
    with pytest.raises(LehrError, match="cannot be read as a checkpoint"):
        checkpoints.load(tmp_path, "x")


def test_what_is_trained_is_learnt(tmp_path: Path) -> None:
    shape = network("llama_3_1_8b", SMALL)
    longer = {"pt": stage(NextToken(), steps=60), "sft": stage(Supervised(), "SFT", steps=60)}
    logs = train(setup_of(shape, longer), tmp_path, quiet)
    # 5.5 nats are all bytes alike; this text repeats itself, and its answers are always the same two brackets
    assert logs[0].measured[0][1] > 5.0
    assert logs[0].measured[-1][1] < 3.0
    assert logs[1].measured[-1][1] < 0.5


@pytest.mark.slow
def test_the_command_goes_on_after_a_kill_and_says_what_it_found(tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    for i in range(400):
        (folder / f"{i}.py").write_bytes(text(f"word{i}"))
    words = (
        "rehearse", "model=starcoder", f"corpus={folder}", "d_model=32", "n_layers=1", "sequence_length=64",
        "batch_tokens=256", "updates=60", "least_updates=20", "save_every=5", "machine=false", "threads=1", "name=x",
    )  # fmt: skip
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}

    def command(out: str) -> list[str]:
        return [sys.executable, "-m", "lehr", *words, f"out={out}"]

    whole = subprocess.run(command("a"), cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
    assert whole.stdout.startswith("2 stages trained; all 60 updates had the planned rate")
    log = tmp_path / "b" / "rehearse" / "x" / "training" / "01_pt.csv"
    for rows in (8, 25):
        killed = subprocess.Popen(command("b"), cwd=tmp_path, env=env)
        while killed.poll() is None and not (log.is_file() and log.read_text().count("\n") > rows):
            pass
        killed.kill()
        killed.wait()
    subprocess.run(command("b"), cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
    for name in ("01_pt.csv", "02_python.csv", "checkpoint.pt", "runs.csv", "law.yaml", "recipe/x.yaml"):
        one, two = (tmp_path / out / "rehearse" / "x" / name for out in "ab")
        assert one.read_bytes().replace(b"out=a", b"") == two.read_bytes().replace(b"out=b", b""), name


@pytest.mark.slow
def test_a_rehearsal_of_fewer_stages_leaves_no_log_of_the_earlier_one(tmp_path: Path) -> None:
    inputs(tmp_path)
    words = [*shlex.split(REHEARSE), "updates=8", "model=starcoder"]
    assert lehr(*words, "stages=[pt,python]", folder=tmp_path).returncode == 0
    folder = tmp_path / "outputs" / "rehearse" / "ours"
    assert (folder / "02_python.csv").is_file()
    (folder / "notes.md").write_text("mine")
    refused = lehr(*words, "stages=[pt]", folder=tmp_path)
    assert refused.returncode == 2
    assert "a rehearsal with other settings" in refused.stderr
    assert (folder / "02_python.csv").is_file()
    for is_mine in ("folder", "link"):
        mine = folder / "training" if is_mine == "folder" else tmp_path / "mine"
        mine.mkdir()
        (mine / "checkpoint.pt").write_text("mine")
        if is_mine == "link":
            (folder / "training").symlink_to(mine)
        refused = lehr(*words, "stages=[pt]", "overwrite=true", folder=tmp_path)
        assert refused.returncode == 2
        assert "training: holds files of another kind, which stay" in refused.stderr
        assert (mine / "checkpoint.pt").read_text() == "mine"
        (folder / "training").unlink() if is_mine == "link" else shutil.rmtree(mine)
    assert lehr(*words, "stages=[pt]", "overwrite=true", folder=tmp_path).returncode == 0
    assert not list(folder.rglob("02_python*"))
    assert sorted(p.name for p in (folder / "weights").iterdir()) == ["00.pt"]
    assert not (folder / "training").exists()
    assert (folder / "notes.md").read_text() == "mine"
    (folder / "01_pt.csv").write_text("edited")
    refused = lehr(*words, "stages=[pt]", "seed=3", "overwrite=true", folder=tmp_path)
    assert refused.returncode == 2
    assert "edited since" in refused.stderr
    assert (folder / "01_pt.csv").read_text() == "edited"
