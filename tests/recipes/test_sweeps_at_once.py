"""A row of a large sweep, computed with all others as arrays, is the row that its job alone would have."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.composing.python import composing
from lehr.recipes.sweeping import grid, sweep
from lehr.recipes.sweeping.arguments import take_apart
from lehr.recipes.sweeping.ranges import along
from lehr.recipes.sweeping.result import inputs, plain
from lehr.simulators.architecture import Architecture
from lehr.simulators.counting import count_parameters
from lehr.simulators.laws import Chinchilla
from lehr.simulators.laws.base import Covariance, ValidRange
from lehr.simulators.planning.ladder import dense
from lehr.simulators.projection.loss import loss_along

N_SWEEPS = 60
ACCELERATORS = ("h100_sxm", "a100_80gb", "rtx_4090", "tpu_v4", "h800")


def values(numbers: list[float]) -> str:
    return ",".join(repr(number) for number in numbers)


def axes(draw: random.Random, name: str) -> dict[str, str]:
    """What of a recipe a sweep can vary by numbers, each with a few values, far out ones too."""
    found = {"mfu": "0.2,0.35,0.5", "usd_per_hour": "1,2.5", "devices": "8,256,4096"}
    for stage_name, stage in Catalogue().recipe(name).ordered():
        key = f"recipe.stages.{stage_name}."
        if stage.tokens is not None and stage.n_tokens:
            times = [draw.uniform(0.3, 4.0), draw.uniform(0.3, 4.0), draw.choice([0.001, 1.0, 500.0])]
            found[f"{key}tokens"] = values([float(f"{stage.n_tokens * one:.6g}") for one in times])
        if stage.steps is not None and stage.n_steps:
            found[f"{key}steps"] = values([max(1, round(stage.n_steps * one)) for one in (0.7, 1.0, 2.5)])
        if stage.batch is not None and stage.batch.ramp is None:
            found[f"{key}batch.sequences"] = values([max(1, stage.batch.sequences // 2), stage.batch.sequences * 2])
        if stage.schedule is not None:
            found[f"{key}schedule.peak"] = "1e-4,3e-4,6e-4"
    return found


def command_lines() -> Iterator[list[str]]:
    draw = random.Random(20261128)
    names = sorted(Catalogue().files("recipe"))
    for _ in range(N_SWEEPS):
        name = draw.choice(names)
        found = axes(draw, name)
        keys = draw.sample(sorted(found), min(len(found), draw.randint(1, 3)))
        words = [f"recipe={name}", f"model={Catalogue().recipe(name).model}", *(f"{key}={found[key]}" for key in keys)]
        if draw.random() < 0.4:
            words.append(f"law={draw.choice(['chinchilla', 'kaplan', 'muennighoff'])}")
        if draw.random() < 0.4:
            words.append(f"accelerator={draw.choice(ACCELERATORS)}")
        if draw.random() < 0.15:
            words.append("train_flops=1e22")
        yield words


def both(words: list[str], monkeypatch: pytest.MonkeyPatch) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The rows of a sweep as arrays, nothing where they are not computed so, and some of them one by one."""
    monkeypatch.setattr(sweep, "GRID_FROM", 1)
    monkeypatch.setattr(grid, "ROWS_A_PLACE", 1)
    given = take_apart(["-m", *words])
    assert given is not None
    with composing("report", {}, overrides=given.base) as config:
        whole = sweep.Sweep(config, given, words=words)
        table = whole.grid()
        if table is None:
            return [], []
        rows = plain(table, inputs(whole.slots)).to_pylist()
        jobs = random.Random(1).sample(list(whole.jobs()), min(6, whole.total))
        return [rows[number] for number, _ in jobs], [{"job": n, **whole.row(n, job)} for n, job in jobs]


def differing(at_once: list[dict[str, Any]], alone: list[dict[str, Any]]) -> list[tuple[str, Any, Any]]:
    found = []
    for fast, slow in zip(at_once, alone, strict=True):
        for name in fast.keys() | slow.keys():
            a, b = fast.get(name), slow.get(name)
            numbers = isinstance(a, (int, float)) and isinstance(b, (int, float))
            # some ten roundings on either way
            if a != b and not (numbers and math.isclose(a, b, rel_tol=1e-13)):
                found.append((name, a, b))
    return found


@pytest.mark.slow
def test_random_sweeps_of_the_catalogue_have_the_rows_of_their_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once = 0
    for words in command_lines():
        fast, slow = both(words, monkeypatch)
        at_once += bool(fast)
        assert differing(fast, slow) == [], " ".join(words)
    # else nothing is shown
    assert at_once > N_SWEEPS / 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        # its base was trained outside the range already, and its history costs money
        ["model=codellama_13b", "recipe.stages.cpt.tokens=5e11,1e12,5e12", "usd_per_hour=1,2", "mfu=0.3,0.4"],
        # the length follows from the budget
        ["model=starcoder", "recipe.stages.pt.steps=1000,2000", "train_flops=1e22", "usd_per_hour=1,2"],
        # from inside the law's range to outside of it
        ["model=starcoder2_3b", "recipe.stages.pt.tokens=1e11,2e12,4e12", "law=chinchilla"],
    ],
    ids=lambda words: words[1],
)
def test_a_large_sweep_knows_what_its_jobs_know(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    fast, slow = both(words, monkeypatch)
    assert differing(fast, slow) == []
    assert bool(fast) != any("train_flops" in word for word in words)


def test_numbers_that_no_recipe_takes_fail_by_name_beside_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    fast, slow = both(["model=starcoder", "usd_per_hour=1,0", "mfu=0,0.3,2"], monkeypatch)
    assert differing(fast, slow) == []
    assert sorted((row["mfu"], row["usd_per_hour"], row["status"]) for row in fast) == [
        (0.0, 0.0, "failed"), (0.0, 1.0, "failed"), (0.3, 0.0, "failed"), (0.3, 1.0, "done"),
        (2.0, 0.0, "failed"), (2.0, 1.0, "failed"),
    ]  # fmt: skip


@pytest.mark.slow
def test_a_page_says_which_losses_lie_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    from lehr.recipes.cli import dispatch

    monkeypatch.chdir(tmp_path)
    pages = []
    for least in (1, 10**9):
        monkeypatch.setattr(sweep, "GRID_FROM", least)
        words = ["model=starcoder2_3b", "recipe.stages.pt.tokens=2e11,4e11,4e12", "usd_per_hour=1,2"]
        dispatch(["report", "-m", *words, f"out={least}"])
        (folder,) = (tmp_path / str(least)).glob("multirun/*")
        pages.append({path.name: path.read_bytes() for path in folder.iterdir() if path.name != "sweep.parquet"})
    page = pages[0]["sweep.html"].decode()
    assert page.replace("out=1", "") == pages[1]["sweep.html"].decode().replace(f"out={10**9}", "")
    assert pages[0]["sweep.csv"] == pages[1]["sweep.csv"]
    assert "besiroglu: 6e+11 tokens lie outside" in page
    assert page.count("*<span") == 4


def test_what_is_said_of_many_values_is_what_is_said_of_each() -> None:
    runs = ValidRange(tokens=(5e9, 5e11), tokens_per_parameter=(5.0, 1e3))
    draw = np.random.default_rng(1)
    for shape, spread in (((300,), 3.0), ((7, 1, 9), 20.0), ((), 1.0), ((500,), 0.01)):
        tokens = 5e10 * np.exp(spread * draw.standard_normal(shape))

        def says(d: float) -> tuple[str, ...]:
            return tuple(runs.warnings(tokens=d, tokens_per_parameter=d / 1e9))

        codes, texts = along(says, tokens)
        assert codes.shape == shape
        assert [texts[code] for code in codes.ravel()] == [says(float(d)) for d in tokens.ravel()]


@pytest.fixture
def network() -> Architecture:
    return dense(2048, vocab_size=32_000, context_length=4096)


def test_an_interval_between_is_that_of_the_law(monkeypatch: pytest.MonkeyPatch, network: Architecture) -> None:
    law = Chinchilla(name="x", title="", n_convention="total", loss_unit="nats/token",
                     E=1.8172, A=482.01, B=2085.43, alpha=0.3478, beta=0.3658, range=ValidRange(flops=(1e18, 1e22)),
                     uncertainty=Covariance(parameters=["alpha", "beta"], covariance=[[1e-5, 0], [0, 2e-5]],
                                            residual=0.0))  # fmt: skip
    count = count_parameters(network)
    tokens = np.geomspace(1e10, 1e12, 301)
    exact = loss_along(law, count, tokens)
    monkeypatch.setattr(grid, "MOST_INTERVALS", 200)
    between = grid.loss_over(law, count, tokens, 1.0)
    np.testing.assert_array_equal(between.value, exact.value)
    for one, true in ((between.low, exact.low), (between.high, exact.high)):
        assert one is not None
        assert true is not None
        # a line between neighbours is no further off than what changes between them, of 1.5 steps of ``tokens``
        off, step = np.abs(one - true) / exact.value, np.abs(np.diff(true / exact.value))
        assert 0 < off.max() < 2 * step.max()
