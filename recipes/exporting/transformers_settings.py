"""What the trainers over transformers' Trainer share: its schedules, its optimisers, its arguments.

Schedules as of transformers 5 (``optimization.py``): update i stands at i, in ``warmup_stable_decay`` the warm-up
begins at the floor, ``cosine_warmup_with_min_lr`` counts from 1.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from lehr.recipes.exporting.policy import TEMPERATURE, Policy
from lehr.recipes.exporting.rates import Course, RefusedError
from lehr.recipes.exporting.stage import FOLDER, KEPT, ExportStage, Resumes, Said
from lehr.simulators.schedules import Curve, join
from lehr.simulators.schedules.curve import Phase

DECAYS = {"linear": "linear", "cosine": "cosine", "one_minus_sqrt": "1-sqrt"}
"""What ``warmup_stable_decay`` calls a shape."""

OPTIMIZERS = {"adamw": "adamw_torch_fused", "adam": "adamw_torch_fused", "adafactor": "adafactor", "sgd": "sgd"}

DEFAULT_BETAS = (0.9, 0.999)
DEFAULT_EPSILON = 1e-8
DEFAULT_CLIP = 1.0


class HFSchedule(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule in transformers' words, and the rates that its scheduler gives."""

    name: str
    kwargs: dict[str, Any]
    warmup: int
    run: Curve
    before: int = 0


def going_on(stage: ExportStage) -> HFSchedule | None:
    """One schedule of the stage and of the run that it goes on with, of which the stage has the end, where the earlier
    stages rise and then keep the peak from which it falls; ``before`` are their updates. Nothing where they do not.

    The Trainer takes up its optimiser, its schedule and its count of updates from a checkpoint together.
    """
    if stage.earlier is None:
        return None
    phases: list[Phase] = []
    for phase in join({"earlier": stage.earlier, stage.name: stage.curve}).phases:
        if phases and phase.shape == phases[-1].shape == "constant" and phase.start == phases[-1].start:
            phases[-1] = msgspec.structs.replace(phases[-1], steps=phases[-1].steps + phase.steps)
        else:
            phases.append(phase)
    whole = msgspec.structs.replace(stage, curve=Curve(tuple(phases)), earlier=None)
    try:
        course, found = whole.course, schedule(whole)
    except RefusedError:
        return None
    before = stage.earlier.n_steps
    constant = course.warmup + course.stable if course.shape else course.n_steps
    if not course.warmup <= before <= constant:
        return None
    # what is left of the part in which the stage begins, and all after it
    left, kept = before, []
    for phase in found.run.phases:
        if phase.steps > left:
            kept.append(msgspec.structs.replace(phase, steps=phase.steps - left))
        left = max(left - phase.steps, 0)
    return msgspec.structs.replace(found, run=Curve(tuple(kept)), before=before)


def resumed(stage: ExportStage, plan: HFSchedule, checkpoint: str, where: str) -> tuple[dict[str, Any], list[Said]]:
    """The arguments that take up the run of the stages before, on other data from their beginning."""
    if not plan.before:
        return {}, []
    said = Said(what="moments", value="of the stage before", where=f"{where}: resume_from_checkpoint")
    found = {
        "max_steps": plan.before + stage.n_steps,
        "resume_from_checkpoint": f"{checkpoint}/checkpoint-{plan.before}",
        "ignore_data_skip": True,
    }
    return found, [said]


def schedule(stage: ExportStage) -> HFSchedule:
    """The scheduler that says the stage's rates best. Raises ``RefusedError`` where none does."""
    if root := inverse_sqrt(stage):
        return root
    course = stage.course
    if course.warmup and course.start:
        raise RefusedError("its warm-up begins above 0, which no scheduler of transformers does; write warmup.start=0")
    if course.tail or course.length is not None:
        raise RefusedError(
            "its decay does not end with the stage, which no scheduler of transformers does; leave `over` out"
        )
    if course.shape is None:
        name = "constant_with_warmup" if course.warmup else "constant"
        return HFSchedule(name=name, kwargs={}, warmup=course.warmup, run=course.run())
    phases = stage.curve.phases
    from_one = phases[0].name == "warm-up" and phases[0].offset == 1.0
    found = None if course.stable else one_decay(course, from_one=from_one)
    # asks the optimiser for its first rate, which DeepSpeed's does not know
    if found and found.name == "polynomial" and stage.sharded:
        if course.shape != "linear":
            raise RefusedError(
                "its decay is a power of the time left and it is sharded, and transformers cannot begin that schedule "
                "over DeepSpeed's optimiser; write a line or a cosine"
                + (", or devices that hold it" if stage.zero == 3 else ", or to=trl")
            )
        found = None
    return found or stable_decay(course)


def one_decay(course: Course, *, from_one: bool) -> HFSchedule | None:
    """The scheduler of a decay that begins with the warm-up's end, where there is one beside WSD's. Floors are shares
    of the peak, since DeepSpeed's optimiser cannot be asked for the rate that ``min_lr`` is a share of."""
    run, floor = course.run(), course.floor
    found: tuple[str, dict[str, Any]] | None = None
    if course.shape == "cosine" and from_one:
        run, found = course.run(1, 1), ("cosine_warmup_with_min_lr", {"min_lr_rate": floor / course.peak})
    elif course.shape == "cosine":
        found = ("cosine_with_min_lr", {"min_lr_rate": floor / course.peak}) if floor else ("cosine", {})
    elif course.shape == "linear" and not floor:
        found = ("linear", {})
    elif course.shape in ("linear", "power"):
        power = course.power if course.shape == "power" else 1.0
        found = ("polynomial", {"lr_end": floor, "power": power})
    return HFSchedule(name=found[0], kwargs=found[1], warmup=course.warmup, run=run) if found else None


def stable_decay(course: Course) -> HFSchedule:
    """``warmup_stable_decay``, whose warm-up begins at the floor. Raises ``RefusedError`` for a shape it has not."""
    if course.shape not in DECAYS:
        raise RefusedError(
            f"a decay of shape {course.shape} is in no scheduler of transformers; write one of {', '.join(DECAYS)}"
        )
    kwargs = {
        "num_decay_steps": course.decay,
        "decay_type": DECAYS[course.shape],
        "min_lr_ratio": course.floor / course.peak,
    }
    run = msgspec.structs.replace(course, start=course.floor).run()
    return HFSchedule(name="warmup_stable_decay", kwargs=kwargs, warmup=course.warmup, run=run)


def inverse_sqrt(stage: ExportStage) -> HFSchedule | None:
    """transformers' ``inverse_sqrt``, where the stage falls that way without a floor."""
    phases = stage.curve.phases
    *before, last = phases
    if (
        last.shape != "inverse_sqrt"
        or last.end
        or any(p.name != "warm-up" or p.shape != "linear" or p.start for p in before)
    ):
        return None
    warmup = before[0].steps if before else 0
    run: list[Phase] = [msgspec.structs.replace(phase, offset=0.0) for phase in phases]
    return HFSchedule(
        name="inverse_sqrt", kwargs={"timescale": round(last.length or 1)}, warmup=warmup, run=Curve(tuple(run))
    )


def optimizer(stage: ExportStage) -> str:
    """The optimiser's name. Raises ``RefusedError`` for one that transformers does not have."""
    kind = stage.optimizer.kind
    if kind not in OPTIMIZERS:
        raise RefusedError(
            f"its optimiser is {kind}, which transformers does not have; "
            f"write recipe.stages.{stage.name}.optimizer.kind=adamw"
        )
    if kind == "sgd" and stage.optimizer.momentum:
        raise RefusedError(
            f"its optimiser has a momentum of {stage.optimizer.momentum:g}, and transformers makes SGD without; write "
            f"recipe.stages.{stage.name}.optimizer.kind=adamw"
        )
    return OPTIMIZERS[kind]


def precision(stage: ExportStage) -> dict[str, Any]:
    """Both switches, as TRL turns bf16 on where nothing is said. Raises ``RefusedError`` for 8 and 4 bits."""
    if stage.precision not in ("bf16", "fp16", "fp32", "tf32"):
        raise RefusedError(
            f"trains in {stage.precision}, which needs a library of its "
            f"own; write recipe.stages.{stage.name}.hardware.precision=bf16"
        )
    return {
        "bf16": stage.precision == "bf16",
        "fp16": stage.precision == "fp16",
        "tf32": True if stage.precision == "tf32" else None,
    }


def held_in(stage: ExportStage) -> str:
    """Torch's name of what the weights are held in: 32 bits, beside which the forward pass rounds to fewer, unless they
    are frozen beside an adapter."""
    return {"bf16": "bfloat16", "fp16": "float16"}.get(stage.precision, "float32") if stage.adapter else "float32"


def arguments(stage: ExportStage, plan: HFSchedule) -> dict[str, Any]:
    """The arguments of transformers' Trainer that a recipe decides."""
    beta1 = DEFAULT_BETAS[0] if stage.optimizer.beta1 is None else stage.optimizer.beta1
    beta2 = DEFAULT_BETAS[1] if stage.optimizer.beta2 is None else stage.optimizer.beta2
    found: dict[str, Any] = {
        "output_dir": stage.ends,
        "max_steps": stage.n_steps,
        "per_device_train_batch_size": stage.micro_batch,
        "gradient_accumulation_steps": stage.accumulation,
        "learning_rate": stage.curve.peak,
        "lr_scheduler_type": plan.name,
        **({"lr_scheduler_kwargs": plan.kwargs} if plan.kwargs else {}),
        "warmup_steps": plan.warmup,
        "optim": optimizer(stage),
        "adam_beta1": beta1,
        "adam_beta2": beta2,
        "adam_epsilon": DEFAULT_EPSILON if stage.optimizer.epsilon is None else stage.optimizer.epsilon,
        "weight_decay": stage.weight_decay,
        "max_grad_norm": DEFAULT_CLIP if stage.optimizer.grad_clip is None else stage.optimizer.grad_clip,
        **{key: value for key, value in precision(stage).items() if value is not None},
        "seed": stage.seed,
        "logging_steps": 1,
        "save_strategy": "steps",
        "save_steps": stage.saves.every,
        "save_total_limit": KEPT,
        "report_to": "none",
        **({"deepspeed": sharding_file(stage)} if stage.sharded else {}),
    }
    return found


def resumes(stage: ExportStage) -> Resumes:
    """How transformers' Trainer goes on; of a checkpoint it writes its own state last."""
    return Resumes(found=f"{stage.ends}/checkpoint-*/trainer_state.json", words=("--resume_from_checkpoint", FOLDER))


def sharding_file(stage: ExportStage) -> str:
    """Where DeepSpeed's settings stand."""
    return f"{stage.folder}/zero{stage.zero}.json"


def sharding(stage: ExportStage) -> dict[str, bytes]:
    """DeepSpeed's settings where the stage is sharded (Rajbhandari et al., arXiv:1910.02054), weights whole again where
    they are saved. Gradients are added up in 32 bits, as without it. The rest is the Trainer's to say."""
    auto = ("gradient_accumulation_steps", "gradient_clipping", "train_batch_size", "train_micro_batch_size_per_gpu")
    body = {
        "bf16": {"enabled": "auto"},
        "fp16": {"enabled": "auto"},
        "zero_optimization": {
            "stage": stage.zero,
            **({"stage3_gather_16bit_weights_on_model_save": True} if stage.zero == 3 else {}),
        },
        "data_types": {"grad_accum_dtype": "fp32"},
        # an optimiser that is torch's own
        "zero_allow_untested_optimizer": True,
        **dict.fromkeys(auto, "auto"),
    }
    return {sharding_file(stage): (json.dumps(body, indent=2) + "\n").encode()} if stage.sharded else {}


def sharding_notes(stage: ExportStage) -> list[str]:
    """What is to be installed for it."""
    return [f"{sharding_file(stage)} is read by DeepSpeed: `pip install deepspeed`"] if stage.sharded else []


def grpo(policy: Policy) -> dict[str, Any]:
    """What TRL's configuration of GRPO, on which the others build, is told of what is written and learnt from."""
    return {
        "num_generations": policy.group,
        "generation_batch_size": policy.answers,
        "num_iterations": policy.epochs,
        "beta": policy.kl,
        "loss_type": "grpo",
        "scale_rewards": "group",
        "importance_sampling_level": "token",
        "epsilon": policy.clip,
        "temperature": TEMPERATURE,
        "top_p": 1.0,
    }


def grpo_told(where: str) -> dict[str, str]:
    """Where each value of a policy's went."""
    return {
        "method": f"{where}: loss_type", "group_size": f"{where}: num_generations", "kl": f"{where}: beta",
        "clip": f"{where}: epsilon",
        "rollout.prompts": f"{where}: generation_batch_size over num_generations",
        "rollout.updates": f"{where}: generation_batch_size over the batch",
        "rollout.epochs": f"{where}: num_iterations", "rollout.reference": f"{where}: beta",
        "rollout.response.cap": f"{where}: max_completion_length",
    }  # fmt: skip


ANSWERS = "max_completion_length"
"""What TRL calls the most tokens of an answer."""


def said(stage: ExportStage, file: str, length_key: str, before: int = 0) -> list[Said]:
    """What became of all that the arguments hold, where updates are counted on from ``before`` of earlier stages."""
    from lehr.recipes.exporting.trainer import kind_said, lengths_said, optimizer_said

    keys = {
        "beta1": (
            f"{file}: adam_beta1",
            stage.optimizer.beta1 if stage.optimizer.beta1 is not None else DEFAULT_BETAS[0],
        ),
        "beta2": (
            f"{file}: adam_beta2",
            stage.optimizer.beta2 if stage.optimizer.beta2 is not None else DEFAULT_BETAS[1],
        ),
        "epsilon": (f"{file}: adam_epsilon", stage.optimizer.epsilon or DEFAULT_EPSILON),
        "weight_decay": (f"{file}: weight_decay", stage.weight_decay),
        "grad_clip": (f"{file}: max_grad_norm", stage.optimizer.grad_clip or DEFAULT_CLIP),
    }
    batch = f"{file}: per_device_train_batch_size x gradient_accumulation_steps x {stage.devices} devices"
    sharded = (
        [
            Said(
                what="sharding",
                value=f"ZeRO-{stage.zero} over all devices",
                where=f"{file}: deepspeed",
                how="the export's choice",
            )
        ]
        if stage.sharded
        else []
    )
    return [
        *sharded,
        *lengths_said(
            stage,
            {
                "steps": f"{file}: max_steps{f', less the {before:,} before' if before else ''}",
                "batch.sequences": batch,
                # a trainer of answers is told the most of those, and no length of prompt and answer together
                "response.cap" if length_key == ANSWERS else "sequence_length": f"{file}: {length_key}",
                "precision": f"{file}: bf16, fp16",
                "begins": f"{file}: the model's path",
            },
        ),
        kind_said(stage, f"{file}: optim", optimizer(stage)),
        *optimizer_said(stage, keys),
    ]
