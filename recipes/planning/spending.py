"""What each stage's share of the hours buys: training at its own layout's utilisation, or steps of written answers."""

from __future__ import annotations

from typing import Any

import msgspec

from lehr.recipes.catalogue.decode import decode
from lehr.recipes.errors import LehrError
from lehr.recipes.planning.machine import Machine, Placed, Time, place, time_for, time_of
from lehr.recipes.planning.result import StageSettings
from lehr.recipes.planning.settling import Settled, Task, work_per_token
from lehr.recipes.planning.stages import settings_of
from lehr.simulators.numerics.adding import plain_sum
from lehr.simulators.projection.cost import utilisation
from lehr.simulators.projection.rollout_time import StageRollout, project_rollout
from lehr.simulators.projection.stage_time import Assumptions
from lehr.simulators.training import PRETRAINING, Stage

TRIED = 1e9
"""Tokens of reinforcement learning whose rollouts are projected, prompts and answers; hours go as the tokens."""


class Spending(msgspec.Struct, frozen=True, kw_only=True):
    """The plan on its machine with each stage as its hours buy it, and how its batches are ``placed``; ``time`` is that
    of all stages and of serving, ``work`` what is then done [FLOP]."""

    settled: Settled
    stages: dict[str, StageSettings]
    placed: dict[str, Placed]
    time: Time
    work: float

    @property
    def task(self) -> Task:
        """The question, with what its hours buy of pre-training."""
        return self.settled.task


def spend(found: Settled) -> Spending:
    """What the hours of each stage buy. A stage's share is one of the hours, and so of the money: it trains at the
    utilisation that its own batch and length reach, and answers are written token after token.

    Raises ``LehrError`` where a share does not buy one step of reinforcement learning.
    """
    batches = {(s.sequence_length, s.sequences): found.placed for s in list(found.stages.values())[:1]}
    placed = {name: _placed(found, stage, batches) for name, stage in found.stages.items()}
    bought = {name: _bought(found, stage, placed[name]) for name, stage in found.stages.items()}
    tokens = {name: share["tokens"] for name, share in bought.items()}
    flops = {name: share["flops"] for name, share in bought.items()}
    # a batch is that which was laid out
    stages = {
        name: msgspec.structs.replace(fresh, sequences=found.stages[name].sequences, **bought[name])
        for name, fresh in settings_of(found.question, found.task.shares, tokens, flops).items()
    }
    serving = found.plan.chosen.serving_flops
    hours = time_of(found.machine, serving).hours
    for stage in stages.values():
        hours += stage.hours
    return Spending(
        settled=_read_again(found, plain_sum(t for name, t in tokens.items() if name.upper() in PRETRAINING)),
        stages=stages, placed=placed, time=time_for(found.machine, hours),
        work=serving + plain_sum(stage.flops for stage in stages.values()),
    )  # fmt: skip


def _read_again(found: Settled, tokens: float) -> Settled:
    """The plan read at the ``tokens`` that its stages of pre-training have together, where long sequences took more."""
    chosen = found.plan.chosen
    share = found.task.share * tokens / chosen.tokens
    if chosen.useful < 1 or abs(share / found.task.share - 1) < 1e-9:
        return found
    task = msgspec.structs.replace(found.task, worth=share / found.task.share)
    plan = task.chosen_by(found.networks.rungs, task.law, found.bought.work.value, found.key)
    return msgspec.structs.replace(found, plan=plan, task=task)


def _placed(found: Settled, stage: StageSettings, batches: dict[tuple[int, int], Placed]) -> Placed:
    """The fastest layout of a stage's batches, found once for all stages that have the same."""
    batch = stage.sequence_length, stage.sequences
    if found.placed.mfu is None or stage.kind == "RL":
        # what says nothing of the first batches says nothing of others; answers are placed by their rollouts
        return found.placed
    if batch not in batches:
        batches[batch] = place(
            found.task.catalogue, found.machine, found.architecture, count=found.networks.rungs[found.key].count,
            sequences=stage.sequences, length=stage.sequence_length,
        )  # fmt: skip
    return batches[batch]


def _bought(found: Settled, stage: StageSettings, placed: Placed) -> dict[str, Any]:
    """Tokens, work, hours, money and layout of a stage, as its settings have them."""
    machine = found.machine
    share = time_of(machine, (found.spent - found.plan.chosen.serving_flops) * stage.share).hours.value
    per_token = work_per_token(found.architecture, stage.kind, stage.sequence_length)
    rolled = _rolled(found, stage) if stage.kind == "RL" else None
    if rolled is not None:
        step = rolled.hours.value / rolled.steps
        steps = int(share / step)
        if steps < 1:
            raise LehrError(
                f"stages: {share:.3g} h for {stage.name} buy no step, which takes {step:.3g} h of {rolled.devices} "
                f"{machine.device.title}; write a larger share, or leave it out"
            )
        whole = steps / rolled.steps
        tokens = float(round(whole * TRIED))
        rolled = msgspec.structs.replace(
            rolled, steps=float(steps), tokens=rolled.tokens * whole, hours=rolled.hours.scaled(whole, "h"),
            days=rolled.days.scaled(whole, "d"), cost=None,
        )  # fmt: skip
        time, flops = time_for(machine, rolled.hours), tokens * per_token
        return {
            "tokens": tokens, "flops": flops, "steps": steps, "rollout": rolled, "layout": None,
            **msgspec.structs.asdict(time),
        }  # fmt: skip
    own = placed.mfu is not None and not found.task.given
    at: Machine = msgspec.structs.replace(machine, mfu=placed.mfu) if own else machine
    reached = utilisation(at.mfu).value / utilisation(machine.mfu).value
    flops = (found.spent - found.plan.chosen.serving_flops) * stage.share * reached
    return {
        "tokens": flops / per_token, "flops": flops, "layout": placed.layout, "fit": placed.says,
        **msgspec.structs.asdict(time_of(at, flops)),
    }  # fmt: skip


def _rolled(found: Settled, stage: StageSettings) -> StageRollout | None:
    """``TRIED`` tokens of a stage's rollouts on the machine; ``None`` for networks that do not write token after token.

    Raises ``LehrError`` where the devices do not hold it.
    """
    # a file of constants, which other plans need not wait for
    from lehr.recipes.generating.tables import rollout_constants

    machine = found.machine
    one = decode(
        {"kind": "RL", "objective": stage.objective, "tokens": TRIED, "batch": {"sequences": stage.sequences},
         "sequence_length": stage.sequence_length}, Stage, f"stages: {stage.name}",
    )  # fmt: skip
    assumed = Assumptions(fallback=machine.device.name, accelerator=machine.device.name, devices=machine.devices)
    try:
        return project_rollout(
            one, found.architecture, accelerators={machine.device.name: machine.device}, assumptions=assumed,
            constants=rollout_constants(),
        )  # fmt: skip
    except ValueError as error:
        raise LehrError(f"stages: {stage.name}: {error}; or leave the stage out") from error
