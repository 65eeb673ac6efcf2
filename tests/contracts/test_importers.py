"""Importers stand by family: whoever has a ``model_type`` in hand knows the file before opening one."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from lehr.recipes.catalogue.yaml import load_yaml
from lehr.recipes.importing.hugging_face.families import FAMILIES, MODELS, family
from lehr.recipes.importing.hugging_face.registry import CLASSES


def entered(path: Path) -> list[str]:
    """The types that the file enters, as its text says."""
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    calls = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id in ("reads", "enter")]
    return [str(ast.literal_eval(call.args[0])) for call in calls]


@pytest.mark.parametrize("name", FAMILIES)
def test_a_file_holds_its_family_and_nothing_else(name: str) -> None:
    types = entered(MODELS / f"{name}.py")
    assert types, f"{name}.py enters no class"
    assert {family(model_type) for model_type in types} == {name}


def test_every_class_is_entered_by_a_family_once() -> None:
    types = [model_type for name in FAMILIES for model_type in entered(MODELS / f"{name}.py")]
    assert sorted(types) == sorted(CLASSES)


@pytest.mark.parametrize("path", sorted(MODELS.glob("*.yaml")), ids=lambda path: path.stem)
def test_defaults_stand_beside_the_reader(path: Path) -> None:
    types = load_yaml(path)
    assert set(types) <= set(CLASSES)
    assert {family(model_type) for model_type in types} == {path.stem}


@pytest.mark.parametrize(
    ("model_type", "name"),
    [("gemma5_text", "gemma"), ("qwen4", "qwen"), ("deepseek_v5", "deepseek"), ("xlm-roberta", "roberta")],
)
def test_a_type_that_is_not_there_yet_has_its_file(model_type: str, name: str) -> None:
    assert family(model_type) == name


def test_a_larger_model_has_one_text_model() -> None:
    wholes = [whole for reader in CLASSES.values() for whole in reader.inside]
    assert len(wholes) == len(set(wholes)) > 50
    assert not set(wholes) & set(CLASSES)
