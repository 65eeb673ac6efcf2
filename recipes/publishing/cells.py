"""Every value of the catalogue as a row with its origin, source and place, and the way back."""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.catalogue.yaml import load_yaml
from lehr.simulators.evidence import Fact, Provenance

GROUPS = ("model", "recipe", "dataset", "method", "accelerator", "cluster", "law", "trainer")
"""Those whose files hold facts."""


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One value: the file it stands in, its path there, itself as JSON, and who said it.

    ``origin`` is published, second-hand (published, by a source that tells what another printed), derived or
    assumed; it is empty where the words are ours, and in the file's own ``provenance``, which says it.
    """

    group: str
    name: str
    path: str
    value: str
    number: float | None = None
    origin: str | None = None
    source: str | None = None
    place: str | None = None
    note: str | None = None


class Own(msgspec.Struct, frozen=True, kw_only=True):
    """Who said a value that has a source of its own beside it."""

    source: str
    place: str | None = None
    note: str | None = None
    origin: str = "published"


def cells(catalogue: Catalogue) -> list[Cell]:
    """All of them, by group, name and the order of the file."""
    retold = {key for key, source in catalogue.sources.items() if source.second_hand}
    return [
        cell
        for group in GROUPS
        for name, path in catalogue.files(group).items()
        for cell in cells_of(group, name, load_yaml(path), retold)
    ]


def cells_of(group: str, name: str, data: Mapping[str, Any], retold: Container[str] = ()) -> Iterator[Cell]:
    """The values of one file; ``retold`` are the keys of second-hand sources.

    >>> file = {"d": 8, "provenance": {"default": {"origin": "published", "source": "a_2024", "place": "Table 1"}}}
    >>> [(cell.path, cell.value, cell.source) for cell in cells_of("model", "x", file)][0]
    ('d', '8', 'a_2024')
    """
    said = data.get("provenance")
    provenance = msgspec.convert(said, Provenance) if said else None
    for path, value, own in leaves(data, "", None):
        fact: Fact | Own | None = None
        if provenance is not None and not editorial(path):
            fact = own or provenance.of(re.sub(r"\[\d+\]", "", path))
        yield Cell(
            group=group,
            name=name,
            path=path,
            value=json.dumps(value, ensure_ascii=False),
            number=float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None,
            origin=_origin(fact, retold),
            source=fact.source if fact else None,
            place=fact.place if fact else None,
            note=fact.note if fact else None,
        )


def _origin(fact: Fact | Own | None, retold: Container[str]) -> str | None:
    if fact is None:
        return None
    return "second-hand" if fact.origin == "published" and fact.source in retold else fact.origin


EDITORIAL = ("name", "title", "what", "also", "cost", "written", "note", "why", "cause")
"""Keys of our own words about an entry, which nobody published."""


def editorial(path: str) -> bool:
    """Is the value ours to word: a name, a note, the provenance itself?

    >>> [editorial(path) for path in ("stages.pt.note", "stages.pt.tokens", "provenance.default.place")]
    [True, False, True]
    """
    return path.startswith("provenance.") or path.rpartition(".")[2] in EDITORIAL


def leaves(value: Any, path: str, own: Own | None) -> Iterator[tuple[str, Any, Own | None]]:
    """The path and value of everything below; a list of plain values is one, and what has a source of its own (a
    reported figure, a price) has that."""
    if isinstance(value, dict) and value:
        if isinstance(value.get("source"), str) and path and not path.startswith("provenance."):
            own = Own(source=value["source"], place=value.get("place"), note=value.get("note"))
        for key, below in value.items():
            yield from leaves(below, f"{path}.{quoted(key)}" if path else quoted(key), own)
    elif isinstance(value, list) and any(isinstance(below, (dict, list)) for below in value):
        for number, below in enumerate(value):
            yield from leaves(below, f"{path}[{number}]", own)
    else:
        yield path, value, own


def quoted(key: object) -> str:
    """A key as a step of a path, between quotes where it is no plain word.

    >>> quoted("tokens"), quoted("a.b"), quoted(7)
    ('tokens', '"a.b"', '#7')
    """
    if isinstance(key, bool) or not isinstance(key, (int, str)):
        raise TypeError(f"a key is a text or a whole number, not {key!r}")
    if isinstance(key, int):
        return f"#{key}"
    return key if re.fullmatch(r"[A-Za-z_][\w-]*", key) else json.dumps(key, ensure_ascii=False)


STEP = re.compile(r'\.?(?:"((?:[^"\\]|\\.)*)"|#(-?\d+)|([A-Za-z_][\w-]*)|\[(\d+)\])')


def steps(path: str) -> list[str | int | tuple[int]]:
    """A path as keys; a place in a list is a tuple.

    >>> steps('reported[2]."a.b".value')
    ['reported', (2,), 'a.b', 'value']
    """
    found: list[str | int | tuple[int]] = []
    for text, number, word, index in STEP.findall(path):
        if index:
            found.append((int(index),))
        elif number:
            found.append(int(number))
        else:
            found.append(word or json.loads(f'"{text}"'))
    return found


def read_back(rows: Iterable[Cell]) -> dict[tuple[str, str], Any]:
    """The files that the rows were made of, by group and name.

    >>> read_back(cells_of("model", "x", {"a": [{"b": 1.5}, {"c": []}], "d": {}}))
    {('model', 'x'): {'a': [{'b': 1.5}, {'c': []}], 'd': {}}}
    """
    files: dict[tuple[str, str], Any] = {}
    for row in rows:
        file = files.setdefault((row.group, row.name), {})
        way = steps(row.path)
        for step, following in zip(way, [*way[1:], None], strict=True):
            last = following is None
            empty: Any = [] if isinstance(following, tuple) else {}
            below = json.loads(row.value) if last else empty
            if isinstance(step, tuple):
                if step[0] == len(file):
                    file.append(below)
                file = file[step[0]]
            else:
                file = file.setdefault(step, below)
    return files
