"""A plan computed from a job's settings."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import numpy as np

from lehr.recipes.catalogue.decode import decode
from lehr.recipes.catalogue.recipe_files import AcceleratorFile, decode_surface
from lehr.recipes.composing.job import Composed
from lehr.recipes.errors import LehrError, nearest
from lehr.recipes.planning.result import Planned, Rates, Second, kind_of
from lehr.recipes.projecting.model import project_by_name
from lehr.simulators.architecture import Architecture
from lehr.simulators.laws import DataConstrained
from lehr.simulators.laws.hyper import HyperLaw
from lehr.simulators.laws.moe import JointMoe
from lehr.simulators.machine.accelerator import Accelerator
from lehr.simulators.planning.budget import Budget, work
from lehr.simulators.planning.choosing import FEWEST_TOKENS, Demand, Plan, Rung, choose
from lehr.simulators.planning.ladder import ladder
from lehr.simulators.projection.project import assumed_mfu
from lehr.simulators.quantities import Interval, NonNegative, Positive, PositiveShare
from lehr.simulators.training import PRETRAINING, STAGE_KINDS

Corpus = Annotated[float, msgspec.Meta(ge=FEWEST_TOKENS)]


def planned(job: Composed) -> Planned:
    """Compute the plan that the settings ask for. Raises ``LehrError`` where they cannot stand."""
    try:
        return _planned(job)
    except ValueError as error:
        raise LehrError(f"plan: {error}") from error


def _planned(job: Composed) -> Planned:
    catalogue = job.catalogue
    law = decode_surface(job.config["law"], "law")
    network = job.setting("network", str)
    if network not in ("dense", "moe", "either"):
        raise LehrError(f"network: {network!r} is not known; {nearest(network, ['dense', 'moe', 'either'])}")
    base = job.setting("base", str | None)
    length = job.setting("sequence_length", int)
    architectures = _architectures(job, network, base)
    rungs = {key: Rung.of(architecture, length) for key, architecture in architectures.items()}
    sparse = all(expansion > 1 for _, expansion in rungs)
    budget = _budget(job)
    device, precision = _accelerator(job)
    mfu: float | Interval | None = job.setting("mfu", PositiveShare | None)
    if mfu is None:
        mfu = assumed_mfu(device, precision, sparse=sparse)
    price = job.setting("usd_per_hour", Positive | None) or (device.prices[0].usd_per_hour if device.prices else None)
    bought = work(budget, peak=device.peak[precision], mfu=mfu, usd_per_hour=price)
    stages = _stages(job)
    demand = Demand(
        seen=_seen(job, base),
        served=job.setting("served_tokens", NonNegative | None) or 0.0,
        unique=job.setting("unique_tokens", Corpus | None),
        memory=job.setting("memory", Positive | None),
        cache_tokens=job.setting("cache_tokens", NonNegative),
    )
    joint = catalogue.law(job.setting("moe_law", str))
    repetition = catalogue.law(job.setting("repetition_law", str))
    if not isinstance(joint, JointMoe):
        raise LehrError(f"moe_law: {joint.name} is no joint law of dense models and mixtures; write ludziejewski_joint")
    if not isinstance(repetition, DataConstrained):
        raise LehrError(f"repetition_law: {repetition.name} is no law of repeated data; write muennighoff")
    common: dict[str, Any] = {
        "demand": demand, "joint": joint, "repetition": repetition,
        "share": sum(share for name, share in stages.items() if kind_of(name) in PRETRAINING),
    }  # fmt: skip
    plan = choose(rungs, bought.value, law, **common)
    chosen = (plan.chosen.d_model, plan.chosen.expansion)
    seconds = []
    for name in job.setting("compare_laws", list[str]):
        other = choose(rungs, bought.value, catalogue.surface(name), **common)
        own = [c.regret for c in other.candidates if (c.d_model, c.expansion) == chosen]
        seconds.append(Second(plan=other, regret_of_choice=own[0] if own else None, joint=False))
    bounds = [b for b in (bought.low, bought.high) if b is not None]
    return Planned(
        name=job.setting("name", str),
        work=bought,
        hours=bought.value / (device.peak[precision] * _central(mfu)) / 3600,
        accelerator=device,
        precision=precision,
        devices=budget.devices,
        law=law,
        plan=plan,
        architecture=architectures[chosen],
        base=base,
        sequence_length=length,
        stages=stages,
        demand=demand,
        network=network,
        top_k=job.setting("top_k", int),
        seconds=seconds,
        at_bounds=[(b, choose(rungs, b, law, **common)) for b in bounds],
        rates=[rates(catalogue.law(n), rungs[chosen], plan) for n in job.setting("hyper_laws", list[str])],
        replay=_replay(job, base),
        rungs=rungs,
    )


def _central(mfu: float | Interval) -> float:
    return mfu.central if isinstance(mfu, Interval) else mfu


def _architectures(job: Composed, network: str, base: str | None) -> dict[tuple[int, int], Architecture]:
    if base is not None:
        if network == "moe":
            raise LehrError(f"network: training goes on from {base}, whose network is given; leave network or base out")
        shape = job.catalogue.model(base).shape()
        return {(shape.d_model, 1): shape}
    expansions = tuple(job.setting("expansions", list[Annotated[int, msgspec.Meta(ge=2)]]))
    if network == "moe" and not expansions:
        raise LehrError("expansions: none is named; write expansions=[2,4,8]")
    wanted = {"dense": (1,), "moe": expansions, "either": (1, *expansions)}[network]
    return ladder(
        wanted,
        top_k=job.setting("top_k", Annotated[int, msgspec.Meta(ge=1)]),
        vocab_size=job.setting("vocab_size", Annotated[int, msgspec.Meta(ge=2)]),
        context_length=job.setting("sequence_length", Annotated[int, msgspec.Meta(ge=1)]),
    )


def _budget(job: Composed) -> Budget:
    given = {name: job.setting(name, float | None) for name in ("flops", "hours", "usd", "days")}
    return Budget(**given, devices=job.setting("devices", Annotated[int, msgspec.Meta(ge=1)] | None))


def _accelerator(job: Composed) -> tuple[Accelerator, str]:
    device = decode(job.config["accelerator"], AcceleratorFile, "accelerator")
    precision = job.setting("precision", str | None) or ("bf16" if "bf16" in device.peak else next(iter(device.peak)))
    if precision not in device.peak:
        raise LehrError(f"precision: {device.name} has no peak for {precision}; it has {', '.join(device.peak)}")
    return device, precision


def _stages(job: Composed) -> dict[str, float]:
    given: dict[str, float] | None = job.setting("stages", dict[str, PositiveShare] | None)
    stages = given or {"pt" if job.setting("base", str | None) is None else "cpt": 0.9, "ann": 0.1}
    for name in stages:
        if kind_of(name) not in STAGE_KINDS:
            raise LehrError(f"stages: {name!r} is no stage; {nearest(name, [k.lower() for k in STAGE_KINDS])}")
    if not any(kind_of(name) in PRETRAINING for name in stages):
        raise LehrError("stages: none pre-trains; write pt: 0.9")
    if abs(sum(stages.values()) - 1) > 1e-9:
        raise LehrError(
            f"stages: the shares of the budget sum to {sum(stages.values()):.4g}; write shares that sum to 1"
        )
    return stages


def _seen(job: Composed, base: str | None) -> float:
    """The pre-training tokens of the base model. Raises ``LehrError`` where its recipe is not known."""
    if base is None:
        return 0.0
    if not job.catalogue.has("recipe", base):
        raise LehrError(f"base: {base} has no recipe, so that its tokens are not known; write another base")
    _, _, projection = project_by_name(job.catalogue, base)
    tokens = [s.cumulative_tokens for s in projection.stages if s.kind in PRETRAINING]
    if not tokens or tokens[-1] is None:
        raise LehrError(f"base: how many tokens {base} was trained on is not published; write another base")
    return float(tokens[-1])


def _replay(job: Composed, base: str | None) -> tuple[str, float] | None:
    from lehr.simulators.laws.mixture import ReplayTable

    if base is None:
        return None
    law = job.catalogue.law(job.setting("replay_law", str))
    if not isinstance(law, ReplayTable):
        raise LehrError(f"replay_law: {law.name} is no table of replay; write ibrahim_slimpajama_405m")
    share = law.least_share(job.setting("replay_rise", Annotated[float, msgspec.Meta(ge=0.0)]))
    return None if share is None else (law.name, share)


def rates(law: Any, rung: Rung, plan: Plan) -> Rates:
    """Peak rate and batch of ``law`` for the chosen network; its own convention of N.

    Raises ``LehrError`` for a law of other things.
    """
    if not isinstance(law, HyperLaw):
        raise LehrError(f"hyper_laws: {law.name} is no law of learning rate or batch; write step_law")
    chosen, active = plan.chosen, rung.count.active
    by_convention = {
        "non_embedding": active["excl_embeddings"],
        "with_head": active["excl_input_embedding"],
        "flops_per_token": rung.training / 6,
    }
    inputs = {
        "n": float(by_convention.get(law.n_convention, active["all"])),
        "d": chosen.tokens,
        "flops": chosen.training_flops,
        "loss": chosen.loss,
    }

    def said(name: str) -> float | None:
        try:
            return float(np.asarray(getattr(law, name)(**inputs)))
        except (TypeError, ValueError):
            # it is silent about this, or needs what a plan does not know
            return None

    return Rates(
        law=law.name,
        peak_rate=said("peak_rate"),
        batch_tokens=said("batch_tokens"),
        warnings=law.warnings(**{k: v for k, v in inputs.items() if k in ("n", "d", "flops")}),
    )
