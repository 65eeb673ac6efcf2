"""The loss over the stages under the recipe's own schedules, as a table and as data."""

from __future__ import annotations

from math import isfinite
from typing import Any

import msgspec

from lehr.recipes.presenting.document import Cell, Column, Part, Section, Table, Text
from lehr.recipes.presenting.numbers import loss, quantity
from lehr.recipes.report.facts import ReportData
from lehr.simulators.projection.forecast import StageForecast
from lehr.simulators.projection.tuned import MISS, WORTH


def course(data: ReportData) -> list[Section]:
    """The section, where schedules and lengths are known."""
    if data.forecast is None:
        return []
    surface = data.laws[0]
    unit = surface.loss_unit
    columns = [
        Column("Stage"),
        Column("Tokens", "at its end, all stages", True),
        Column("Loss", f"at its end, {unit}", True),
        Column("By the surface", "end of a schedule of that length", True),
        Column("Rise", "at its highest, over its beginning", True),
        Column("Change of data"),
    ]
    rows = [_row(stage) for stage in data.forecast.stages]
    table = Table(name="course", caption="Loss under the recipe's own schedules", columns=columns, rows=rows)
    parts: list[Part] = [Text(_words(data)), table]
    return [Section(name="course", title="Loss over the stages", parts=parts, folded=True)]


def _row(stage: StageForecast) -> list[Cell]:
    return [
        Cell(stage.name, below="its schedule is assumed: a cosine to a tenth" if stage.assumed else ""),
        Cell(quantity(stage.tokens, 4), "projected"),
        Cell(loss(stage.loss), "projected", below=f"{loss(stage.low)} to {loss(stage.high)}"),
        Cell(loss(stage.at_end_of_schedule), "projected"),
        Cell(f"{stage.rewarming:.3f}" if stage.rewarming >= 0.0005 else "–", "projected"),
        Cell(stage.shift or "none"),
    ]


def _words(data: ReportData) -> str:
    """What the table assumes, in full sentences."""
    assert data.forecast is not None
    law = data.forecast.law
    words = (
        f"The level is that of {data.laws[0].title}, which speaks of the end of a tuned cosine to a tenth of as many "
        "tokens. "
    )
    if law is None:
        words += (
            "What another shape of schedule makes of it is read at the peak that is best for that shape: by the convex "
            "bound of Schaipp et al. (2025, arXiv:2501.18965), which their runs of 33M to 360M parameters follow with "
            f"{WORTH:g} nats/token for a bound twice as high, to {MISS:g}. The band holds a fifth to twice of that, as "
            "larger networks and longer runs may have it. Whether this recipe's peak is the best for its schedule "
            "nobody says; it is taken to be."
        )
    else:
        words += (
            f"What the schedules make of it is by {law.title}, the curve law that was given: the loss under these "
            "rates less that under the cosine at the same peak, its longest run for whatever was trained on so far. "
            "The band holds the surface's interval and the law's worst error on curves that were held out."
        )
    if data.forecast.rises:
        words += (
            " The rate rises again after warm-up: what that costs is counted, and no run behind these numbers did so."
        )
    if isfinite(data.forecast.known_until):
        words += (
            " From the first change of data on, the loss is that of data that would not have changed: no published law "
            "has constants for these mixtures."
        )
    return words


def course_data(data: ReportData) -> dict[str, Any] | None:
    """The forecast as plain data, or nothing."""
    found = data.forecast
    if found is None:
        return None
    return {
        "surface": data.laws[0].name,
        "curve_law": None if found.law is None else found.law.name,
        "loss_unit": data.laws[0].loss_unit,
        "stages": [msgspec.to_builtins(stage) for stage in found.stages],
        "data_known_until": found.known_until if isfinite(found.known_until) else None,
        "rate_rises_again": found.rises,
        "tokens": found.tokens.tolist(),
        "loss": found.central.tolist(),
        "low": found.low.tolist(),
        "high": found.high.tolist(),
    }
