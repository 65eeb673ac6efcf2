"""Settings that several verbs have, each checked in one place."""

from __future__ import annotations

from lehr.recipes.catalogue.files import checked_name
from lehr.recipes.composing.job import Composed
from lehr.recipes.errors import LehrError


def form_of(job: Composed, *more: str) -> str:
    """How the result is printed: ``format``, which is text, json or one of ``more``."""
    return job.choice("format", ("text", "json", *more))


def level_of(job: Composed) -> float:
    """The level of the intervals [1]. Raises ``LehrError`` where it is no share between 0 and 1."""
    level: float = job.setting("level", float)
    if not 0 < level < 1:
        raise LehrError(f"level: {level} is not between 0 and 1; write 0.95")
    return level


def starts_of(job: Composed) -> int | None:
    """From how many points a fit begins; ``None`` leaves it to the form. Raises ``LehrError`` below 1."""
    starts: int | None = job.setting("starts", int | None)
    if starts is not None and starts < 1:
        raise LehrError(f"starts: {starts} is not 1 or more; leave it out for the form's own")
    return starts


def name_of(job: Composed, default: str | None = None) -> str:
    """What the result is called, or ``default``. Raises ``LehrError`` where that cannot name a file."""
    name: str | None = job.setting("name", str | None) or default
    return checked_name(name or "", "name")
