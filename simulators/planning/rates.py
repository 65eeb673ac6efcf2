"""Peak rate, batch and weight decay of a planned stage: a law where it was fitted, bounded by what was published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from lehr.simulators.laws.base import Bounds
from lehr.simulators.laws.hyper import HyperLaw, PowerRules, best_peak
from lehr.simulators.planning.published import PublishedStage, Setting, at_tokens, extent, like_size, middle
from lehr.simulators.schedules import Schedule

SHAPE_STEPS = 2000
"""Steps on which shapes of schedules are compared; the ratio of their best peaks hardly depends on them."""
SHOWN = 3
"""Published stages that stand beside a value."""


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """One hyper-parameter: its value, where it comes from, and what was published beside it.

    ``interval`` holds 95 % of best measured values by the law; ``published`` is the extent among networks of like size,
    ``nearest`` the nearest of them. ``rule_value`` is what the rule said before ``published`` bound it; ``outside``
    says where the rule was asked beyond its runs.
    """

    value: float
    rule: str
    rule_value: float
    interval: Bounds | None = None
    published: Bounds | None = None
    nearest: list[tuple[str, float]] = []
    outside: list[str] = []
    note: str | None = None

    @property
    def bound(self) -> bool:
        """Whether what was published took the place of the rule's value."""
        return self.value != self.rule_value


def advise(
    setting: Setting,
    value: float,
    rule: str,
    near: Sequence[PublishedStage],
    *,
    interval: Bounds | None = None,
    outside: Sequence[str] = (),
    note: str | None = None,
) -> Advice:
    """``value`` by ``rule``; where the rule is asked outside its runs, no further than what was published for ``near``.

    >>> near = [PublishedStage(model="a", stage="pt", kind="PT", size=7e9, peak=p) for p in (1.5e-4, 4.2e-4)]
    >>> advise("peak", 9e-4, "a law", near).value, advise("peak", 9e-4, "a law", near, outside=["7e9"]).value
    (0.0009, 0.00042)
    """
    known = extent(near, setting)
    kept = float(np.clip(value, *known)) if outside and known is not None else float(value)
    return Advice(
        value=kept, rule=rule, rule_value=float(value), interval=interval, published=known,
        nearest=[(f"{s.model} {s.stage}", float(getattr(s, setting))) for s in near[:SHOWN]],
        outside=list(outside), note=note,
    )  # fmt: skip


def published_alone(
    setting: Setting, stages: Sequence[PublishedStage], kinds: Sequence[str], size: float
) -> Advice | None:
    """The median of what was published for networks of like size; ``None`` where nothing was."""
    near = like_size(stages, kinds, setting, size)
    found = middle(near, setting)
    return None if found is None else advise(setting, found, f"the median of {len(near)} published stages", near)


def rate_by_law(
    laws: Sequence[HyperLaw],
    inputs: Mapping[str, Mapping[str, float]],
    near: Sequence[PublishedStage],
    curve: np.ndarray,
) -> Advice | None:
    """The peak by the first law that speaks of rates, ``inputs`` by the law's name: moved from the schedule that it was
    tuned under to one of the shape ``curve`` (steps,), and bounded by ``near`` where it is asked outside its runs."""
    for law in laws:
        if not speaks(law, "peak_rate", inputs[law.name]):
            continue
        given = inputs[law.name]
        rate = float(law.peak_rate(**given))
        known = law.rate_interval(n=given["n"], d=given["d"]) if isinstance(law, PowerRules) else None
        factor, note = 1.0, None
        if isinstance(law, PowerRules) and law.schedule is not None:
            factor = best_peak(curve) / best_peak(shape_of(law.schedule))
            note = (
                f"{factor:.2f} times the peak of the law's own schedule, by the convex bound of Schaipp et al. (2025)"
            )
        asked = {name: value for name, value in given.items() if name in ("n", "d", "flops", "experts")}
        return advise(
            "peak", rate * factor, law.name, near, outside=law.warnings(**asked), note=note,
            interval=None if known is None else (known[0] * factor, known[1] * factor),
        )  # fmt: skip
    return None


def batch_by_law(
    laws: Sequence[HyperLaw],
    inputs: Mapping[str, Mapping[str, float]],
    near: Sequence[PublishedStage],
    *,
    mixture: bool = False,
) -> Advice | None:
    """The tokens of a batch by the first law that speaks of them, bounded as rates are; for a ``mixture`` by what those
    of ``near`` would have had on as few tokens, as the law's batch grows with them."""
    for law in laws:
        if speaks(law, "batch_tokens", inputs[law.name]):
            given = inputs[law.name]
            asked = {name: value for name, value in given.items() if name in ("n", "d", "flops", "experts")}
            batch, outside = float(law.batch_tokens(**given)), law.warnings(**asked)
            exponent = law.batch.d if isinstance(law, PowerRules) and law.batch is not None else 0.0
            scaled = at_tokens(near, given["d"], exponent) if mixture and exponent else []
            if not scaled:
                return advise("batch_tokens", batch, law.name, near, outside=outside)
            found = advise("batch_tokens", batch, law.name, scaled, outside=outside)
            note = (
                f"what was published is brought to {given['d']:.3g} tokens by the exponent of {law.name}, {exponent:g}"
            )
            return msgspec.structs.replace(found, note=note)
    return None


def speaks(law: HyperLaw, name: str, inputs: Mapping[str, float]) -> bool:
    """Whether ``law`` answers ``name``; a law that answers and lacks an input is an error, not silent."""
    if isinstance(law, PowerRules):
        rule = {"peak_rate": law.rate, "batch_tokens": law.batch}[name]
        if rule is None:
            return False
        if missing := [need for need in rule.needs() if need not in inputs]:
            raise ValueError(f"{law.name} needs {', '.join(missing)}, which a plan does not know; write another law")
        return True
    return getattr(type(law), name) is not getattr(HyperLaw, name)


def shape_of(schedule: Schedule) -> np.ndarray:
    """A schedule's rates on ``SHAPE_STEPS`` steps, where its durations are shares."""
    return schedule.resolve(SHAPE_STEPS).values()
