"""A catalogued model's configuration, written by transformers and imported, is the catalogued network again."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from lehr.recipes.importing.hugging_face.config import import_config
from lehr.simulators.architecture import Architecture
from tests.independent.test_transformers_counts import CLASSES, MODELS, class_of
from tests.independent.transformers_networks import TABLE

transformers = pytest.importorskip("transformers")

ON_TOP = {"GPT2": "LMHeadModel", "T5": "ForConditionalGeneration", "MT5": "ForConditionalGeneration"}
NAMES = [m.name for m in MODELS.values() if m.architecture is not None and class_of(m) not in (None, "CodeGen")]


def class_name(kind: str, architecture: Architecture) -> str:
    """What stands in ``architectures``."""
    if kind == "Llama4Text":
        return "Llama4ForCausalLM"
    if architecture.embedding.head:
        return kind + ON_TOP.get(kind, "ForMaskedLM" if kind in ("Roberta", "Gte") else "ForCausalLM")
    return f"{kind}Model"


def tensors(architecture: Architecture) -> Counter[tuple[Any, ...]]:
    found: Counter[tuple[Any, ...]] = Counter()
    for weight, times in architecture.weights():
        found[weight.component, weight.name, weight.shape, weight.role, weight.copies, weight.active] += times
    return found


def test_every_class_of_the_catalogue_is_here() -> None:
    assert {class_of(MODELS[name]) for name in NAMES} >= set(CLASSES.values()) - {"CodeGen"}


@pytest.mark.parametrize("in_full", [False, True], ids=["short", "full"])
@pytest.mark.parametrize("name", NAMES)
def test_the_same_tensors(name: str, in_full: bool) -> None:
    architecture = MODELS[name].shape()
    kind = class_of(MODELS[name]) or ""
    config = getattr(transformers, f"{kind}Config")(**TABLE[kind](architecture))
    fields = json.loads(json.dumps(config.to_dict() if in_full else config.to_diff_dict()))
    fields |= {"model_type": config.model_type, "architectures": [class_name(kind, architecture)]}
    found = import_config(fields).architecture
    assert tensors(found) == tensors(architecture)
    assert found.n_layers == architecture.n_layers
