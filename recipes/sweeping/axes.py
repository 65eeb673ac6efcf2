"""What a sweep varies, from Hydra's own words for it: ``model=a,b``, ``glob(*)``, ``range(...)``, ``choice(...)``."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

import msgspec

from lehr.recipes.errors import LehrError
from lehr.simulators.projection.stage_work import MANY_EPOCHS

if TYPE_CHECKING:
    from hydra.core.config_loader import ConfigLoader
    from hydra.core.override_parser.types import Override


PASSES = re.compile(r"recipe\.stages\.\w+\.epochs")
"""The key of how often a stage sees its data."""
MOST_JOBS = 10_000_000
"""Of one sweep, whose values are all held at once."""


class SearchRange(msgspec.Struct, frozen=True):
    """A range without steps, which only a search can take: ``interval(1e11,1e13)``, ``tag(log,interval(...))``."""

    low: float
    high: float
    log: bool
    whole: bool


class Slot(msgspec.Struct, frozen=True, kw_only=True):
    """One override of the command line with all its values; several values make it an axis of the sweep."""

    key: str
    options: list[Any]
    """Hydra's parsed overrides, one for each value."""
    texts: list[str]
    swept: bool
    """Is it written as a sweep, be it of one value?"""
    each: bool
    """Does a job apply it itself? The others are in the base already."""
    globbed: bool
    prefix: str = ""
    interval: SearchRange | None = None

    def values(self) -> list[Any]:
        """The values, as Hydra reads them."""
        return [option.value() for option in self.options]

    def numbers(self) -> list[float] | None:
        """The values as numbers, or ``None`` where one is none; an interval has none yet."""
        if self.interval is not None:
            return []
        values = self.values()
        if any(isinstance(v, bool) or not isinstance(v, (int, float)) for v in values):
            return None
        return [float(v) for v in values]


def repeats(found: Sequence[Slot]) -> bool:
    """Are passes over the data swept beyond those at which most laws know no repeats? Then one law that knows them is
    to read all jobs, unless laws are chosen."""
    if any(slot.key == "law" for slot in found):
        return False
    passes = [slot.numbers() or [] for slot in found if slot.swept and PASSES.fullmatch(slot.key)]
    return any(number > MANY_EPOCHS for numbers in passes for number in numbers)


def slots(
    texts: Sequence[str], params: Mapping[str, str], loader: ConfigLoader | None, base: Sequence[str] = ()
) -> list[Slot]:
    """The overrides in the order in which Hydra applies them: ``hydra.sweeper.params`` first, then the command line's;
    where two say the same key, the later takes the earlier's place. Those of ``base`` are no job's own.

    Raises ``LehrError`` for a pattern that matches nothing and an interval without a width.
    """
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.core.override_parser.types import Glob, IntervalSweep

    parser = OverridesParser.create(config_loader=loader)
    found: dict[str, Slot] = {}
    for override in parser.parse_overrides([*(f"{key}={value}" for key, value in params.items()), *texts]):
        key = override.get_key_element()
        prefix = key[: len(key) - len(key.lstrip("+~"))]
        if isinstance(space := override.value(), IntervalSweep):
            low, high = float(space.start or 0.0), float(space.end or 0.0)
            log = "log" in space.tags
            if not (0 < low < high if log else low < high):
                raise LehrError(f"{override.input_line}: an interval goes up" + (" from above 0" if log else ""))
            whole = isinstance(space.start, int) and isinstance(space.end, int)
            interval = SearchRange(low, high, log, whole)
            found[key] = Slot(key=key.lstrip("+~"), options=[], texts=[str(override.input_line)], swept=True,
                              each=True, globbed=False, prefix=prefix, interval=interval)  # fmt: skip
            continue
        if override.is_sweep_override():
            refuse_endless(override)
            values = list(override.sweep_string_iterator())
            if not values:
                raise LehrError(f"{override.input_line}: matches nothing")
        else:
            values = [override.get_value_element_as_str()]
        lines = [key if override.is_delete() else f"{key}={value}" for value in values]
        found[key] = Slot(
            key=key.lstrip("+~"),
            options=parser.parse_overrides(lines) if override.is_sweep_override() else [override],
            texts=lines,
            prefix=prefix,
            swept=override.is_sweep_override() or (key in found and found[key].swept),
            each=override.is_sweep_override() or key in found or override.input_line not in base,
            globbed=isinstance(override.value(), Glob),
        )
    return list(found.values())


def refuse_endless(override: Override) -> None:
    """Raise ``LehrError`` for a range that never ends, or has more values than a sweep can have jobs."""
    from hydra.core.override_parser.types import RangeSweep

    if not isinstance(space := override.value(), RangeSweep):
        return
    start, stop, step = float(space.start or 0.0), float(space.stop or 0.0), float(space.step)
    if step == 0.0:
        raise LehrError(f"{override.input_line}: the step must not be zero; write range(start,stop,step), such as 0.1")
    if (n := (stop - start) / step) > MOST_JOBS:
        raise LehrError(f"{override.input_line}: has {n:.3g} values; write a larger step, for at most {MOST_JOBS:,}")


def override(text: str) -> Override:
    """One override, parsed."""
    from hydra.core.override_parser.overrides_parser import OverridesParser

    (parsed,) = OverridesParser.create().parse_overrides([text])
    return parsed


def n_jobs(found: Sequence[Slot]) -> int:
    """How many jobs there are."""
    return math.prod(len(slot.options) for slot in found)


def jobs(found: Sequence[Slot]) -> Iterator[tuple[Override, ...]]:
    """Every combination, the last axis fastest, as Hydra's basic sweeper orders them."""
    return product(*(slot.options for slot in found))


def words(job: Sequence[Override], swept: Sequence[bool]) -> str:
    """What tells a job from the others: its swept overrides as they would be written."""
    return " ".join(o.input_line or o.key_or_group for o, varies in zip(job, swept, strict=True) if varies)
