"""What the files of accelerators say of runs follows from the tables of measurements."""

from __future__ import annotations

from functools import cache

import msgspec
import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.catalogue.recipe_files import MeasuredFigure
from lehr.recipes.checking import check_accelerator
from lehr.recipes.errors import LehrError
from lehr.recipes.laying_out.utilisation import Measured, Utilisation, measured, utilisations

CATALOGUE = Catalogue()


@cache
def tables() -> tuple[list[Measured], dict[tuple[str, str], Utilisation]]:
    rows = measured(CATALOGUE)
    return rows, utilisations(CATALOGUE, rows)


@pytest.mark.parametrize("name", CATALOGUE.files("accelerator"))
def test_the_utilisation_of_a_file_is_that_of_the_tables(name: str) -> None:
    device = CATALOGUE.accelerators[name]
    for key, interval in device.mfu.items():
        if device.provenance.of(f"mfu.{key}").origin == "assumed":
            # what nobody measured on this generation is that of the one before
            assert interval == tables()[1]["h100_sxm", key].interval
        else:
            assert interval == tables()[1][name, key].interval


@pytest.mark.parametrize("name", CATALOGUE.files("accelerator"))
def test_every_figure_of_an_accelerator_is_checked(name: str) -> None:
    device = CATALOGUE.accelerators[name]
    found = check_accelerator(device, *tables())
    assert len(found) >= len(device.reported)
    assert not [row for row in found if row.verdict == "FAILS"]


def test_a_wrong_figure_fails_and_a_row_that_is_none_is_told() -> None:
    device = CATALOGUE.accelerators["h100_sxm"]
    wrong = msgspec.structs.replace(device.reported[1], printed="57 %")
    found = check_accelerator(msgspec.structs.replace(device, reported=[wrong]), *tables())
    assert found[0].verdict == "FAILS"
    nobody = MeasuredFigure(quantity="mfu", printed="1 %", source="x", place="x", of={"model": "none"})
    with pytest.raises(LehrError, match="no row of the tables"):
        check_accelerator(msgspec.structs.replace(device, reported=[nobody]), *tables())


def test_a_model_counts_once_in_its_source() -> None:
    rows, expected = tables()
    own = [r for r in rows if r.counts and r.accelerator == "tpu_v5e"]
    assert (len(own), expected["tpu_v5e", "dense"].measurements, expected["tpu_v5e", "dense"].models) == (24, 24, 4)
