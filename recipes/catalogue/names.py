"""Finding an entry of the catalogue by what a person calls it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.catalogue.yaml import load_yaml
from lehr.recipes.errors import LehrError, nearest_few

SHOWN_AS_THEY_ARE = ("law", "accelerator", "cluster", "trainer")
"""Groups whose files have a title; only that is read of them here, not their form."""


class Entry(msgspec.Struct, frozen=True):
    """One entry: its group (``model``, ``dataset``, ``method``, ``law``, ...), its name there, what it is, what people
    call it, what it changes in a stage's cost, and how a file or the command line says it."""

    group: str
    name: str
    title: str
    labels: tuple[str, ...]
    cost: str | None = None
    written: str | None = None


def entries(catalogue: Catalogue) -> list[Entry]:
    """Every model, dataset, method, law and accelerator of the catalogue."""
    found = []
    for m in catalogue.models().values():
        hub = (m.hf_id.rpartition("/")[2],) if m.hf_id else ()
        title = ", ".join(part for part in (m.family, m.kind, m.owner, m.released, m.open) if part)
        found.append(Entry("model", m.name, title, (m.name, m.family, *hub, *m.also)))
    for d in catalogue.datasets().values():
        found.append(Entry("dataset", d.name, f"{d.title}, {d.kind}", (d.name, d.title, *d.also)))
    for method in catalogue.methods().values():
        labels = (method.name, method.title, *short_names(method.title), *method.also)
        title = f"{method.title}, {method.kind}: {method.what}"
        found.append(Entry("method", method.name, title, labels, method.cost, method.written))
    for group in SHOWN_AS_THEY_ARE:
        for name, path in catalogue.files(group).items():
            title, labels = titled(name, load_yaml(path))
            found.append(Entry(group, name, title, labels, None, f"{group}={name}"))
    return found


def titled(name: str, data: Any) -> tuple[str, tuple[str, ...]]:
    """The title of a file and what people call what stands in it.

    >>> titled("besiroglu", {"title": "Refit of approach 3 (Besiroglu et al. 2024)", "kind": "chinchilla"})[1]
    ('besiroglu', 'Refit of approach 3 (Besiroglu et al. 2024)', 'Besiroglu et al. 2024', 'chinchilla law')
    """
    title = str(data.get("title") or name)
    kind = data.get("kind")
    labels = (name, title, *short_names(title), *(data.get("also") or ()), *((f"{kind} law",) if kind else ()))
    makers = [title.partition(" ")[2]] if title.startswith(("NVIDIA ", "AMD ", "Google ")) else []
    return title, (*labels, *makers, *(rest.partition(" ")[2] for rest in makers if rest.startswith("Instinct ")))


def short_names(title: str) -> tuple[str, ...]:
    """What stands in the title's brackets.

    >>> short_names("Muon (an optimiser)"), short_names("SwiGLU")
    (('an optimiser',), ())
    """
    return tuple(re.findall(r"\(([^()]+)\)", title))


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


def find(text: str, catalogue: Catalogue) -> list[Entry]:
    """The entries of ``catalogue`` that ``text`` names. Raises ``LehrError`` with the nearest where there is none."""
    everything = entries(catalogue)
    if found := look_up(text, everything):
        return found
    labels = [label for entry in everything for label in entry.labels]
    raise LehrError(f"name: nothing is called {text!r}; {nearest_few(text, labels)}")


def look_up(text: str, among: list[Entry]) -> list[Entry]:
    """The entries that ``text`` names: those called so; else those whose name begins so; else those that have all
    its words; else those that its parts name, where it names several. Spaces, capitals and signs do not matter.

    >>> deepseek = [Entry("model", name, "", (name, family)) for name, family in [
    ...     ("deepseek_v2", "DeepSeek-V2"), ("deepseek_v2_lite", "DeepSeek-V2"), ("deepseek_v3", "DeepSeek-V3")]]
    >>> [entry.name for entry in look_up("DeepSeek V2", deepseek)]
    ['deepseek_v2', 'deepseek_v2_lite']
    >>> [entry.name for entry in look_up("DeepSeek-V2/V3 (family)", deepseek)]
    ['deepseek_v2', 'deepseek_v2_lite', 'deepseek_v3']
    """
    if found := look_up_one(text, among):
        return found
    for parts in (without_brackets(text), without_general_words(text)):
        if parts and parts != text and (found := look_up(parts, among)):
            return found
    several = [look_up_one(part, among) for part in alternatives(text)]
    if not several or not all(several):
        return []
    together = {id(entry) for part in several for entry in part}
    return [entry for entry in among if id(entry) in together]


def look_up_one(text: str, among: list[Entry]) -> list[Entry]:
    """The entries that ``text`` names as a whole."""
    wanted = words(text)
    if not wanted:
        return []
    if labels := named(text, {label for entry in among for label in entry.labels}):
        return [entry for entry in among if labels & {*entry.labels}]
    return [entry for entry in among if Counter(wanted) <= Counter(word for x in entry.labels for word in words(x))]


def without_brackets(text: str) -> str:
    """``text`` without what stands in brackets.

    >>> without_brackets("Grok (xAI)")
    'Grok'
    """
    return " ".join(re.sub(r"\([^()]*\)", " ", text).split())


GENERAL = ("series", "family", "models", "model", "law", "optimizer", "optimiser")
"""Words that people put behind a name."""


def without_general_words(text: str) -> str:
    """``text`` without a general word at its end.

    >>> without_general_words("GLM series")
    'GLM'
    """
    head, _, last = text.strip().rpartition(" ")
    return head if last.casefold() in GENERAL else text


def alternatives(text: str) -> list[str]:
    """The names in a text that says several at once; a later one stands for the end of the first.

    >>> alternatives("DeepSeek-V3/V3.1"), alternatives("Claude 1→2"), alternatives("CodeT5/T5+"), alternatives("a b")
    (['DeepSeek-V3', 'DeepSeek-V3.1'], ['Claude 1', 'Claude 2'], ['CodeT5', 'CodeT5+'], [])
    """
    first, *later = [part.strip() for part in re.split(r"[/→&]", text)]
    if not later or not first or not all(later):
        return []
    ends = [match.start() for match in re.finditer(r"[A-Z]?[a-z]*\d[\d.]*$|\d[\d.]*$", first)]
    made = [first]
    for part in later:
        same = [end for end in ends if bool(part[0].isalpha()) == bool(first[end].isalpha())]
        made.append(first[: same[0]] + part if same else part)
    return made
