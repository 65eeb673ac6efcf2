"""Curve laws and schedules that a person names: an entry of the catalogue or a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

from lehr.recipes.catalogue.data import load_data
from lehr.recipes.catalogue.decode import decode
from lehr.recipes.catalogue.encode import stated
from lehr.recipes.catalogue.numbers import understood
from lehr.recipes.catalogue.recipe_files import decode_law
from lehr.recipes.composing.job import Composed
from lehr.recipes.errors import LehrError
from lehr.simulators.laws.curves import CurveLaw
from lehr.simulators.schedules import Curve, Schedule
from lehr.simulators.training import Stage

KINDS = tuple(str(one.__struct_config__.tag) for one in get_args(Schedule))
"""What a schedule may be."""
UNITS = {"steps": "steps", "tokens": "tokens", "fraction": "1", "floor_ratio": "1", "ratio": "1"}
"""Keys of a schedule whose numbers may be written as people do: 24k, 2T, 3 %."""


def _in_numbers(data: Any, key: str = "") -> Any:
    """A schedule's data with the numbers of ``UNITS`` understood, wherever they stand.

    >>> _in_numbers({"kind": "wsd", "steps": "24k", "warmup": {"tokens": "8.4B"}, "decay": {"fraction": "10%"}})
    {'kind': 'wsd', 'steps': 24000, 'warmup': {'tokens': 8400000000}, 'decay': {'fraction': 0.1}}
    """
    if isinstance(data, dict):
        return {name: _in_numbers(value, name) for name, value in data.items()}
    if isinstance(data, list):
        return [_in_numbers(value, key) for value in data]
    return understood(data, UNITS[key]) if key in UNITS else data


def curve_law(job: Composed) -> CurveLaw:
    """The law of a job, as a curve law. Raises ``LehrError`` for a law of other inputs."""
    if job.config.get("law") is None:
        raise LehrError(
            "law: which one forecasts this run? write law=./fit.yaml that lehr fit wrote from runs of its model"
        )
    law = decode_law(job.config["law"], "law", job.catalogue.law_folders)
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
    data = schedule_data(given)
    steps = data.pop("steps", None)
    if steps is None:
        raise LehrError(f"{where}: `steps` is missing; write the number of updates, such as steps: 50000")
    if not isinstance(steps, int) or steps < 1:
        raise LehrError(f"{where}: steps is {steps!r}; write the number of updates, such as steps: 50000")
    rule: Any = decode(data, Schedule, where)  # type: ignore[arg-type]
    try:
        return rule.resolve(steps)  # type: ignore[no-any-return]
    except ValueError as error:
        raise LehrError(f"{where}: {error}") from error


def schedule_data(given: str | dict[str, Any]) -> dict[str, Any]:
    """A schedule's own keys and ``steps`` on one level, of a file or written out either way.

    Raises ``LehrError`` where it holds no schedule.

    >>> schedule_data({"steps": 50, "schedule": {"kind": "constant", "peak": 1e-3}})
    {'kind': 'constant', 'peak': 0.001, 'steps': 50}
    """
    where = given if isinstance(given, str) else "schedule"
    if isinstance(given, str) and given in KINDS and not Path(given).exists():
        raise LehrError(
            f"schedule: {given} is a kind; write it with its values, such as 'schedule={{kind: {given}, peak: 3e-4, "
            "steps: 50000}', or the name of a file"
        )
    data = _in_numbers(load_data(Path(given), "schedule") if isinstance(given, str) else given)
    if isinstance(data, dict) and isinstance(inner := data.get("schedule"), dict):
        unknown = data.keys() - {"steps", "schedule"}
        if unknown:
            raise LehrError(
                f"{where}: `{sorted(unknown)[0]}` is not known beside `schedule`; only steps may stand there"
            )
        data = {**inner, "steps": data.get("steps")}
    if not isinstance(data, dict) or "kind" not in data:
        raise LehrError(f"{where}: has no `kind`; write {{kind: cosine, peak: 3e-4, steps: 50000}}")
    return dict(data)


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
    """A schedule and its steps as ``schedule.yaml`` and a stage have them, without what stands at its default.

    >>> from lehr.simulators.schedules import Cosine
    >>> as_fragment(100, Cosine(peak=3e-4, floor_ratio=0.1))
    {'steps': 100, 'schedule': {'kind': 'cosine', 'peak': 0.0003, 'floor_ratio': 0.1}}
    """
    return {"steps": steps, "schedule": stated(schedule)}
