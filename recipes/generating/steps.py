"""Measured steps of reinforcement learning (``conf/measurement/rl_step.csv``, a source a row) and what is projected."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from lehr.recipes.catalogue.accelerators import accelerator_called
from lehr.recipes.catalogue.files import CONF, Catalogue
from lehr.recipes.errors import LehrError
from lehr.recipes.generating.tables import generation_fit
from lehr.recipes.laying_out.tables import read_networks
from lehr.simulators.machine.rollout import Plant, RolloutStep, rollout_step
from lehr.simulators.rollouts import USUAL_SPREAD, Lengths, Rollout

STEPS = CONF / "measurement" / "rl_step.csv"


class MeasuredStep(msgspec.Struct, frozen=True, kw_only=True):
    """A step that someone measured [s] beside its projection; ``known`` tells whether its lengths were published."""

    source: str
    case: str
    split: bool
    known: bool
    seconds: float
    step: RolloutStep


def measured_steps(catalogue: Catalogue, path: Path = STEPS) -> Iterator[MeasuredStep]:
    """Every row of a table projected. ``generators`` empty is a step whose devices do both in turn; ``lengths`` says
    whether the mean answer was published or is assumed. Raises ``LehrError`` for an accelerator that is not known."""
    for row, architecture in read_networks(path, catalogue):
        name = accelerator_called(row["accelerator"], catalogue.accelerators)
        if name is None:
            raise LehrError(f"{path.name}: no accelerator is called {row['accelerator']!r}")
        cap = int(row["cap"]) if row["cap"] else None
        prompt, response = float(row["prompt"]), float(row["response"])
        split = int(row["generators"]) if row["generators"] else None
        plant = Plant(
            architecture=architecture,
            rollout=Rollout(
                prompts=int(row["prompts"]),
                prompt=Lengths(mean=prompt),
                response=Lengths(mean=response, cap=cap),
                updates=int(row["updates"]),
                reference=row["reference"] == "yes",
                reward_parameters=float(row["reward_parameters"]) if row["reward_parameters"] else None,
                generators=split,
                behind=int(row["behind"] or 0),
                partial=split is not None,
            ),
            samples=int(row["samples"]),
            device=catalogue.accelerators[name],
            devices=int(row["devices"]),
            logs=tuple(float(log) for log in generation_fit().logs),
            lengths_spread=0.0 if row["lengths"] == "published" else USUAL_SPREAD,
        )
        yield MeasuredStep(
            source=row["source"],
            case=f"{row['model']} on {row['devices']} {name}",
            split=split is not None,
            known=row["lengths"] == "published",
            seconds=float(row["step_seconds"]),
            step=rollout_step(plant),
        )


def pairs(rows: list[MeasuredStep]) -> list[tuple[MeasuredStep, MeasuredStep]]:
    """Steps in turn with those of the same case that were split."""
    split = {(row.source, row.case): row for row in rows if row.split}
    return [(row, split[row.source, row.case]) for row in rows if not row.split and (row.source, row.case) in split]
