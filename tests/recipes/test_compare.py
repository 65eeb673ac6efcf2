"""Models side by side: what differs comes first, and the numbers are those of the other verbs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.comparing import as_text, compare
from lehr.recipes.projecting.model import project_by_name
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
