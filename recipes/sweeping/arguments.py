"""A sweep's command line, taken apart."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import msgspec

from lehr.recipes.catalogue.files import CONF
from lehr.recipes.catalogue.yaml import load_yaml
from lehr.recipes.sweeping.axes import override, refuse_endless
from lehr.recipes.sweeping.merging import GROUPS

_WITH_VALUE = ("--config-dir", "-cd", "--config-name", "-cn", "--config-path", "-cp")


class Arguments(msgspec.Struct, frozen=True):
    """A command line taken apart: Hydra's flags, what composes the base, and what every job applies to it."""

    flags: list[str]
    base: list[str]
    each: list[str]
    words: list[str]
    """The overrides in the order in which they were written, without Hydra's own."""


def take_apart(words: Sequence[str]) -> Arguments | None:
    """The parts of a sweep's command line, or ``None`` where it asks for something else: no ``-m``, a flag that shows
    something, a sweeper of the user's own.

    >>> take_apart(["-m", "model=a,b", "mfu=0.4", "hydra/launcher=joblib"])
    Arguments(flags=[], base=['mfu=0.4', 'hydra/launcher=joblib'], each=['model=a,b'], words=['model=a,b', 'mfu=0.4'])
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
    words = [o for o in overrides if not o.lstrip("+~").startswith(("hydra.", "hydra/"))]
    each = _each(words)
    # of two that say the same key the later one counts, in a sweep of Hydra's too
    last = {override(word).get_key_element(): word for word in words}
    base = [o for o in overrides if o not in words or (o not in each and o in last.values())]
    return Arguments(flags, base, each, words)


def _each(texts: Sequence[str]) -> list[str]:
    """The overrides that every job applies itself: those that vary or are replaced by one that does, reach into a group
    that may vary, or set what only a file that varies brings."""
    settings = {*load_yaml(CONF / "report.yaml"), *GROUPS}
    parsed = {text: override(text) for text in texts}
    for o in parsed.values():
        refuse_endless(o)
    keys = {text: o.key_or_group.partition("@")[0].partition(".") for text, o in parsed.items()}
    swept = {o.get_key_element() for o in parsed.values() if o.is_sweep_override()}
    brought = any(o.is_sweep_override() and keys[text][0] not in settings for text, o in parsed.items())
    return [
        text
        for text, o in parsed.items()
        if o.get_key_element() in swept
        or (keys[text][0] in GROUPS and keys[text][1])
        or (brought and keys[text][0] not in settings and (keys[text][1] or not o.is_add()))
    ]
