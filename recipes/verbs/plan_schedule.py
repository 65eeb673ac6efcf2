"""``lehr plan schedule``: the schedule of least final loss by a curve law, or what a cool-down from now would give."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import Any

import yaml

from lehr.recipes.catalogue.yaml import plain
from lehr.recipes.composing.job import Composed
from lehr.recipes.errors import LehrError, nearest
from lehr.recipes.presenting.files import write_folder
from lehr.recipes.projecting.schedules import as_fragment, curve_law, read_schedule
from lehr.recipes.scheduling import (
    cool_down_json,
    cool_down_text,
    draw_cool_downs,
    draw_search,
    search_json,
    search_text,
)
from lehr.simulators.laws.curves import CurveLaw
from lehr.simulators.schedules import Constant, Warmup
from lehr.simulators.scheduling import cool_downs, search
from lehr.simulators.scheduling.candidates import SHAPES, Budget


def run(job: Composed) -> int:
    """Print the plan and write its files; with ``format=json`` print it alone."""
    form = job.choice("format", ("text", "json"))
    law = curve_law(job)
    name = "plan_schedule"
    try:
        if job.setting("now", int | None) is None:
            data, text, files = planned(job, law)
        else:
            data, text, files = cooled_down(job, law)
            name = "cool_down"
    except ValueError as error:
        raise LehrError(f"plan schedule: {error}") from error
    body = json.dumps({"version": 1, "lehr": version("lehr"), **data}, indent=2, ensure_ascii=False) + "\n"
    if form == "json":
        print(body, end="")
        return 0
    folder = job.folder() / name / law.name
    write_folder(folder, {**files(), "plan.json": body.encode()})
    print(text)
    print(f"\n{folder}/")
    return 0


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


def level_of(job: Composed) -> float:
    """The level of the intervals."""
    level: float = job.setting("level", float)
    if not 0 < level < 1:
        raise LehrError(f"level: {level} is not between 0 and 1; write 0.95")
    return level


def planned(job: Composed, law: CurveLaw) -> tuple[dict[str, Any], str, Any]:
    """The search as JSON, as text, and what makes its files."""
    wanted, given = budget(job), job.setting("shapes", list[str] | None)
    for shape in given or []:
        if shape not in SHAPES:
            raise LehrError(f"shapes: {shape!r} is not known; {nearest(shape, SHAPES)}")
    if given == []:
        raise LehrError(f"shapes: none is named; write one or more of {', '.join(SHAPES)}")
    found = search(law, wanted, shapes=tuple(s for s in SHAPES if given is None or s in given), level=level_of(job))
    if found.best.schedule is None:
        raise LehrError("shapes: none is left; write one or more")
    fragment = yaml.safe_dump(
        plain(as_fragment(wanted.steps, found.best.schedule), "schedule"), sort_keys=False, allow_unicode=True
    )
    head = f"# {found.best.name}; chosen by lehr plan schedule with the law {law.name}: for a stage of a recipe\n"

    def files() -> dict[str, bytes]:
        return {"schedule.yaml": (head + fragment).encode(), **draw_search(law, wanted, found)}

    data = search_json(law, wanted, found)
    data["fragment"] = yaml.safe_load(fragment)
    return data, search_text(law, wanted, found) + "\n\nschedule.yaml:\n" + fragment.rstrip(), files


def cooled_down(job: Composed, law: CurveLaw) -> tuple[dict[str, Any], str, Any]:
    """What a cool-down from ``now`` would give, as JSON, as text, and what makes its files."""
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
    data = cool_down_json(law, now, so_far, downs, warnings)
    return data, cool_down_text(law, now, so_far, downs, warnings), lambda: draw_cool_downs(law, now, so_far, downs)
