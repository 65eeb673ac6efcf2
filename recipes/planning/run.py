"""A plan computed from a job's settings."""

from __future__ import annotations

import re
from math import log
from typing import Annotated, Any

import msgspec
import numpy as np

from lehr.recipes.catalogue.decode import decode
from lehr.recipes.catalogue.files import CONF
from lehr.recipes.catalogue.recipe_files import AcceleratorFile, decode_law
from lehr.recipes.composing.job import Composed
from lehr.recipes.errors import LehrError, nearest
from lehr.recipes.planning.machine import Machine, shared_out
from lehr.recipes.planning.outlook import best_vocabulary, interval_of, own_optimum, score_of, under_own_schedules
from lehr.recipes.planning.published import published_stages, rates_before
from lehr.recipes.planning.result import Planned, Rates, Second
from lehr.recipes.planning.settling import Networks, Task, settle
from lehr.recipes.planning.spending import spend
from lehr.recipes.planning.stages import Question, inputs_of, length_of
from lehr.recipes.planning.worries import FEWEST_A_PARAMETER, starving, worries
from lehr.recipes.presenting.tables import short
from lehr.recipes.projecting.model import project_by_name
from lehr.simulators.architecture import Architecture
from lehr.simulators.counting import count_parameters
from lehr.simulators.laws import DataConstrained, Frontier, ScalingLaw, VocabularyLaw
from lehr.simulators.laws.hyper import HyperLaw, Timescale
from lehr.simulators.laws.moe import JointMoe
from lehr.simulators.laws.surfaces.base import Surface
from lehr.simulators.numerics.adding import plain_sum
from lehr.simulators.planning.budget import Budget
from lehr.simulators.planning.choosing import FEWEST_TOKENS, Candidate, Demand, Laws, Plan, Planner, rung_of
from lehr.simulators.planning.ladder import ladder
from lehr.simulators.planning.rates import speaks
from lehr.simulators.planning.reading import Key, Rung
from lehr.simulators.projection.stage_time import as_runs_reach, assumed_mfu
from lehr.simulators.quantities import Interval, NonNegative, Positive
from lehr.simulators.training import PRETRAINING, STAGE_KINDS, Base

Corpus = Annotated[float, msgspec.Meta(ge=FEWEST_TOKENS)]
Entries = Annotated[int, msgspec.Meta(ge=256, le=4_000_000)]
MOST_EXPERTS = 1024
"""Experts for each one that a token uses, at most: twice as many as any law has seen."""
DEFAULT_SURFACE = "besiroglu"
SIZES = re.compile(r"^\s*(\d[\d_.]*(?:e\d+)?)\s*([KMBT]?)\s*\.\.\s*(\d[\d_.]*(?:e\d+)?)\s*([KMBT]?)\s*$")
SUFFIXES = {"": 1.0, "K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}


def planned(job: Composed) -> Planned:
    """Compute the plan that the settings ask for. Raises ``LehrError`` where they cannot stand."""
    try:
        return _planned(job)
    except ValueError as error:
        raise LehrError(f"plan: {error}") from error


def _planned(job: Composed) -> Planned:
    catalogue = job.catalogue
    law = planner(job)
    network = job.choice("network", ("dense", "moe", "either"))
    base = job.setting("base", str | None)
    length = job.setting("sequence_length", Annotated[int, msgspec.Meta(ge=1)])
    shares = _stages(job)
    longest = max(length_of(length, job.setting("long_sequence_length", int), kind_of(name)) for name in shares)
    architectures = _architectures(job, network, base, longest)
    size = _size(job, base)
    rungs = within(size, {key: rung_of(architecture, length) for key, architecture in architectures.items()})
    seen, base_known = _seen(job, base)
    demand = Demand(
        seen=seen,
        served=job.setting("served_tokens", NonNegative | None) or 0.0,
        unique=job.setting("unique_tokens", Corpus | None),
        memory=job.setting("memory", Positive | None),
        cache_tokens=job.setting("cache_tokens", NonNegative),
    )
    laws = _laws(job)
    if base is not None or not (CONF / "law" / f"{law.name}.yaml").is_file():
        # a base's vocabulary is given, and a law of one's own runs is of theirs
        laws = msgspec.structs.replace(laws, vocabulary=None)
    hyper = [as_hyper(catalogue.law(name)) for name in job.setting("hyper_laws", list[str])]
    task = Task(
        catalogue=catalogue, budget=_budget(job), law=law, demand=demand, laws=laws, shares=shares, size=size,
        given=job.setting("mfu", float | None) is not None, top_k=job.setting("top_k", int), sequence_length=length,
        longest=longest, hyper=hyper, decay=decay_law_of(job), published=published_stages(catalogue), base=base,
        base_rates=_base_rates(job, base), replay=_replay(job, base),
    )  # fmt: skip
    machine = machine_of(job, sparse=all(expansion > 1 for _, expansion in rungs), laid_out=True)
    spending = spend(settle(task, Networks(shapes=architectures, rungs=rungs), machine))
    settled, task = spending.settled, spending.task
    _refuse_guessing(settled.plan, settled.question.rung.vocabulary)
    if settled.machine.mfu is BEGUN_WITH:
        # no layout said what the device reaches, and no run did
        assumed_mfu(machine.device, machine.precision, sparse=settled.plan.chosen.expansion > 1)
    _refuse_starving(settled.plan.chosen, task)
    plan, bought, key, rungs = settled.plan, settled.bought, settled.key, settled.networks.rungs

    def chosen_by(by: Planner, flops: float) -> Plan:
        return task.chosen_by(rungs, by, flops)

    seconds = []
    for name in job.setting("compare_laws", list[str]):
        other = chosen_by(as_planner(catalogue.law(name), f"compare_laws: {name}"), bought.work.value)
        own = [c.regret for c in other.candidates if c.key == key]
        seconds.append(Second(plan=other, regret_of_choice=own[0] if own else None, joint=False))
    surface = law if isinstance(law, Surface) else laws.loss
    found = Planned(
        name=job.setting("name", str), bought=bought, spent=spending.work, hours=spending.time.hours,
        days=spending.time.days, usd=spending.time.usd, usd_per_hour=machine.usd_per_hour, accelerator=machine.device,
        precision=machine.precision, devices=machine.devices, law=law, surface=surface, plan=plan,
        architecture=settled.architecture, made=settled.networks.made == key, base=base,
        base_known=base_known, sequence_length=length,
        stages=spending.stages, demand=demand, network=network, top_k=task.top_k, seconds=seconds,
        at_bounds=[(b, chosen_by(law, b)) for b in (bought.work.low, bought.work.high) if b is not None],
        rates=[rates(one, settled.question, plan) for one in hyper], hyper=hyper, replay=task.replay, rungs=rungs,
        own_optimum=own_optimum(law, plan, bought.work.value * task.share, demand),
        vocabulary=best_vocabulary(laws.vocabulary, rungs[key], settled.spent * task.share),
        given_mfu=job.mfu(), fit=settled.placed.says, layout=settled.placed.layout, worries=[], rival=settled.rival,
        size=task.size,
        loss_interval=None if surface is None else interval_of(surface, plan), forecast=None,
        score=score_of(catalogue, job.setting("score_law", str | None), surface, plan, rungs[key]),
    )  # fmt: skip
    found = msgspec.structs.replace(found, forecast=under_own_schedules(catalogue, found))
    shared = None
    if found.layout is not None and plan.chosen.expansion > 1 and not found.given_mfu:
        first = next(iter(spending.stages.values()))
        shared = shared_out(
            catalogue, settled.machine, settled.architecture, sequences=first.sequences, length=first.sequence_length
        )
    said = worries(found, spending.placed, given=found.given_mfu, no_room=settled.no_room, shared=shared)
    return msgspec.structs.replace(found, worries=said)


def _refuse_guessing(plan: Plan, vocabulary: int) -> None:
    """Raise ``LehrError`` where the loss of the chosen network is above that of guessing every token alike, ln V."""
    chosen = plan.chosen
    if plan.loss_unit == "nats/token" and chosen.loss >= log(vocabulary):
        raise LehrError(
            f"plan: no law reaches so far: {plan.law} reads {chosen.loss:.3g} nats/token for "
            f"{short(chosen.parameters)} on {short(chosen.tokens)} tokens, more than guessing among {vocabulary:,} "
            f"entries, {log(vocabulary):.3g}; write a larger budget, or more unique tokens"
        )


def _refuse_starving(chosen: Candidate, task: Task) -> None:
    """Raise ``LehrError`` where the data that were given leave fewer tokens a parameter than starved published runs
    had, or the size a tenth of that; what is between, and a law that wants so few of its own, is said first."""
    least = 0.1 * FEWEST_A_PARAMETER if task.size is not None else FEWEST_A_PARAMETER
    if chosen.tokens_per_parameter >= least or (task.size is None and task.demand.unique is None):
        return
    told = f"{short(chosen.active)} parameters on {short(chosen.tokens)} tokens are {starving(chosen)}"
    if task.size is not None:
        raise LehrError(f"size: {told}; write a smaller size, or a larger budget")
    raise LehrError(
        f"unique_tokens: {told}: repeats are worth less to {task.law.name} than so many parameters; write "
        "law=besiroglu, muennighoff or another that knows better, or more unique tokens"
    )


def planner(job: Composed) -> Planner:
    """The law of the choice."""
    return as_planner(decode_law(job.config["law"], "law", job.catalogue.law_folders), "law")


def as_planner(law: Any, where: str) -> Planner:
    """``law`` where a choice can be made by it. Raises ``LehrError`` where it says nothing of sizes and tokens."""
    if not isinstance(law, (ScalingLaw, JointMoe, Frontier)):
        raise LehrError(
            f"{where}: {law.name} gives no loss and no optimum by parameters and tokens; write law=chinchilla, "
            "besiroglu, ludziejewski_joint or llama_3"
        )
    return law


def _laws(job: Composed) -> Laws:
    catalogue = job.catalogue
    joint = catalogue.law(job.setting("moe_law", str))
    if not isinstance(joint, JointMoe):
        raise LehrError(f"moe_law: {joint.name} is no joint law of dense models and mixtures; write ludziejewski_joint")
    repetition = catalogue.law(job.setting("repetition_law", str))
    if not isinstance(repetition, DataConstrained):
        raise LehrError(f"repetition_law: {repetition.name} is no law of repeated data; write muennighoff")
    vocabulary = catalogue.law(job.setting("vocabulary_law", str))
    if not isinstance(vocabulary, VocabularyLaw):
        raise LehrError(f"vocabulary_law: {vocabulary.name} is no law of vocabularies; write tao_vocabulary")
    return Laws(joint=joint, repetition=repetition, vocabulary=vocabulary, loss=catalogue.surface(DEFAULT_SURFACE))


def _architectures(job: Composed, network: str, base: str | None, context: int) -> dict[Key, Architecture]:
    if base is not None:
        if network == "moe":
            raise LehrError(f"network: training goes on from {base}, whose network is given; leave network or base out")
        shape = job.catalogue.model(base).shape()
        return {(count_parameters(shape).total, 1): shape}
    most = Annotated[int, msgspec.Meta(ge=2, le=MOST_EXPERTS)]
    expansions = tuple(job.setting("expansions", list[most]))
    if network == "moe" and not expansions:
        raise LehrError("expansions: none is named; write expansions=[2,4,8]")
    wanted = {"dense": (1,), "moe": expansions, "either": (1, *expansions)}[network]
    return ladder(
        wanted,
        top_k=job.setting("top_k", Annotated[int, msgspec.Meta(ge=1)]),
        vocab_size=job.bounded("vocab_size", Entries, "256 to 4,000,000 entries, such as 32000 or 128256"),
        context_length=context,
    )


def _size(job: Composed, base: str | None) -> tuple[float, float] | None:
    size = asked_size(job)
    if size is not None and base is not None:
        raise LehrError(f"size: training goes on from {base}, whose size is given; leave size or base out")
    return size


def asked_size(job: Composed) -> tuple[float, float] | None:
    """The range of sizes that the settings ask for, of all parameters."""
    size = job.setting("size", str | float | list[float] | None)
    return None if size is None else size_range(size)


def _nearest(known: list[int], low: float, high: float) -> list[int]:
    """The sizes beside a range that holds none of them."""
    below, above = [n for n in known if n < low], [n for n in known if n > high]
    return [*below[-1:], *above[:1]]


def within(size: tuple[float, float] | None, rungs: dict[Key, Rung]) -> dict[Key, Rung]:
    """The rungs whose parameters, all of them, lie within ``size``; of one number the nearest of each expansion, no
    more than a fifth away."""
    if size is None:
        return rungs
    low, high = a_fifth_around(size)
    kept = {key: rung for key, rung in rungs.items() if low <= rung.count.total <= high}
    if size[0] == size[1]:
        nearest = {key[1]: key for key in sorted(kept, key=lambda key: -abs(log(key[0] / size[0])))}
        kept = {key: rung for key, rung in kept.items() if key in nearest.values()}
    if not kept:
        known = sorted(r.count.total for r in rungs.values())
        raise LehrError(
            f"size: no network of the ladder has {low:.6g} to {high:.6g} parameters; write one of them, "
            f"{' or '.join(f'{n:,}' for n in _nearest(known, low, high))}, or a wider range"
        )
    return kept


def size_range(size: str | float | list[float]) -> tuple[float, float]:
    """A range of sizes as people write it; one number is both ends.

    >>> size_range("7e9..15e9"), size_range("7B..15B"), size_range(7e9)
    ((7000000000.0, 15000000000.0), (7000000000.0, 15000000000.0), (7000000000.0, 7000000000.0))
    """
    if isinstance(size, str):
        found = SIZES.match(size)
        if found is None:
            raise LehrError(f"size: {size!r} is no range; write size=7e9..15e9, or one number")
        low, high = float(found[1]) * SUFFIXES[found[2]], float(found[3]) * SUFFIXES[found[4]]
    elif isinstance(size, list):
        if len(size) != 2:
            raise LehrError("size: write two numbers, size=[7e9,15e9]")
        low, high = size
    else:
        low = high = size
    if not 0 < low <= high:
        raise LehrError(f"size: {low:g} to {high:g} is no range; write the smaller size first")
    return float(low), float(high)


def a_fifth_around(size: tuple[float, float]) -> tuple[float, float]:
    """``size``, or a fifth to each side of one number."""
    return size if size[0] < size[1] else (size[0] / 1.2, size[1] * 1.2)


def _budget(job: Composed) -> Budget:
    given = {name: job.setting(name, float | None) for name in ("flops", "hours", "usd", "days")}
    return Budget(**given, devices=job.devices())


BEGUN_WITH = Interval(low=0.2, central=0.4, high=0.5)
"""The utilisation [1] at which a plan begins on a device of which no run published one; its layout says what it is."""


def machine_of(job: Composed, *, sparse: bool, laid_out: bool = False) -> Machine:
    """The device that the settings name, and what it reaches. Raises ``ValueError`` where nobody published that, but
    of known devices that are ``laid_out``: there ``BEGUN_WITH`` stands for what the layout says."""
    device = decode(job.config["accelerator"], AcceleratorFile, "accelerator")
    precision = job.setting("precision", str | None) or ("bf16" if "bf16" in device.peak else next(iter(device.peak)))
    if precision not in device.peak:
        raise LehrError(f"precision: {device.name} has no peak for {precision}; it has {', '.join(device.peak)}")
    mfu: float | Interval | None = job.mfu()
    devices = job.devices()
    if mfu is None:
        unknown = laid_out and devices is not None and not device.mfu
        mfu = BEGUN_WITH if unknown else as_runs_reach(assumed_mfu(device, precision, sparse=sparse))
    price = job.usd_per_hour() or (device.price.usd_per_hour if device.price else None)
    return Machine(device=device, precision=precision, mfu=mfu, devices=devices, usd_per_hour=price)


def kind_of(stage: str) -> str:
    """The kind of a stage by its name: ``pt`` is PT, ``repo_sft`` REPO_SFT."""
    return stage.upper()


def _stages(job: Composed) -> dict[str, float]:
    given: dict[str, float] | None = job.bounded("stages", dict[str, Positive] | None, "shares, {pt: 0.9, ann: 0.1}")
    if given is not None and max(given.values(), default=0.0) > 1:
        whole = plain_sum(given.values())
        said = ", ".join(f"{name}: {share / whole:.4g}" for name, share in given.items())
        raise LehrError(
            f"stages: these are shares of the budget, which sum to 1; write stages={{{said}}}, or 80% for 0.8"
        )
    stages = given or {"pt" if job.setting("base", str | None) is None else "cpt": 0.9, "ann": 0.1}
    for name in stages:
        if kind_of(name) not in STAGE_KINDS:
            raise LehrError(f"stages: {name!r} is no stage; {nearest(name, [k.lower() for k in STAGE_KINDS])}")
    if not any(kind_of(name) in PRETRAINING for name in stages):
        raise LehrError("stages: none pre-trains; write pt: 0.9")
    if abs(plain_sum(stages.values()) - 1) > 1e-9:
        raise LehrError(
            f"stages: the shares of the budget sum to {plain_sum(stages.values()):.4g}; write shares that sum to 1"
        )
    return stages


def _seen(job: Composed, base: str | None) -> tuple[float, bool]:
    """The pre-training tokens of the base model that are known, and whether those are all. Raises ``LehrError`` where
    its recipe is not known."""
    if base is None:
        return 0.0, True
    if not job.catalogue.has("recipe", base):
        raise LehrError(f"base: {base} has no recipe, so that its tokens are not known; write another base")
    _, _, projection = project_by_name(job.catalogue, base)
    tokens = [s.cumulative_tokens for s in projection.stages if s.kind in PRETRAINING]
    known = [float(n) for n in tokens if n is not None]
    if not known:
        raise LehrError(f"base: how many tokens {base} was trained on is not published; write another base")
    return known[-1], len(known) == len(tokens) and projection.totals.bound is None


def _base_rates(job: Composed, base: str | None) -> tuple[float | None, float | None]:
    """The peak of the base's pre-training and its last rate, where they are public."""
    if base is None:
        return None, None
    recipes = job.catalogue.recipes()
    return rates_before(msgspec.structs.replace(recipes[base], base=Base(model=base)), recipes)


def _replay(job: Composed, base: str | None) -> tuple[str, float] | None:
    from lehr.simulators.laws.mixture import ReplayTable

    if base is None:
        return None
    law = job.catalogue.law(job.setting("replay_law", str))
    if not isinstance(law, ReplayTable):
        raise LehrError(f"replay_law: {law.name} is no table of replay; write ibrahim_slimpajama_405m")
    share = law.least_share(job.setting("replay_rise", Annotated[float, msgspec.Meta(ge=0.0)]))
    return None if share is None else (law.name, share)


def decay_law_of(job: Composed) -> Timescale:
    """The law of weight decay. Raises ``LehrError`` where it is of something else."""
    law = job.catalogue.law(job.setting("decay_law", str))
    if not isinstance(law, Timescale):
        raise LehrError(f"decay_law: {law.name} is no law of AdamW's time scale; write power_lines")
    return law


def as_hyper(law: Any) -> HyperLaw:
    """``law`` where it speaks of rates or batches. Raises ``LehrError`` for a law of other things."""
    if not isinstance(law, HyperLaw):
        raise LehrError(f"hyper_laws: {law.name} is no law of learning rate or batch; write step_law_grids")
    return law


def rates(law: HyperLaw, question: Question, plan: Plan) -> Rates:
    """What ``law`` says as it stands of the whole pre-training: before the schedule and what was published bind it."""
    inputs = inputs_of(question, law, plan.chosen.tokens)
    asked = {k: v for k, v in inputs.items() if k in ("n", "d", "flops", "experts")}
    return Rates(
        law=law.name,
        peak_rate=float(np.asarray(law.peak_rate(**inputs))) if speaks(law, "peak_rate", inputs) else None,
        batch_tokens=float(np.asarray(law.batch_tokens(**inputs))) if speaks(law, "batch_tokens", inputs) else None,
        warnings=law.warnings(**asked),
    )
