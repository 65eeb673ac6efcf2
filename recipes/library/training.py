"""A recipe on its way to a trainer and back: handed over, rehearsed, and followed while it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lehr.recipes.library.common import Folder, catalogue_of, job_of, write

if TYPE_CHECKING:
    from lehr.recipes.exporting.result import Export
    from lehr.recipes.rehearsing.result import Rehearsed
    from lehr.recipes.tracking.result import Look


def export(
    model: str, to: str, *, recipe: str | None = None, out: Folder = None, config_dir: Folder = None, **settings: Any
) -> Export:
    """The recipe of ``model``, or the one called ``recipe``, in the words of the trainer ``to``: ``.files`` by path.

    ``settings`` are ``stages``, ``devices``, ``devices_per_node``, ``micro_batch``, ``inexact``, ``missing``,
    ``assume``, ``ramp``, ``seed``. With ``out`` the files are written to ``<out>/export/<model>/<trainer>/`` (``lehr
    export``).

    >>> sorted(export("starcoder", "trl", stages=["pt"]).files)[:2]
    ['01_pt/sft.yaml', '01_pt/zero3.json']
    """
    from lehr.recipes.exporting.run import export as export_recipe
    from lehr.recipes.exporting.saving import hours_of

    catalogue = catalogue_of(config_dir)
    stated = catalogue.recipe(model if recipe is None else recipe)
    base = stated.base.model if stated.base else None
    known = {base: catalogue.model(base)} if base and catalogue.has("model", base) else {}
    hours = hours_of(catalogue, catalogue.model(model), stated, settings.get("devices"))
    done = export_recipe(
        catalogue.model(model), stated, to, models=known, accelerators=catalogue.accelerators, hours=hours, **settings
    )
    if out is not None:
        write(Path(out) / "export" / model / to, done.files)
    return done


def rehearse(
    model: str, *, recipe: str | None = None, out: Folder = None, config_dir: Folder = None,
    overrides: Sequence[str] = (), **settings: Any,
) -> Rehearsed:  # fmt: skip
    """The recipe of ``model``, or the one called ``recipe``, trained for real, small, and set beside its plan.

    ``.forecasts`` has each stage's forecast beside what was measured, ``.rates`` the updates whose rate was not the
    plan's. Takes torch. With ``out`` logs, checkpoints and figures stay in ``<out>/rehearse/<name>/``, where a run that
    was stopped goes on (``lehr rehearse``); without, nothing is left.

    >>> rehearse("rwkv_4_169m")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    lehr.recipes.errors.LehrError: its layers of RWKV-4 cannot be rehearsed yet; attention ...
    """
    from tempfile import TemporaryDirectory

    from lehr.recipes.rehearsing.run import rehearse_job

    with TemporaryDirectory() as aside:
        folder = aside if out is None else out
        job = job_of("rehearse", {"model": model, "recipe": recipe, **settings, "out": folder}, config_dir, overrides)
        return rehearse_job(job)[0]


def track(
    log: Path | str,
    *,
    law: Path | str | None = None,
    schedule: Path | str | Mapping[str, Any] | None = None,
    recipe: str | None = None,
    out: Folder = None,
    config_dir: Folder = None,
    **settings: Any,
) -> Look:
    """A running job's log beside its forecast under ``schedule``, or under that of a stage of ``recipe``.

    ``.seen.state`` says where the run stands, ``.seen.final`` where it will end. With ``out`` the figure is written to
    ``<out>/track/<log>/`` (``lehr track``).

    >>> import tempfile
    >>> from lehr.recipes.projecting.schedules import read_schedule
    >>> schedule = {"kind": "cosine", "peak": 3e-4, "steps": 8000}
    >>> loss = catalogue_of(None).law("multi_power_25m").loss(read_schedule(schedule).values())
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     log = Path(folder, "run.csv")
    ...     size = log.write_text("step,loss\\n" + "".join(f"{s},{loss[s]:.5f}\\n" for s in range(100, 4000, 20)))
    ...     look = track(log, law="multi_power_25m", schedule=schedule)
    >>> look.seen.state, look.seen.step
    ('inside', 3980)
    """
    from lehr.recipes.tracking.run import track_job

    rates = schedule if isinstance(schedule, Mapping) or schedule is None else str(schedule)
    given = {"log": str(log), "law": law, "schedule": rates, "recipe": recipe, **settings, "out": out}
    job = job_of("track", given, config_dir)
    look = track_job(job)
    if out is not None:
        from lehr.recipes.tracking.figures import draw

        write(job.folder() / "track" / Path(log).stem, draw(look.law, look.planned, look.seen))
    return look
