"""What every trainer answers: which stages it can train, and how it is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

from lehr.recipes.exporting.rates import Deviation, RefusedError, deviation
from lehr.recipes.exporting.stage import KEPT, Exported, ExportStage, Said
from lehr.simulators.architecture import Architecture
from lehr.simulators.machine.layout import Layout
from lehr.simulators.objectives import NextToken, PolicyGradient, Preference, Supervised
from lehr.simulators.schedules import Curve

Divides = Literal["whole", "shards", "layout"]
DIVIDES: dict[Divides, str] = {
    "whole": "each device holds the whole network, or DeepSpeed shards it where a device has no room for that",
    "shards": "weights, gradients and moments are sharded over all devices (FSDP)",
    "layout": "as the recipe's layout says",
}
"""What an export tells a trainer of how to divide a network over devices."""

CORPUS = ("PT", "CPT", "ANN", "REPO_PT")


class Network(msgspec.Struct, frozen=True, kw_only=True):
    """The model that is trained: its architecture, and the ``config.json`` that transformers reads, if any."""

    name: str
    architecture: Architecture | None
    config: Mapping[str, Any] | None
    why_not: str | None = None

    @property
    def model_type(self) -> str | None:
        """The type of its class in transformers, where it is known."""
        return None if self.config is None else str(self.config["model_type"])

    @property
    def rows(self) -> int:
        """The most tokens of a sequence where positions have a table, 0 where they have none [tokens]."""
        a = self.architecture
        return a.context_length if a is not None and a.embedding.learned_positions else 0

    def needs_config(self) -> Mapping[str, Any]:
        """The ``config.json``. Raises ``RefusedError`` where none says this architecture."""
        if self.config is None:
            raise RefusedError(
                f"random weights need a config.json, and {self.why_not}; begin from a base that the hub has"
            )
        return self.config


class Trainer(msgspec.Struct, frozen=True, kw_only=True):
    """A trainer: ``version`` is the one whose parser the export was written for, ``package`` how it is installed.

    ``stage`` raises ``RefusedError`` for what the trainer cannot be told. ``leaves`` is where in the folder of a stage
    its last weights stand, from which the next begins; ``{steps}`` are its updates; ``keeps`` says which checkpoints
    stay on the disk. ``as_told`` is what it runs of a recipe's layout, ``zero`` the stage of ZeRO to which it shards
    what has none. Of one that ``halves``, weights in bf16 are all that the optimiser moves, unless it is sharded;
    ``reference`` is what a frozen network beside takes [byte/weight]. A trainer that ``builds`` is told the network
    itself, the others read it from a config.json; ``ramps`` is what its own growing batch has beside the recipe's.
    ``prove`` is a program for the trainer's own Python: it reads ``export.json`` and holds it against the trainer's
    parser and scheduler.
    """

    name: str
    title: str
    version: str
    package: str
    stage: Callable[[ExportStage, Network], Exported]
    leaves: str = ""
    divides: Divides = "whole"
    zero: Literal[0, 1, 2, 3] = 0
    as_told: Callable[[Layout], Layout] | None = None
    keeps: str = f"the newest {KEPT} stay"
    adapters: bool = False
    halves: bool = False
    reference: float = 2.0
    builds: bool = False
    ramps: str = ""
    prove: str | None = None
    unproven: str | None = None


def torchrun(stage: ExportStage) -> list[str]:
    """The command that starts a process a device; over several machines launch.sh tells it where the others are."""
    return ["torchrun", f"--nnodes={stage.nodes}", f"--nproc-per-node={stage.devices_per_node}"]


def left_by(trainer: Trainer, name: str, steps: int | None) -> str:
    """Where a stage of so many updates leaves its weights; its folder where their number is not known.

    >>> swift = Trainer(name="s", title="S", version="1", package="s", stage=None, leaves="checkpoint-{steps}")
    >>> left_by(swift, "pt", 14), left_by(swift, "pt", None)
    ('checkpoints/pt/checkpoint-14', 'checkpoints/pt')
    """
    inside = "" if steps is None else trainer.leaves.format(steps=steps)
    return f"checkpoints/{name}/{inside}".rstrip("/")


def merged_by(name: str) -> str:
    """Where the weights of a stage stand once its adapter is merged into them."""
    return f"checkpoints/{name}/merged"


def refuse_unless(condition: bool, message: str) -> None:
    """Raise ``RefusedError`` with ``message`` where ``condition`` does not hold."""
    if not condition:
        raise RefusedError(message)


def what_is_trained(stage: ExportStage) -> str:
    """``corpus``, ``answers``, ``preference`` or ``policy``: which kind of trainer a stage asks for.

    Raises ``RefusedError`` for an objective that no exported trainer has.
    """
    objective = stage.objective
    if isinstance(objective, NextToken):
        refuse_unless(objective.mtp_weight is None, "trains modules for multi-token prediction, which no setting says")
        return "corpus" if stage.kind in CORPUS else "answers"
    if isinstance(objective, Supervised):
        return "answers"
    if isinstance(objective, Preference):
        return "preference"
    if isinstance(objective, PolicyGradient):
        return "policy"
    tag = type(objective).__struct_config__.tag
    raise RefusedError(f"its objective is {tag}, which this trainer does not have")


def rates_said(stage: ExportStage, run: Curve, where: str) -> tuple[Said, Deviation]:
    """The line of ``export.json`` about the schedule, and the worst deviation of the trainer's rates."""
    off = deviation(stage.curve, run)
    return Said(what="schedule", value=str(stage.curve), where=where, how=str(off)), off


def optimizer_said(stage: ExportStage, keys: Mapping[str, tuple[str, Any]]) -> list[Said]:
    """What became of the optimiser's settings: ``keys`` are the trainer's by ours, each with the value written."""
    said = []
    for name, (where, value) in keys.items():
        stated = getattr(stage.optimizer, name)
        how = "exact" if stated is not None else "the trainer's default: not stated in the recipe"
        said.append(Said(what=f"optimizer.{name}", value=value, where=where, how=how))
    return said


def layers_each(stage: ExportStage, n_layers: int) -> int:
    """Layers of each part of the pipeline. Raises ``RefusedError`` where they are not the same."""
    assert stage.layout is not None
    parts = stage.layout.pp * stage.layout.vpp
    refuse_unless(
        n_layers % parts == 0,
        f"its {n_layers} layers do not divide over {parts} parts of a pipeline; write "
        f"recipe.stages.{stage.name}.hardware.layout.pp= and vpp= that do",
    )
    return n_layers // parts


def layout_said(stage: ExportStage, where: str, how: str) -> list[Said]:
    """The line about the recipe's layout, where it has one."""
    if stage.layout is None:
        return []
    return [Said(what="hardware.layout", value=stage.layout.short(), where=where, how=how)]


def kind_said(stage: ExportStage, where: str, written: str) -> Said:
    """What became of the optimiser itself. Reports say Adam of one whose weight decay stands apart from the gradient,
    as Megatron-LM's does, which others call AdamW."""
    decays = stage.optimizer.kind == "adam" and bool(stage.weight_decay)
    how = "as AdamW: weight decay apart from the gradient" if decays else "exact"
    return Said(what="optimizer.kind", value=written, where=where, how=how)


def lengths_said(stage: ExportStage, keys: Mapping[str, str]) -> list[Said]:
    """What became of the lengths: ``keys`` are where each of them went."""
    values = {
        "steps": stage.n_steps,
        "batch.sequences": stage.sequences,
        "sequence_length": stage.sequence_length,
        "response.cap": stage.longest_answer,
        "precision": stage.precision,
        "objective": type(stage.objective).__struct_config__.tag,
        "begins": stage.begins or "random weights",
    }
    return [Said(what=what, value=values[what], where=where) for what, where in keys.items()]
