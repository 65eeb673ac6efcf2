"""What the rollouts of reinforcement learning take: a step, all of them, and what of that was assumed."""

from __future__ import annotations

from lehr.recipes.presenting.document import Cell, Column, Part, Picture, Section, Table, Text
from lehr.recipes.presenting.numbers import quantity
from lehr.recipes.report.facts import ReportData
from lehr.recipes.report.headline import hours_stated
from lehr.simulators.projection.project import StageProjection, StageRollout
from lehr.simulators.quantities import Amount


def rolled(data: ReportData) -> list[tuple[StageProjection, StageRollout]]:
    """The stages whose rollouts are projected."""
    return [(s, s.rollout) for s in data.projection.stages if s.rollout is not None]


def rollouts(data: ReportData, picture: Picture | None) -> list[Section]:
    """The section on rollouts, or none where no stage's are projected."""
    rows = rolled(data)
    if not rows:
        return []
    assumed = [f"{s.name}: {'; '.join(rollout.assumed)}" for s, rollout in rows if rollout.assumed]
    parts: list[Part] = [
        Text(
            "Answers are written token after token at the speed of the engines, the longest ones last; then they are "
            "scored and learnt from. The intervals hold 90 %, lengths and speeds that were assumed with them."
        ),
        _table(data, rows),
        *([Text(f"Assumed. {'. '.join(assumed)}.")] if assumed else []),
        *([picture] if picture is not None else []),
    ]
    return [Section(name="rollouts", title="Rollouts", parts=parts, folded=True)]


def _table(data: ReportData, rows: list[tuple[StageProjection, StageRollout]]) -> Table:
    return Table(
        name="rollouts",
        caption="Stages of reinforcement learning by their rollouts",
        columns=[
            Column("Stage"),
            Column("Rollouts", "", True),
            Column("One", "s", True),
            Column("Generating", "%", True),
            Column("Accelerator-hours", "h", True),
            Column("Published", "h", True),
        ],
        rows=[
            [
                Cell(s.name, below=f"{rollout.devices:,} {data.accelerators[rollout.accelerator].title}"),
                Cell(quantity(rollout.steps, 4)),
                Cell(quantity(rollout.step.seconds.value), "projected",
                     f"{quantity(rollout.step.seconds.low)} to {quantity(rollout.step.seconds.high)}"),
                Cell(f"{100 * generating(rollout):.0f}", "projected"),
                Cell(quantity(rollout.hours.value), "projected", _between(rollout.hours)),
                _published(data, s.name),
            ]
            for s, rollout in rows
        ],
    )  # fmt: skip


def generating(rollout: StageRollout) -> float:
    """The share of a step's work in which answers are written [1]."""
    p = rollout.step.parts
    return (p.generation + p.prompts + p.tail) / (
        p.generation + p.prompts + p.tail + p.verifying + p.scoring + p.updating + p.moving + p.once
    )


def _between(amount: Amount) -> str:
    if amount.low is None or amount.high is None:
        return ""
    return f"{quantity(amount.low)} to {quantity(amount.high)}"


def _published(data: ReportData, name: str) -> Cell:
    hours = hours_stated(data, name)
    return Cell(quantity(hours, 4)) if hours is not None else Cell("unknown", "unknown")
