"""Published figures, where they were read, and the verdict when a projection is set beside one.

The tolerance of a comparison comes from the digits that were printed, or from an interval that the
source states; it is never a matter of taste.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Literal

import msgspec

Origin = Literal["published", "derived", "assumed"]
ORIGINS: dict[Origin, str] = {
    "published": "stands in the source as it is here",
    "derived": "follows from published figures by its note",
    "assumed": "nobody published it; its note says why it is this",
}
"""Who says a value."""

Rule = Literal["rounds", "truncates", "exact", "at_least", "approximate", "same"]
RULES: dict[Rule, str] = {
    "rounds": "rounds to the printed digits",
    "truncates": "begins with the printed digits",
    "exact": "is the printed number",
    "at_least": "is the printed number or more",
    "approximate": "lies in the interval that the source states",
    "same": "is the printed word",
}
"""When a projection agrees with a printed figure."""

Verdict = Literal["agrees", "differs, known cause", "FAILS"]
VERDICTS: dict[Verdict, str] = {
    "agrees": "what is projected prints as it was printed",
    "differs, known cause": "it does not, and why is on record",
    "FAILS": "it does not, or agrees although a cause for a difference is on record",
}
"""What became of a comparison."""

SUFFIXES = {"": 1, "K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}
UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "PB": 10**15}
_FIGURE = re.compile(
    r"^[~$]?\s*(?P<digits>\d{1,3}(?:,\d{3})+|\d*\.?\d+)(?:[eE](?P<exponent>[+-]?\d+))?"
    r"\s*(?P<suffix>[KMGTP]B|[KMBT])?\s*[+%]?$"
)


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A publication, by its key in the bibliography; a ``second_hand`` one tells what another printed.

    >>> Source(title="Notes on the paper", url="https://example.org", second_hand=True, note="in Chinese").remark
    'second-hand; in Chinese'
    """

    title: str
    url: str
    authors: str | None = None
    year: int | None = None
    second_hand: bool = False
    note: str | None = None

    @property
    def remark(self) -> str:
        """What a reader must know of it beside who wrote it."""
        return "; ".join(part for part in ("second-hand" if self.second_hand else "", self.note or "") if part)


class Fact(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a value comes from. ``derived`` and ``assumed`` need a note; ``published`` needs a source and a place.

    >>> Fact(origin="assumed")
    Traceback (most recent call last):
    ValueError: an assumed value needs a `note` that says why
    """

    origin: Origin
    source: str | None = None
    place: str | None = None
    note: str | None = None

    def __post_init__(self) -> None:
        if self.origin == "published" and not (self.source and self.place):
            raise ValueError("a published value needs a `source` and a `place` in it")
        if self.origin != "published" and not self.note:
            raise ValueError(
                f"{'an assumed' if self.origin == 'assumed' else 'a derived'} value needs a `note` that says why"
            )


class Searched(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a value was looked for and not found: a publication, and what of it was read."""

    source: str
    place: str


Places = Annotated[list[Searched], msgspec.Meta(min_length=1)]

State = Literal["published", "derived", "assumed", "not published", "not read"]

STATES: dict[State, str] = {
    "published": "printed by the source that is named",
    "derived": "follows from what was printed, as the note says",
    "assumed": "nobody printed it; the note says why this value",
    "not published": "looked for in the places that are named, and not there",
    "not read": "no text that could print it has been read",
}
"""What is known of a value, in words."""


class Provenance(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who said the values of a file: one default, and exceptions by dotted path (a prefix covers all below it).

    ``not_published`` says of values that are absent where they were looked for; an absent value that it does not
    cover is one that nobody has read for yet.

    >>> p = Provenance(default=Fact(origin="published", source="a", place="Table 1"),
    ...                exceptions={"stages.pt": Fact(origin="assumed", note="no one printed it")})
    >>> p.of("stages.pt.tokens").origin, p.of("stages.sft.tokens").origin
    ('assumed', 'published')
    >>> p = Provenance(default=Fact(origin="published", source="a", place="Table 1"),
    ...                not_published={"stages.rl": [Searched(source="a", place="the whole report")]})
    >>> [p.state(path, there=False) for path in ("stages.rl.batch", "stages.pt.batch")]
    ['not published', 'not read']
    """

    default: Fact
    exceptions: dict[str, Fact] = {}
    not_published: dict[str, Places] = {}

    def of(self, path: str) -> Fact:
        """The fact of the longest exception that covers ``path``, or the default."""
        covering = [p for p in self.exceptions if path == p or path.startswith(f"{p}.")]
        return self.exceptions[max(covering, key=len)] if covering else self.default

    def searched(self, path: str) -> list[Searched]:
        """Where an absent value at ``path`` was looked for; nothing where nobody has read for it."""
        covering = [p for p in self.not_published if path == p or path.startswith(f"{p}.")]
        return self.not_published[max(covering, key=len)] if covering else []

    def state(self, path: str, *, there: bool) -> State:
        """What is known of the value at ``path``: its origin where it is ``there``, else whether it was looked for."""
        if there:
            return self.of(path).origin
        return "not published" if self.searched(path) else "not read"


class Figure(msgspec.Struct, frozen=True):
    """A printed number: its value and half a unit of its last printed digit."""

    value: Decimal
    half_unit: Decimal
    grouped: bool

    @property
    def exact(self) -> bool:
        """Every digit is printed, so that nothing was rounded: a bare integer or one in groups of three."""
        return self.half_unit == Decimal("0.5")


def parse_figure(printed: str) -> Figure:
    """Read a number as it was printed, with its suffix (K M B T, KB ... PB), exponent, sign of money or percent.

    Raises ``ValueError`` where ``printed`` is no number.

    >>> parse_figure("37B").value, parse_figure("37B").half_unit
    (Decimal('37000000000'), Decimal('500000000'))
    >>> parse_figure("2.1e21").half_unit == Decimal("5e19"), parse_figure("15,517,456,384").exact
    (True, True)
    """
    match = _FIGURE.match(printed.strip())
    if match is None:
        raise ValueError(
            f"{printed!r} is not a number; write digits with a suffix, such as 37B, 14.8T, 2.1e21 or 15,517"
        )
    digits = Decimal(match["digits"].replace(",", ""))
    suffix = match["suffix"] or ""
    scale = Decimal(UNITS[suffix] if suffix in UNITS else SUFFIXES[suffix]) * Decimal(10) ** int(match["exponent"] or 0)
    last = Decimal(1).scaleb(int(digits.as_tuple().exponent))
    return Figure(digits * scale, last * scale / 2, "," in match["digits"])


class Reported(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A figure that someone published or measured, as printed, to set beside a projection.

    ``known_cause`` says why the two differ; such a row turns red when it starts to agree.
    ``interval`` is the source's own, for ``rule: approximate``. ``stage`` names a stage of a recipe.
    """

    quantity: str
    printed: str
    source: str
    place: str
    rule: Rule | None = None
    convention: str | None = None
    stage: str | None = None
    unit: str | None = None
    interval: tuple[float, float] | None = None
    known_cause: str | None = None
    note: str | None = None

    def __post_init__(self) -> None:
        if self.rule == "approximate" and self.interval is None:
            raise ValueError("rule: approximate needs an `interval: [low, high]` that the source states")


class Candidate(msgspec.Struct, frozen=True):
    """What is projected of a quantity under one convention; a text, or a number with perhaps an interval."""

    convention: str
    value: float | str | None
    unit: str = ""
    low: float | None = None
    high: float | None = None


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """One reported figure beside what is projected, with the rule that was applied."""

    subject: str
    quantity: str
    reported: str
    projected: float | str | None
    unit: str
    rule: str
    verdict: Verdict
    source: str
    place: str
    cause: str | None = None


def matches_number(printed: str, projected: float, rule: Rule, interval: tuple[float, float] | None = None) -> bool:
    """Does ``projected`` print as ``printed`` under ``rule``?

    >>> matches_number("37B", 36_625_603_584, "rounds"), matches_number("37B", 37_552_282_624, "rounds")
    (True, False)
    >>> matches_number("3.3B", 3_353_032_704, "truncates"), matches_number("600+", 619, "at_least")
    (True, True)
    """
    if rule == "approximate" and interval is not None:
        return interval[0] <= projected <= interval[1]
    figure, value = parse_figure(printed), Decimal(projected)
    if rule == "at_least":
        return value >= figure.value
    if rule == "exact":
        return value == figure.value
    if rule == "truncates":
        return figure.value <= value < figure.value + 2 * figure.half_unit
    return abs(value - figure.value) <= figure.half_unit
