"""Which sources an entry of the catalogue rests on, and where in them it was read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.catalogue.names import Entry, entries, look_up
from lehr.recipes.catalogue.yaml import load_yaml
from lehr.recipes.errors import LehrError, nearest_few

Places = dict[str, list[str]]
"""A source's key to the places in it, each once, in the order of use."""


def sources_of(catalogue: Catalogue, names: Iterable[str]) -> Places:
    """The sources of the entries called ``names``; of a model also those of its recipes.

    Raises ``LehrError`` where nothing is called so, and where a file cites what the bibliography has not.

    >>> found = sources_of(Catalogue(), ["besiroglu"])
    >>> list(found)
    ['besiroglu_2024_chinchilla', 'hoffmann_2022_chinchilla']
    """
    everything, found = entries(catalogue), Places()
    for name in names:
        called = [e for e in everything if e.name == name] or look_up(name, everything)
        if not called and not catalogue.has("recipe", name):
            labels = [label for entry in everything for label in entry.labels]
            raise LehrError(f"names: nothing is called {name!r}; {nearest_few(name, labels)}")
        for group, file in files_of(catalogue, name, called):
            for key, place in cited(load_yaml(catalogue.path(group, file)), catalogue.sources):
                if key not in catalogue.sources:
                    raise LehrError(f"{group}/{file}.yaml: cites {key}, which the bibliography has not")
                places = found.setdefault(key, [])
                places += [place] if place and place not in places else []
    return found


def files_of(catalogue: Catalogue, name: str, called: list[Entry]) -> Iterator[tuple[str, str]]:
    """The files of what is called so, each as its group and name."""
    for entry in called:
        yield entry.group, entry.name
    wanted = {entry.name for entry in called if entry.group == "model"}
    if not wanted and not catalogue.has("recipe", name):
        return
    wanted.add(name)
    for file, path in catalogue.files("recipe").items():
        if file in wanted or load_yaml(path).get("model") in wanted:
            yield "recipe", file


def cited(data: Any, known: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Every source that the data cite and its place, and every one that a note names by its key."""
    if isinstance(data, list):
        for value in data:
            yield from cited(value, known)
    elif isinstance(data, dict):
        if isinstance(key := data.get("source"), str):
            yield key, str(data.get("place") or "")
        for name, value in data.items():
            if name in ("note", "why", "cause") and isinstance(value, str):
                yield from ((word, "") for word in re.findall(r"\w+", value) if word in known)
            yield from cited(value, known)
