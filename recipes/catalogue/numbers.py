"""Numbers as people write them: 3T, 2M, 40 %, 14.8 trillion, $2M, 30 days; by the unit of the setting they stand in."""

from __future__ import annotations

import math
import re

from lehr.recipes.errors import LehrError

SCALES = {
    **dict.fromkeys(("k", "thousand"), 1e3),
    **dict.fromkeys(("m", "mn", "million"), 1e6),
    **dict.fromkeys(("b", "bn", "g", "billion"), 1e9),
    **dict.fromkeys(("t", "tn", "trillion"), 1e12),
}
"""What stands behind a number to what it is worth."""

BINARY = {"kib": 2.0**10, "mib": 2.0**20, "gib": 2.0**30, "tib": 2.0**40}

UNITS = {
    "bytes": ("byte", "bytes"),
    "USD": ("usd", "dollar", "dollars"),
    "h": ("h", "hour", "hours"),
    "d": ("d", "day", "days"),
    "s": ("s", "second", "seconds"),
    "FLOP": ("flop", "flops"),
    "1": (),
}
"""A unit as help names it to how people write it; any other unit is written as it is named, one or several."""

_NUMBER = re.compile(
    r"([+-]?\s*)(\$?)\s*(\d{1,3}(?:,\d{3})+|\d+(?:_\d{3})*(?:\.\d*)?|\.\d+)(e[+-]?\d+)?\s*([a-z]*|%)\s*([a-z-]*)", re.I
)
_RANGE = re.compile(r"\s*(\S.*?)\s*\.\.\s*(\S.*)")


def number_of(text: str, unit: str) -> int | float | None:
    """What ``text`` says in ``unit``; ``None`` where it is no number, or may be two.

    A share is written as one or in per cent. ``m`` of a time might be minutes, and ``B`` of bytes a byte: neither is
    taken.

    >>> number_of("3T", "tokens"), number_of("$2M", "USD"), number_of("14.8 trillion", "tokens"), number_of("40 %", "1")
    (3000000000000, 2000000, 14800000000000, 0.4)
    >>> number_of("640GB", "bytes"), number_of("80 GiB", "bytes"), number_of("30 days", "d"), number_of("2k", "steps")
    (640000000000, 85899345920, 30, 2000)
    >>> number_of("640B", "bytes"), number_of("90m", "h"), number_of("40%", "h"), number_of("best", "1")
    (None, None, None, None)
    >>> number_of("2,000,000", "tokens"), number_of("2,5", "tokens")
    (2000000, None)
    """
    found = _NUMBER.fullmatch(text.strip())
    if found is None:
        return None
    sign, dollar, digits, power, scale, behind = found.groups()
    digits = digits.replace(",", "")
    scale, behind = scale.casefold(), behind.casefold()
    if dollar and unit != "USD":
        return None
    of_unit = UNITS.get(unit, (unit.casefold(), unit.casefold().removesuffix("s")))
    if scale in of_unit and not behind:
        scale = ""
    elif behind and behind not in of_unit:
        return None
    factor = _factor(scale, unit)
    if factor is None:
        return None
    # of decimal digits, exactly: 14.8 trillion is a whole number
    value = float(f"{digits}{power or ''}")
    scaled = float(f"{digits}e{int((power or 'e0')[1:]) + round(math.log10(factor))}") if scale not in BINARY else value
    scaled = scaled * factor if scale in BINARY else scaled
    scaled = -scaled if "-" in sign else scaled
    whole = scaled.is_integer() and abs(scaled) < 2**63 and unit != "1"
    return int(scaled) if whole else scaled


def otherwise(text: str, key: str) -> str:
    """What to write instead of a text that is no number; of months and weeks their days.

    >>> otherwise("1month", "days"), otherwise("soon", "days")
    ('is no number of days; write days=30', 'is not understood as a number; write digits, such as 30, 2M or 1e6')
    """
    found = re.fullmatch(r"\s*(\d+)\s*(month|week)s?\s*", text, re.I)
    if key == "days" and found:
        return f"is no number of days; write days={int(found[1]) * (30 if found[2].casefold() == 'month' else 7)}"
    return "is not understood as a number; write digits, such as 30, 2M or 1e6"


LEAST_PER_CENT = 5
"""A share is at most one, and from here on a number is meant in per cent."""


def share_of(value: object, key: str) -> object:
    """``value`` of a share. Raises ``LehrError`` for a number that looks like per cent, which says how to write it.

    >>> share_of(0.4, "mfu"), share_of("best", "mfu")
    (0.4, 'best')
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool) and LEAST_PER_CENT <= value <= 100:
        raise LehrError(f"{key}: {value} is no share of one; write {key}={value / 100:g} or {key}={value}%")
    return value


_THOUSANDS = re.compile(r"\s*(\d+)\s*k\s*", re.I)


def refuse_short_length(value: object, key: str) -> None:
    """Raise ``LehrError`` for a length in thousands, of which people say 128k and mean 131072.

    >>> refuse_short_length("128k", "sequence_length")
    Traceback (most recent call last):
    lehr.recipes.errors.LehrError: sequence_length: 128k may be 128000 or 131072; write one of them
    """
    found = _THOUSANDS.fullmatch(value) if isinstance(value, str) and key.endswith("_length") else None
    if found:
        n = int(found[1])
        raise LehrError(f"{key}: {value} may be {n * 1000} or {n * 1024}; write one of them")


def _factor(scale: str, unit: str) -> float | None:
    if not scale:
        return 1.0
    if unit == "1":
        return 0.01 if scale in ("%", "percent") else None
    if unit == "bytes":
        return BINARY.get(scale) or SCALES.get(scale.removesuffix("b") if len(scale) == 2 else "")
    if unit in ("h", "d", "s") and scale == "m":
        return None
    return SCALES.get(scale)


def understood(value: object, unit: str) -> object:
    """``value`` of a setting in ``unit`` with its numbers understood, those of a list, of a mapping and of a range
    (7B..15B) too; what is none stays as it is.

    >>> understood("7B..15B", "parameters"), understood(["1k", 2000], "steps"), understood("best", "steps")
    ('7000000000..15000000000', [1000, 2000], 'best')
    >>> understood({"pt": "90 %", "ann": 0.1}, "1")
    {'pt': 0.9, 'ann': 0.1}
    """
    if isinstance(value, dict):
        return {key: understood(v, unit) for key, v in value.items()}
    if isinstance(value, list):
        return [understood(v, unit) for v in value]
    if not isinstance(value, str):
        return value
    if between := _RANGE.fullmatch(value):
        low, high = (number_of(part, unit) for part in between.groups())
        return value if low is None or high is None else f"{low!r}..{high!r}"
    said = number_of(value, unit)
    return value if said is None else said


_PLAIN = re.compile(r"[\d_.]+(?:e[+-]?\d+)?\s*(?:k|m|mn|b|bn|t|tn|thousand|million|billion|trillion)", re.I)


def understood_override(argument: str) -> str:
    """An override of a number within a group (``recipe.stages.pt.tokens=3T``) with the number written out. Bytes and
    names stay as they are.

    >>> understood_override("recipe.stages.pt.tokens=14.8 trillion"), understood_override("recipe.name=7B")
    ('recipe.stages.pt.tokens=14800000000000', 'recipe.name=7B')
    """
    key, sign, value = argument.partition("=")
    last = key.rpartition(".")[2]
    if "." not in key or not sign or last.endswith(("bytes", "name", "model", "title", "family", "note")):
        return argument
    each = value.split(",")
    for part in each:
        refuse_short_length(part, key)
    if not all(_PLAIN.fullmatch(part.strip()) for part in each):
        return argument
    return f"{key}=" + ",".join(f"{number_of(part, '')}" for part in each)
