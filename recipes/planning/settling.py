"""Network, layout and budget of a plan, each of which depends on the others."""

from __future__ import annotations

from collections.abc import Mapping
from math import log

import msgspec

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.errors import LehrError
from lehr.recipes.planning.machine import Machine, Placed, place
from lehr.recipes.planning.result import Rival, StageSettings
from lehr.recipes.planning.stages import Question, length_of, settings_of
from lehr.recipes.presenting.tables import short
from lehr.simulators.architecture import Architecture
from lehr.simulators.counting import FLOP_CONVENTIONS, forward_flops_per_token, training_flops_per_token
from lehr.simulators.laws import Frontier
from lehr.simulators.laws.hyper import HyperLaw, Timescale
from lehr.simulators.numerics.adding import plain_sum
from lehr.simulators.planning.budget import Bought, Budget, buy
from lehr.simulators.planning.choosing import Demand, Laws, Plan, Planner, choose
from lehr.simulators.planning.ladder import shapes
from lehr.simulators.planning.published import PublishedStage
from lehr.simulators.planning.reading import Key, Rung
from lehr.simulators.planning.sizing import CLOSE, network_of, size_of, wanted
from lehr.simulators.training import PRETRAINING

PASSES = 12
"""Of network and layout at most, each of which depends on the other: the batch moves the utilisation, that the work."""
ALIKE = 5e-4
"""Losses that differ by less [nats/token] choose no network: shapes of one size differ by as much."""
REFITS = 3
"""Of a network to the size that its own utilisation buys."""


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What a plan is to settle: ``shares`` of the budget by stage; ``size`` bounds all parameters; ``given`` says
    whether the machine's utilisation is the person's and stands."""

    catalogue: Catalogue
    budget: Budget
    law: Planner
    demand: Demand
    laws: Laws
    shares: dict[str, float]
    size: tuple[float, float] | None
    given: bool
    top_k: int
    sequence_length: int
    longest: int
    hyper: list[HyperLaw]
    decay: Timescale
    published: list[PublishedStage]
    base: str | None
    base_rates: tuple[float | None, float | None]
    replay: tuple[str, float] | None
    worth: float = 1.0
    """What an hour of pre-training buys over what one of its first stage does: long sequences take more of it [1]."""

    @property
    def share(self) -> float:
        """Of the budget, what pre-trains [1]."""
        return self.worth * plain_sum(part for name, part in self.shares.items() if name.upper() in PRETRAINING)

    def chosen_by(self, rungs: Mapping[Key, Rung], by: Planner, flops: float, at: Key | None = None) -> Plan:
        """The choice by a law at a budget [FLOP]."""
        return choose(rungs, flops, by, demand=self.demand, laws=self.laws, share=self.share, at=at)


class Networks(msgspec.Struct, frozen=True, kw_only=True):
    """The networks to choose from, and ``made``, which stands between the rungs of the ladder."""

    shapes: dict[Key, Architecture]
    rungs: dict[Key, Rung]
    made: Key | None = None

    def below(self, size: int, expansion: int) -> Networks:
        """Those of fewer parameters, and all of other expansions."""
        rungs = {key: rung for key, rung in self.rungs.items() if key[1] != expansion or rung.count.total < size}
        return msgspec.structs.replace(self, rungs=rungs)

    def having(self, key: Key, architecture: Architecture, rung: Rung) -> Networks:
        """With one more, in the place of the one made before, or else of the rung that is nearest to its size."""
        experts = list(dict.fromkeys(expansion for _, expansion in self.rungs))
        alike = [one for one in self.rungs if one[1] == key[1]]
        nearest = min(alike, key=lambda one: abs(log(self.rungs[one].count.total / rung.count.total)))
        left = {one: known for one, known in self.rungs.items() if one != (self.made or nearest)}
        rungs = {**left, key: rung}
        order = sorted(rungs, key=lambda one: (experts.index(one[1]), rungs[one].count.total))
        return Networks(shapes={**self.shapes, key: architecture}, rungs={one: rungs[one] for one in order}, made=key)


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """A plan on its machine: what the budget buys at the layout's utilisation, and what of that is of use [FLOP];
    ``no_room`` are networks that the law would rather have, ``rival`` is one that it would have if all were as fast.
    Its ``stages`` all run at the first one's utilisation."""

    task: Task
    networks: Networks
    machine: Machine
    bought: Bought
    spent: float
    plan: Plan
    stages: dict[str, StageSettings]
    question: Question
    placed: Placed
    no_room: list[str]
    rival: Rival | None = None

    @property
    def key(self) -> Key:
        """Of the chosen network."""
        return self.plan.chosen.key

    @property
    def architecture(self) -> Architecture:
        """The chosen network."""
        return self.networks.shapes[self.key]


def settle(task: Task, networks: Networks, machine: Machine) -> Settled:
    """The network of least loss that the devices hold, first among the rungs of the ladder, then of the size that the
    law wants between them. Raises ``LehrError`` where they hold none."""
    no_room: list[str] = []
    tried: dict[Key, Machine] = {}
    for _ in range(PASSES + len(networks.rungs)):
        found = _attempt(task, networks, machine, no_room)
        size = networks.rungs[found.key].count.total
        smaller = networks.below(size, found.key[1])
        if not found.placed.fits and smaller.rungs:
            # what has no layout on the devices is no answer, and neither is anything larger of its kind
            active = short(found.plan.chosen.active)
            no_room.append(f"{short(size)} with {active} active" if found.key[1] > 1 else short(size))
            networks, tried = smaller, {}
            continue
        if not found.placed.fits and machine.devices is not None:
            raise LehrError(f"{found.placed.says}; write more devices, or a smaller size")
        if _agrees(task, found):
            break
        # what the layout reaches says what the budget buys, and that which network is laid out
        machine = _reaching(machine, found.placed)
        if found.key in tried and found.key != next(reversed(tried)):
            # at what each of these networks reaches itself, the law would rather have another of them
            each = [_attempt(task, networks, own, no_room, at=key) for key, own in tried.items()]
            found = min(each, key=lambda one: one.plan.chosen.loss)
            break
        tried[found.key] = machine
    return _beside_its_rival(task, _of_the_laws_size(task, found))


def _beside_its_rival(task: Task, found: Settled) -> Settled:
    """The plan, or that of another network whose loss is less where each is read at what its own layout reaches; and
    which other one would be better if all were as fast."""
    if isinstance(task.law, Frontier) or task.given or task.base is not None:
        return found
    for _ in range(PASSES):
        least = min(found.plan.candidates, key=lambda one: one.loss)
        mine = found.plan.chosen.loss
        if least.loss > mine - ALIKE:
            break
        machine, other = found.machine, found
        for _ in range(PASSES):
            other = _attempt(task, found.networks, machine, found.no_room, at=least.key)
            if not other.placed.fits or _agrees(task, other):
                break
            machine = _reaching(machine, other.placed)
        else:
            return found
        if not other.placed.fits:
            return msgspec.structs.replace(found, rival=Rival(key=least.key, loss=None))
        if other.plan.chosen.loss > mine - ALIKE:
            return msgspec.structs.replace(found, rival=Rival(key=least.key, loss=other.plan.chosen.loss - mine))
        found = other
    return found


def _of_the_laws_size(task: Task, rung: Settled) -> Settled:
    """The network of the size that the law wants, where that lies between two rungs and the devices hold it."""
    found = rung
    for _ in range(REFITS):
        made = _made(task, found)
        if made is None:
            return found
        machine = found.machine
        for _ in range(PASSES):
            trial = _attempt(task, made, machine, found.no_room, at=made.made)
            if trial.key != made.made or not trial.placed.fits:
                return found
            if _agrees(task, trial):
                break
            machine = _reaching(machine, trial.placed)
        else:
            # batch and layout chase each other: no utilisation is this network's
            return found
        found = trial
    return found


def _made(task: Task, found: Settled) -> Networks | None:
    """The networks with the one that is wanted among them; ``None`` where the chosen one is it, or stands."""
    networks, key = found.networks, found.key
    work = found.bought.work.value * task.share
    size = wanted(found.plan, networks.rungs, task.law, work, demand=task.demand, leave_out=networks.made)
    if task.base is not None or size is None:
        return None
    if key == networks.made and abs(size_of(task.law, networks.rungs[key]) / size - 1) <= 2 * CLOSE:
        return None
    alike = [rung for one, rung in networks.rungs.items() if one[1] == key[1] and one != networks.made]
    near = shapes(
        min(alike, key=lambda rung: abs(size_of(task.law, rung) / size - 1)).width, key[1], top_k=task.top_k,
        vocab_size=found.architecture.embedding.vocab_size, context_length=found.architecture.context_length or 0,
    )  # fmt: skip
    best = network_of(task.law, size, near, task.sequence_length, alike)
    if best is None:
        return None
    architecture, rung = best
    if task.size is not None and not task.size[0] <= rung.count.total <= task.size[1]:
        return None
    return networks.having((rung.count.total, key[1]), architecture, rung)


def _agrees(task: Task, found: Settled) -> bool:
    """Whether the machine reaches what the budget was counted with."""
    return task.given or found.placed.mfu is None or found.placed.mfu == found.machine.mfu


def _reaching(machine: Machine, placed: Placed) -> Machine:
    assert placed.mfu is not None, "the model of layouts knows the device"
    return msgspec.structs.replace(machine, mfu=placed.mfu)


def _attempt(task: Task, networks: Networks, machine: Machine, no_room: list[str], at: Key | None = None) -> Settled:
    """One pass: what the budget buys at the machine's utilisation, the network, its stages and its layout."""
    rungs, length = networks.rungs, task.sequence_length
    bought = buy(
        task.budget, peak=machine.device.peak[machine.precision], mfu=machine.mfu, usd_per_hour=machine.usd_per_hour
    )
    plan = task.chosen_by(rungs, task.law, bought.work.value, at)
    chosen, spent = plan.chosen, bought.work.value
    key = chosen.key
    if chosen.useful < 1:
        spent = chosen.serving_flops + (spent - chosen.serving_flops) * chosen.useful
    architecture, count = networks.shapes[key], rungs[key].count
    flops = {name: (spent - chosen.serving_flops) * share for name, share in task.shares.items()}
    tokens = {
        name: work / work_per_token(architecture, name.upper(), length_of(length, task.longest, name.upper()))
        for name, work in flops.items()
    }
    question = Question(
        rung=rungs[key], expansion=key[1], loss=chosen.loss, laws=task.hyper, decay_law=task.decay,
        published=task.published, machine=machine, sequence_length=length, long_length=task.longest, base=task.base,
        base_tokens=task.demand.seen, base_rates=task.base_rates, replay=task.replay,
    )  # fmt: skip
    stages = settings_of(question, task.shares, tokens, flops)
    first = next(iter(stages.values()))
    placed = place(
        task.catalogue, machine, architecture, count=count, sequences=first.sequences, length=first.sequence_length
    )
    return Settled(
        task=task, networks=networks, machine=machine, bought=bought, spent=spent, plan=plan, stages=stages,
        question=question, placed=placed, no_room=no_room,
    )  # fmt: skip


def work_per_token(architecture: Architecture, kind: str, length: int) -> float:
    """Of a stage [FLOP/token]: a token of reinforcement learning is written once before it is trained on."""
    convention = FLOP_CONVENTIONS["causal"]
    written = forward_flops_per_token(architecture, length, convention) if kind == "RL" else 0.0
    return training_flops_per_token(architecture, length, convention) + written
