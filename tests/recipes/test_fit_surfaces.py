"""`lehr fit` for surfaces: what it reads, says, writes, and how it refuses."""

from __future__ import annotations

import gzip
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lehr.recipes.catalogue.recipe_files import decode_surface
from lehr.recipes.cli import dispatch
from lehr.recipes.errors import LehrError
from lehr.recipes.reading.columns import Reading, runs_of
from lehr.recipes.reading.tables import read_table
from lehr.simulators.laws.base import Draws
from tests.simulators.laws.fitting.cases import CHINCHILLA, DATA_CONSTRAINED, SKALING, planted

FAST = ["starts=60", "bootstrap=20", "forms=[]"]


def rows(noise: float = 0.003, side: int = 5) -> list[dict[str, Any]]:
    runs = planted(side=side, noise=noise)
    return [
        {"n": n, "d": d, "loss": loss}
        for n, d, loss in zip(runs.parameters.tolist(), runs.tokens.tolist(), runs.loss.tolist(), strict=True)
    ]


def write_csv(path: Path, data: list[dict[str, Any]]) -> Path:
    headings = list(data[0])
    lines = [",".join(headings), *(",".join(str(row[h]) for h in headings) for row in data)]
    path.write_text("\n".join(lines) + "\n")
    return path


def fit(folder: Path, *arguments: str, data: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """Fit ``data`` and return fit.json."""
    path = write_csv(folder / "runs.csv", rows() if data is None else data)
    assert dispatch(["fit", f"data={path}", f"out={folder}", *FAST, *arguments]) == 0
    found: dict[str, Any] = json.loads((folder / "fit" / "runs" / "fit.json").read_text())
    return found


def refused(folder: Path, *arguments: str, data: list[dict[str, Any]]) -> str:
    """The one line that a refusal says."""
    with pytest.raises(LehrError) as error:
        fit(folder, *arguments, data=data)
    message = str(error.value)
    assert "\n" not in message
    return message


@pytest.mark.slow
def test_the_law_comes_back_with_its_interval_and_as_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = fit(tmp_path, "pictures=true", "profiles=true")
    assert all(told["constants"][name]["profile"] for name in ("alpha", "beta"))
    for name in ("E", "A", "B", "alpha", "beta"):
        low, high = told["constants"][name]["interval"]
        # 20 draws give a crude interval; the planted value lies within twice its width all the same
        assert low - (high - low) < getattr(CHINCHILLA, name) < high + (high - low), name
    text = capsys.readouterr().out
    assert "95% interval" in text
    assert f"law={tmp_path}/fit/runs/fit.yaml" in text
    folder = tmp_path / "fit" / "runs"
    law = decode_surface(
        __import__("lehr.recipes.catalogue.yaml", fromlist=["load_yaml"]).load_yaml(folder / "fit.yaml"), "fit.yaml"
    )
    # noise of 0.3 % on 25 runs about this point: three times as much is no chance
    assert law.loss(1e9, 2e10) == pytest.approx(CHINCHILLA.loss(1e9, 2e10), rel=0.01)
    assert isinstance(law.uncertainty, Draws)
    # the file holds shortest decimals, which read back exactly; the runs came from a geometric row: a few roundings
    assert law.range.parameters == pytest.approx((5e7, 5e9), rel=1e-12)
    assert law.provenance is not None
    assert law.provenance.default.origin == "derived"
    assert "25 runs of runs.csv (sha256" in (law.provenance.default.note or "")
    assert (folder / "fit.svg").read_text().startswith("<?xml")
    assert (folder / "fit.png").read_bytes().startswith(b"\x89PNG")


def test_json_is_what_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = fit(tmp_path, "format=json")
    assert json.loads(capsys.readouterr().out) == told
    assert len(told["runs"]) == 25
    # the residual is log of measured over fitted
    first, law = told["runs"][0], told["law"]
    loss = law["E"] + law["A"] * first["parameters"] ** -law["alpha"] + law["B"] * first["tokens"] ** -law["beta"]
    assert first["residual"] == pytest.approx(math.log(first["loss"] / loss), abs=1e-9)


@pytest.mark.slow
def test_the_report_takes_the_file_by_its_path_and_by_config_dir(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fit(tmp_path)
    capsys.readouterr()
    folder = tmp_path / "fit" / "runs"
    losses = []
    path, root = f"law={folder}/fit.yaml", ["--config-dir", str(folder)]
    for arguments in ([path], ["law=runs", *root], [path, *root]):
        assert dispatch(["report", "model=santacoder", "format=json", *arguments]) == 0
        told = json.loads(capsys.readouterr().out)
        losses.append(told["stages"][0]["loss"]["runs"])
    assert losses[0] == losses[1] == losses[2]
    # SantaCoder, 1.1B parameters on 236B tokens: beyond the fitted tokens by a little
    assert losses[0]["value"] == pytest.approx(float(CHINCHILLA.loss(1.12e9, 236e9)), rel=0.01)
    assert losses[0]["low"] < losses[0]["value"] < losses[0]["high"]


def test_a_law_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LehrError, match=r"nothing.yaml: cannot be read"):
        dispatch(["report", f"law={tmp_path}/nothing.yaml"])


@pytest.mark.slow
def test_a_fitted_law_can_be_fitted_again(tmp_path: Path) -> None:
    fit(tmp_path)
    assert fit(tmp_path, f"law={tmp_path}/fit/runs/fit.yaml")["kind"] == "chinchilla"
    assert fit(tmp_path, "law=besiroglu")["kind"] == "chinchilla"


@pytest.mark.slow
def test_the_best_form_is_taken_where_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = planted(SKALING, side=7, noise=0.001)
    data = [{"n": n, "d": d, "loss": y} for n, d, y in zip(runs.parameters, runs.tokens, runs.loss, strict=True)]
    told = fit(tmp_path, "law=best", "forms=[chinchilla,skaling]", data=data)
    assert told["kind"] == told["comparison"]["use"] == "skaling"
    told = fit(tmp_path, "forms=[chinchilla,skaling]", data=data)
    assert told["kind"] == "chinchilla"
    assert "write law=skaling, or law=best" in capsys.readouterr().out


@pytest.mark.slow
def test_several_forms_in_one_command_have_a_folder_each(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "runs.csv", rows())
    assert dispatch(["fit", "-m", "law=chinchilla,overtraining", f"data={path}", f"out={tmp_path}", *FAST]) == 0
    found = sorted(json.loads(p.read_bytes())["kind"] for p in tmp_path.glob("multirun/*/fit/runs/fit.json"))
    assert found == ["chinchilla", "overtraining"]


def test_test_runs_are_predicted_and_not_fitted(tmp_path: Path) -> None:
    large = write_csv(tmp_path / "large.csv", [{"n": 2e10, "d": 1e12, "loss": float(CHINCHILLA.loss(2e10, 1e12))}])
    told = fit(tmp_path, f"test=[{large}]")
    assert len(told["runs"]) == 25
    assert told["test"]["runs"][0]["parameters"] == 2e10
    # an extrapolation from noise of 0.3 %
    assert abs(told["test"]["mean"]) < 0.03


def test_approach_2_tells_its_bias(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from tests.profiles import isoflop_profiles

    runs = isoflop_profiles(CHINCHILLA, [1e19, 1e20, 1e21], points=9)
    data = [{"n": n, "d": d, "loss": y} for n, d, y in zip(runs.parameters, runs.tokens, runs.loss, strict=True)]
    told = fit(tmp_path, "approach=2", data=data)
    text = capsys.readouterr().out
    assert "the profile is not a parabola" in text
    assert "best N grows as C**" in text
    assert len(told["approach_2"]["flops"]) == 3
    exact = CHINCHILLA.beta / (CHINCHILLA.alpha + CHINCHILLA.beta)
    # a surface fitted to runs without noise: what is left is where the fit stops
    assert told["approach_2"]["exponent_of_surface"] == pytest.approx(exact, abs=1e-4)
    assert told["approach_2"]["bias"]["relative"] != 0


@pytest.mark.parametrize("name", ["runs.csv", "runs.csv.gz", "runs.tsv", "runs.json", "runs.jsonl", "columns.json"])
def test_tables_of_every_kind_are_the_same(name: str, tmp_path: Path) -> None:
    data, path = rows(), tmp_path / name
    if name.endswith(".csv"):
        write_csv(path, data)
    elif name.endswith(".gz"):
        path.write_bytes(gzip.compress(write_csv(tmp_path / "x.csv", data).read_bytes()))
    elif name.endswith(".tsv"):
        path.write_text(write_csv(tmp_path / "x.csv", data).read_text().replace(",", "\t"))
    elif name == "runs.json":
        path.write_text(json.dumps(data))
    elif name == "columns.json":
        path.write_text(json.dumps({h: [row[h] for row in data] for h in data[0]}))
    else:
        path.write_text("\n".join(json.dumps(row) for row in data))
    runs = runs_of(read_table(path), Reading(), name).runs
    assert runs.loss.tolist() == [row["loss"] for row in data]
    assert runs.parameters.tolist() == [row["n"] for row in data]


def test_parquet_is_read(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    data = rows()
    parquet.write_table(pa.table({h: [row[h] for row in data] for h in data[0]}), tmp_path / "runs.parquet")
    runs = runs_of(read_table(tmp_path / "runs.parquet"), Reading(), "").runs
    assert runs.tokens.tolist() == [row["d"] for row in data]


def test_parquet_without_pyarrow_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(LehrError, match="pip install pyarrow"):
        read_table(tmp_path / "runs.parquet")


@pytest.mark.parametrize(
    ("headings", "scale"),
    [
        (("Model Size", "Training Tokens", "val_loss"), (1.0, 1.0)),
        (("params", "tokens", "loss"), (1.0, 1.0)),
        (("N", "D", "validation loss"), (1.0, 1.0)),
        (("params_m", "tokens (billions)", "final_loss"), (1e6, 1e9)),
        (("non_embedding_params", "D", "eval_loss"), (1.0, 1.0)),
    ],
)
def test_columns_are_guessed_with_their_unit(headings: tuple[str, str, str], scale: tuple[float, float]) -> None:
    data = rows()
    table = {
        headings[0]: [row["n"] / scale[0] for row in data],
        headings[1]: [row["d"] / scale[1] for row in data],
        headings[2]: [row["loss"] for row in data],
        "seed": [1] * len(data),
    }
    read = runs_of(table, Reading(), "t")
    # a division and a multiplication by the unit: two roundings
    assert read.runs.parameters == pytest.approx([row["n"] for row in data], rel=2 * 2**-52)
    assert read.runs.tokens == pytest.approx([row["d"] for row in data], rel=2 * 2**-52)
    assert read.runs.n_convention == ("non_embedding" if "non" in headings[0] else "total")
    if scale[0] > 1:
        assert "taken to count in 1e+06 parameters" in " ".join(read.notes)


def test_tokens_follow_from_compute_and_parameters_from_a_ratio() -> None:
    data = rows()
    n, d = ([row[k] for row in data] for k in ("n", "d"))
    loss = [row["loss"] for row in data]
    flops = [6 * a * b for a, b in zip(n, d, strict=True)]
    for table in (
        {"n": n, "flops": flops, "loss": loss},
        {"C": flops, "D": d, "loss": loss},
        {"D/N": [b / a for a, b in zip(n, d, strict=True)], "tokens": d, "loss": loss},
        {"compute": flops, "tpp": [b / a for a, b in zip(n, d, strict=True)], "loss": loss},
    ):
        runs = runs_of(table, Reading(), "t").runs
        # products, quotients and one root: fewer than ten roundings of 2**-53
        assert runs.parameters == pytest.approx(n, rel=10 * 2**-53)
        assert runs.tokens == pytest.approx(d, rel=10 * 2**-53)


def test_sizes_may_be_written_as_people_write_them() -> None:
    table = {"size": ["125M", "1.3B", "7e9"], "tokens": ["2.5B", "26,000,000,000", "0.14T"], "loss": [3.3, 2.7, 2.2]}
    runs = runs_of(table, Reading(), "t").runs
    assert runs.parameters.tolist() == [125e6, 1.3e9, 7e9]
    assert runs.tokens.tolist() == [2.5e9, 26e9, 0.14e12]


@pytest.mark.slow
def test_columns_units_and_rows_are_named_on_the_command_line(tmp_path: Path) -> None:
    data = [{"a": row["n"] / 1e6, "b": row["d"], "y": row["loss"], "kind": "x"} for row in rows()]
    data += [{"a": 1.0, "b": 1e10, "y": 9.0, "kind": "other"}]
    told = fit(
        tmp_path, "columns={n: a, d: b, loss: y}", "units={n: 1e6}", "where={kind: x}", "n_convention=active",
        "loss_unit=bits/byte", data=data,
    )  # fmt: skip
    assert len(told["runs"]) == 25
    assert told["law"]["n_convention"] == "active"
    assert told["law"]["loss_unit"] == "bits/byte"
    assert told["law"]["range"]["parameters"][0] == pytest.approx(5e7)


def test_exact_repeats_count_once_and_the_rest_as_asked() -> None:
    table = {"n": [1e8, 1e8, 1e8, 1e9], "d": [1e9, 1e9, 1e9, 1e9], "loss": [3.5, 3.5, 3.7, 3.0]}
    read = runs_of(table, Reading(), "t")
    assert read.runs.loss.tolist() == [3.5, 3.7, 3.0]
    assert "1 rows repeat another one exactly" in " ".join(read.notes)
    assert "write repeats=best" in " ".join(read.notes)
    assert runs_of(table, Reading(repeats="best"), "t").runs.loss.tolist() == [3.5, 3.0]
    assert runs_of(table, Reading(repeats="mean"), "t").runs.loss.tolist() == [3.6, 3.0]


def changed(row: int, **values: Any) -> list[dict[str, Any]]:
    data = rows()
    data[row] |= values
    return data


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([rows()[0], rows()[-1]], "2 runs cannot determine the 5 constants of chinchilla"),
        (changed(3, loss=float("nan")), "row 4: loss is nan; fill it or leave the run out"),
        (changed(3, loss=""), "row 4: loss is empty"),
        (changed(3, loss=0), "row 4: loss is 0; write a number above 0"),
        (changed(3, loss=-2.5), "row 4: loss is -2.5; write a number above 0"),
        (changed(3, loss="oops"), "row 4: loss is 'oops', which is no number"),
        (changed(3, loss=float("inf")), "row 4: loss is inf"),
        (changed(2, n=5e207), "row 3: parameters is 5e+207, more than any training has; write at most 1e+18"),
        (changed(2, d=3e30), "row 3: tokens is 3e+30, more than any training has; write at most 1e+18"),
        (changed(2, loss=1e200), "row 3: loss is 1e+200 nats/token, more than guessing evenly"),
        (changed(2, n=7), "row 3: parameters is 7, which looks like millions or billions"),
        (changed(2, d=300), "row 3: tokens is 300, which looks like millions or billions"),
        ([row | {"n": 1e9} for row in rows()], "all 25 runs have 1e+09 parameters"),
        ([row | {"d": 1e10} for row in rows()], "all 25 runs have 1e+10 tokens"),
        ([{"n": row["n"], "d": row["d"]} for row in rows()], "no column of the loss; found n, d"),
        ([{"n": row["n"], "loss": row["loss"]} for row in rows()], "no column of tokens (or FLOP)"),
        ([{"d": row["d"], "loss": row["loss"]} for row in rows()], "no column of parameters"),
        (
            [row | {"loss": row["loss"] / (math.log(2) if i % 3 else 1)} for i, row in enumerate(rows())],
            "losses (row 2, row 3, row 5, row 6, row 8, row 9, ...) are about 1.44 times the others'",
        ),
    ],
    ids=lambda value: None if isinstance(value, list) else value[:24],
)
def test_bad_runs_are_refused_in_one_line(data: list[dict[str, Any]], message: str, tmp_path: Path) -> None:
    said = refused(tmp_path, data=data)
    assert message in said
    assert "runs.csv" in said
    assert not (tmp_path / "fit").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["law=nothing"], "law: 'nothing' is no form and no law"),
        (["columns={loss: los}"], "columns.loss: no column is called 'los'; did you mean loss?"),
        (["columns={size: n}"], "columns.size: unknown"),
        (["units={n: -1}"], "units.n: -1.0 is not above 0"),
        (["where={kind: x}"], "where.kind: no such column"),
        (["where={n: 3}"], "where.n: no row has 3"),
        (["repeats=worst"], "repeats: 'worst' is not known; write one of all, best, mean"),
        (["delta=0"], "delta is 0"),
        (["delta=much"], "delta: 'much' is no number"),
        (["level=1.5"], "level: 1.5 is not between 0 and 1"),
        (["bootstrap=3"], "bootstrap: 3 draws give no interval"),
        (["approach=4"], "approach: 4 is not known"),
        (["forms=[linear]"], "forms: no form is called 'linear'"),
        (["n_convention=all"], "n_convention: 'all' is not known"),
        (["loss_unit=nats"], "loss_unit: 'nats' is not known"),
        (["name=a/b"], "name: 'a/b' cannot name a file"),
        (["format=html"], "format: 'html' is not known"),
        (["data=null"], "data: nothing to fit"),
        (["approach=2"], "approach 2 needs two budgets"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_bad_settings_are_refused_in_one_line(arguments: list[str], message: str, tmp_path: Path) -> None:
    assert message in refused(tmp_path, *arguments, data=rows())


@pytest.mark.parametrize(
    ("tokens", "says"),
    [
        (lambda n: 20 * n, "every run has 20 tokens a parameter, so that what parameters and what tokens do"),
        (lambda n: 1e20 / 6 / n, "every run has the work 6 N D = 1e+20 FLOP"),
        (lambda n: 3e3 * n**0.7, "in every run the tokens follow the parameters to the power 0.7"),
    ],
)
def test_runs_on_one_line_fit_no_law(tmp_path: Path, tokens: Any, says: str) -> None:
    data = [{"n": n, "d": tokens(n), "loss": float(CHINCHILLA.loss(n, tokens(n)))} for n in np.geomspace(5e7, 8e8, 8)]
    assert says in refused(tmp_path, *FAST, data=data)


def test_two_token_counts_leave_a_floor_open_and_no_law_is_written(tmp_path: Path) -> None:
    sizes, seen = (x.ravel() for x in np.meshgrid(np.geomspace(5e7, 8e8, 5), [1e9, 2e10]))
    data = [{"n": n, "d": d, "loss": float(CHINCHILLA.loss(n, d))} for n, d in zip(sizes, seen, strict=True)]
    assert "two token counts, 1e+09 and 2e+10, by which log E, log B, beta" in refused(tmp_path, *FAST, data=data)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("runs.txt", "n,d,loss", ".txt is no table; write one of .csv"),
        ("runs.csv", "", "holds no run"),
        ("runs.csv", "n,d,loss\n", "holds no run"),
        ("runs.csv", "n,n,loss\n1,2,3\n", "the heading 'n' stands over two columns"),
        ("runs.csv", "n,d,loss\n1,2\n", "row 1 has 2 cells under 3 headings"),
        ("runs.json", "{", "not JSON"),
        ("runs.json", "[1, 2]", "write a list of runs"),
        ("runs.jsonl", '{"n": 1}\n{', "not JSON"),
        ("runs.csv.gz", "n,d,loss\n", "is not packed with gzip"),
        ("runs.parquet", "n,d,loss\n", "not Parquet"),
    ],
)
def test_files_that_are_no_tables_are_refused(name: str, content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(LehrError) as error:
        read_table(tmp_path / name)
    assert message in str(error.value)
    assert str(tmp_path / name) in str(error.value)


def test_a_decimal_comma_is_no_thousands(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text("n;d;loss\n100,000,000;2,000,000,000;3,4\n")
    with pytest.raises(LehrError, match="row 1: loss is '3,4'; write a decimal point, not a comma"):
        runs_of(read_table(path), Reading(), "runs.csv")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LehrError, match=r"none.csv: cannot be read \(No such file"):
        read_table(tmp_path / "none.csv")


def test_a_jump_of_sizes_is_told() -> None:
    table = {"n": [1e4, 2e4, 1e9, 2e9], "d": [1e9, 2e9, 1e9, 2e9], "loss": [5.0, 4.9, 2.5, 2.4]}
    assert "parameters jump from 2e+04 to 1e+09: if these are two units" in " ".join(
        runs_of(table, Reading(), "t").notes
    )


def test_several_files_are_one_table(tmp_path: Path) -> None:
    data = rows()
    paths = [write_csv(tmp_path / f"{i}.csv", part) for i, part in enumerate((data[:12], data[12:]))]
    assert dispatch(["fit", f"data=[{paths[0]},{paths[1]}]", f"out={tmp_path}", "name=both", *FAST]) == 0
    told = json.loads((tmp_path / "fit" / "both" / "fit.json").read_text())
    assert np.isclose(sum(row["loss"] for row in told["runs"]), sum(row["loss"] for row in data))


@pytest.mark.slow
def test_repeated_tokens_are_fitted_by_their_law_and_by_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = planted(DATA_CONSTRAINED, side=5, noise=0.003)
    assert runs.unique is not None
    columns = (runs.parameters, runs.tokens, runs.unique, runs.loss)
    data = [{"n": n, "d": d, "unique_tokens": u, "loss": y} for n, d, u, y in zip(*columns, strict=True)]
    found = fit(tmp_path, "law=muennighoff", "hold={E: 1.87, A: 520, B: 1490, alpha: 0.34, beta: 0.36}", data=data)
    said = capsys.readouterr().out
    assert "they repeat in 50 of 75 runs" in said
    low, high = found["constants"]["R_D_star"]["interval"]
    assert low < 15.4 < high
    assert found["constants"]["E"] == {"value": 1.87, "interval": None, "profile": None}
    # a law of new tokens is fitted to the 25 rows that saw theirs once, and says so
    fresh = fit(tmp_path, "law=chinchilla", data=data)
    assert len(fresh["runs"]) == 25
    assert "fitted to 25 runs of runs.csv, without 50 whose tokens repeat" in capsys.readouterr().out
    assert any("50 of 75 runs see tokens more than once and were left out" in n for n in fresh["not_identified"])
    # of too few of them it is refused
    with pytest.raises(LehrError, match="write law=data_constrained"):
        fit(tmp_path, "law=chinchilla", data=[row for row in data if row["d"] > 2 * row["unique_tokens"]])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["hold={R: 2}"], "hold: R is no constant"),
        (["law=skaling", "hold=[E]"], "hold: skaling is a form and has no constants"),
        (["law=besiroglu", "hold=[E, A, B, alpha, beta]"], "nothing is left to fit"),
        (["law=besiroglu", "hold=[gamma]"], "has no constant 'gamma'"),
        (["law=best", "hold={E: 1.7}"], "the constants of which form"),
    ],
)
def test_what_cannot_be_held_is_said(tmp_path: Path, words: list[str], says: str) -> None:
    with pytest.raises(LehrError) as error:
        fit(tmp_path, *words, data=rows())
    assert says in str(error.value)


@pytest.mark.slow
def test_a_shuffled_table_gives_the_same_law_to_the_last_digit(tmp_path: Path) -> None:
    data = rows(noise=0.004)
    laws = []
    for seed in range(3):
        shuffled = [data[i] for i in np.random.default_rng(seed).permutation(len(data))]
        fit(tmp_path, "law=best", "forms=[chinchilla, overtraining]", "bootstrap=20", data=shuffled)
        text = next(tmp_path.glob("**/fit.yaml")).read_text()
        # the provenance holds the checksum of the table
        laws.append([line for line in text.splitlines() if "sha256" not in line])
    assert laws[0] == laws[1] == laws[2]
