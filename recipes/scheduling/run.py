"""A search for a schedule, or cool-downs from now, by a job's settings."""

from __future__ import annotations

from typing import Any

from lehr.recipes.composing.job import Composed
from lehr.recipes.composing.settings import level_of
from lehr.recipes.errors import LehrError, nearest
from lehr.recipes.projecting.schedules import curve_law, read_schedule
from lehr.recipes.scheduling.result import Chosen, CooledDown, Scheduled
from lehr.simulators.laws.curves import CurveLaw
from lehr.simulators.schedules import Constant
from lehr.simulators.scheduling import cool_downs, search
from lehr.simulators.scheduling.candidates import SHAPES, Budget

FAR = 30.0
"""Times a fitted peak rate beyond which a curve law says nothing; a warning stands before that."""

MOST_STEPS = 10**7
"""Updates: more than any run of the catalogue has, and few enough for the memory of a small machine, in which each is
a number of several arrays."""


def schedule_job(job: Composed) -> Scheduled:
    """The best schedules, or with ``now`` the cool-downs from there. Raises ``LehrError`` for mistakes in the input."""
    law = curve_law(job)
    try:
        return chosen(job, law) if job.setting("now", int | None) is None else cooled_down(job, law)
    except ValueError as error:
        raise LehrError(f"plan schedule: {error}") from error


def budget(job: Composed) -> Budget:
    """What is not to be chosen."""
    convention = job.setting("convention", str)
    if convention not in ("start", "end", "end_in_warmup", "end_in_decay"):
        raise LehrError(f"convention: {convention!r} is not known; write start, end, end_in_warmup or end_in_decay")
    steps = job.setting("steps", int)
    if steps > MOST_STEPS:
        raise LehrError(f"steps: {steps:.3g} is above {MOST_STEPS:.0e}; write the updates of a run")
    return Budget(
        steps=steps,
        peak=job.setting("peak_rate", float),
        warmup_steps=job.setting("warmup_steps", int),
        convention=convention,
    )


def chosen(job: Composed, law: CurveLaw) -> Chosen:
    """The schedules of least final loss within the budget."""
    wanted, given = budget(job), job.setting("shapes", list[str] | None)
    for shape in given or []:
        if shape not in SHAPES:
            raise LehrError(f"shapes: {shape!r} is not known; {nearest(shape, SHAPES)}")
    if given == []:
        raise LehrError(f"shapes: none is named; write one or more of {', '.join(SHAPES)}")
    _refuse_far(law, wanted.peak)
    found = search(law, wanted, shapes=tuple(s for s in SHAPES if given is None or s in given), level=level_of(job))
    if found.best.schedule is None:
        raise LehrError("shapes: none is left; write one or more")
    _refuse_impossible(law, [c.loss for c in (found.free, *found.chosen, *found.defaults)])
    return Chosen(law=law, budget=wanted, found=found)


def cooled_down(job: Composed, law: CurveLaw) -> CooledDown:
    """What a cool-down from ``now`` would give."""
    now, lengths = job.setting("now", int), job.setting("cooldown", list[int])
    if now < 1 or not lengths:
        raise LehrError(
            "now and cooldown: write a step above 0 and one length or more, such as now=18000 cooldown=[1000]"
        )
    given = job.setting("schedule", str | dict[str, Any] | None)
    if given is not None:
        whole = read_schedule(given).values()
        if now > len(whole):
            raise LehrError(f"now: {now} lies after the schedule's {len(whole)} steps; write an earlier step")
        so_far = whole[:now]
    else:
        wanted = budget(job)
        if now > wanted.steps:
            raise LehrError(f"now: {now} lies after the {wanted.steps} steps; write an earlier step, or more steps")
        warm = wanted.warmup_steps
        so_far = Constant(peak=wanted.peak, warmup=wanted.warmup).resolve(max(now, warm)).values()[:now]
    ratio = job.setting("final_ratio", float)
    if not 0 <= ratio < 1:
        raise LehrError(f"final_ratio: {ratio} is not at least 0 and below 1; write a share of the rate of now")
    _refuse_far(law, float(so_far.max()))
    downs = cool_downs(law, so_far, lengths, final_ratio=ratio, level=level_of(job))
    _refuse_impossible(law, [loss for d in downs for loss in (d.loss, d.without)])
    # the run as far as the longest cool-down would take it
    warnings = law.range.curve_warnings(max((d.rates for d in downs), key=len))
    return CooledDown(law=law, now=now, so_far=so_far, downs=downs, warnings=warnings)


def _refuse_far(law: CurveLaw, peak: float) -> None:
    """Raises ``LehrError`` where ``peak`` is far outside the peak rates that ``law`` was fitted at."""
    bounds = law.range.peak_rate
    if bounds is not None and not bounds[0] / FAR <= peak <= bounds[1] * FAR:
        raise LehrError(
            f"peak_rate: no law reaches {peak:g}: {law.name} was fitted at {bounds[0]:g} to {bounds[1]:g}; write one "
            f"of {bounds[0] / FAR:.2g} to {bounds[1] * FAR:.2g}, or law=./fit.yaml of runs at such rates"
        )


def _refuse_impossible(law: CurveLaw, losses: list[float]) -> None:
    """Raises ``LehrError`` for a loss that no run has: the law does not reach there."""
    if not min(losses) > 0:
        raise LehrError(
            f"plan schedule: no law reaches here: {law.name} gives a loss of {min(losses):.4g}; write a peak_rate and "
            "steps nearer to those of the runs that it was fitted on"
        )
