"""A design computed from a job's settings."""

from __future__ import annotations

from typing import Annotated

import msgspec
import numpy as np

from lehr.recipes.catalogue.recipe_files import decode_law
from lehr.recipes.composing.job import Composed
from lehr.recipes.composing.settings import name_of
from lehr.recipes.designing.result import Designed, Grid, SmallRun
from lehr.recipes.errors import LehrError
from lehr.recipes.fitting.arguments import several
from lehr.recipes.fitting.surfaces.run import read_runs
from lehr.recipes.planning.machine import Machine, time_of
from lehr.recipes.planning.published import published_stages
from lehr.recipes.planning.run import a_fifth_around, as_hyper, asked_size, decay_law_of, machine_of, within
from lehr.recipes.planning.stages import Question, settings_of
from lehr.recipes.reading.columns import Reading
from lehr.simulators.architecture import Architecture
from lehr.simulators.counting import NConvention, count_parameters
from lehr.simulators.designing import (
    Belief,
    Design,
    Pool,
    Target,
    belief_about,
    belief_after,
    doubt_before,
    isoflop_grid,
    pool_of,
    sharpest,
    sharpness,
)
from lehr.simulators.laws.surfaces.base import Surface
from lehr.simulators.planning.choosing import rung_of
from lehr.simulators.planning.ladder import SMALL, dense, ladder
from lehr.simulators.planning.reading import Key, Rung
from lehr.simulators.quantities import Positive

NOISE = 0.005
"""Of a run about its law [log loss], where the law does not say: that of the 240 runs behind Chinchilla's third
approach, which is the median of public tables too (benchmarks/extrapolation.py)."""
FAR = 1000.0
"""Times the largest run: from here on the forecast hangs on the form more than on any run."""
FEWEST_STEPS = 500
"""Fewer are mostly warm-up."""


class Size(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A target by its size, by the law's convention [parameters], and its tokens."""

    parameters: Positive
    tokens: Positive


def designed(job: Composed) -> Designed:
    """Compute the design that the settings ask for. Raises ``LehrError`` where they cannot stand."""
    try:
        return _designed(job)
    except ValueError as error:
        raise LehrError(f"design: {error}") from error


def _designed(job: Composed) -> Designed:
    name = name_of(job)
    budget = job.setting("budget", Positive | None)
    if budget is None:
        raise LehrError("budget: none is given; write the FLOP that all small runs may take, budget=2e21")
    length = job.setting("sequence_length", Annotated[int, msgspec.Meta(ge=1)])
    vocabulary = job.setting("vocab_size", VOCABULARY)
    architectures = ladder(vocab_size=vocabulary, context_length=length)
    for width in SMALL:
        small = dense(width, vocab_size=vocabulary, context_length=length)
        architectures[count_parameters(small).total, 1] = small
    architectures = dict(sorted(architectures.items()))
    size = asked_size(job)
    # one number leaves room for runs of several sizes
    around = None if size is None else a_fifth_around(size)
    rungs = within(around, {key: rung_of(architecture, length) for key, architecture in architectures.items()})
    given = _asked(job)
    asked = 6.0 * given.parameters * given.tokens if isinstance(given, Size) else given
    if budget >= asked:
        raise LehrError(
            f"budget: {budget:.3g} FLOP pay for the target itself, {asked:.3g} FLOP; write less, or a larger target"
        )
    believed, belief, pool = _belief(job, rungs, budget)
    n, d = (given.parameters, given.tokens) if isinstance(given, Size) else belief.law(belief.theta).optimum(given)
    target = Target(n=np.array([float(n)]), d=np.array([float(d)]))
    misfit = job.setting("misfit", Positive)
    most = job.setting("runs", Annotated[int, msgspec.Meta(ge=8, le=200)])
    design = sharpest(belief, pool, target, budget=budget, most=most, misfit=misfit)
    grid = isoflop_grid(belief, rungs, target, budget=budget, misfit=misfit)
    machine = machine_of(job, sparse=False)
    runs = _runs(job, machine, architectures, rungs, design, belief)
    total = time_of(machine, design.cost)
    found = Designed(
        name=name, budget=budget, parameters=float(target.n[0]), tokens=float(target.d[0]),
        loss=float(belief.law(belief.theta).loss(target.n[0], target.d[0])), believed=believed,
        n_convention=belief.n_convention, loss_unit=belief.loss_unit, noise=belief.noise, misfit=misfit,
        made=0 if belief.made is None else len(belief.made), runs=runs, sharpness=sharpness(belief, design, target),
        before=doubt_before(belief, target) if belief.made is None else None,
        grid=Grid(
            runs=len(grid.rows), largest=float(grid.pool.cost.max()), sharpness=sharpness(belief, grid, target)
        ),
        hours=total.hours, usd=total.usd, accelerator=machine.device, precision=machine.precision, worries=[],
    )  # fmt: skip
    return msgspec.structs.replace(found, worries=_worries(found, rungs, design))


VOCABULARY = Annotated[int, msgspec.Meta(ge=256, le=4_000_000)]


def _belief(job: Composed, rungs: dict[Key, Rung], budget: float) -> tuple[str, Belief, Pool]:
    """What is believed before the runs, whose words it is, and the runs that could be made."""
    low, high = job.setting("tokens_per_parameter", tuple[Positive, Positive])
    if low >= high:
        raise LehrError(f"tokens_per_parameter: {low:g} is not below {high:g}; write the smaller one first, [5,320]")
    noise = job.setting("noise", Positive | None)

    def pool(convention: NConvention) -> Pool:
        return pool_of(rungs, convention, budget=budget, ratios=(low, high))

    data = several(job, "data")
    if data:
        reading = Reading(
            columns=job.setting("columns", dict[str, str] | None) or {},
            n_convention=job.setting("n_convention", str | None),
        )
        made = read_runs(data, reading).runs
        return f"{len(made)} runs of {', '.join(data)}", belief_after(made, noise), pool(made.n_convention)
    law = decode_law(job.config["law"], "law", job.catalogue.law_folders)
    if not isinstance(law, Surface):
        raise LehrError(f"law: {law.name} gives no loss by parameters and tokens; write law=besiroglu")
    could = pool(law.n_convention)
    known = getattr(law.uncertainty, "residual", None) or NOISE
    return law.name, belief_about(law, could.n, could.d, noise or known), could


def _asked(job: Composed) -> float | Size:
    """The run that is to be forecast, by its FLOP or by its size."""
    given: float | Size | None = job.setting("target", Positive | Size | None)
    if given is None:
        raise LehrError(
            "target: none is given; write the FLOP of the large run, target=1e24, or "
            "target={parameters: 70e9, tokens: 1.4e12}"
        )
    return given


def _runs(  # noqa: PLR0917  (each is one fact of the design)
    job: Composed, machine: Machine, architectures: dict[Key, Architecture], rungs: dict[Key, Rung], design: Design,
    belief: Belief,
) -> list[SmallRun]:  # fmt: skip
    """The runs with their schedules, each as a plan would train it."""
    catalogue = job.catalogue
    laws = [as_hyper(catalogue.law(one)) for one in job.setting("hyper_laws", list[str])]
    decay, published = decay_law_of(job), published_stages(catalogue)
    length = job.setting("sequence_length", int)
    law = belief.law(belief.theta)
    found = []
    digits = len(str(len(design.rows)))
    for number, row in enumerate(design.rows, 1):
        key, n, d = design.pool.keys[row], float(design.pool.n[row]), float(design.pool.d[row])
        question = Question(
            rung=rungs[key], expansion=1, loss=float(law.loss(n, d)), laws=laws, decay_law=decay, published=published,
            machine=machine, sequence_length=length, long_length=length, held_in_range=True,
        )  # fmt: skip
        flops = float(design.pool.cost[row])
        stage = settings_of(question, {"pt": 1.0}, {"pt": d}, {"pt": flops})["pt"]
        found.append(SmallRun(
            name=f"{job.setting('name', str)}_{number:0{digits}d}", architecture=architectures[key],
            parameters=n, tokens=d, flops=flops, stage=stage,
        ))  # fmt: skip
    return found


def _worries(found: Designed, rungs: dict[Key, Rung], design: Design) -> list[str]:
    """What to know before the runs are made, a line each."""
    said = []
    largest = max(run.flops for run in found.runs)
    beyond = 6 * found.parameters * found.tokens / largest
    if beyond > FAR:
        said.append(
            f"the target is {beyond:,.0f} times the largest run: what the form misses there weighs more than any run"
        )
    smallest = rungs[design.pool.keys[min(design.rows, key=lambda row: design.pool.n[row])]]
    share = smallest.tables / smallest.count.total
    if share > 0.5:
        said.append(
            f"of the smallest network {share:.0%} of the parameters are tables; a smaller vocab_size, or a law of "
            "non-embedding parameters, makes small runs tell more"
        )
    if found.grid is not None and 2 * found.grid.sharpness.regret < found.sharpness.regret:
        said.append(
            f"a plain grid tells the best size better, which then loses {found.grid.sharpness.regret:.1%} against "
            f"{found.sharpness.regret:.1%}: take it where the size is the question and the loss is not"
        )
    few = [
        run.name for run in found.runs if run.tokens / run.stage.sequences / run.stage.sequence_length < FEWEST_STEPS
    ]
    if few:
        said.append(f"fewer than {FEWEST_STEPS} steps: {', '.join(few)}")
    return said
