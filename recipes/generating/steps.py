"""Measured steps of reinforcement learning (``conf/measurement/rl_step.csv``, a source a row) and what is projected."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from lehr.recipes.catalogue.accelerators import accelerator_called
from lehr.recipes.catalogue.files import CONF, Catalogue
from lehr.recipes.errors import LehrError, nearest
from lehr.recipes.generating.tables import rollout_constants
from lehr.recipes.laying_out.tables import read_networks
from lehr.simulators.machine.rollout import Plant, RolloutStep, rollout_step
from lehr.simulators.machine.rollout_fit import Step, fit_rollouts
from lehr.simulators.rollouts import SERVING_PRECISIONS, USUAL_SPREAD, Lengths, Rollout, ServingPrecision

STEPS = CONF / "measurement" / "rl_step.csv"


class MeasuredStep(msgspec.Struct, frozen=True, kw_only=True):
    """A step that someone measured [s]; ``known`` tells whether its lengths were published."""

    source: str
    place: str
    case: str
    known: bool
    seconds: float
    plant: Plant

    @property
    def split(self) -> bool:
        """Whether some devices generate while others train."""
        return self.plant.rollout.generators is not None

    @property
    def step(self) -> RolloutStep:
        """What is projected."""
        return rollout_step(self.plant)


def measured_steps(catalogue: Catalogue, path: Path = STEPS) -> list[MeasuredStep]:
    """Every row of a table. ``generators`` empty is a step whose devices do both in turn, ``tensor`` an engine that is
    not known, ``batch`` an engine that fills its places again; ``lengths`` says whether the mean answer was published
    or is assumed. Raises ``LehrError`` for an accelerator or a precision that is not known."""
    found = []
    for row, architecture in read_networks(path, catalogue):
        name = accelerator_called(row["accelerator"], catalogue.accelerators)
        if name is None:
            raise LehrError(f"{path.name}: no accelerator is called {row['accelerator']!r}")
        if row["precision"] not in SERVING_PRECISIONS:
            raise LehrError(f"{path.name}: precision: {nearest(row['precision'], SERVING_PRECISIONS)}")
        precision: ServingPrecision = row["precision"]
        number = {
            key: int(row[key]) if row[key] else None for key in ("cap", "generators", "tensor", "batch", "at_once")
        }
        constants = rollout_constants()
        plant = Plant(
            architecture=architecture,
            rollout=Rollout(
                prompts=int(row["prompts"]),
                prompt=Lengths(mean=float(row["prompt"])),
                response=Lengths(mean=float(row["response"]), cap=number["cap"]),
                updates=int(row["updates"]),
                reference=row["reference"] == "yes",
                recomputed=row["recomputed"] == "yes" if row["recomputed"] else None,
                critic=row["critic"] == "yes",
                reward_parameters=float(row["reward_parameters"]) if row["reward_parameters"] else None,
                generators=number["generators"],
                behind=int(row["behind"] or 0),
                partial=number["generators"] is not None,
                tensor=number["tensor"],
                batch=number["batch"],
                at_once=number["at_once"],
                eager=row["eager"] == "yes",
                precision=precision,
            ),
            samples=int(row["samples"]),
            device=catalogue.accelerators[name],
            devices=int(row["devices"]),
            logs=constants.logs,
            fit=constants.fit,
            precision=precision,
            lengths_spread=0.0 if row["lengths"] == "published" else USUAL_SPREAD,
        )
        found.append(
            MeasuredStep(
                source=row["source"],
                place=row["place"],
                case=f"{row['model']} on {row['devices']} {name}",
                known=row["lengths"] == "published",
                seconds=float(row["step_seconds"]),
                plant=plant,
            )
        )
    return found


def fitted(rows: Sequence[MeasuredStep]) -> list[Step]:
    """The rows that constants are fitted to: those whose lengths were published."""
    return [Step(row.plant, row.seconds, row.source, row.case) for row in rows if row.known]


def left_out(rows: Sequence[MeasuredStep]) -> list[MeasuredStep]:
    """Each row under constants that were fitted to the other sources alone."""
    found = []
    for source in sorted({row.source for row in rows}):
        fit = fit_rollouts(fitted([row for row in rows if row.source != source]))
        found += [
            msgspec.structs.replace(row, plant=msgspec.structs.replace(row.plant, fit=fit))
            for row in rows
            if row.source == source
        ]
    return found


def pairs(rows: Sequence[MeasuredStep]) -> list[tuple[MeasuredStep, MeasuredStep]]:
    """Steps in turn with those of the same table, case and precision that were split."""

    def key(row: MeasuredStep) -> tuple[str, str, str, str]:
        return row.source, row.place, row.case, row.plant.precision

    split = {key(row): row for row in rows if row.split}
    return [(row, split[key(row)]) for row in rows if not row.split and key(row) in split]
