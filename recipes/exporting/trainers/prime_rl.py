"""prime-rl: fine-tuning by one TOML a stage."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from lehr.recipes.exporting.rates import Course, RefusedError
from lehr.recipes.exporting.stage import KEPT, Exported, ExportStage, Resumes
from lehr.recipes.exporting.trainer import (
    Network,
    Trainer,
    lengths_said,
    optimizer_said,
    rates_said,
    torchrun,
    what_is_trained,
)

NEARLY_ZERO = 1e-8
"""Of the peak: where its warm-up begins, and its line ends, when the floor is 0."""


def scheduler(course: Course) -> tuple[dict[str, Any], Course]:
    """The scheduler's section and the rates that it runs. Raises ``RefusedError`` where none says them."""
    if course.tail or course.length is not None:
        raise RefusedError("its decay does not end with the stage, which prime-rl cannot be told")
    low = course.floor or NEARLY_ZERO * course.peak
    if course.shape is None and not course.warmup:
        return {"type": "constant"}, course
    if course.shape is None:
        begun = msgspec.structs.replace(course, start=NEARLY_ZERO * course.peak)
        return {"type": "linear", "warmup_steps": course.warmup, "decay_steps": 0, "min_lr": 0.0}, begun
    if course.shape == "linear":
        # torch's LinearLR takes one update less, so that the last one is at the floor
        run = msgspec.structs.replace(course, start=low, floor=low, length=float(max(course.decay - 1, 1)))
        return {
            "type": "linear",
            "warmup_steps": course.warmup,
            "decay_steps": course.decay,
            "min_lr": course.floor,
        }, run
    if course.shape == "cosine" and not course.stable:
        run = msgspec.structs.replace(course, start=low)
        return {"type": "cosine", "warmup_steps": course.warmup, "min_lr": course.floor}, run
    raise RefusedError(f"a decay of shape {course.shape} after a constant part is not in prime-rl; write shape: linear")


def stage(stage: ExportStage, network: Network) -> Exported:
    """The TOML of ``sft``. Raises ``RefusedError`` for all but fine-tuning."""
    if what_is_trained(stage) != "answers":
        raise RefusedError(
            "is no supervised fine-tuning, which is what is exported "
            "to prime-rl; write stages=[...] with those that are"
        )
    if stage.begins is None:
        raise RefusedError("begins from random weights; fine-tuning begins from a model")
    if stage.optimizer.kind not in ("adamw", "adam", "muon"):
        raise RefusedError(
            f"its optimiser is {stage.optimizer.kind}; write recipe.stages.{stage.name}.optimizer.kind=adamw"
        )
    if stage.precision != "bf16":
        raise RefusedError(f"trains in {stage.precision}; prime-rl is told bf16")
    if stage.number > 1:
        raise RefusedError(
            "begins from the stage before, whose weights prime-rl leaves in the shards of a checkpoint, which it does "
            f"not begin from; write stages=[{stage.name}] and put the whole weights into {stage.begins}"
        )
    section, run_course = scheduler(stage.course)
    o = stage.optimizer
    beta = (0.9 if o.beta1 is None else o.beta1, (0.95 if o.kind == "muon" else 0.999) if o.beta2 is None else o.beta2)
    clip = 1.0 if o.grad_clip is None else o.grad_clip
    tables: dict[str, dict[str, Any]] = {
        "model": {"name": stage.begins},
        "data": {
            "type": "sft",
            "name": stage.data,
            "seq_len": stage.sequence_length,
            "batch_size": stage.sequences,
            "micro_batch_size": stage.micro_batch,
            "seed": stage.seed,
        },
        "optim": {
            "type": "muon" if o.kind == "muon" else "adamw",
            "lr": stage.course.peak,
            "weight_decay": stage.weight_decay,
            "max_norm": clip,
            "betas1": beta[0],
            "betas2": beta[1],
        },
        "scheduler": section,
        "ckpt": {"interval": stage.saves.every, "keep_last": KEPT},
    }
    if stage.nodes == 1:
        tables["deployment"] = {"gpus_per_node": stage.devices_per_node, "num_train_gpus": stage.devices}
    folder, _, name = stage.ends.partition("/")
    top = {"max_steps": stage.n_steps, "output_dir": folder}
    tables["run"] = {"dir": name}
    lines = [f"{key} = {json.dumps(value)}" for key, value in top.items()]
    for name, table in tables.items():
        lines += ["", f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in table.items())]
    file = f"{stage.folder}/sft.toml"
    run = run_course.run()
    line, off = rates_said(stage, run, f"{file}: scheduler")
    return Exported(
        files={file: ("\n".join(lines) + "\n").encode()},
        # its own command starts several machines by Slurm alone
        command=["uv", "run", "sft", "@", file]
        if stage.nodes == 1
        else ["uv", "run", *torchrun(stage), "-m", "prime_rl.trainer.sft.train", "@", file],
        said=[
            line,
            *lengths_said(
                stage,
                {
                    "steps": f"{file}: max_steps",
                    "batch.sequences": f"{file}: data.batch_size",
                    "sequence_length": f"{file}: data.seq_len",
                    "begins": f"{file}: model.name",
                },
            ),
            *optimizer_said(
                stage,
                {
                    "beta1": (f"{file}: optim.betas1", beta[0]),
                    "beta2": (f"{file}: optim.betas2", beta[1]),
                    "weight_decay": (f"{file}: optim.weight_decay", stage.weight_decay),
                    "grad_clip": (f"{file}: optim.max_norm", clip),
                },
            ),
        ],
        run=run,
        deviation=off,
        # alone it takes the newest
        resumes=Resumes(found=f"{stage.ends}/checkpoints/step_*", words=("--resume",)),
        notes=[
            "run launch.sh in a checkout of prime-rl, whose environment `uv run` takes: copy this folder into it",
            f'a row of {stage.data}: `{{"messages": [{{"role": "user", "content": ...}}, {{"role": "assistant", '
            '"content": ...}]}`',
            "`[renderer] name`, where prime-rl knows none for the model: how its answers are laid out",
        ],
    )


TRAINER = Trainer(
    name="prime_rl",
    title="prime-rl",
    version="commit of 2026-08-21",
    package="a checkout of github.com/PrimeIntellect-ai/prime-rl (packages/prime-rl-configs)",
    stage=stage,
    divides="shards",
    prove="prime_rl",
)
