"""The one error that a person sees: a line that says where, what was found and what to write instead."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches


class LehrError(Exception):
    """A mistake in the input; the command line prints it as one line and exits with status 2.

    >>> str(LehrError("a key with\\na line's end")), str(LehrError(f"{'x' * 5000!r} is no number"))[50:]
    ("a key with a line's end", "xxxxxxxxxxx...' is no number")
    """

    def __init__(self, message: str) -> None:
        # what is quoted from a file may hold anything, of any length
        super().__init__(re.sub(r"'([^']{60})[^']{40,}'", r"'\1...'", " ".join(message.splitlines())))


class UnsafeError(LehrError):
    """A file that brings what its kind may not; it ends a whole sweep, and not one job of it."""


def nearest(name: str, options: Iterable[str]) -> str:
    """What to write instead of ``name``: the nearest option, or all of them where none is near.

    >>> nearest("deepsek_v3", ["deepseek_v3", "starcoder"])
    'did you mean deepseek_v3?'
    >>> nearest("xyz", ["dense", "moe"])
    'write one of dense, moe'
    """
    known = sorted(set(options))
    if close := get_close_matches(name, known, n=1, cutoff=0.6):
        return f"did you mean {close[0]}?"
    shown = ", ".join(known[:12])
    return f"write one of {shown}{', ...' if len(known) > 12 else ''}" if known else "nothing may stand here"


def nearest_few(name: str, options: Iterable[str], n: int = 3) -> str:
    """The ``n`` options that look most like ``name``, however far they are; capitals do not matter.

    >>> nearest_few("starcodr", ["StarCoder", "StarCoder2", "SantaCoder", "RWKV"])
    'the nearest are StarCoder, StarCoder2, SantaCoder'
    """
    written = {option.casefold(): option for option in sorted(set(options), reverse=True)}
    close = get_close_matches(name.casefold(), written, n=n, cutoff=0.0)
    return f"the nearest are {', '.join(written[option] for option in close)}"


TYPES = {
    "int": "a whole number", "float": "a number", "str": "text", "bool": "true or false", "null": "null",
    "array": "a list", "object": "a mapping",
}  # fmt: skip
"""What a person calls the types of msgspec's messages."""
BOUNDS = {">=": "of {} or more", ">": "above {}", "<=": "of {} or less", "<": "below {}"}


def in_words(message: str) -> str:
    """What msgspec found wrong, as what to write instead; what is in other words stays as it is.

    >>> in_words("Expected `int` >= 1"), in_words("Expected `float | null`, got `str`")
    ('write a whole number of 1 or more', 'write a number or null')
    >>> in_words("Object contains unknown field `beta`"), in_words("Invalid enum value 'x'")
    ('unknown key beta', "Invalid enum value 'x'")
    """
    if found := re.fullmatch(r"Object contains unknown field `(.+)`", message):
        return f"unknown key {found[1]}"
    if found := re.fullmatch(r"Object missing required field `(.+)`", message):
        return f"{found[1]} is missing; write {found[1]}: ..."
    found = re.fullmatch(r"Expected `([^`]+)`(?: (>=|>|<=|<) (-?[\d.e+]+))?(?:, got `\w+`)?", message)
    kinds = found[1].split(" | ") if found else []
    if not found or not all(kind in TYPES for kind in kinds):
        return message
    if "float" in kinds:
        kinds = [kind for kind in kinds if kind != "int"]
    *first, last = (TYPES[kind] for kind in kinds)
    said = f"{', '.join(first)} or {last}" if first else last
    bound = f" {BOUNDS[found[2]].format(f'{float(found[3]):,.15g}')}" if found[2] else ""
    return f"write {said}{bound}"
