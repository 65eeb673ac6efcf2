"""``lehr export``: a recipe's stages in a trainer's words, each linked to the one before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files as resources
from typing import Literal

import msgspec

from lehr.recipes.catalogue.entries import Model
from lehr.recipes.catalogue.recipe_files import RecipeFile
from lehr.recipes.errors import LehrError, nearest
from lehr.recipes.exporting.adapters import adapter_said, modules
from lehr.recipes.exporting.gaps import Assumed, Gap, Missing, Ramps, filled, lacks, needed
from lehr.recipes.exporting.hub_config import config_of
from lehr.recipes.exporting.positions import SCRIPT, Turning, changes, position_in, said_as, turned, turning
from lehr.recipes.exporting.rates import RefusedError
from lehr.recipes.exporting.result import Export, StageResult
from lehr.recipes.exporting.room import Room, divided, held, held_passing, room_of, shard
from lehr.recipes.exporting.saving import saves_of
from lehr.recipes.exporting.stage import Exported, ExportStage, Machine, Said, base_of, export_stage
from lehr.recipes.exporting.text import files_beside
from lehr.recipes.exporting.trainer import Network, Trainer, left_by, merged_by
from lehr.recipes.exporting.trainers import trainers
from lehr.recipes.exporting.unsaid import earlier, unsaid
from lehr.simulators.counting import count_parameters
from lehr.simulators.machine.accelerator import Accelerator
from lehr.simulators.training import Stage

Inexact = Literal["approximate", "refuse"]

INEXACT: dict[Inexact, str] = {
    "approximate": "rates that the trainer places one step otherwise are written with their deviation",
    "refuse": "only rates that the trainer runs exactly are written",
}


def export(
    model: Model,
    recipe: RecipeFile,
    to: str,
    *,
    models: Mapping[str, Model] | None = None,
    accelerators: Mapping[str, Accelerator] | None = None,
    stages: Sequence[str] | None = None,
    devices: int | None = None,
    devices_per_node: int = 8,
    micro_batch: int | None = None,
    inexact: Inexact = "approximate",
    missing: Missing = "refuse",
    assume: Assumed | None = None,
    ramp: Ramps = "refuse",
    seed: int = 1,
    hours: Mapping[str, float] | None = None,
) -> Export:
    """The stages of ``recipe``, or those named, as files of the trainer ``to``.

    ``models`` are those that it begins from, ``accelerators`` have the memory of the devices that it names. ``inexact``
    says whether a schedule whose updates the trainer places otherwise, by no more than one step, is written
    with its deviation or refused. What a stage does not say is taken from ``assume``; what that leaves open has a
    stand-in with ``missing`` "fill", and ``ramp`` "flat" writes a batch that grows at its last size. ``hours`` are
    accelerator-hours of stages [h], by which they save as often as loses least. Raises ``LehrError`` with every stage
    that cannot be said, and why.

    >>> from lehr.recipes.catalogue.files import Catalogue
    >>> catalogue = Catalogue()
    >>> done = export(catalogue.model("starcoder"), catalogue.recipe("starcoder"), "trl", stages=["pt"])
    >>> done.stages[0].exported.deviation.exact, sorted(done.files)[:2]
    (True, ['01_pt/sft.yaml', '01_pt/zero3.json'])
    """
    trainer = trainer_called(to)
    chosen = chosen_of(recipe, stages, assume or Assumed())
    for key, value in (("devices", devices), ("devices_per_node", devices_per_node), ("micro_batch", micro_batch)):
        if value is not None and value < 1:
            raise LehrError(f"{key}: {value}; write a whole number of 1 or more")
    network = network_of(model)
    made: list[StageResult] = []
    refused: list[str] = []
    begins, before = base_of(recipe, models or {}), None
    base = (models or {}).get(recipe.base.model) if recipe.base else None
    turns = turning(recipe, model.architecture, base.architecture if base else None)
    first = network
    if chosen and recipe.order.index(chosen[0][0]) > 0:
        # stages before the first chosen one were trained elsewhere
        before = recipe.order[recipe.order.index(chosen[0][0]) - 1]
        adapted = recipe.stages[before].adapter is not None
        begins = merged_by(before) if adapted else left_by(trainer, before, recipe.stages[before].n_steps)
    for number, (name, said) in enumerate(chosen, 1):
        try:
            here = network_at(network, turns.get(name))
            stage, gaps = filled(said, assume or Assumed(), missing, ramp, here.rows)
            first = here if number == 1 else first
            layout = stage.hardware.layout if stage.hardware else None
            machine = machine_of(stage, trainer, devices, devices_per_node, micro_batch)
            fits = fitting_in(stage, trainer, here, machine, accelerators or {})
            gaps += [*fits.gaps, *not_divided(stage, trainer, machine, sharded=fits.zero == 3)]
            whole = export_stage(
                name, number, stage, machine, begins=begins, ends=f"checkpoints/{name}", data=f"data/{name}", seed=seed,
                layout=layout if trainer.divides == "layout" else None, zero=fits.zero,
                room=room_of(stage, accelerators or {}).size,
                merged=merged_by(name) if stage.adapter is not None and name != recipe.order[-1] else None,
                ramps=trainer.ramps, saves=saves_of(stage.n_steps or 1, machine.devices, (hours or {}).get(name)),
            )  # fmt: skip
            whole = msgspec.structs.replace(whole, earlier=earlier(made[-1], whole) if made else None)
            exported = in_position(trainer, told(trainer, whole, here, said), whole, turns.get(name), here)
            if whole.number > 1 and made and exported.form != (left := made[-1].exported.form):
                raise RefusedError(
                    f"begins from a checkpoint of {made[-1].stage.name} in the form of {left}, and reads "
                    f"{exported.form}; write recipe.stages.{name}.hardware.layout as that of {made[-1].stage.name}"
                )
            if before is not None and number == 1:
                note = f"{begins}: the weights of {before}, which this export does not train"
                exported = msgspec.structs.replace(exported, notes=[note, *exported.notes])
            if inexact == "refuse" and not exported.deviation.exact:
                raise RefusedError(f"its rates would be {exported.deviation}; write inexact=approximate")
            gaps += unsaid(trainer, whole, here, exported)
            apart = [row.how for row in exported.said if row.what == "hardware.layout" and row.how != "exact"]
            gaps += [Gap(what="layout", value=how, whose="short") for how in apart]
            made.append(StageResult(stage=whole, exported=exported, gaps=gaps))
        except RefusedError as error:
            refused.append(f"{name} {error}")
        last = made[-1] if made and made[-1].stage.name == name else None
        exact = last.stage.n_steps + last.exported.counted_from if last else None
        begins = merged_by(name) if said.adapter is not None else left_by(trainer, name, exact)
    if refused:
        can = [result.stage.name for result in made]
        rest = f"; stages=[{','.join(can)}] exports the others" if can else ""
        raise LehrError(f"{recipe.name} to {to}: {'; '.join(refused)}{rest}")
    result = Export(
        model=model.name,
        trainer=trainer.name,
        title=trainer.title,
        version=trainer.version,
        package=trainer.package,
        unproven=trainer.unproven,
        keeps=trainer.keeps,
        builds=trainer.builds,
        stages=made,
        files={},
        total=count_parameters(model.architecture).total if model.architecture else None,
        config_class=network.config["architectures"][0] if network.config else None,
    )
    return files_beside(result, first)


def trainer_called(to: str) -> Trainer:
    """The trainer of that name. Raises ``LehrError`` where there is none."""
    known = trainers()
    if to not in known:
        raise LehrError(f"to: there is no trainer {to!r}; {nearest(to, known)}")
    return known[to]


def chosen_of(recipe: RecipeFile, stages: Sequence[str] | None, assume: Assumed) -> list[tuple[str, Stage]]:
    """The stages that are exported, in order. Raises ``LehrError`` for names that the recipe has not, and for values
    in ``assume`` that nothing asks for."""
    if stages is not None and not stages:
        raise LehrError(f"stages: names none; write stages=[{recipe.order[0]}], or leave it out for all")
    for name in stages or []:
        if name not in recipe.stages:
            raise LehrError(f"stages: {recipe.name} has none called {name!r}; {nearest(name, recipe.stages)}")
    chosen = [(name, stage) for name, stage in recipe.ordered() if stages is None or name in stages]
    given = [key for key in Assumed.__struct_fields__ if getattr(assume, key) is not None]
    open_in = [[*lacks(stage), *(["balance"] if stage.balance is None else [])] for _, stage in chosen]
    if unused := [key for key in given if not any(key in left for left in open_in)]:
        raise LehrError(f"assume: {unused[0]} is said by every stage, or follows from what is; leave it out")
    return chosen


def network_of(model: Model) -> Network:
    """The model as a trainer builds it."""
    if model.architecture is None:
        return Network(
            name=model.name, architecture=None, config=None, why_not=f"the network of {model.name} is not public"
        )
    config = config_of(model.architecture)
    return Network(
        name=model.name,
        architecture=model.architecture,
        config=config,
        why_not=None if config else f"no class of transformers is known here for the network of {model.name}",
    )


def network_at(network: Network, turns: Turning | None) -> Network:
    """The network with the positions that a stage trains with."""
    if turns is None or turns.trains is None or network.architecture is None:
        return network
    if turns.trains == position_in(network.architecture):
        return network
    architecture = turned(network.architecture, turns.trains)
    return msgspec.structs.replace(network, architecture=architecture, config=config_of(architecture))


def in_position(
    trainer: Trainer, exported: Exported, stage: ExportStage, turns: Turning | None, network: Network
) -> Exported:
    """The stage with its positions, where the recipe states some: in the trainer's own network, or in the config.json
    of what it begins from. Raises ``RefusedError`` where that is not the export's to change."""
    if turns is None or turns.trains is None or network.architecture is None:
        return exported
    row, files, before, value = "the network's own settings", dict(exported.files), list(exported.before), turns.trains
    if not trainer.builds:
        row = f"{stage.begins or 'model'}/config.json"
        if turns.held != turns.trains:
            if stage.begins is None or not stage.begins.startswith("checkpoints/"):
                raise RefusedError(
                    f"trains with {said_as(turns.trains)}, and {stage.begins} has {said_as(turns.held)}; write base: "
                    "{model: ...} with a folder of its weights whose config.json says the former"
                )
            path = f"{stage.folder}/position.json"
            files |= {path: changes(network.architecture, turns.trains), SCRIPT: script(SCRIPT)}
            before = [["python", SCRIPT, row, path], *before]
    line = Said(what="position", value=msgspec.to_builtins(value), where=row)
    return msgspec.structs.replace(exported, files=files, before=before, said=[*exported.said, line])


def script(name: str) -> bytes:
    """A program that stands beside the trainer's files."""
    return (resources("lehr.recipes.exporting") / "scripts" / name).read_bytes()


def told(trainer: Trainer, whole: ExportStage, network: Network, stage: Stage) -> Exported:
    """The stage in the trainer's words, with what it is not told. Raises ``RefusedError`` for what it cannot be."""
    if whole.adapter is not None and not trainer.adapters:
        others = ", ".join(name for name, other in trainers().items() if other.adapters)
        raise RefusedError(
            f"trains an adapter ({whole.adapter.kind} of rank {whole.adapter.rank}), which this exporter does not say "
            f"to {trainer.title}; write to= one of {others}"
        )
    exported = trainer.stage(whole, network)
    return msgspec.structs.replace(exported, said=[*exported.said, *beside(stage, whole)])


def beside(stage: Stage, whole: ExportStage) -> list[Said]:
    """What a recipe says of a stage that no trainer is told, and whose that is."""
    objective, found = stage.objective, []
    data = f"{whole.data}: yours to do in the data"
    for what, value in (
        ("data", dict(stage.data) or None),
        ("epochs", stage.epochs),
        ("objective.fim", getattr(objective, "fim", None)),
        ("objective.mtp_weight", getattr(objective, "mtp_weight", None)),
    ):
        if value is not None:
            found.append(Said(what=what, value=msgspec.to_builtins(value), where=data, how="not told"))
    if stage.hardware is not None and (count := stage.hardware.count) is not None:
        how = "exact" if count == whole.devices else f"{whole.devices:,} devices instead"
        found.append(Said(what="hardware.count", value=count, where="the launch command", how=how))
    if whole.adapter is not None:
        found.append(adapter_said(whole.adapter, f"{whole.folder}: the settings of its adapter"))
    if whole.merged is not None:
        found.append(Said(what="ends", value=whole.merged, where="launch.sh: merges the adapter into the weights"))
    return found


def machine_of(
    stage: Stage, trainer: Trainer, devices: int | None, devices_per_node: int, micro_batch: int | None
) -> Machine:
    """The devices that were asked for, or the recipe's own; else as many of one node as share the batch evenly."""
    sequences = stage.batch.sequences if stage.batch else 1
    hardware, copy, together = stage.hardware, 1, 1
    layout = hardware.layout if hardware else None
    if layout is not None and trainer.divides == "layout":
        copy, together, micro_batch = layout.model_parallel, layout.tp, micro_batch or layout.micro_batch
    devices = devices or (hardware.count if hardware else None)
    return Machine(
        devices=devices or fitting(sequences, devices_per_node), devices_per_node=devices_per_node,
        micro_batch=micro_batch, copy=copy, together=together,
    )  # fmt: skip


class Fits(msgspec.Struct, frozen=True, kw_only=True):
    """By which stage of ZeRO a stage is to be shared out over its devices, and what is to be said of their memory."""

    zero: Literal[0, 1, 3] = 0
    gaps: list[Gap] = []


def fitting_in(
    stage: Stage, trainer: Trainer, network: Network, machine: Machine, accelerators: Mapping[str, Accelerator]
) -> Fits:
    """Sharded where a device does not hold all that it trains, or, of a device that is not known, not every one does:
    sharded it trains the same. Only trainers that hold all of it unless they are told otherwise are asked. A trainer
    that holds weights in 16 bits alone has its moments shared out, beside which the library keeps 32 bits of each."""
    layout = stage.hardware.layout if stage.hardware else None
    architecture, room = network.architecture, room_of(stage, accelerators)
    if layout is not None and trainer.as_told and room.name and architecture is not None and not architecture.encoder:
        told = trainer.as_told(layout)
        needs = divided(architecture, stage, machine, told)
        short = told != layout and needs > room.size
        return Fits(gaps=[full_of(needs, room)] if short else [])
    if trainer.divides == "shards" or (trainer.divides == "layout" and (layout is not None or trainer.zero == 3)):
        return Fits()
    # no library shards a network whose weights are in 4 bits
    may = (
        trainer.divides == "whole" and machine.devices > 1 and (stage.adapter is None or stage.adapter.kind != "qlora")
    )
    if architecture is None or architecture.encoder is not None:
        return Fits(zero=3 if may else 0)
    if stage.adapter is not None and trainer.adapters:
        modules(stage.adapter, network.model_type, "all")
    needs = held(architecture, stage, machine, trainer.zero, trainer.reference)
    sharded = may and needs > room.size
    passing = 0.0
    if sharded:
        passing = held_passing(architecture, stage, machine)
        needs = shard(architecture, stage, machine) + passing
    full = room.name is not None and needs > room.size
    bits = stage.hardware.precision if stage.hardware else None
    alone = trainer.halves and stage.adapter is None and bits in (None, "bf16")
    return Fits(zero=3 if sharded else 1 if alone else 0, gaps=[full_of(needs, room, passing)] if full else [])


def full_of(needs: float, room: Room, passing: float = 0.0) -> Gap:
    """What is to be said of a device that has no room for what it needs, where it is sharded of what passes through."""
    least = f" at least, {passing / 1e9:,.0f} of them activations and logits," if passing else ""
    told = f"{needs / 1e9:,.0f} GB{least} a device of {room.size / 1e9:,.0f} GB ({room.name})"
    return Gap(what="memory", value=told, whose="full")


def not_divided(stage: Stage, trainer: Trainer, machine: Machine, *, sharded: bool) -> list[Gap]:
    """What becomes of the recipe's devices and their layout, where the trainer is told otherwise."""
    found = []
    if machine.nodes > 1 and machine.each < machine.devices_per_node:
        alike = f"{machine.each} of each of {machine.nodes:,} machines"
        found.append(Gap(what="devices", value=alike, whose="machines"))
    if stage.hardware is None:
        return found
    count, layout = stage.hardware.count, stage.hardware.layout
    if count is not None and count != machine.devices:
        found.append(Gap(what="devices", value=f"{machine.devices:,} of {count:,}", whose="devices"))
    if layout is not None and trainer.divides != "layout":
        whose: Literal["shards", "undivided"] = "shards" if sharded or trainer.divides == "shards" else "undivided"
        found.append(Gap(what="layout", value=layout.short(), whose=whose))
    return found


def fitting(sequences: int, most: int) -> int:
    """The most devices of a node that share a batch evenly, where no number was asked for.

    >>> fitting(512, 8), fitting(12, 8), fitting(7, 8)
    (8, 6, 7)
    """
    return next(n for n in range(min(most, sequences), 0, -1) if sequences % n == 0)


def can_be_exported(recipe: RecipeFile) -> list[str]:
    """The stages that say enough for any trainer."""
    return [name for name, stage in recipe.ordered() if not needed(stage)]
