"""Tables as people have them: compute, bits, perplexities, checkpoints, outliers, and runs without an optimum."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lehr.recipes.cli import dispatch
from lehr.recipes.errors import LehrError
from lehr.recipes.reading.columns import Reading, runs_of
from tests.simulators.laws.fitting.cases import CHINCHILLA

FAST = ["starts=200", "bootstrap=0"]
N, D = (x.ravel() for x in np.meshgrid(np.geomspace(1e8, 3e9, 5), np.geomspace(2e9, 1e11, 5)))
LOSS = CHINCHILLA.loss(N, D)


def read(table: dict[str, Any], **how: Any) -> Any:
    return runs_of({h: list(column) for h, column in table.items()}, Reading(**how), "runs.csv")


def fit(folder: Path, table: dict[str, Any], *arguments: str) -> dict[str, Any]:
    path = folder / "runs.csv"
    lines = [",".join(table), *(",".join(map(str, row)) for row in zip(*table.values(), strict=True))]
    path.write_text("\n".join(lines) + "\n")
    assert dispatch(["fit", f"data={path}", f"out={folder}", *FAST, *arguments]) == 0
    found: dict[str, Any] = json.loads((folder / "fit" / "runs" / "fit.json").read_text())
    return found


@pytest.mark.parametrize(
    "heading", ["compute", "compute_budget", "flops_budget", "total_compute", "trainFLOPs", "FLOP"]
)
def test_compute_is_recognised_in_any_spelling(heading: str) -> None:
    runs = read({"params_total": N, heading: 6 * N * D, "val_loss": LOSS}).runs
    # a product and two quotients
    assert runs.tokens == pytest.approx(D, rel=1e-14)


def test_prefixes_count_and_units_that_cannot_be_told_are_asked_for() -> None:
    runs = read({"params": N, "total_gflops": 6 * N * D / 1e9, "loss": LOSS}).runs
    assert runs.tokens == pytest.approx(D, rel=1e-14)
    with pytest.raises(LehrError, match=r"units=\{flops: 8.64e19\}"):
        read({"params": N, "compute_pf_days": 6 * N * D / 8.64e19, "loss": LOSS})
    told = read({"params": N, "compute_pf_days": 6 * N * D / 8.64e19, "loss": LOSS}, units={"flops": 8.64e19})
    assert told.runs.tokens == pytest.approx(D, rel=1e-14)


def test_compute_told_as_tokens_is_refused() -> None:
    with pytest.raises(LehrError, match=r"write columns=\{flops: compute\}"):
        read({"n": N, "compute": 6 * N * D, "loss": LOSS}, columns={"d": "compute"})


def test_bits_and_perplexities_are_told_apart() -> None:
    bits = read({"n": N, "d": D, "loss_bits": LOSS / np.log(2)}).runs
    assert bits.loss_unit == "bits/token"
    assert read({"n": N, "d": D, "val_bpb": LOSS / 4}).runs.loss_unit == "bits/byte"
    found = read({"n": N, "d": D, "val_ppl": np.exp(LOSS)})
    assert found.runs.loss == pytest.approx(LOSS, rel=1e-13)
    assert any("perplexity: its natural logarithm is taken" in note for note in found.notes)
    found = read({"n": N, "d": D, "val_bits": LOSS / np.log(2)})
    assert (found.runs.loss_unit, found.runs.loss[0]) == ("bits/token", pytest.approx(LOSS[0] / np.log(2)))
    # a column that does not say so is asked about, and told by loss_unit
    with pytest.raises(LehrError, match=r"more than guessing evenly.*write loss_unit=perplexity"):
        read({"n": N, "d": D, "loss": np.exp(LOSS) + 10})
    found = read({"n": N, "d": D, "loss": np.exp(LOSS)}, loss_unit="perplexity")
    assert found.runs.loss == pytest.approx(LOSS)
    with pytest.raises(LehrError, match="a perplexity is above 1"):
        read({"n": N, "d": D, "val_ppl": LOSS / 10})


def test_the_last_checkpoint_of_each_run_is_the_run() -> None:
    rows = {"run": [], "n": [], "d": [], "loss": []}  # type: ignore[var-annotated]
    for i, (n, d, loss) in enumerate(zip(N, D, LOSS, strict=True)):
        for share, higher in ((0.5, 1.2), (1.0, 1.0)):
            for key, value in zip(rows, (f"run {i}", n, share * d, higher * loss), strict=True):
                rows[key].append(value)
    found = read(rows)
    assert sorted(found.runs.loss) == sorted(LOSS)
    assert any("are checkpoints of 25 runs" in note for note in found.notes)
    assert len(read(rows, checkpoints="all").runs) == 50
    # a label that names several sizes is no run
    assert len(read({"experiment": ["a"] * 25, "n": N, "d": D, "loss": LOSS}).runs) == 25


def test_numbers_are_compared_by_where() -> None:
    table = {"n": N, "d": D, "loss": LOSS}
    assert read(table, where={"loss": f"<{np.median(LOSS)}"}).runs.loss.max() < np.median(LOSS)
    assert read(table, where={"n": ">= 1e9"}).runs.parameters.min() >= 1e9
    with pytest.raises(LehrError, match="compares with no number"):
        read(table, where={"n": "<large"})
    with pytest.raises(LehrError, match="no row has >1e30"):
        read(table, where={"n": ">1e30"})


def test_columns_that_are_swapped_are_refused_unless_they_are_named() -> None:
    swapped = {"params": D, "tokens": N, "loss": LOSS}
    kept = {name: values[D > N] for name, values in swapped.items()}
    with pytest.raises(LehrError, match=r"are the columns swapped\? write columns=\{n: tokens, d: params\}"):
        read(kept)
    assert len(read(kept, columns={"n": "params", "d": "tokens"}).runs) == (D > N).sum()
    assert np.all(read(kept, columns={"n": "tokens", "d": "params"}).runs.tokens == D[D > N])


def test_of_a_mixture_the_active_parameters_are_taken_and_what_is_left_aside_is_said() -> None:
    table = {"total_params": 4 * N, "active_params": N, "tokens": D, "train_loss": LOSS + 0.1, "val_loss": LOSS}
    found = read(table)
    assert (found.runs.n_convention, found.runs.parameters.tolist()) == ("active", N.tolist())
    assert found.runs.loss.tolist() == LOSS.tolist()
    said = "\n".join(found.notes)
    assert "'total_params' left aside for 'active_params'; columns={n: total_params} says otherwise" in said
    assert "'train_loss' left aside for 'val_loss'; columns={loss: train_loss} says otherwise" in said
    assert read(table, n_convention="total").runs.parameters.tolist() == (4 * N).tolist()
    # one number under two headings leaves nothing aside
    assert not [n for n in read({"params": N, "size": N, "d": D, "loss": LOSS}).notes if "left aside" in n]


def test_tokens_that_repeat_are_told_from_new_ones() -> None:
    found = read({"n": N, "d": D, "unique_tokens": np.minimum(D, 1e10), "loss": LOSS})
    assert found.runs.unique is not None
    assert found.runs.repeated.tolist() == (D > 1e10).tolist()
    # two runs of one size and length that saw other data are no repeats of each other
    twice = read({"n": [1e9] * 3, "d": [1e10] * 3, "u": [1e9, 1e9, 1e10], "loss": [3.0, 3.0, 2.9]})
    assert len(twice.runs) == 2


@pytest.mark.slow
def test_the_optimum_without_outliers_stands_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    loss = LOSS * np.exp(0.002 * np.random.default_rng(0).standard_normal(25))
    loss[3] *= 1.3
    table = {"n": N, "d": D, "loss": loss}
    told = fit(tmp_path, table)
    text = capsys.readouterr().out
    assert text.startswith("Without 1 of 25 runs that stand far apart (row 4) the optimum")
    exact_n, exact_d = CHINCHILLA.optimum(told["optima"][0]["flops"])
    without = told["without_outliers"]["optima"][0]
    # 0.2 % of noise on 24 runs: the ratio is known to a tenth or two
    assert without["tokens"] / without["parameters"] == pytest.approx(exact_d / exact_n, rel=0.3)
    dropped = fit(tmp_path, table, "outliers=drop")
    assert len(dropped["runs"]) == 24


def test_runs_whose_loss_rises_with_size_have_no_optimum(tmp_path: Path) -> None:
    rising = 2.0 + 1e-3 * (N / 1e8) ** 0.5 + 1500 * D**-0.36
    with pytest.raises(LehrError, match="not above 0: the loss of these runs does not fall with parameters") as error:
        fit(tmp_path, {"n": N, "d": D, "loss": rising})
    assert "\n" not in str(error.value)
