"""Curve laws and schedules that a person names: an entry of the catalogue or a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from recipes.compose import Composed
from recipes.decode import decode, load_yaml
from recipes.errors import LehrError
from recipes.plans import decode_law
from simulators.laws.curves import CurveLaw
from simulators.schedules import Curve, Schedule
from simulators.training import Stage


class ScheduleFragment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A schedule and the steps it is resolved on: what ``schedule.yaml`` holds and a recipe's stage takes."""

    steps: int
    schedule: Schedule

    def curve(self) -> Curve:
        """The learning rates. Raises ``ValueError`` where the schedule does not fit into the steps."""
        return self.schedule.resolve(self.steps)


def curve_law(job: Composed) -> CurveLaw:
    """The law of a job, as a curve law. Raises ``LehrError`` for a law of other inputs."""
    law = decode_law(job.config["law"], "law")
    if not isinstance(law, CurveLaw):
        raise LehrError(
            f"law: {law.name} gives no loss at every step of a schedule; write law=multi_power_25m, or law=./fit.yaml "
            "that lehr fit wrote"
        )
    return law


def read_schedule(given: str | dict[str, Any]) -> Curve:
    """The learning rates of a file with ``steps`` and ``schedule``, such as ``lehr plan schedule`` writes, or of a
    schedule written out with its ``steps``: {kind: cosine, peak: 3e-4, steps: 50000}.

    Raises ``LehrError`` that says where it is wrong.

    >>> read_schedule({"kind": "constant", "peak": 1e-3, "steps": 50}).n_steps
    50
    """
    where = given if isinstance(given, str) else "schedule"
    data = load_yaml(Path(given)) if isinstance(given, str) else given
    if isinstance(data, dict) and "kind" in data:
        data = {"steps": data.get("steps"), "schedule": {k: v for k, v in data.items() if k != "steps"}}
        if data["steps"] is None:
            raise LehrError(f"{where}: `steps` is missing; write the number of updates, such as steps: 50000")
    fragment = decode(data, ScheduleFragment, where)
    try:
        return fragment.curve()
    except ValueError as error:
        raise LehrError(f"{where}: {error}") from error


def stage_schedule(stage: Stage, where: str) -> Curve:
    """The learning rates of a recipe's stage. Raises ``LehrError`` where schedule or length is not known."""
    try:
        curve = stage.curve()
    except ValueError as error:
        raise LehrError(f"{where}: {error}") from error
    if curve is None:
        raise LehrError(
            f"{where} has no schedule, or no number of steps; write schedule=file.yaml with steps and schedule"
        )
    return curve


def as_fragment(steps: int, schedule: Schedule) -> dict[str, Any]:
    """The plain data of a ``ScheduleFragment``, without what stands at its default.

    >>> from simulators.schedules import Cosine
    >>> as_fragment(100, Cosine(peak=3e-4, floor_ratio=0.1))
    {'steps': 100, 'schedule': {'kind': 'cosine', 'peak': 0.0003, 'floor_ratio': 0.1}}
    """
    return {"steps": steps, "schedule": _without_defaults(schedule)}


def _without_defaults(value: msgspec.Struct) -> dict[str, Any]:
    config = value.__struct_config__
    out: dict[str, Any] = {config.tag_field: config.tag} if config.tag_field else {}
    for field in msgspec.structs.fields(value):
        found = getattr(value, field.name)
        if field.default is not msgspec.NODEFAULT and found == field.default:
            continue
        out[field.name] = _without_defaults(found) if isinstance(found, msgspec.Struct) else found
    return out
