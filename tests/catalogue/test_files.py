"""Every file of the catalogue: decodes, is named after itself, and says where its values come from."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import pytest

from lehr.recipes.catalogue.files import CONF, Catalogue
from lehr.recipes.catalogue.yaml import load_yaml
from lehr.simulators.evidence import Provenance

CATALOGUE = Catalogue()
GROUPS = ("model", "recipe", "dataset", "method", "accelerator", "law")
FILES = [path for group in GROUPS for path in CATALOGUE.files(group).values()]


@cache
def content(path: Path) -> Any:
    return load_yaml(path)


def by_name(path: Path) -> str:
    return str(path.relative_to(CONF))


def read(path: Path) -> Any:
    reader = {
        "model": CATALOGUE.model,
        "recipe": CATALOGUE.recipe,
        "dataset": lambda name: CATALOGUE.datasets()[name],
        "method": lambda name: CATALOGUE.methods()[name],
        "accelerator": lambda name: CATALOGUE.accelerators[name],
        "law": CATALOGUE.law,
    }
    return reader[path.parent.name](path.stem)


@pytest.mark.parametrize("path", FILES, ids=by_name)
def test_it_decodes_and_is_named_after_itself(path: Path) -> None:
    assert read(path).name == path.stem


def cited(value: Any) -> set[str]:
    """Every ``source:`` below ``value``."""
    if isinstance(value, dict):
        here = {value["source"]} if isinstance(value.get("source"), str) else set()
        return here.union(*(cited(v) for v in value.values()))
    return set().union(*(cited(v) for v in value)) if isinstance(value, list) else set()


@pytest.mark.parametrize("path", FILES, ids=by_name)
def test_every_source_is_in_the_bibliography(path: Path) -> None:
    assert cited(content(path)) <= set(CATALOGUE.sources)


def test_every_source_of_the_bibliography_is_cited() -> None:
    used = set().union(*(cited(content(path)) for path in FILES))
    for path in (CONF / "measurement").glob("*.csv"):
        used |= {row["source"] for row in csv.DictReader(path.read_text(encoding="utf-8").splitlines())}
    assert set(CATALOGUE.sources) <= used


def holds(value: Any, path: list[str]) -> bool:
    """Does the dotted ``path`` lead somewhere in ``value``?"""
    if not path:
        return True
    if isinstance(value, dict):
        return path[0] in value and holds(value[path[0]], path[1:])
    return (
        isinstance(value, list)
        and path[0].isdigit()
        and int(path[0]) < len(value)
        and holds(value[int(path[0])], path[1:])
    )


@pytest.mark.parametrize("path", FILES, ids=by_name)
def test_every_exception_covers_a_value_that_is_there(path: Path) -> None:
    provenance = read(path).provenance
    assert isinstance(provenance, Provenance)
    dangling = [key for key in provenance.exceptions if not holds(content(path), key.split("."))]
    assert dangling == []


def test_recipes_name_what_the_catalogue_has() -> None:
    datasets = CATALOGUE.datasets()
    for name, recipe in CATALOGUE.recipes().items():
        assert recipe.model in CATALOGUE.files("model"), name
        for stage in recipe.stages.values():
            assert set(stage.datasets) <= set(datasets), name
            if stage.hardware:
                assert stage.hardware.accelerator in CATALOGUE.accelerators, name


def test_a_publishers_sources_stand_in_one_file() -> None:
    """One file for each host, and ``pages.yaml`` for those that published one or two things."""
    files: dict[str, set[str]] = {}
    for path in sorted((CONF / "sources").glob("*.yaml")):
        for source in load_yaml(path).values():
            host = ".".join((urlparse(source["url"]).hostname or "").split(".")[-2:])
            files.setdefault(host, set()).add(path.name)
    apart = {host: sorted(names) for host, names in files.items() if len(names) > 1}
    # pages that several hold on GitHub's own domain: each is its holder's
    apart.pop("github.io", None)
    assert not apart, f"sort a source into the file of its publisher: {apart}"


NO_LICENCE = {"codeparrot_1_5b", "nomic_embed_code", "skywork_swe_32b"}
"""Weights whose licence nobody has read yet."""


def test_weights_have_a_licence_or_say_where_none_was_found() -> None:
    without = {m.name for m in CATALOGUE.models().values() if m.open == "weights" and m.license is None}
    told = {name for name in without if "license" in CATALOGUE.model(name).provenance.not_published}
    assert without - told == NO_LICENCE


AND_OTHERS = {"together_2025_deepswe"}
"""Sources whose authors nobody has read in full."""


def test_authors_are_named_in_full() -> None:
    """People stand apart by semicolons, as BibTeX needs them apart."""
    names = {key: source.authors or "" for key, source in CATALOGUE.sources.items()}
    assert {key for key, authors in names.items() if "et al" in authors} == AND_OTHERS
    assert not {key for key, authors in names.items() if "," in authors and ";" not in authors}
