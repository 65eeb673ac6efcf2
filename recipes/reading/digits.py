"""The digits that a log prints: what one of the last of them is, where its text says so."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from lehr.recipes.reading.cells import number
from lehr.simulators.tracking.digits import units_of

_FIXED = re.compile(r"[-+]?[\d,_]*\.?(\d*)(?:[eE]([-+]?\d+))?")
_ZERO = re.compile(r"[-+]?\d*\.(?:\d+0(?:[eE]|$)|\d*0[eE][-+]\d\d)")


class Printed(float):
    """A number of a printed line, with its ``text``."""

    text: str

    def __new__(cls, text: str) -> Printed:
        """Of its ``text``."""
        one = super().__new__(cls, text)
        one.text = text
        return one


def last_digit(text: str) -> float | None:
    """What one of the last digit of ``text`` is; ``None`` of what is no plain number.

    >>> last_digit("2.980"), last_digit("2.98E-05"), last_digit("3"), last_digit("1.3B")
    (0.001, 1e-07, 1.0, None)
    """
    found = _FIXED.fullmatch(text.strip())
    return None if found is None else float(f"1e{int(found[2] or 0) - len(found[1])}")


def keeps_zeros(texts: Iterable[str]) -> bool:
    """Are there zeros that a number does not need? Then each shows all the digits that it is printed with.

    The one of 1.0, and of 1.0e-5 with an exponent that is not filled up, stands there whatever is printed.

    >>> keeps_zeros(["0.0003", "2.0E-05"]), keeps_zeros(["0.0003", "1.0", "1.0e-5"]), keeps_zeros(["2.980"])
    (True, False, True)
    """
    return any(_ZERO.match(text) is not None for text in texts)


def most_decimals(rows: Sequence[Mapping[str, Any]]) -> int:
    """Of all printed numbers that have no exponent, the most digits behind the point."""
    texts = {cell.text for row in rows for cell in row.values() if isinstance(cell, Printed)}
    return max((len(text.partition(".")[2]) for text in texts if "e" not in text.lower()), default=0)


def printed_units(cells: Sequence[Any], decimals: int | None) -> list[float] | None:
    """What one of the last digit is of each of ``cells`` (rows,) of a column, ``None`` where only all of the numbers
    together can say it: where zeros may have been left out.

    ``decimals`` are the most that any number of a printed log has, ``None`` of a table: a line prints what its format
    says, and where no other number has more digits a few short ones are rounded.

    >>> printed_units(["0.000300", "0.000297"], None), printed_units(["0.0003", "0.000297"], None)
    ([1e-06, 1e-06], None)
    >>> printed_units([Printed("0.0003")], 4), printed_units([Printed("0.0003")], 7)
    ([0.0001], None)
    """
    texts = [cell if isinstance(cell, str) else getattr(cell, "text", None) for cell in cells]
    if any(text is None for text in texts):
        return None
    known = [text.strip() for text in texts if text is not None]
    units = [last_digit(text) for text in known]
    if None in units:
        return None
    if keeps_zeros(known):
        # a nought stands for less than half of its last digit, unless it is written as one
        bare = [number(text) == 0 and len(text.partition(".")[2]) < 2 for text in known]
        return [0.0 if nought else unit or 0.0 for nought, unit in zip(bare, units, strict=True)]
    if decimals is None or most_decimals([{"": cell} for cell in cells]) < decimals:
        return None
    return [float(unit) for unit in units_of(np.array([float(text) for text in known]), least=1)]
