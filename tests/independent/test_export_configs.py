"""The ``config.json`` of an export: transformers builds the network that was counted from it, one model a class."""

from __future__ import annotations

import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.exporting.hub_config import config_of
from lehr.simulators.architecture import Architecture
from lehr.simulators.counting import count_parameters

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")


def smallest() -> dict[str, tuple[str, Architecture]]:
    """By ``model_type``, the model of the catalogue with the fewest layers."""
    found: dict[str, tuple[str, Architecture]] = {}
    for name, model in sorted(Catalogue().models().items()):
        shape = model.architecture
        if shape is None or (config := config_of(shape)) is None:
            continue
        kind = config["model_type"]
        if kind not in found or shape.n_layers < found[kind][1].n_layers:
            found[kind] = (name, shape)
    return found


CASES = smallest()


def test_many_classes_are_said() -> None:
    assert len(CASES) >= 23


@pytest.mark.parametrize("kind", sorted(CASES))
def test_transformers_builds_what_is_counted(kind: str) -> None:
    name, shape = CASES[kind]
    fields = config_of(shape)
    assert fields is not None
    config = transformers.AutoConfig.for_model(**fields)
    with torch.device("meta"):
        network = transformers.AutoModelForCausalLM.from_config(config)
    # a module for multi-token prediction is in the file, and not in the class
    assert sum(p.numel() for p in network.parameters()) == count_parameters(shape).total, name
