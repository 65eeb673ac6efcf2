"""Models side by side: what differs comes first, and the numbers are those of the other verbs."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.comparing import Terms, as_text, compare
from lehr.recipes.composing.python import job_of
from lehr.recipes.laying_out.answer import answer
from lehr.recipes.laying_out.question import question
from lehr.recipes.projecting.model import project_by_name
from lehr.recipes.verbs.compare import run
from tests.recipes.test_cli import lehr

CATALOGUE = Catalogue()


def test_what_differs_comes_first() -> None:
    rows = compare(CATALOGUE, ["starcoder", "santacoder"])
    marks = [row.differs for row in rows]
    assert marks == sorted(marks, reverse=True)
    assert True in marks
    assert False in marks


def test_the_numbers_are_those_of_count_and_report() -> None:
    rows = {row.quantity: row.values for row in compare(CATALOGUE, ["deepseek_v3", "starcoder"])}
    assert rows["parameters, total"] == [671_026_404_352, 15_517_456_384]
    totals = [project_by_name(CATALOGUE, name)[2].totals for name in ("deepseek_v3", "starcoder")]
    assert rows["training FLOPs, known stages"] == [t.flops for t in totals]


def test_every_model_is_counted_at_one_sequence_length() -> None:
    (row,) = [
        r for r in compare(CATALOGUE, ["deepseek_v3", "santacoder"]) if r.quantity.startswith("training FLOPs, causal")
    ]
    assert (row.quantity, row.unit) == ("training FLOPs, causal, at 2,048", "FLOP/token")
    assert None not in row.values


def test_a_model_beside_itself_differs_in_nothing() -> None:
    assert not any(row.differs for row in compare(CATALOGUE, ["starcoder", "starcoder"]))


def rows_of(names: list[str], terms: Terms | None = None) -> dict[str, list[object]]:
    return {row.quantity: list(row.values) for row in compare(CATALOGUE, names, None, terms)}


def test_hours_are_of_one_machine_or_as_published_and_never_both() -> None:
    names = ["deepseek_v3", "llama_3_1_8b"]
    ours = rows_of(names)
    # the work of the known stages over what a device does of it: no stage has a machine of its own
    flops = ours["training FLOPs, known stages"]
    peak = CATALOGUE.accelerators["h100_sxm"].peak["bf16"]
    mfu = [CATALOGUE.accelerators["h100_sxm"].mfu[kind].central for kind in ("moe", "dense")]
    wanted = [f / (peak * m) / 3600 for f, m in zip(flops, mfu, strict=True)]  # type: ignore[operator]
    assert ours["hours on h100_sxm in bf16, projected"] == pytest.approx(wanted, rel=1e-12)
    assert not any("published" in quantity for quantity in ours)
    printed = rows_of(names, Terms(published=True))
    assert printed["published accelerator-hours"][0] == 2.788e6
    assert printed["published cost"][0] == "$5.576M"
    assert not any(", projected" in quantity for quantity in printed)


def test_the_machine_can_be_named_with_its_utilisation_and_price() -> None:
    terms = Terms(device=CATALOGUE.accelerators["h200"], mfu=0.4, usd_per_hour=3.5)
    rows = rows_of(["deepseek_v3", "llama_3_1_8b"], terms)
    assert rows["MFU taken on h200 in bf16"] == ["40.0%", "40.0%"]
    hours, cost = (rows[f"{what} on h200 in bf16, projected"] for what in ("hours", "cost"))
    assert cost == pytest.approx([3.5 * h for h in hours], rel=1e-12)  # type: ignore[operator]


def test_experts_heads_dates_and_sources_stand_beside() -> None:
    rows = rows_of(["deepseek_v3", "llama_3_1_8b"])
    assert rows["experts"] == ["256, 8 a token, 1 shared", "none"]
    assert rows["heads"] == ["128", "32, 8 of keys and values"]
    assert rows["released"][0] == "2024-12"
    assert "deepseek_2024_v3" in str(rows["sources"][0])


def test_it_is_csv_and_markdown_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    job = {"names": ["DeepSeek-V3", "StarCoder"], "out": str(tmp_path)}
    run(job_of("compare", {**job, "format": "csv"}))
    table = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    row = next(row for row in table if row["quantity"] == "parameters, total")
    assert (row["deepseek_v3"], row["unit"]) == ("671026404352", "parameters")
    run(job_of("compare", {**job, "format": "md"}))
    text = Path(capsys.readouterr().out.strip()).read_text()
    assert text.startswith("# DeepSeek-V3 beside starcoder")
    assert "$" in text


@pytest.mark.slow
def test_it_is_printed_as_text_json_and_a_page(tmp_path: Path) -> None:
    assert lehr("compare", "starcoder", "santacoder", folder=tmp_path).startswith("differs")
    data = json.loads(lehr("compare", "starcoder", "santacoder", "format=json", folder=tmp_path))
    assert data["models"] == ["starcoder", "santacoder"]
    path = lehr("compare", "starcoder", "santacoder", "format=html", folder=tmp_path).strip()
    assert "15,517,456,384" in (tmp_path / path).read_text()


def test_a_narrow_terminal_has_the_models_below_each_other() -> None:
    names = ["starcoder", "santacoder", "deepseek_v3", "claude_1"]
    rows = compare(CATALOGUE, names)
    text = as_text(names, rows, 90)
    assert max(map(len, text.splitlines())) <= 90
    headings = [line.split()[1:-1] for line in text.splitlines() if line.startswith("differs")]
    assert len(headings) > 1
    assert [name for heading in headings for name in heading] == names
    assert len(as_text(names, rows, None).split("\n\n")) == 1 + any(not row.differs for row in rows)


def test_nothing_that_differs_has_no_table() -> None:
    assert "differs" not in as_text(["starcoder"] * 2, compare(CATALOGUE, ["starcoder"] * 2), None)


def test_forty_models_have_a_page(tmp_path: Path) -> None:
    path = lehr("compare", *["starcoder", "santacoder"] * 20, "format=html", folder=tmp_path).strip()
    assert "<h1>40 models side by side</h1>" in (tmp_path / path).read_text()


def test_models_on_one_machine_have_the_layouts_of_the_layout_verb() -> None:
    names, device = ["llama_3_1_8b", "qwen3_8b"], CATALOGUE.accelerators["h100_sxm"]
    rows = {row.quantity: row.values for row in compare(CATALOGUE, names, (device, 64))}
    for i, name in enumerate(names):
        alone = answer(
            question(CATALOGUE, CATALOGUE.model(name), device, devices=64, sequence_length=4096, global_batch=1024)
        ).best
        assert alone is not None
        assert rows["best layout on 64 h100_sxm"][i] == alone.layout.short()
        assert rows["tokens a second and device on 64 h100_sxm"][i] == alone.tokens_per_second


def test_a_model_that_fits_no_layout_says_so() -> None:
    rows = compare(CATALOGUE, ["deepseek_v3", "santacoder"], (CATALOGUE.accelerators["rtx_4090"], 8))
    (row,) = [r for r in rows if r.quantity == "best layout on 8 rtx_4090"]
    assert str(row.values[0]).startswith("none: no layout of deepseek_v3 on 8 rtx_4090 fits")
    (hours,) = [r for r in rows if r.quantity == "hours on rtx_4090 in bf16, projected"]
    assert hours.values[0] is None
    assert isinstance(hours.values[1], float)
