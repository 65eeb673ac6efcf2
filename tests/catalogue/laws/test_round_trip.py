"""A law of the catalogue is the same after a file, and answers."""

from __future__ import annotations

import msgspec
import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.simulators.laws import AnyLaw
from lehr.simulators.laws.curves import CurveLaw


@pytest.mark.parametrize("name", Catalogue().files("law"))
def test_a_law_is_the_same_after_a_file(name: str) -> None:
    found = Catalogue().law(name)
    assert msgspec.convert(msgspec.to_builtins(found), AnyLaw) == found
    assert found.answers() or isinstance(found, CurveLaw)
