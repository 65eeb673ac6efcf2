"""The mathematics is tested without the catalogue: a slip in a file of ``conf/`` turns its own test red, not all."""

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "simulators"


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.py")), ids=lambda p: str(p.relative_to(FOLDER)))
def test_no_test_of_the_mathematics_reads_the_catalogue(path: Path) -> None:
    assert not re.search(r"\blehr\.(recipes|conf)\b", path.read_text()), "build it in code: tests/simulators/cases.py"
