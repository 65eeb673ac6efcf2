"""Finding an entry of the catalogue by what a person calls it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

import msgspec

from lehr.recipes.catalogue.files import Catalogue


class Entry(msgspec.Struct, frozen=True):
    """One entry: its group (``model``, ``dataset``, ``method``), its name there, and what people call it."""

    group: str
    name: str
    title: str
    labels: tuple[str, ...]


def entries(catalogue: Catalogue) -> list[Entry]:
    """Every model, dataset and method of the catalogue."""
    found = []
    for m in catalogue.models().values():
        hub = (m.hf_id.rpartition("/")[2],) if m.hf_id else ()
        title = ", ".join(part for part in (m.family, m.kind, m.owner, m.released, m.open) if part)
        found.append(Entry("model", m.name, title, (m.name, m.family, *hub, *m.also)))
    for d in catalogue.datasets().values():
        found.append(Entry("dataset", d.name, f"{d.title}, {d.kind}", (d.name, d.title, *d.also)))
    for method in catalogue.methods().values():
        labels = (method.name, method.title, *method.also)
        found.append(Entry("method", method.name, f"{method.title}, {method.kind}", labels))
    return found


def words(text: str) -> list[str]:
    """The letters and numbers of ``text``, apart and in small letters.

    >>> words("Qwen2.5-Coder 7B")
    ['qwen', '2', '5', 'coder', '7', 'b']
    """
    return re.findall(r"[^\W\d_]+|\d+", text.casefold())


def named(text: str, labels: Iterable[str]) -> set[str]:
    """The ``labels`` that are called ``text``, or, where none is, those that begin so.

    >>> sorted(named("llama", ["Llama-2", "LLaMA-1", "Code Llama"]))
    ['LLaMA-1', 'Llama-2']
    """
    wanted = words(text)
    apart = {label: words(label) for label in labels}
    called = {label for label, parts in apart.items() if "".join(parts) == "".join(wanted)}
    return called or {label for label, parts in apart.items() if parts[: len(wanted)] == wanted}


def look_up(text: str, among: list[Entry]) -> list[Entry]:
    """The entries that ``text`` names: those called so; else those whose name begins so; else those that have all
    its words. Spaces, capitals and signs do not matter.

    >>> deepseek = [Entry("model", name, "", (name, family)) for name, family in [
    ...     ("deepseek_v2", "DeepSeek-V2"), ("deepseek_v2_lite", "DeepSeek-V2"), ("deepseek_v3", "DeepSeek-V3")]]
    >>> [entry.name for entry in look_up("DeepSeek V2", deepseek)]
    ['deepseek_v2', 'deepseek_v2_lite']
    """
    wanted = words(text)
    if not wanted:
        return []

    if labels := named(text, {label for entry in among for label in entry.labels}):
        return [entry for entry in among if labels & {*entry.labels}]
    return [entry for entry in among if Counter(wanted) <= Counter(word for x in entry.labels for word in words(x))]
