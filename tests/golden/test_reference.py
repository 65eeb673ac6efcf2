"""No projection of the catalogue moves unseen: `lehr reference accept="why"` accepts an intended change."""

from __future__ import annotations

from pathlib import Path

import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.cli import dispatch
from lehr.recipes.errors import LehrError
from lehr.recipes.reference import Change, as_json, changes, into_changelog, project_all, read

REFERENCE = Path(__file__).parents[2] / "outputs" / "reference"


def test_no_figure_of_the_catalogue_moved() -> None:
    moved = changes(read(REFERENCE), project_all(Catalogue()))
    assert moved == [], "\n".join(str(change) for change in moved[:20])


ONE = {"a": {"stages.pt.flops": 1.0e24, "stages.pt.time.accelerator": "h800", "totals.cost": None}}


def test_a_figure_that_moves_is_named_with_how_far() -> None:
    two = {"a": {**ONE["a"], "stages.pt.flops": 1.1e24}}
    (change,) = changes(ONE, two)
    assert str(change) == "a: stages.pt.flops: 1.00000e+24 to 1.10000e+24 (+10.000%)"


def test_rounding_is_no_change_and_one_part_in_a_billion_is() -> None:
    assert changes(ONE, {"a": {**ONE["a"], "stages.pt.flops": 1.0e24 * (1 + 4e-16)}}) == []
    assert len(changes(ONE, {"a": {**ONE["a"], "stages.pt.flops": 1.0e24 * (1 + 1e-9)}})) == 1


def test_a_name_a_figure_that_goes_and_a_recipe_that_comes_are_seen() -> None:
    assert [c.path for c in changes(ONE, {"a": {**ONE["a"], "stages.pt.time.accelerator": "h100"}})] == [
        "stages.pt.time.accelerator"
    ]
    assert [c.path for c in changes(ONE, {"a": {"stages.pt.flops": 1.0e24, "totals.cost": None}})] == [
        "stages.pt.time.accelerator"
    ]
    assert changes({}, ONE) == [Change("a", "recipe", "none", "new")]


def test_an_accepted_change_stands_in_the_changelog() -> None:
    moved = [Change("a", "stages.pt.flops", 1.0, 2.0), Change("a", "totals.flops", 1.0, 2.0)]
    text = into_changelog("# Changelog\n\n### Figures\n- older\n", moved, "the router is counted")
    assert text == (
        "# Changelog\n\n### Figures\n"
        "- a: the router is counted: stages.pt.flops: 1 to 2 (+100.000%), and 1 more\n- older\n"
    )
    with pytest.raises(LehrError, match="### Figures"):
        into_changelog("# Changelog\n", moved, "why")


def test_a_reference_is_read_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(as_json(ONE["a"]))
    assert read(tmp_path) == ONE


@pytest.mark.parametrize("reason", ["accept=", "accept=' '"])
def test_nothing_is_accepted_without_a_reason(reason: str, tmp_path: Path) -> None:
    with pytest.raises(LehrError, match="accept: says nothing"):
        dispatch(["reference", f"reference={tmp_path}/none", f"changelog={tmp_path}/none.md", reason])
