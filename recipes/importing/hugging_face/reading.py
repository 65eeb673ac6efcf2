"""The fields of one ``config.json``, read once each by name: what is missing takes the class's default, what nobody
read is an error that names it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from lehr.recipes.errors import LehrError, nearest

MOST_LAYERS = 10_000
"""More layers than this are a slip of the pen, not a network."""

MOST = 10**12
"""No single size of a network is larger."""


class Fields:
    """A mapping of Hugging Face fields as one class reads it.

    ``defaults`` are the class's own; ``named`` gives the class's name of a field that others call by the key
    (``{"hidden_size": "n_embd"}``), ``also`` the same where the class takes both. What becomes of a field
    that is not read, ``unread.settle`` says. ``head`` is what stands on top of the network, as ``architectures`` says.
    ``any_heads`` says that the class takes any number of heads, and rounds down what the width gives each.

    >>> f = Fields("gpt2", {"n_embd": 1024, "use_cache": True}, {"n_head": 12},
    ...            also={"hidden_size": "n_embd", "num_attention_heads": "n_head"})
    >>> f.size("hidden_size"), f.size("num_attention_heads"), f.defaulted
    (1024, 12, ['n_head'])
    """

    def __init__(
        self,
        model_type: str,
        data: Mapping[str, Any],
        defaults: Mapping[str, Any],
        *,
        named: Mapping[str, str] | None = None,
        also: Mapping[str, str] | None = None,
        where: str = "",
        head: str = "lm",
        any_heads: bool = False,
    ) -> None:
        self.model_type = model_type
        self.data = data
        self.defaults = defaults
        self.named = dict(named or {})
        self.also = dict(also or {})
        self.where = where
        self.head = head
        self.any_heads = any_heads
        self.read: set[str] = set()
        self.defaulted: list[str] = []
        self.notes: list[str] = []
        self.sections: list[Fields] = []
        self.harmless: frozenset[str] = frozenset()

    # what a field is called, and its value

    def name(self, field: str) -> str:
        """The class's own name of ``field``."""
        return self.named.get(field) or self.also.get(field) or field

    def raw(self, field: str) -> Any:
        """The value as it stands in the file, the class's default, or nothing."""
        name = self.name(field)
        self.read.add(name)
        if field in self.also:
            self.read.add(field)
            if name in self.data and field in self.data and self.data[name] != self.data[field]:
                self.wrong(name, f"{self.data[name]!r}, but {field}: {self.data[field]!r}; keep one of the two")
            if name not in self.data and field in self.data:
                return self.data[field]
        if name in self.data:
            return self.data[name]
        for default in (name, field):
            if default in self.defaults:
                if default not in self.defaulted:
                    self.defaulted.append(default)
                return self.defaults[default]
        return None

    def seen(self, field: str) -> None:
        """Take note of a field whose value, or whose default, another one makes up for."""
        self.read |= {self.name(field), *({field} & self.also.keys())}

    def given(self, field: str) -> bool:
        """Does the file itself give ``field`` a value?"""
        return any(self.data.get(name) is not None for name in (self.name(field), *({field} & self.also.keys())))

    def wrong(self, field: str, message: str) -> NoReturn:
        """Raise ``LehrError`` at ``field``, by the class's name of it."""
        name = self.name(field)
        raise LehrError(f"{self.where}{name if name and name.isprintable() else repr(name)}: {message}")

    def note(self, text: str) -> None:
        """Something to say aloud of this import."""
        if text not in self.notes:
            self.notes.append(text)

    # typed values

    def maybe_size(self, field: str, *, least: int = 1) -> int | None:
        """A whole number of at least ``least``, or nothing. Raises ``LehrError`` for anything else."""
        value = self.raw(field)
        if value is None:
            return None
        number = whole(value)
        if number is None or not least <= number <= MOST:
            self.wrong(field, f"found {shown(value)}; write a whole number of {least} or more")
        return number

    def size(self, field: str, *, least: int = 1) -> int:
        """A whole number of at least ``least``. Raises ``LehrError`` where there is none."""
        value = self.maybe_size(field, least=least)
        return self.missing(field, "a whole number") if value is None else value

    def extent(self, field: str) -> int:
        """A whole number, 0 where nothing is said."""
        return self.maybe_size(field, least=0) or 0

    def maybe_number(self, field: str) -> float | None:
        """A finite number, or nothing."""
        value = self.raw(field)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e300:
            self.wrong(field, f"found {shown(value)}; write a number")
        return float(value)

    def flag(self, field: str) -> bool:
        """True or false; false where nothing is said."""
        value = self.raw(field)
        if value is None:
            return False
        if not isinstance(value, bool):
            self.wrong(field, f"found {shown(value)}; write true or false")
        return value

    def maybe_word(self, field: str) -> str | None:
        """A text, or nothing."""
        value = self.raw(field)
        if value is not None and not isinstance(value, str):
            self.wrong(field, f"found {shown(value)}; write a text")
        return value

    def one_of(self, field: str, options: Iterable[str]) -> str:
        """A text that is one of ``options``."""
        options = list(options)
        value = self.maybe_word(field)
        if value is None:
            self.missing(field, " or ".join(options))
        if value not in options:
            self.wrong(field, f"{value!r} is not known; {nearest(value, options)}")
        return value

    def maybe_list(self, field: str, length: int | None = None) -> list[Any] | None:
        """A list (of ``length`` values), or nothing."""
        value = self.raw(field)
        if value is None:
            return None
        if not isinstance(value, list):
            self.wrong(field, f"found {shown(value)}; write a list")
        if length is not None and len(value) != length:
            self.wrong(field, f"has {len(value)} values for {length} layers; write one for each layer")
        return value

    def maybe_indices(self, field: str) -> list[int] | None:
        """A list of layers by their number from 0, or nothing."""
        value = self.maybe_list(field)
        if value is None:
            return None
        numbers = [n for v in value if (n := whole(v)) is not None and n >= 0]
        if len(numbers) != len(value):
            self.wrong(field, f"found {shown(value)}; write a list of layer numbers from 0")
        return numbers

    def maybe_mapping(self, field: str) -> dict[str, Any] | None:
        """A mapping, or nothing."""
        value = self.raw(field)
        if value is not None and not isinstance(value, dict):
            self.wrong(field, f"found {shown(value)}; write a mapping")
        return value

    def section(self, field: str) -> Fields:
        """The mapping under ``field`` with the defaults of its own; ``finish`` goes through it too."""
        data = self.maybe_mapping(field) or {}
        defaults = self.defaults.get(self.name(field)) or {}
        part = Fields(
            self.model_type, data, defaults, where=f"{self.where}{self.name(field)}.", any_heads=self.any_heads
        )
        part.notes = self.notes
        self.sections.append(part)
        return part

    def fixed(self, field: str, value: Any) -> None:
        """``field`` may say nothing but ``value``: the other meaning has no description here."""
        found = self.raw(field)
        if found is not None and found != value:
            self.wrong(field, f"{shown(found)} cannot be described yet; only {shown(value)} can")

    def missing(self, field: str, what: str) -> NoReturn:
        """Raise for a field that has neither a value nor a default."""
        self.wrong(field, f"is missing, and model_type {self.model_type} has no default; write {what}")

    def layers(self, field: str = "num_hidden_layers") -> int:
        """How many layers there are."""
        n = self.size(field)
        if n > MOST_LAYERS:
            self.wrong(field, f"found {n}; write {MOST_LAYERS} or fewer")
        return n


def whole(value: Any) -> int | None:
    """``value`` as an integer where it is a whole number.

    >>> whole(8), whole(8.0), whole(8.5), whole(True), whole("8")
    (8, 8, None, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if isinstance(value, float):
        return int(value) if math.isfinite(value) and value.is_integer() else None
    return value


def shown(value: Any) -> str:
    """``value`` as it stands in JSON, cut short.

    >>> shown({"a": list(range(50))})
    "{'a': [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10..."
    """
    text = "null" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= 40 else f"{text[:40]}..."
