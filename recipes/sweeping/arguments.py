"""A sweep's command line, taken apart."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import msgspec

from lehr.recipes.sweeping.merging import GROUPS

_WITH_VALUE = ("--config-dir", "-cd", "--config-name", "-cn", "--config-path", "-cp")


class Arguments(msgspec.Struct, frozen=True):
    """A command line taken apart: Hydra's flags, what composes the base, and what every job applies to it."""

    flags: list[str]
    base: list[str]
    each: list[str]


def take_apart(words: Sequence[str]) -> Arguments | None:
    """The parts of a sweep's command line, or ``None`` where it asks for something else: no ``-m``, a flag that shows
    something, a sweeper of the user's own.

    >>> take_apart(["-m", "model=a,b", "mfu=0.4", "hydra/launcher=joblib"])
    Arguments(flags=[], base=['mfu=0.4', 'hydra/launcher=joblib'], each=['model=a,b'])
    """
    flags: list[str] = []
    overrides: list[str] = []
    multirun = False
    rest = iter(words)
    for word in rest:
        if word in ("-m", "--multirun"):
            multirun = True
        elif word in _WITH_VALUE:
            flags += [word, *islice(rest, 1)]
        elif word.startswith(tuple(f"{flag}=" for flag in _WITH_VALUE)):
            flags.append(word)
        elif word.startswith("-"):
            return None
        else:
            overrides.append(word)
    if not multirun or any(o.startswith("hydra/sweeper=") for o in overrides):
        return None
    each = [o for o in overrides if _is_each(o)]
    return Arguments(flags, [o for o in overrides if o not in each], each)


def _is_each(text: str) -> bool:
    """Does the override vary, or reach into a group that may vary? Then every job applies it itself."""
    from hydra.core.override_parser.overrides_parser import OverridesParser

    if text.startswith("hydra"):
        return False
    override = OverridesParser.create().parse_overrides([text])[0]
    group, dot, _ = override.key_or_group.partition(".")
    return override.is_sweep_override() or (group in GROUPS and bool(dot))
