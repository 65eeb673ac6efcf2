"""One network on several machines: accelerators, numbers of devices and layouts beside each other, a search each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from math import prod
from typing import Any

import msgspec

from lehr.recipes.composing.job import Composed
from lehr.recipes.errors import LehrError, nearest
from lehr.recipes.laying_out.answer import Found, answer
from lehr.recipes.laying_out.question import asked, called
from lehr.recipes.laying_out.text import GIB, seconds, time_of_stage
from lehr.recipes.presenting.numbers import estimate, percent
from lehr.recipes.presenting.tables import text_table
from lehr.simulators.quantities import Devices

MOST = 1000
"""Points of one table."""


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One machine: the best layout there, or the one of the axis, with what it takes; ``why`` where there is none.

    ``days`` [d] and ``usd`` [USD] are those of the recipe's longest stage of pre-training.
    """

    accelerator: str
    devices: int | None
    layout: dict[str, Any] | None
    found: Found | None = None
    days: float | None = None
    hours: float | None = None
    usd: float | None = None
    why: str = ""


KINDS: dict[str, tuple[Any, str]] = {
    "accelerator": (list[str], "h100, h200"),
    "devices": (list[Devices], "64, 128, 256"),
    "layout": (list[dict[str, Any]], "{tp: 8}, {tp: 4, pp: 2}"),
}
"""What may stand on each axis, and an example."""


def over(job: Composed, axes: Mapping[str, Sequence[Any]]) -> list[Point]:
    """Every combination of ``axes``. Raises ``LehrError`` for an axis or a value that cannot be, or too many points."""
    if not axes:
        raise LehrError("over: has no axis; write over={devices: [64, 128]}")
    for key, values in axes.items():
        if key not in KINDS:
            raise LehrError(f"over.{key}: is no axis; {nearest(key, KINDS)}")
        kind, example = KINDS[key]
        try:
            held = msgspec.convert(values, kind)
        except msgspec.ValidationError as error:
            raise LehrError(f"over.{key}: {values!r} will not do; write {key}: [{example}]") from error
        if not held:
            raise LehrError(f"over.{key}: names nothing; write {key}: [{example}]")
    for name in axes.get("accelerator", ()):
        called(job.catalogue, name)
    n = prod(len(values) for values in axes.values())
    if n > MOST:
        raise LehrError(f"over: has {n:,} points; write at most {MOST:,}")
    return [_point(job, dict(zip(axes, values, strict=True))) for values in product(*axes.values())]


def _point(job: Composed, at: dict[str, Any]) -> Point:
    layout = at.get("layout")
    try:
        asked_ = asked(job, **at)
        told = answer(asked_, show=0)
    except LehrError as error:
        named = str(at.get("accelerator", ""))
        return Point(accelerator=named, devices=at.get("devices"), layout=layout, why=str(error))
    device, found = asked_.accelerator, told.given if layout is not None else told.best
    if found is None:
        return Point(accelerator=device.name, devices=asked_.devices, layout=layout, why="nothing fits")
    stage = time_of_stage(told, found)
    hours = stage["hours"] if stage else None
    return Point(
        accelerator=device.name,
        devices=asked_.devices,
        layout=layout,
        found=found,
        days=stage["days"] if stage else None,
        hours=hours,
        usd=hours * device.price.usd_per_hour if hours is not None and device.price else None,
    )


def as_text(points: Sequence[Point]) -> str:
    """The points as a table, in the order of the axes."""
    rows = []
    for p in points:
        device = [p.accelerator, f"{p.devices:,}" if p.devices else ""]
        if p.found is None:
            rows.append([*device, p.why, *[""] * 7])
            continue
        f = p.found
        layout = f.layout.short() + ("" if f.fits else " (does not fit)")
        speed = f"{f.tokens_per_second * (p.devices or 1):,.0f}"
        stage = [estimate(v) if v else "" for v in (p.days, p.hours, p.usd)]
        gib = f"{f.memory_bytes / GIB:.1f}"
        rows.append([*device, layout, seconds(f.seconds), speed, percent(f.mfu["causal"]), gib, *stage])
    head = ["accelerator", "devices", "layout", "step", "tokens/s", "MFU", "GiB", "days", "hours", "USD"]
    return text_table(head, rows, right={1, 3, 4, 5, 6, 7, 8, 9})
