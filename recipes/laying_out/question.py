"""What is laid out: a network, a machine and a batch, as settings and the recipe say."""

from __future__ import annotations

from typing import Any, cast, get_args

import msgspec

from lehr.recipes.catalogue.accelerators import accelerator_called
from lehr.recipes.catalogue.decode import decode
from lehr.recipes.catalogue.entries import Model
from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.catalogue.recipe_files import AcceleratorFile, ClusterFile, RecipeFile
from lehr.recipes.composing.job import Composed, without_recipe
from lehr.recipes.errors import LehrError, nearest
from lehr.recipes.laying_out.defaults import as_run, batch_of, count_of, length_of, precision_of, software_of
from lehr.recipes.laying_out.settings import bounded, word, word_or_none
from lehr.simulators.adapters import Adapters, LoRA, adapters_of
from lehr.simulators.architecture import Architecture
from lehr.simulators.machine.accelerator import Accelerator
from lehr.simulators.machine.cluster import Cluster, network_of
from lehr.simulators.machine.demand import Network
from lehr.simulators.machine.layout import (
    RECOMPUTES,
    SCHEDULES,
    Layout,
    OptimizerStates,
    TrainingPrecision,
    refuse,
)
from lehr.simulators.machine.memory import Terms
from lehr.simulators.machine.search import Choice
from lehr.simulators.machine.software import SOFTWARE, Software
from lehr.simulators.machine.work import Work, work_of
from lehr.simulators.objectives import NextToken
from lehr.simulators.training import PRETRAINING, Adapter, Stage

DEFAULT_ACCELERATOR = "h100_sxm"
TRAINS = ("full", "lora", "dora", "qlora")
COUNTED = ("nvidia_smi", "allocated")
"""Whose count of memory is meant: the driver's, or the trainer's own allocator's."""
HELD = ("tp", "pp", "vpp", "cp", "ep", "dp", "micro_batch", "zero")


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What to lay out. ``given`` is a layout to set beside the best, ``published`` whether a run had it;
    ``overridden`` whether the recipe was changed; ``notes`` say what was taken from where."""

    name: str
    work: Work
    architecture: Architecture
    mtp: bool
    recurrent: bool
    accelerator: Accelerator
    network: Network
    devices: int
    global_batch: int
    precision: TrainingPrecision
    software: Software
    terms: Terms
    choice: Choice
    given: Layout | None
    published: bool
    stage: Stage | None
    stage_name: str | None
    overridden: bool
    measured: float | None
    trained: bool
    memory: str
    notes: tuple[str, ...]


def asked(
    job: Composed,
    *,
    accelerator: str | None = None,
    devices: int | None = None,
    layout: dict[str, Any] | None = None,
) -> Question:
    """The question of a job, on another machine or of another layout. Raises ``LehrError`` where it cannot be put."""
    catalogue = job.catalogue
    model = decode(job.config["model"], Model, "model")
    recipe = _recipe(job, model)
    stage_name, stage = named_stage(recipe, model.name, bounded(job, "stage"))
    adapter = _adapter(job, stage)
    cluster = _chosen(job, "cluster", ClusterFile)
    device = _accelerator(job, catalogue, cluster, stage) if accelerator is None else called(catalogue, accelerator)
    return question(
        catalogue,
        model,
        device,
        cluster=cluster,
        stage=(stage_name, stage) if stage_name is not None and stage is not None else None,
        own_layout=recipe is not None and stage_name is not None and recipe.own_layout(stage_name),
        devices=bounded(job, "devices") if devices is None else devices,
        sequence_length=bounded(job, "sequence_length"),
        global_batch=bounded(job, "global_batch"),
        precision=word_or_none(job, "precision", get_args(TrainingPrecision)),
        software=SOFTWARE[named] if (named := word_or_none(job, "software", SOFTWARE)) else None,
        held={key: value for key in HELD if (value := bounded(job, key)) is not None},
        recompute=word_or_none(job, "recompute", RECOMPUTES),
        schedule=word_or_none(job, "schedule", SCHEDULES),
        overlap=bounded(job, "overlap_experts"),
        terms=Terms(
            optimizer=cast(OptimizerStates, word(job, "optimizer", get_args(OptimizerStates))),
            offload=bounded(job, "offload"),
            loss_chunk=bounded(job, "loss_chunk"),
            imbalance=bounded(job, "imbalance"),
        ),
        layout=bounded(job, "layout") if layout is None else layout,
        measured=bounded(job, "measured"),
        lora=adapter.matrices if adapter is not None else None,
        quantized=adapter is not None and adapter.kind == "qlora",
        memory=word(job, "memory", COUNTED),
        overridden=any(override.startswith("recipe.") for override in job.overrides),
    )


def _recipe(job: Composed, model: Model) -> RecipeFile | None:
    """The recipe of a job: its model's, or the one that is named. Raises ``LehrError`` where that is not known, or its
    model is not said."""
    named = [o.partition("=")[2] for o in job.overrides if o.startswith("recipe=")]
    if job.config.get("recipe") is None:
        if named and named[-1] not in ("", "null"):
            raise without_recipe(job, model.name)
        return None
    recipe = decode(job.config["recipe"], RecipeFile, "recipe")
    if named and recipe.model != model.name and not any(o.startswith("model=") for o in job.overrides):
        raise LehrError(f"recipe: {recipe.name} trains {recipe.model}; write model={recipe.model} beside it")
    return recipe


def question(
    catalogue: Catalogue,
    model: Model,
    accelerator: Accelerator,
    *,
    cluster: Cluster | None = None,
    stage: tuple[str, Stage] | None = None,
    own_layout: bool = False,
    devices: int | None = None,
    sequence_length: int | None = None,
    global_batch: int | None = None,
    precision: str | None = None,
    software: Software | None = None,
    held: dict[str, int] | None = None,
    recompute: str | None = None,
    schedule: str | None = None,
    overlap: bool = False,
    terms: Terms = Terms(),  # noqa: B008, frozen
    layout: str | dict[str, Any] = "best",
    measured: float | None = None,
    lora: LoRA | None = None,
    quantized: bool = False,
    memory: str = "nvidia_smi",
    overridden: bool = False,
) -> Question:
    """What is asked, from parts; what is not given is the stage's.

    Without ``software`` a published layout runs under that of its stage, and others under ``CURRENT``. The stage's
    layout is an ``own_layout`` where nobody published that it ran: its memory is judged as any other's.
    """
    architecture, notes = model.shape(), list[str]()
    main = stage[1] if stage is not None else None
    hardware = main.hardware if main is not None else None
    n = devices if devices is not None else count_of(cluster, main)
    seq_len = length_of(sequence_length, main, architecture, notes)
    precision = precision_of(precision, hardware.precision if hardware is not None else None, accelerator, notes)
    objective = main.objective if main is not None else None
    mtp = architecture.mtp is not None and not (isinstance(objective, NextToken) and objective.mtp_weight is None)
    try:
        work = work_of(architecture, seq_len, mtp=mtp)
    except ValueError as error:
        raise LehrError(f"{model.name}: {error}") from error
    holds = {k: v for k, v in {**(held or {}), "recompute": recompute, "schedule": schedule}.items() if v is not None}
    given = _given(layout, stage, holds)
    batch = global_batch or (given.global_batch if given is not None else None) or batch_of(main, seq_len, n, notes)
    if given is not None and isinstance(layout, dict):
        _refuse_two(given, layout, {"precision": precision, "optimizer": terms.optimizer, "global_batch": int(batch)})
    network = network_of(accelerator, cluster)
    if given is not None:
        given = _completed(given, work, n, int(batch), precision)
        notes += _apart(given, holds)
    # what a layout that is set beside the best may do, the best may do too
    named = schedule or (given.schedule if given is not None else None)
    schedules = tuple(dict.fromkeys([*([] if schedule else [0]), *_indices("schedule", named, SCHEDULES)]))
    held = dict(held or {})
    zeros = (held.pop("zero"),) if "zero" in held else (1, 3)
    single = decode({key: value for key, value in held.items() if key not in ("dp", "micro_batch")}, Layout, "held")
    if held and (problem := refuse(single, work, n)):
        raise LehrError(problem)
    return Question(
        name=model.name,
        work=work,
        architecture=architecture,
        mtp=mtp,
        recurrent=_recurrent(architecture),
        accelerator=accelerator,
        network=network,
        devices=n,
        global_batch=int(batch),
        precision=precision,  # type: ignore[arg-type]
        software=software or software_of(stage, layout),
        terms=msgspec.structs.replace(
            _as_run(terms, given) if layout == "published" and given is not None else terms,
            eight_bits=precision in ("fp8", "mxfp8", "nvfp4") or (given is not None and given.eight_bit_activations),
            adapters=_adapters(architecture, lora) if lora is not None else None,
            quantized=quantized,
        ),
        choice=Choice(
            devices=n,
            global_batch=int(batch),
            domain=max(network.domain, held.get("tp", 1)),
            fixed=held,
            zeros=zeros,
            recomputes=_indices("recompute", recompute, RECOMPUTES) or (0, 1, 3, 4),
            schedules=schedules,
            overlap=int(overlap or (given is not None and given.overlap_experts)),
        ),
        given=given,
        published=layout == "published"
        and not own_layout
        and not overridden
        and lora is None
        and terms == Terms()
        and as_run(main, accelerator, n, seq_len, precision),
        stage=main,
        stage_name=stage[0] if stage is not None else None,
        overridden=overridden,
        measured=measured,
        trained=lora is None,
        memory=memory,
        notes=tuple(notes),
    )


def _as_run(terms: Terms, given: Layout) -> Terms:
    """What a published run held in memory, where nothing else was asked for, which the best of its layouts may do too.

    What it kept in the host's memory is its own: no time is known of a way there.
    """
    optimizer = given.optimizer if terms.optimizer == "fp32" else terms.optimizer
    return msgspec.structs.replace(terms, optimizer=optimizer, loss_chunk=given.loss_chunk or terms.loss_chunk)


def _refuse_two(given: Layout, layout: dict[str, Any], whole: dict[str, Any]) -> None:
    """Raise ``LehrError`` where a layout names another value of what all layouts share."""
    for key, value in whole.items():
        own = getattr(given, key)
        if key in layout and own is not None and own != value:
            raise LehrError(f"layout.{key}: {own} stands beside {key}={value}; write {key}={own}, or leave it out here")


def _apart(given: Layout, held: dict[str, Any]) -> list[str]:
    """Where the layout that is set beside the best is not what the search holds."""
    return [
        f"the search holds {key}={value}, the layout given has {key}: {getattr(given, key)}"
        for key, value in held.items()
        if value is not None and getattr(given, key) != value
    ]


def _indices(key: str, value: str | None, options: Any) -> tuple[int, ...]:
    """Where ``value`` stands in ``options``; nothing where none is given."""
    return () if value is None else (options.index(_one_of(key, value, options)),)


def main_stage(recipe: RecipeFile | None) -> tuple[str | None, Stage | None]:
    """The pre-training stage with most tokens of a recipe, or where it has none that of fine-tuning."""
    stages = recipe.ordered() if recipe is not None else []
    for kinds in (PRETRAINING, ("SFT",)):
        if found := [(key, stage) for key, stage in stages if stage.kind in kinds]:
            return max(found, key=lambda pair: pair[1].n_tokens or 0.0)
    return None, None


def named_stage(recipe: RecipeFile | None, model: str, name: str | None) -> tuple[str | None, Stage | None]:
    """The stage of a recipe that is called ``name``, or its longest of pre-training. Raises ``LehrError`` where the
    recipe has no such stage."""
    if name is None:
        return main_stage(recipe)
    stages = recipe.stages if recipe is not None else {}
    if name not in stages:
        said = nearest(name, stages) if stages else f"{model} has no recipe; leave stage out"
        raise LehrError(f"stage: {name!r} is not known; {said}")
    return name, stages[name]


def _adapter(job: Composed, stage: Stage | None) -> Adapter | None:
    """The adapters that are trained in place of the network: as asked, or the stage's own."""
    own = stage.adapter if stage is not None else None
    trains = word_or_none(job, "trains", TRAINS) or (own.kind if own is not None else "full")
    if trains == "full":
        return None
    targets = bounded(job, "targets")
    given = None if targets is None else (targets,) if isinstance(targets, str) else tuple(targets)
    return Adapter(
        kind=cast(Any, trains),
        rank=bounded(job, "rank") or (own.rank if own is not None else DEFAULT_RANK),
        targets=given or (own.targets if own is not None else ("all",)),
    )


DEFAULT_RANK = 8
"""Of adapters of which nobody says it: PEFT's."""


def _adapters(architecture: Architecture, lora: LoRA) -> Adapters:
    try:
        return adapters_of(architecture, lora)
    except ValueError as error:
        raise LehrError(f"targets: {error}") from error


def _chosen(job: Composed, group: str, kind: Any) -> Any:
    data = job.config.get(group)
    return None if data is None else decode(data, kind, group)


def _accelerator(job: Composed, catalogue: Catalogue, cluster: Cluster | None, stage: Stage | None) -> Accelerator:
    chosen = _chosen(job, "accelerator", AcceleratorFile)
    if chosen is not None:
        return cast(Accelerator, chosen)
    name = cluster.accelerator if cluster else None
    if name is None and stage is not None and stage.hardware is not None:
        name = stage.hardware.accelerator
    return catalogue.read("accelerator", name or DEFAULT_ACCELERATOR, AcceleratorFile)


def called(catalogue: Catalogue, name: str) -> Accelerator:
    """The accelerator that people call ``name``. Raises ``LehrError`` where there is none."""
    found = accelerator_called(name, catalogue.accelerators)
    if found is None:
        raise LehrError(f"no accelerator is called {name!r}; {nearest(name, catalogue.accelerators)}")
    return catalogue.accelerators[found]


def _given(layout: str | dict[str, Any], stage: tuple[str, Stage] | None, holds: dict[str, Any]) -> Layout | None:
    """The layout to set beside the best; one that is written out has what ``holds`` says beside it."""
    if isinstance(layout, dict):
        given = decode({**holds, **layout}, Layout, "layout")
        _refuse_two(given, layout, holds)
        return given
    if layout == "best":
        return None
    if layout != "published":
        raise LehrError(f"layout: {layout!r} is not known; {nearest(layout, ('best', 'published'))}")
    hardware = stage[1].hardware if stage is not None else None
    if hardware is None or hardware.layout is None:
        raise LehrError("layout: the recipe has no published layout; write layout=best, or one: {tp: 8, pp: 4}")
    return hardware.layout


def _completed(given: Layout, work: Work, devices: int, batch: int, precision: str) -> Layout:
    whole = msgspec.structs.replace(given, global_batch=batch, precision=precision)
    if problem := refuse(whole, work, devices):
        raise LehrError(problem if problem.startswith(("devices:", "global_batch:")) else f"layout.{problem}")
    return msgspec.structs.replace(whole, dp=devices // whole.model_parallel)


def _recurrent(architecture: Architecture) -> bool:
    mixers = [block.mixer for block, _ in architecture.stack() if block.mixer is not None]
    return any(mixer.softmax_rows() == 0 for mixer in mixers)


def _one_of(key: str, value: str, options: Any) -> str:
    if value not in options:
        raise LehrError(f"{key}: {value!r} is not known; {nearest(value, options)}")
    return value
