"""The learning rate phase by phase, as a table."""

from __future__ import annotations

from lehr.recipes.presenting.document import Cell, Column, Table
from lehr.recipes.presenting.numbers import quantity, rate, whole
from lehr.recipes.report.facts import ReportData
from lehr.recipes.report.stages import mark_of
from lehr.simulators.schedules import Curve
from lehr.simulators.training import Stage


def phases(data: ReportData) -> Table | None:
    """Every phase of every published schedule; nothing where none was published."""
    rows = [
        row
        for name, stage in data.recipe.ordered()
        if (curve := stage.curve()) is not None
        for row in _rows(data, name, stage, curve)
    ]
    if not rows:
        return None
    return Table(
        name="phases",
        caption="Learning rate, phase by phase",
        columns=[
            Column("Stage"),
            Column("Phase"),
            Column("Shape"),
            Column("Updates", "how many", True),
            Column("First update", "of the stage, from 0", True),
            Column("Tokens", "of the stage, before and after", True),
            Column("Rate", "at the beginning", True),
            Column("Rate", "at the end", True),
        ],
        rows=rows,
    )


def _rows(data: ReportData, name: str, stage: Stage, curve: Curve) -> list[list[Cell]]:
    clock = stage.batch.clock(stage.tokens_each) if stage.batch and stage.tokens_each else None
    mark = mark_of(data, f"recipe.stages.{name}.schedule")
    rows, first = [], 0
    for phase in curve.phases:
        last = first + phase.steps
        tokens = (
            Cell(
                f"{quantity(float(clock.tokens_at(first)), 4)} to {quantity(float(clock.tokens_at(last)), 4)}",
                "projected",
            )
            if clock is not None
            else Cell("–", "unknown")
        )
        end = phase.start if phase.shape == "constant" else phase.end
        rows.append(
            [
                Cell(name),
                Cell(phase.name),
                Cell(phase.shape.replace("_", " "), mark),
                Cell(whole(phase.steps), "projected"),
                Cell(whole(first), "projected"),
                tokens,
                Cell(rate(phase.start), mark),
                Cell(rate(end), mark),
            ]
        )
        first = last
    return rows
