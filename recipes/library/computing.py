"""What a verb computes from its settings, composed as the command composes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lehr.recipes.catalogue.accelerators import accelerator_called
from lehr.recipes.errors import LehrError, nearest
from lehr.recipes.library.common import Folder, catalogue_of, job_of, write

if TYPE_CHECKING:
    import pyarrow as pa

    from lehr.recipes.costing.result import Costed
    from lehr.recipes.designing.result import Designed
    from lehr.recipes.fitting.result import Fit
    from lehr.recipes.generating.result import Rolled
    from lehr.recipes.laying_out.answer import Answer
    from lehr.recipes.laying_out.over import Point
    from lehr.recipes.planning.result import Planned
    from lehr.recipes.report.facts import ReportData
    from lehr.recipes.scheduling.result import Scheduled
    from lehr.simulators.quantities import Amount
    from lehr.simulators.rollouts import ServingPrecision


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
    job = job_of("report", given, config_dir, overrides)
    data = report_data(job)
    if out is not None:
        write(job.folder("model") / data.model.name, report_files(job, data))
    return data


def layout(
    model: str,
    *,
    accelerator: str | None = None,
    cluster: str | None = None,
    devices: int | None = None,
    out: Folder = None,
    config_dir: Folder = None,
    **settings: Any,
) -> Answer:
    """How to divide ``model`` among accelerators: what fits, how fast it is, and what the others lose.

    With ``out`` the page and its data are written to ``<out>/layout/<name>/`` (``lehr layout page=true``).

    >>> best = layout("starcoder", accelerator="h100_sxm", devices=64).best
    >>> best.fits, best.low < best.seconds < best.high
    (True, True)
    """
    import json
    from importlib.metadata import version

    from lehr.recipes.laying_out.answer import answer
    from lehr.recipes.laying_out.question import asked

    given = {"model": model, "accelerator": accelerator, "cluster": cluster, "devices": devices, **settings}
    job = job_of("layout", {**given, "out": out}, config_dir)
    found = answer(asked(job))
    if out is not None:
        from lehr.recipes.laying_out.page import render
        from lehr.recipes.laying_out.text import as_json

        body = {"version": 1, "lehr": version("lehr"), **as_json(found)}
        data = (json.dumps(body, indent=2, ensure_ascii=False) + "\n").encode()
        page = render(found, f"lehr layout {' '.join(job.overrides)}")
        write(job.folder() / "layout" / found.question.name, {"layout.json": data, **page})
    return found


def layouts(model: str, over: dict[str, list[Any]], *, config_dir: Folder = None, **settings: Any) -> list[Point]:
    """``model`` on several machines: the best layout of each combination of ``over``, whose axes are ``accelerator``,
    ``devices`` and ``layout``; ``settings`` are those of ``lehr layout``.

    >>> points = layouts("starcoder", {"accelerator": ["a100", "h100"], "devices": [64, 128]})
    >>> [(p.accelerator, p.devices) for p in points][1:3]
    [('a100_80gb', 128), ('h100_sxm', 64)]
    """
    from lehr.recipes.laying_out.over import over as each

    return each(job_of("layout", {"model": model, **settings}, config_dir), over)


def rollout(
    model: str,
    *,
    accelerator: str = "h100_sxm",
    devices: int = 64,
    out: Folder = None,
    config_dir: Folder = None,
    **settings: Any,
) -> Rolled:
    """What a step of reinforcement learning of ``model`` takes: ``.step`` with its parts, ``.splits``, ``.best``.

    With ``out`` the page and its data are written to ``<out>/rollout/<model>/`` (``lehr rollout page=true``).

    >>> found = rollout("qwen2_5_7b", devices=64, response_length=4000, response_cap=16384)
    >>> found.step.seconds.low < found.step.seconds.value < found.step.seconds.high
    True
    """
    import json
    from importlib.metadata import version

    from lehr.recipes.generating.run import roll

    job = job_of(
        "rollout", {"model": model, "accelerator": accelerator, "devices": devices, **settings, "out": out}, config_dir
    )
    found = roll(job)
    if out is not None:
        from lehr.recipes.generating.page import render
        from lehr.recipes.generating.text import as_json

        body = {"version": 1, "lehr": version("lehr"), **as_json(found)}
        data = (json.dumps(body, indent=2, ensure_ascii=False) + "\n").encode()
        page = render(found, f"lehr rollout {' '.join(job.overrides)}")
        write(job.folder() / "rollout" / found.model, {"rollout.json": data, **page})
    return found


def generation_speed(
    model: str,
    accelerator: str,
    *,
    prompt: float,
    response: float,
    devices: int = 1,
    tensor: int | None = None,
    precision: ServingPrecision = "bf16",
    cache: ServingPrecision = "bf16",
    concurrency: float | None = None,
    prefills: bool = True,
    config_dir: Folder = None,
) -> Amount:
    """Tokens that an engine writes a second and device, with the 90 % interval; ``concurrency`` sequences at once, or
    as many as fit, each reading a ``prompt`` and writing a ``response`` of so many tokens.

    ``devices`` are those of one engine, ``tensor`` of them share a sequence; experts lie on all of them. ``cache`` is
    the precision of keys and values; without ``prefills`` other devices read the prompts. Raises ``LehrError`` for what
    does not fit.

    >>> found = generation_speed("llama_3_1_70b", "h200", precision="fp8", cache="fp8", prompt=1000, response=1000)
    >>> found.low < 2909 < found.high          # NVIDIA measured 2,909 tokens/s with TensorRT-LLM
    True
    """
    from lehr.recipes.generating.speed import speed_of

    catalogue = catalogue_of(config_dir)
    name = accelerator_called(accelerator, catalogue.accelerators)
    if name is None:
        raise LehrError(f"accelerator: {accelerator!r} is not known; {nearest(accelerator, catalogue.accelerators)}")
    try:
        return speed_of(
            catalogue.model(model).shape(),
            catalogue.accelerators[name],
            devices=devices,
            tensor=tensor,
            precision=precision,
            cache=cache,
            prompt=prompt,
            response=response,
            concurrency=concurrency,
            prefills=prefills,
        )
    except ValueError as error:
        raise LehrError(str(error)) from error


def cost(model: str, *, out: Folder = None, config_dir: Folder = None, **settings: Any) -> Costed:
    """What the recipe of ``model`` really costs: ``.days`` by the calendar, ``.energy``, ``.carbon``, ``.dollars``.

    With ``out`` the page and its data are written to ``<out>/cost/<model>/`` (``lehr cost page=true``).

    >>> found = cost("deepseek_v3")
    >>> found.work_days < found.days.value, found.stages[0].uptime.share.value > 0.95
    (True, True)
    """
    import json
    from importlib.metadata import version

    from lehr.recipes.costing.run import cost as cost_of

    job = job_of("cost", {"model": model, **settings, "out": out}, config_dir)
    found = cost_of(job)
    if out is not None:
        from lehr.recipes.costing.page import render
        from lehr.recipes.costing.text import as_json

        body = {"version": 1, "lehr": version("lehr"), **as_json(found)}
        data = (json.dumps(body, indent=2, ensure_ascii=False) + "\n").encode()
        page = render(found, f"lehr cost {' '.join(job.overrides)}")
        write(job.folder() / "cost" / found.model, {"cost.json": data, **page})
    return found


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
    job = job_of("fit", given, config_dir)
    fitted = fit_job(job)
    if out is not None:
        from lehr.recipes.fitting.text import files

        write(job.folder() / "fit" / fitted.settings.name, files(fitted))
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

    ``.plan.chosen`` is the network whose size has the least loss, ``.plan.candidates`` the ranking behind it. With
    ``out`` the model, the recipe, the ranking and the page are written to ``<out>/plan/<name>/`` (``lehr plan``).

    >>> found = plan(flops=1e22, compare_laws=[])
    >>> f"{found.plan.chosen.parameters:.3g} parameters, {found.plan.chosen.tokens:.3g} tokens"
    '9.02e+09 parameters, 1.83e+11 tokens'
    """
    from lehr.recipes.planning.run import planned

    budget = {"flops": flops, "hours": hours, "usd": usd, "days": days, "devices": devices}
    given = {**budget, "law": law, "accelerator": accelerator, **settings, "out": out}
    job = job_of("plan", given, config_dir, overrides)
    found = planned(job)
    if out is not None:
        from lehr.recipes.planning.page import files

        write(job.folder() / "plan" / found.name, files(found, f"lehr plan {' '.join(job.overrides)}"))
    return found


def design(
    *,
    budget: float,
    target: float | Mapping[str, float],
    law: Path | str | None = None,
    data: Path | str | Sequence[Path | str] | None = None,
    out: Folder = None,
    config_dir: Folder = None,
    overrides: Sequence[str] = (),
    **settings: Any,
) -> Designed:
    """Which small runs to make for ``budget`` [FLOP], so that the forecast of ``target`` is as sharp as possible: a
    budget [FLOP] that is spent at its optimum, or a mapping with ``parameters`` and ``tokens``.

    ``.runs`` are the runs, ``.sharpness`` what the forecast will be within, ``.grid`` the same of a plain grid. With
    ``data``, a table of runs that exist already, the next ones. With ``out`` a recipe for each run is written to
    ``<out>/design/<name>/`` (``lehr design``).

    >>> found = design(budget=2e21, target=1e23)
    >>> found.spent <= 2e21, found.sharpness.constants < found.grid.sharpness.constants
    (True, True)
    """
    from lehr.recipes.designing.run import designed

    files = None if data is None else [str(data)] if isinstance(data, (str, PathLike)) else [str(p) for p in data]
    wanted = dict(target) if isinstance(target, Mapping) else target
    given = {"budget": budget, "target": wanted, "law": law, "data": files, **settings, "out": out}
    job = job_of("design", given, config_dir, overrides)
    found = designed(job)
    if out is not None:
        from lehr.recipes.designing.files import files as files_of

        write(job.folder() / "design" / found.name, files_of(found, f"lehr design {' '.join(job.overrides)}"))
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
    job = job_of("plan_schedule", {**own, **settings, "out": out}, config_dir)
    found = schedule_job(job)
    if out is not None:
        from lehr.recipes.scheduling.text import files

        kind = "plan_schedule" if isinstance(found, Chosen) else "cool_down"
        write(job.folder() / kind / found.law.name, files(found))
    return found


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
