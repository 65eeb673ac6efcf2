"""A cell of a table as a number, as people and spreadsheets write it: 1.3B, 300M and 1,300,000 are numbers."""

from __future__ import annotations

import re

SUFFIXES = {"K": 1e3, "M": 1e6, "B": 1e9, "G": 1e9, "T": 1e12}
NOTHING = ("", "nan", "na", "n/a", "none", "null", "-")
"""What a cell without a value says, in small letters."""
COMMA = "write a decimal point, not a comma"
_SUFFIXED = re.compile(r"^([-+]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*([KMBGT])$")
_THOUSANDS = re.compile(r"^[-+]?\d{1,3}(,\d{3})+(\.\d*)?(?![\d,])")


def number(cell: object) -> float | None:
    """What ``cell`` says; ``None`` where it is empty, a truth value or no number. Infinite and nan are numbers.

    >>> number("1,300.5"), number("1.3B"), number(7), number("3,14"), number("soon"), number(True)
    (1300.5, 1300000000.0, 7.0, None, None, None)
    """
    if cell is None or isinstance(cell, bool):
        return None
    text = cell.strip() if isinstance(cell, str) else cell
    if isinstance(text, str):
        if decimal_comma(text):
            return None
        text = text.replace(",", "")
        if (found := _SUFFIXED.match(text)) is not None:
            return float(found[1]) * SUFFIXES[found[2]]
    try:
        return float(text)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None


def decimal_comma(cell: object) -> bool:
    """Has ``cell`` a comma that parts no thousands?

    >>> decimal_comma("3,14"), decimal_comma("1,300"), decimal_comma("1,300.5")
    (True, False, False)
    """
    text = str(cell)
    return "," in text and not _THOUSANDS.match(text.strip())
