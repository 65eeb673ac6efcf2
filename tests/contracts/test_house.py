"""What the docs say of the house is so: every place that it names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TABLE = re.search(r"\| where is \|.*?\n\n", (ROOT / "docs" / "house.md").read_text(), re.DOTALL)
PLACES = sorted(set(re.findall(r"`((?:recipes|simulators|conf)/[\w./]*)`", TABLE[0]))) if TABLE else []


def test_the_table_is_read() -> None:
    assert len(PLACES) > 10


@pytest.mark.parametrize("place", PLACES)
def test_a_place_that_the_docs_name_is_there(place: str) -> None:
    path = ROOT / place
    assert path.is_dir() if place.endswith("/") else path.is_file()


NAMED = re.findall(
    r"^\| `(\w+)` \|", (ROOT / "docs" / "house.md").read_text().partition("`LEHR_DATA` names")[2], re.MULTILINE
)
USED = {
    folder
    for part in ("tests", "benchmarks")
    for path in (ROOT / part).rglob("*.py")
    for folder in re.findall(r"(?:data_file\(\s*f?|DATA / )\"(\w+)", path.read_text())
}


def test_a_user_is_told_where_the_public_runs_are_from() -> None:
    assert set(NAMED) == USED
