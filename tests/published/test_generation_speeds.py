"""Speeds of generation that others measured (conf/measurement/decode.csv, a source a row)."""

from __future__ import annotations

import numpy as np
import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.generating.tables import generation_fit, read_generation
from lehr.simulators.machine.generation_fit import LEVEL, fit_generation, leave_out

ROWS = read_generation(Catalogue())


@pytest.mark.slow
def test_the_constants_are_those_that_the_table_gives() -> None:
    assert np.allclose(fit_generation(ROWS).logs, generation_fit().logs, atol=1e-3)


@pytest.mark.slow
def test_sources_that_were_left_out_are_told_within_a_fifth() -> None:
    """Half of all rows; seventy-eight of them are of one source, whose constants rest on the five others here."""
    found = leave_out(ROWS, ROWS.source)
    off = found.logs - ROWS.logs
    assert np.median(np.abs(np.expm1(off))) <= 0.20
    assert 0.80 <= np.mean(np.abs(off) <= LEVEL * found.spread) <= 0.97
