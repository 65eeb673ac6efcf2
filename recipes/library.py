"""Everything that the command does, from Python: each function returns its result as a value, and writes files only
where ``out`` names a folder for them.

``config_dir`` is a folder of your own with ``model/``, ``recipe/``, ``law/`` and so on, whose files stand beside the
catalogue's. Settings that a signature does not list are those of the command: ``lehr plan --help`` names them, and
``conf/plan.yaml`` says what each is. ``overrides`` change a value inside a file, as they are written after the command
(``"recipe.stages.pt.steps=500000"``). A mistake in the input raises ``LehrError``.

>>> import lehr
>>> lehr.count("deepseek_v3")["parameters"]["total"]
671026404352
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lehr.recipes.errors import LehrError
from lehr.recipes.projecting.training_rates import lr_scheduler

if TYPE_CHECKING:
    import pyarrow as pa

    from lehr.recipes.catalogue.entries import Model
    from lehr.recipes.catalogue.files import Catalogue
    from lehr.recipes.catalogue.recipe_files import RecipeFile
    from lehr.recipes.comparing import Row
    from lehr.recipes.exploring.result import Explored
    from lehr.recipes.fitting.result import Fit
    from lehr.recipes.importing.hugging_face.config import Imported
    from lehr.recipes.planning.result import Planned
    from lehr.recipes.report.facts import ReportData
    from lehr.recipes.scheduling.result import Scheduled
    from lehr.recipes.tracking.result import Look
    from lehr.simulators.evidence import Comparison
    from lehr.simulators.projection.project import Assumptions, Projection

__all__ = [
    "LehrError", "check", "compare", "count", "explore", "fit", "import_config", "load_model", "load_recipe",
    "lr_scheduler", "plan", "plan_schedule", "project", "report", "sweep", "track",
]  # fmt: skip

Folder = str | PathLike[str] | None

# what follows is imported where it is used, so that a count does not pay for numpy


def load_model(name: str, *, config_dir: Folder = None) -> Model:
    """The model ``name`` of the catalogue or of ``config_dir``.

    Raises ``LehrError`` with the nearest name where there is none.

    >>> load_model("starcoder").shape().n_layers
    40
    """
    return _catalogue(config_dir).model(name)


def load_recipe(name: str, *, config_dir: Folder = None) -> RecipeFile:
    """The recipe ``name`` of the catalogue or of ``config_dir``.

    Raises ``LehrError`` with the nearest name where there is none.

    >>> load_recipe("starcoder").stages["pt"].n_steps
    250000
    """
    return _catalogue(config_dir).recipe(name)


def count(model: Model | str, sequence_length: int | None = None, *, config_dir: Folder = None) -> dict[str, Any]:
    """Parameters, FLOPs per token, decoding state and weights of ``model``, as plain data (``lehr count format=json``).

    ``sequence_length`` is by default 4,096 tokens, or the model's context where that is shorter.

    >>> counts = count("deepseek_v3")
    >>> counts["parameters"]["active"]["all"], round(counts["flops_per_token"]["causal"] / 1e9, 1)
    (37552282624, 249.8)
    """
    from lehr.recipes.counting import count as count_model

    return count_model(load_model(model, config_dir=config_dir) if isinstance(model, str) else model, sequence_length)


def project(
    name: str, laws: Sequence[str] | None = None, assumptions: Assumptions | None = None, *, config_dir: Folder = None
) -> Projection:
    """The projection of the recipe ``name``: tokens, FLOPs, hours, cost and loss of each stage, by the ``laws``.

    >>> stage = project("starcoder").stages[0]
    >>> f"{stage.tokens:.4g} tokens, {stage.flops:.3g} FLOP"
    '1.049e+12 tokens, 1.1e+23 FLOP'
    """
    from lehr.recipes.projecting.model import DEFAULT_LAWS, project_model

    catalogue = _catalogue(config_dir)
    recipe = catalogue.recipe(name)
    decoded = [catalogue.surface(law) for law in (DEFAULT_LAWS if laws is None else laws)]
    return project_model(catalogue, catalogue.model(recipe.model), recipe, decoded, assumptions=assumptions)


def report(
    model: str,
    *,
    recipe: str | None = None,
    law: Path | str | None = None,
    out: Folder = None,
    config_dir: Folder = None,
    overrides: Sequence[str] = (),
    **settings: Any,
) -> ReportData:
    """A whole recipe projected and set beside what was published: ``projection``, ``comparisons``, ``forecast``.

    With ``out`` the page, its text, its data and its plots are written to ``<out>/<model>/`` (``lehr report``).

    >>> half = report("starcoder", overrides=["recipe.stages.pt.steps=125000"])
    >>> f"{half.projection.totals.flops:.3g} FLOP"
    '5.87e+22 FLOP'
    """
    from lehr.recipes.report.run import report_data, report_files

    given = {"model": model, "recipe": recipe, "law": law, **settings, "out": out}
    job = _job("report", given, config_dir, overrides)
    data = report_data(job)
    if out is not None:
        _write(job.folder("model") / data.model.name, report_files(job, data))
    return data


def check(model: str | None = None, *, config_dir: Folder = None) -> list[Comparison]:
    """Every reported figure of the catalogue, or of one model and its recipe, beside its projection (``lehr check``).

    >>> [row.verdict for row in check("santacoder") if row.quantity == "parameters.total"]
    ['agrees']
    """
    from lehr.recipes.checking import check_all, check_model, check_recipe
    from lehr.recipes.projecting.model import project_by_name

    catalogue = _catalogue(config_dir)
    if model is None:
        return check_all(catalogue, lambda name: project_by_name(catalogue, name))
    rows = check_model(catalogue.model(model))
    return rows + (check_recipe(*project_by_name(catalogue, model)) if catalogue.has("recipe", model) else [])


def fit(
    data: Path | str | Sequence[Path | str],
    *,
    law: Path | str = "chinchilla",
    test: Sequence[Path | str] = (),
    out: Folder = None,
    config_dir: Folder = None,
    **settings: Any,
) -> Fit:
    """The constants of ``law`` from runs: a table for a loss surface, logs for a curve law. ``law="best"`` takes the
    form that predicts held-out runs best; ``.law`` of the result is the law.

    With ``out`` the law, its data and its figures are written to ``<out>/fit/<name>/`` (``lehr fit``).

    >>> import tempfile
    >>> sizes, amounts = (1e8, 3e8, 1e9), (2e9, 1e10, 5e10)
    >>> rows = [f"{n:g},{d:g},{1.8 + 482 / n**0.35 + 2085 / d**0.37:.6f}" for n in sizes for d in amounts]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     runs = Path(folder, "runs.csv")
    ...     size = runs.write_text("n,d,loss\\n" + "\\n".join(rows))
    ...     fitted = fit(runs, bootstrap=0, forms=[], starts=100)
    >>> round(fitted.law.alpha, 3), round(fitted.law.beta, 3)
    (0.35, 0.37)
    """
    from lehr.recipes.fitting.run import fit_job

    several = [str(data)] if isinstance(data, (str, PathLike)) else [str(path) for path in data]
    given = {"data": several, "law": law, "test": [str(path) for path in test], **settings, "out": out}
    job = _job("fit", given, config_dir)
    fitted = fit_job(job)
    if out is not None:
        from lehr.recipes.fitting.text import files

        _write(job.folder() / "fit" / fitted.settings.name, files(fitted))
    return fitted


def plan(
    *,
    flops: float | None = None,
    hours: float | None = None,
    usd: float | None = None,
    days: float | None = None,
    devices: int | None = None,
    law: Path | str | None = None,
    accelerator: str | None = None,
    out: Folder = None,
    config_dir: Folder = None,
    overrides: Sequence[str] = (),
    **settings: Any,
) -> Planned:
    """From a budget, one of ``flops``, ``hours``, ``usd`` or ``days`` with ``devices``, to a network and its recipe.

    ``.plan.chosen`` is the network of least loss, ``.plan.candidates`` the ranking behind it. With ``out`` the model,
    the recipe, the ranking and the page are written to ``<out>/plan/<name>/`` (``lehr plan``).

    >>> found = plan(flops=1e22, compare_laws=[])
    >>> all(found.plan.chosen.loss <= rung.loss for rung in found.plan.candidates)
    True
    """
    from lehr.recipes.planning.run import planned

    budget = {"flops": flops, "hours": hours, "usd": usd, "days": days, "devices": devices}
    given = {**budget, "law": law, "accelerator": accelerator, **settings, "out": out}
    job = _job("plan", given, config_dir, overrides)
    found = planned(job)
    if out is not None:
        from lehr.recipes.planning.page import files

        _write(job.folder() / "plan" / found.name, files(found, f"lehr plan {' '.join(job.overrides)}"))
    return found


def plan_schedule(
    *,
    law: Path | str | None = None,
    steps: int | None = None,
    peak_rate: float | None = None,
    warmup_steps: int | None = None,
    now: int | None = None,
    out: Folder = None,
    config_dir: Folder = None,
    **settings: Any,
) -> Scheduled:
    """The learning-rate schedules of least final loss for ``steps`` by a curve law; with ``now`` what a cool-down from
    that step would give.

    ``.found.best`` is the best schedule, ``.found.free`` the bound. With ``out`` files are written to
    ``<out>/plan_schedule/<law>/`` (``lehr plan schedule``).

    >>> downs = plan_schedule(now=6000, cooldown=[1000, 2000], warmup_steps=500).downs
    >>> sorted({down.steps for down in downs}), all(down.gain > 0 for down in downs)
    ([1000, 2000], True)
    """
    from lehr.recipes.scheduling.result import Chosen
    from lehr.recipes.scheduling.run import schedule_job

    own = {"law": law, "steps": steps, "peak_rate": peak_rate, "warmup_steps": warmup_steps, "now": now}
    job = _job("plan_schedule", {**own, **settings, "out": out}, config_dir)
    found = schedule_job(job)
    if out is not None:
        from lehr.recipes.scheduling.text import files

        kind = "plan_schedule" if isinstance(found, Chosen) else "cool_down"
        _write(job.folder() / kind / found.law.name, files(found))
    return found


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
    >>> loss = _catalogue(None).law("multi_power_25m").loss(read_schedule(schedule).values())
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     log = Path(folder, "run.csv")
    ...     size = log.write_text("step,loss\\n" + "".join(f"{s},{loss[s]:.5f}\\n" for s in range(100, 4000, 20)))
    ...     look = track(log, schedule=schedule)
    >>> look.seen.state, look.seen.step
    ('inside', 3980)
    """
    from lehr.recipes.tracking.run import track_job

    rates = schedule if isinstance(schedule, Mapping) or schedule is None else str(schedule)
    given = {"log": str(log), "law": law, "schedule": rates, "recipe": recipe, **settings, "out": out}
    job = _job("track", given, config_dir)
    look = track_job(job)
    if out is not None:
        from lehr.recipes.tracking.figures import draw

        _write(job.folder() / "track" / Path(log).stem, draw(look.law, look.planned, look.seen))
    return look


def import_config(
    source: Path | str | Mapping[str, Any], *, name: str | None = None, out: Folder = None, ignore: Sequence[str] = (),
    hf_id: str | None = None, overwrite: bool = False,
) -> Imported:  # fmt: skip
    """The architecture that a Hugging Face ``config.json`` describes: a file, its folder, or its content.

    With ``out`` the model file ``<out>/model/<name>.yaml`` is written (``lehr import``).

    >>> import_config({"model_type": "llama", "num_hidden_layers": 4}).architecture.n_layers
    4
    """
    from lehr.recipes.importing.hugging_face.config import import_config as read
    from lehr.recipes.importing.run import read_config, write_model

    if isinstance(source, Mapping):
        found, where = read(dict(source), "config.json", ignore=ignore), "config.json"
    else:
        path = Path(source) / "config.json" if Path(source).is_dir() else Path(source)
        found, where = read_config(path, ignore), str(path)
    if out is not None:
        if name is None:
            raise LehrError("name: the model needs one; write name='my_model'")
        write_model(name, found, Path(out), where, hf_id=hf_id, overwrite=overwrite)
    return found


def compare(*names: str, out: Folder = None, config_dir: Folder = None) -> list[Row]:
    """Two models or more and their recipes side by side, what differs first.

    With ``out`` a page is written to ``<out>/compare/`` (``lehr compare format=html``).

    >>> next(row.values for row in compare("starcoder", "santacoder") if row.quantity == "layers")
    [40, 24]
    """
    from lehr.recipes.comparing import compare as compare_models
    from lehr.recipes.comparing import page
    from lehr.recipes.presenting.files import write_file

    rows = compare_models(_catalogue(config_dir), list(names))
    if out is not None:
        name, content = page(list(names), rows)
        write_file(Path(out) / "compare" / name, content)
    return rows


def sweep(
    axes: Mapping[str, Sequence[Any] | str], *, out: Folder = None, config_dir: Folder = None,
    overrides: Sequence[str] = (), **settings: Any,
) -> pa.Table:  # fmt: skip
    """Every combination of what ``axes`` hold, as a table with a line a job: names, figures, status and reason.

    A value of ``axes`` is a list, or one of Hydra's words for many: ``"glob(*)"``, ``"range(0.2,0.6,0.01)"``,
    ``"interval(1e11,1e13)"`` for a search. With ``out`` files are written to ``<out>/multirun/`` (``lehr report -m``).

    >>> table = sweep({"model": ["starcoder", "santacoder"], "mfu": [0.3, 0.4]}, law="besiroglu")
    >>> table.num_rows, [round(hours) for hours in table["hours"].to_pylist()][:2]
    (4, [337477, 253108])
    """
    from lehr.recipes.sweeping.python import sweep_table

    return sweep_table(axes, settings, out=out, config_dir=config_dir, overrides=overrides)


def explore(
    *, laws: Sequence[str] = ("besiroglu", "chinchilla"), selected: Sequence[str] = ("deepseek_v3",),
    out: Folder = None, config_dir: Folder = None,
) -> Explored:  # fmt: skip
    """The whole catalogue projected; with ``out`` as one page to search, ``<out>/explorer.html`` (``lehr explore``).

    >>> "deepseek_v3" in [model["name"] for model in explore(laws=["besiroglu"]).models]
    True
    """
    from lehr.recipes.exploring.run import explore as explore_catalogue

    explored = explore_catalogue(_catalogue(config_dir), laws, selected)
    if out is not None:
        from lehr.recipes.exploring.text import files
        from lehr.recipes.presenting.files import write_file

        for name, content in files(explored).items():
            write_file(Path(out) / name, content)
    return explored


def _catalogue(config_dir: Folder) -> Catalogue:
    from lehr.recipes.catalogue.files import CONF, Catalogue

    if config_dir is None:
        return Catalogue()
    if not Path(config_dir).is_dir():
        raise LehrError(f"config_dir: there is no folder {config_dir}; write one that holds model/, recipe/ or law/")
    return Catalogue([CONF, Path(config_dir)])


def _job(verb: str, settings: Mapping[str, Any], config_dir: Folder, overrides: Sequence[str] = ()) -> Any:
    from lehr.recipes.composing.python import job_of

    return job_of(verb, settings, config_dir=config_dir, overrides=overrides)


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    from lehr.recipes.presenting.files import write_folder

    write_folder(folder, dict(files))
