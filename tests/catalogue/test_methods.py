"""What a method says of how a file writes it is what a file may write."""

import pytest
import yaml

from lehr.recipes.catalogue.decode import decode
from lehr.recipes.catalogue.entries import Method
from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.catalogue.yaml import NumberLoader
from lehr.simulators.layers import ChannelMixer, Mixer
from lehr.simulators.layers.position import Position
from lehr.simulators.objectives import Objective
from lehr.simulators.schedules import Schedule
from lehr.simulators.training import STAGE_KINDS

METHODS = Catalogue().methods()
WRITTEN_AS = {"mixer": Mixer, "mlp": ChannelMixer, "position": Position, "objective": Objective, "schedule": Schedule}
WRITTEN = [method for method in METHODS.values() if method.written is not None]


@pytest.mark.parametrize("method", WRITTEN, ids=lambda m: m.name)
def test_it_decodes_as_written(method: Method) -> None:
    ((key, value),) = yaml.load(method.written or "", Loader=NumberLoader).items()
    if key == "kind":
        assert value in STAGE_KINDS
    else:
        decode(value, WRITTEN_AS[key], method.name)


def test_every_stage_of_the_survey_and_no_other_has_a_method() -> None:
    written = {m.written for m in METHODS.values() if m.kind == "stage"}
    assert written == {f"kind: {kind}" for kind in STAGE_KINDS}
