"""A search for a schedule, or cool-downs from now, by a job's settings."""

from __future__ import annotations

from typing import Any

from lehr.recipes.composing.job import Composed
from lehr.recipes.composing.settings import level_of
from lehr.recipes.errors import LehrError, nearest
from lehr.recipes.projecting.schedules import curve_law, read_schedule
from lehr.recipes.scheduling.result import Chosen, CooledDown, Scheduled
from lehr.simulators.laws.curves import CurveLaw
from lehr.simulators.schedules import Constant, Warmup
from lehr.simulators.scheduling import cool_downs, search
from lehr.simulators.scheduling.candidates import SHAPES, Budget


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
    return Budget(
        steps=job.setting("steps", int),
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
    found = search(law, wanted, shapes=tuple(s for s in SHAPES if given is None or s in given), level=level_of(job))
    if found.best.schedule is None:
        raise LehrError("shapes: none is left; write one or more")
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
        warm = job.setting("warmup_steps", int)
        warmup = Warmup(steps=warm) if warm else None
        so_far = Constant(peak=job.setting("peak_rate", float), warmup=warmup).resolve(max(now, warm)).values()[:now]
    ratio = job.setting("final_ratio", float)
    if not 0 <= ratio < 1:
        raise LehrError(f"final_ratio: {ratio} is not at least 0 and below 1; write a share of the rate of now")
    downs = cool_downs(law, so_far, lengths, final_ratio=ratio, level=level_of(job))
    # the run as far as the longest cool-down would take it
    warnings = law.range.curve_warnings(max((d.rates for d in downs), key=len))
    return CooledDown(law=law, now=now, so_far=so_far, downs=downs, warnings=warnings)
