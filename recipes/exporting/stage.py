"""A stage as every trainer needs it: lengths, batch, rates and what it begins from, all of them known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from lehr.recipes.catalogue.entries import Model
from lehr.recipes.catalogue.recipe_files import RecipeFile
from lehr.recipes.exporting.gaps import longest_answer, needed
from lehr.recipes.exporting.rates import Course, Deviation, RefusedError, course_of
from lehr.simulators.machine.layout import Layout
from lehr.simulators.objectives import Objective, Preference
from lehr.simulators.schedules import Curve, WeightDecay
from lehr.simulators.training import Adapter, Balance, Optimizer, Stage, StageKind


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """What the trainer runs on: ``devices`` over ``nodes``, so many of which (``copy``) hold one copy of the network
    and share their part of a batch; ``together`` of them, a tensor group, are to lie in one machine."""

    devices: int
    devices_per_node: int
    micro_batch: int | None
    copy: int = 1
    together: int = 1

    @property
    def each(self) -> int:
        """Devices of each machine, as many of one as divide them, and hold whole tensor groups where that goes [1].

        >>> Machine(devices=12, devices_per_node=8, micro_batch=None).each
        6
        >>> Machine(devices=48, devices_per_node=6, micro_batch=None, copy=4, together=2).each
        6
        >>> Machine(devices=100, devices_per_node=8, micro_batch=None, copy=4, together=4).each
        4
        """
        alike = [n for n in range(1, self.devices_per_node + 1) if self.devices % n == 0]
        return max([n for n in alike if n % self.together == 0] or alike)

    @property
    def nodes(self) -> int:
        """Machines [1]."""
        return self.devices // self.each


KEPT = 3
"""The newest checkpoints of a stage, which stay on the disk where a trainer removes older ones."""


class Saves(msgspec.Struct, frozen=True, kw_only=True):
    """Updates between checkpoints [steps], and why so many."""

    every: int
    why: str


FOUND, FOLDER = "{found}", "{folder}"


class Resumes(msgspec.Struct, frozen=True, kw_only=True):
    """How a command goes on with a stage that was stopped: it has these ``words`` too where the pattern ``found`` finds
    anything, of which the newest and its folder stand for ``FOUND`` and ``FOLDER``."""

    found: str
    words: tuple[str, ...]


class ExportStage(msgspec.Struct, frozen=True, kw_only=True):
    """One stage with nothing left out. ``begins`` is a folder, a hub's name, or ``None`` for random weights.

    ``zero`` says what is shared out among its devices (Rajbhandari et al., arXiv:1910.02054): weights, gradients and
    moments (3) where a device does not hold all of them, moments alone (1) where weights in 32 bits are kept only so.
    ``room`` is the memory of a device, as far as it is known [byte]. ``earlier`` are the rates of the run that it goes
    on with, on a corpus by the same optimiser, whose moments it may keep. What it trains is ``merged`` into whole
    weights, where another stage begins from an adapter's.
    """

    name: str
    number: int
    kind: StageKind
    objective: Objective
    n_steps: int
    sequences: int
    sequence_length: int
    curve: Curve
    optimizer: Optimizer
    precision: str
    micro_batch: int
    accumulation: int
    devices: int
    nodes: int
    devices_per_node: int
    room: float = 0.0
    layout: Layout | None = None
    zero: Literal[0, 1, 3] = 0
    earlier: Curve | None = None
    adapter: Adapter | None = None
    balance: Balance | None = None
    merged: str | None = None
    begins: str | None
    ends: str
    data: str
    seed: int
    saves: Saves

    @property
    def sharded(self) -> bool:
        """Does a library share out what is trained among the devices?"""
        return bool(self.zero)

    @property
    def folder(self) -> str:
        """The name of its folder: its place in the order, and its own name."""
        return f"{self.number:02d}_{self.name}"

    @property
    def course(self) -> Course:
        """Its rates as a rise, a constant part and one decay. Raises ``RefusedError`` for others."""
        return course_of(self.curve)

    @property
    def longest_answer(self) -> int:
        """The most tokens of an answer [tokens]: as its rollout says, or else as many as a sequence has."""
        return longest_answer(self.objective) or self.sequence_length

    @property
    def n_tokens(self) -> int:
        """Tokens that it trains on [tokens]: of a pair both answers."""
        return self.n_steps * self.sequences * self.sequence_length * (2 if self.pairs else 1)

    @property
    def pairs(self) -> bool:
        """Whether its batch counts pairs of answers, and not sequences."""
        return isinstance(self.objective, Preference) and self.objective.pairs

    @property
    def weight_decay(self) -> float:
        """One number. Raises ``RefusedError`` for one that changes; 0 is what no trainer takes for granted."""
        if isinstance(self.optimizer.weight_decay, WeightDecay):
            raise RefusedError("its weight decay changes, which no setting of this trainer says")
        return 0.0 if self.optimizer.weight_decay is None else self.optimizer.weight_decay


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """One value of the recipe, where it went, and how: exact, approximate, assumed, or not said at all."""

    what: str
    value: Any
    where: str
    how: str = "exact"


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """A stage in a trainer's words: files by path, the command as words, what was said, and the rates it will run.

    ``before`` and ``after`` are commands that one machine runs before the stage and once it is done. ``counted_from``
    are the updates of earlier stages that the trainer's count goes on from. ``resumes`` is how the command goes on with
    what it left, where the trainer does not see that itself. ``form`` is that of its checkpoints, where the trainer has
    several of which none reads another's.
    """

    files: dict[str, bytes]
    command: list[str]
    said: list[Said]
    run: Curve
    deviation: Deviation
    notes: list[str] = []
    after: list[list[str]] = []
    before: list[list[str]] = []
    counted_from: int = 0
    resumes: Resumes | None = None
    form: str = ""


def export_stage(
    name: str,
    number: int,
    stage: Stage,
    machine: Machine,
    *,
    begins: str | None,
    ends: str,
    data: str,
    seed: int,
    layout: Layout | None = None,
    zero: Literal[0, 1, 3] = 0,
    room: float = 0.0,
    merged: str | None = None,
    ramps: str = "",
    saves: Saves,
) -> ExportStage:
    """The stage with all that a trainer needs, divided by ``layout`` where the trainer is told one; ``ramps`` is why it
    is told none.

    Raises ``RefusedError`` for what is still open, and for a batch that grows or that the devices cannot share.
    """
    if left := needed(stage):
        raise RefusedError(f"has no {', '.join(left)}")
    assert stage.batch is not None
    assert stage.sequence_length is not None
    assert stage.n_steps is not None
    if stage.batch.ramp is not None:
        raise RefusedError(
            f"its batch grows, which this exporter does not say{ramps}; write ramp=flat for "
            f"{stage.batch.sequences:,} sequences from the first update on"
        )
    try:
        curve = stage.curve()
    except ValueError as error:
        raise RefusedError(str(error)) from error
    assert curve is not None
    micro, accumulation = shared(stage.batch.sequences, machine)
    return ExportStage(
        name=name,
        number=number,
        kind=stage.kind,
        objective=stage.objective,
        n_steps=stage.n_steps,
        sequences=stage.batch.sequences,
        sequence_length=stage.sequence_length,
        curve=curve,
        optimizer=stage.optimizer or Optimizer(kind="adamw"),
        precision=(stage.hardware.precision if stage.hardware else None) or "bf16",
        micro_batch=micro,
        accumulation=accumulation,
        devices=machine.devices,
        nodes=machine.nodes,
        devices_per_node=machine.each,
        layout=layout,
        zero=zero,
        room=room,
        merged=merged,
        adapter=stage.adapter,
        balance=stage.balance,
        begins=begins,
        ends=ends,
        data=data,
        seed=seed,
        saves=saves,
    )


def shared(sequences: int, machine: Machine) -> tuple[int, int]:
    """Sequences that a device takes at once, and how often, for one update.

    Raises ``RefusedError`` where they do not make up the batch.

    >>> shared(512, Machine(devices=8, devices_per_node=8, micro_batch=4)), shared(6, Machine(devices=2,
    ...     devices_per_node=8, micro_batch=None))
    ((4, 16), (1, 3))
    """
    if machine.devices % machine.copy:
        raise RefusedError(
            f"{machine.devices} devices are no multiple of the {machine.copy} that its layout puts one copy on; write "
            f"devices={-(-machine.devices // machine.copy) * machine.copy}"
        )
    groups = machine.devices // machine.copy
    if sequences % groups:
        named = "devices" if machine.copy == 1 else f"groups of {machine.copy} devices"
        fitting = " or ".join(str(int(n) * machine.copy) for n in nearest_divisors(sequences, groups).split(" or "))
        raise RefusedError(
            f"a batch of {sequences:,} sequences cannot be shared evenly by {groups} {named}; write devices={fitting}"
        )
    each = sequences // groups
    micro = machine.micro_batch or 1
    if each % micro:
        raise RefusedError(
            f"{each} sequences a device are no multiple of micro_batch={micro}; write "
            f"micro_batch={nearest_divisors(each, micro)}"
        )
    return micro, each // micro


def nearest_divisors(whole: int, wanted: int) -> str:
    """The divisors of ``whole`` on both sides of ``wanted``, in words; ``whole`` itself where it is below.

    >>> nearest_divisors(512, 7), nearest_divisors(6, 7)
    ('4 or 8', '6')
    """
    divisors = [d for d in range(1, int(whole**0.5) + 1) if whole % d == 0]
    divisors += [whole // d for d in divisors]
    below = max(d for d in divisors if d <= wanted)
    above = min((d for d in divisors if d > wanted), default=None)
    return str(below) if above is None else f"{below} or {above}"


def base_of(recipe: RecipeFile, models: Mapping[str, Model]) -> str | None:
    """What the first stage begins from: the base's name on the hub or as written; nothing for random weights."""
    if recipe.base is None:
        return None
    found = models.get(recipe.base.model)
    return (found.hf_id if found else None) or recipe.base.model
