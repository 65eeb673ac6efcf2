"""The report of a made-up model is what it was; a change is looked at before it is taken.

``LEHR_WRITE_GOLDEN=1 pytest tests/golden`` writes what is rendered now. Figures are left out: their paths depend on
the version of the library that draws them.
"""

import os
import re
from pathlib import Path

import pytest

from tests.recipes.report_case import rendered

GOLDEN = Path(__file__).parent / "report"


@pytest.mark.parametrize("name", ["report.md", "report.html", "projection.json"])
def test_a_report_is_what_it_was(name: str) -> None:
    now = re.sub(r"(<svg[^>]*>).*?</svg>", r"\1</svg>", rendered()[name].decode(), flags=re.DOTALL)
    now = re.sub(r"<style>.*?</style>", "<style></style>", now, flags=re.DOTALL)
    # ten digits of a number: powers differ in the last ones between mathematical libraries
    now = re.sub(r"\d+\.\d{8,}(?:e[+-]?\d+)?", lambda m: f"{float(m[0]):.10g}", now)
    path = GOLDEN / name
    if os.environ.get("LEHR_WRITE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(now)
    assert now == path.read_text()
