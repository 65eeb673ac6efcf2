"""A method or a formula that stands in one place is written nowhere else."""

import re

import pytest

from tests.contracts.imports import modules

ONCE = {
    "golden section": (r"\(sqrt\(5\) - 1\)|5 ?\*\* ?0\.5", {"lehr.simulators.numerics.search"}),
    "bisection": (r"middle = \((low|left) \+ (high|right)\) / 2", {"lehr.simulators.numerics.search"}),
    "a damped step": (r"damping(\[:, None\])? \* (scale|np\.diag)", {"lehr.simulators.numerics.levenberg"}),
    "Student's distribution": (r"def (beta_share|t_tail|t_quantile)", {"lehr.simulators.numerics.student"}),
    "the digamma function": (r"def digamma", {"lehr.simulators.numerics.digamma"}),
    "the N of a convention": (r"\"excl_input_embedding\",?\s", {"lehr.simulators.counting"}),
    "accelerator-hours": (r"/ peak / 3600", {"lehr.simulators.projection.cost"}),
    "days of devices": (r"/ devices / 24", {"lehr.simulators.projection.cost"}),
    "the band of a mixture": (r"\(low_n \* high_n\) \*\* 0\.5", {"lehr.simulators.projection.loss"}),
    "an array": (r"NDArray\[np\.float64\]", {"lehr.simulators.quantities"}),
    "a range of numbers": (
        r"= Annotated\[(float|int), msgspec\.Meta\((gt|ge)=[01](\.0)?(, le=1\.0)?\)\]",
        {"lehr.simulators.quantities"},
    ),
    "the level of an interval": (r"is not between 0 and 1; write", {"lehr.recipes.composing.settings"}),
    "a structure without its defaults": (r"field\.default_factory", {"lehr.recipes.catalogue.encode"}),
}
"""What it is, how it looks in code, and where it stands."""


@pytest.mark.parametrize("what", ONCE)
def test_it_stands_in_one_place(what: str) -> None:
    pattern, places = ONCE[what]
    found = {name for name, path in modules().items() if re.search(pattern, path.read_text())}
    assert found == places
