"""Where the catalogue uses an entry: the files that say it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.catalogue.names import Entry, words
from lehr.recipes.catalogue.yaml import NumberLoader, load_yaml

SEARCHED = ("model", "recipe", "dataset")
"""Groups whose files may use an entry."""


class Files:
    """The plain data of every file that may use an entry, read once.

    >>> from lehr.recipes.catalogue.names import entries, look_up
    >>> catalogue = Catalogue()
    >>> [grpo] = look_up("GRPO", entries(catalogue))[:1]
    >>> "recipe deepseek_v3" in Files(catalogue).that_use(grpo)
    True
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.data = {
            f"{group} {name}": load_yaml(path) for group in SEARCHED for name, path in catalogue.files(group).items()
        }

    def that_use(self, entry: Entry) -> list[str]:
        """The files that use ``entry``, each as ``group name``."""
        own = f"{entry.group} {entry.name}"
        return [where for where, data in self.data.items() if where != own and self.uses(data, entry)]

    def uses(self, data: Any, entry: Entry) -> bool:
        """Does the file with ``data`` use ``entry``?"""
        if entry.group == "method":
            if entry.written:
                ((key, pattern),) = yaml.load(entry.written, Loader=NumberLoader).items()
                return any(matches(key, pattern, found) for found in under(data, key))
            return named_in_text(data, entry)
        if entry.group == "dataset":
            scored = any(entry.name in key for key in (data.get("stated") or {}))
            return scored or entry.name in keys_and_names(data) or named_in_text(data, entry)
        return entry.name in keys_and_names(data)


def named_in_text(data: Any, entry: Entry) -> bool:
    """Does a text of the file call ``entry`` by one of its names?"""
    return any(says(text, label) for text in texts(data) for label in entry.labels)


def under(data: Any, key: str) -> Iterator[Any]:
    """Every value of ``key``, however deep."""
    if isinstance(data, dict):
        for name, value in data.items():
            if name == key:
                yield value
            yield from under(value, key)
    elif isinstance(data, list):
        for value in data:
            yield from under(value, key)


def texts(data: Any) -> Iterator[str]:
    """Every text of a file but its sources and places."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict):
        for name, value in data.items():
            if name not in ("source", "place", "hf_id", "name"):
                yield from texts(value)
    elif isinstance(data, list):
        for value in data:
            yield from texts(value)


def keys_and_names(data: Any) -> set[str]:
    """The keys and the texts of a file."""
    if isinstance(data, dict):
        return {*map(str, data)}.union(*(keys_and_names(value) for value in data.values()))
    if isinstance(data, list):
        return set[str]().union(*(keys_and_names(value) for value in data))
    return {data} if isinstance(data, str) else set()


def says(text: str, label: str) -> bool:
    """Does ``text`` have the words of ``label``, one behind the other? An abbreviation must be in capitals there too.

    >>> says("the schedule is WSD, its decay a tenth", "WSD"), says("wsdl", "WSD"), says("no muon", "Muon")
    (True, False, True)
    """
    wanted, found = words(label), words(text)
    if label.isupper() and label not in text:
        return False
    return any(found[i : i + len(wanted)] == wanted for i in range(len(found) - len(wanted) + 1))


def matches(key: str, pattern: Any, found: Any) -> bool:
    """Is ``found`` what ``pattern`` describes, whatever its sizes?

    >>> matches("objective", {"kind": "next_token", "fim": {"rate": 0.5, "formats": ["psm"]}},
    ...         {"kind": "next_token", "fim": {"rate": 0.1, "formats": ["psm", "spm"]}})
    True
    >>> gqa = {"kind": "attention", "n_heads": 32, "n_kv_heads": 8}
    >>> matches("mixer", gqa, {"kind": "attention", "n_heads": 4, "n_kv_heads": 1})
    False
    """
    return marks(key, pattern) <= marks(key, found)


PRESENT = ("mtp_weight", "n_shared_experts", "window", "indexer", "output_gate", "fim", "scaling")
"""Fields whose presence says what a thing is."""


def marks(key: str, value: Any) -> set[str]:
    """What tells such a thing from others of its sort."""
    if not isinstance(value, Mapping):
        return {f"{key}:{value}"}
    found = {f"kind:{value.get('kind')}"} | {name for name in PRESENT if value.get(name)}
    if "method" in value:
        found.add(f"method:{value['method']}")
    if value.get("kind") == "attention" and key == "mixer":
        heads, shared = value.get("n_heads"), value.get("n_kv_heads") or value.get("n_heads")
        found.add("each" if heads == shared else "one" if shared == 1 else "groups")
    if isinstance(value.get("fim"), Mapping):
        found |= {f"format:{name}" for name in value["fim"].get("formats", ())}
    if isinstance(value.get("scaling"), Mapping):
        found.add(f"scaling:{value['scaling'].get('kind')}")
    return found
