"""A report before it has a format: sections of tables, figures, lists and text, which HTML and Markdown both render."""

from __future__ import annotations

from typing import Literal

import msgspec

Mark = Literal["", "published", "derived", "assumed", "set", "projected", "unknown", "agrees", "differs", "fails"]

MEANINGS: dict[Mark, str] = {
    "": "no figure, or one that nothing qualifies",
    "published": "as it was published",
    "derived": "follows from published figures by the note under Assumptions",
    "assumed": "no publication gives it; the reason stands under Assumptions",
    "set": "set on the command line for this report",
    "projected": "computed by Lehr",
    "unknown": "not known, and nothing follows",
    "agrees": "a published figure that the projection agrees with",
    "differs": "a published figure that differs for a known cause",
    "fails": "a published figure that the projection disagrees with",
}
"""Where a figure of a page comes from, or what became of it; pages style it by this."""

MARKS: dict[Mark, tuple[str, str]] = {
    "derived": ("‡", f"derived: {MEANINGS['derived']}"),
    "assumed": ("†", f"assumed: {MEANINGS['assumed']}"),
    "set": ("§", MEANINGS["set"]),
}
"""The sign that follows a value that nobody published as it stands, and what the sign says."""


class Cell(msgspec.Struct, frozen=True):
    """A value with the sign of its origin; ``below`` is what qualifies it: an interval, a convention, a basis."""

    text: str
    mark: Mark = ""
    below: str = ""
    source: str | None = None

    @property
    def sign(self) -> str:
        """``†`` and its like, or nothing."""
        return MARKS[self.mark][0] if self.mark in MARKS else ""


UNKNOWN = Cell("unknown", "unknown")


class Column(msgspec.Struct, frozen=True):
    """A column: its heading, the unit or convention of what stands in it, and whether that is numbers."""

    heading: str
    unit: str = ""
    numeric: bool = False


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of cells; the first of each row names it. ``totals`` is how many rows at the end are sums."""

    name: str
    caption: str
    columns: list[Column]
    rows: list[list[Cell]]
    totals: int = 0


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """A figure by the name of its files; ``alternative`` says in words what it shows."""

    name: str
    title: str
    caption: str
    alternative: str


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """A headline number: what, how much, and the lines that qualify it."""

    label: str
    value: str
    lines: list[str]
    mark: Mark = ""


class Cards(msgspec.Struct, frozen=True):
    """The headline numbers."""

    cards: list[Card]


class Text(msgspec.Struct, frozen=True):
    """A paragraph."""

    text: str


class Bullets(msgspec.Struct, frozen=True):
    """A list; each item may begin with a term."""

    items: list[tuple[str, str]]


class Cited(msgspec.Struct, frozen=True, kw_only=True):
    """A source with what was read in it: (place, what for), one entry a place."""

    number: int
    key: str
    title: str
    url: str
    by: str
    note: str
    uses: list[tuple[str, str]]


class Sources(msgspec.Struct, frozen=True):
    """The bibliography of the report."""

    sources: list[Cited]


Part = Cards | Table | Picture | Text | Bullets | Sources


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A heading with its parts; ``name`` is its anchor. One that is ``folded`` opens on a page when it is asked for,
    and stands open in print and in Markdown."""

    name: str
    title: str
    parts: list[Part]
    folded: bool = False


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """The whole report."""

    title: str
    subtitle: str
    verdict: str
    verdict_mark: Mark
    sections: list[Section]
    version: str
    numbers: dict[str, int]
    about: str = "training recipe, cost and loss"
    """What kind of page it is: stands behind the title in a browser's tab."""
    beside: list[tuple[str, str]] = []
    """Files beside the page, and what each holds."""


def is_link(url: str) -> bool:
    """May ``url`` become a link? A source file of the user's own may hold anything.

    >>> is_link("https://arxiv.org/abs/2412.19437"), is_link("javascript:alert(1)")
    (True, False)
    """
    return url.startswith(("https://", "http://"))
