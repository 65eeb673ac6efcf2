"""OLMo-core: the sections of a training script as JSON, and a script that trains from it."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from lehr.recipes.exporting.llama_like import llama_like
from lehr.recipes.exporting.rates import RefusedError
from lehr.recipes.exporting.stage import KEPT, Exported, ExportStage, Said
from lehr.recipes.exporting.trainer import (
    Network,
    Trainer,
    lengths_said,
    optimizer_said,
    rates_said,
    torchrun,
    what_is_trained,
)


def scheduler(stage: ExportStage) -> dict[str, Any]:
    """The scheduler's class and its arguments. Raises ``RefusedError`` where none says the rates."""
    course = stage.course
    warm = {"warmup": course.warmup, "warmup_min_lr": course.start}
    if course.tail:
        raise RefusedError("its rates stay at the floor after a decay that ends early; write `over` to the stage's end")
    if course.shape is None:
        return {"class": "ConstantWithWarmup", **warm}
    ratio = course.floor / course.peak
    if not course.stable and course.shape in ("cosine", "linear"):
        whole = course.decay if course.length is None else round(course.length)
        name = "CosWithWarmup" if course.shape == "cosine" else "LinearWithWarmup"
        return {"class": name, **warm, "alpha_f": ratio, "t_max": course.warmup + whole}
    if course.shape == "linear" and course.length is None:
        return {"class": "WSD", **warm, "decay": course.decay, "decay_fraction": None, "decay_min_lr": course.floor}
    raise RefusedError(
        f"a decay of shape {course.shape} after a constant part is not in OLMo-core; write shape: linear"
    )


def stage(stage: ExportStage, network: Network) -> Exported:
    """``olmo_core.json`` and the script. Raises ``RefusedError`` for all but training on a corpus."""
    if what_is_trained(stage) != "corpus":
        raise RefusedError(
            "is no training on a corpus, which is what is exported to OLMo-core; write stages=[...] with those that are"
        )
    net, o = llama_like(network.architecture, qk_norm=True), stage.optimizer
    if net.tied:
        raise RefusedError("its head is tied to the table, which OLMo-core's llama_like does not do")
    if o.kind not in ("adamw", "adam"):
        raise RefusedError(f"its optimiser is {o.kind}; write recipe.stages.{stage.name}.optimizer.kind=adamw")
    if stage.precision not in ("bf16", "fp32"):
        raise RefusedError(f"trains in {stage.precision}; this exporter says bf16 and fp32 to OLMo-core")
    course = stage.course
    optim = {
        "lr": course.peak,
        "betas": [0.9 if o.beta1 is None else o.beta1, 0.999 if o.beta2 is None else o.beta2],
        "eps": o.epsilon or 1e-8,
        "weight_decay": stage.weight_decay,
    }
    # said, where OLMo-core would infer it from the vocabulary
    dtype = "uint16" if net.vocab_size <= 2**16 else "uint32"
    body = {
        "model": {
            "d_model": net.d_model,
            "vocab_size": net.vocab_size,
            "n_layers": net.n_layers,
            "n_heads": net.n_heads,
            "n_kv_heads": net.n_kv_heads,
            "head_dim": net.d_head,
            "qk_norm": net.qk_norm,
            "use_head_qk_norm": net.qk_norm,
            "rope_theta": int(net.rope_base),
            "layer_norm_eps": net.norm_epsilon,
        },
        "feed_forward": {"hidden_size": net.d_ff, "bias": False},
        "optim": optim,
        "scheduler": scheduler(stage),
        "train_module": {
            "rank_microbatch_size": stage.micro_batch * stage.sequence_length,
            "max_sequence_length": stage.sequence_length,
            "max_grad_norm": 1.0 if o.grad_clip is None else o.grad_clip,
            "precision": stage.precision,
        },
        "data": {
            "paths": [f"{stage.data}/*.npy"],
            "dtype": dtype,
            "sequence_length": stage.sequence_length,
            "global_batch_size": stage.sequences * stage.sequence_length,
            "seed": stage.seed,
        },
        "trainer": {
            "save_folder": stage.ends,
            "load_path": stage.begins,
            "load_optim_state": stage.earlier is not None,
            "steps": stage.n_steps,
            "save_interval": stage.saves.every,
            "max_checkpoints": KEPT,
        },
    }
    file = f"{stage.folder}/olmo_core.json"
    run = course.run(1.0, 1.0)
    line, off = rates_said(stage, run, f"{file}: scheduler {body['scheduler']['class']}")  # type: ignore[index]
    script = (files("lehr.recipes.exporting") / "scripts" / "train_olmo_core.py").read_bytes()
    return Exported(
        files={file: (json.dumps(body, indent=2) + "\n").encode(), "train_olmo_core.py": script},
        command=[*torchrun(stage), "train_olmo_core.py", file],
        said=[
            line,
            *lengths_said(
                stage,
                {
                    "steps": f"{file}: trainer.steps",
                    "batch.sequences": f"{file}: data.global_batch_size",
                    "sequence_length": f"{file}: data.sequence_length",
                    "precision": f"{file}: train_module.precision",
                    "begins": f"{file}: trainer.load_path",
                },
            ),
            *(
                [Said(what="moments", value="of the stage before", where=f"{file}: trainer.load_optim_state")]
                if stage.earlier
                else []
            ),
            *optimizer_said(
                stage,
                {
                    "beta1": (f"{file}: optim.betas", optim["betas"]),
                    "beta2": (f"{file}: optim.betas", optim["betas"]),
                    "epsilon": (f"{file}: optim.eps", optim["eps"]),
                    "weight_decay": (f"{file}: optim.weight_decay", optim["weight_decay"]),
                    "grad_clip": (f"{file}: train_module.max_grad_norm", 1.0 if o.grad_clip is None else o.grad_clip),
                },
            ),
        ],
        run=run,
        deviation=off,
        notes=[
            f"{stage.data} holds token ids as bare numbers, without the head that numpy.save writes: "
            f"`numpy.asarray(ids, dtype=numpy.{dtype}).tofile('{stage.data}/0.npy')`, whatever the ending says",
            *(
                [f"convert {stage.begins} with OLMo-core's convert_checkpoint_from_hf first"]
                if stage.begins and not stage.begins.startswith("checkpoints/")
                else []
            ),
        ],
    )


TRAINER = Trainer(
    name="olmo_core",
    title="OLMo-core",
    version="3.0.0",
    package="ai2-olmo-core==3.0.0",
    stage=stage,
    builds=True,
    divides="shards",
    prove="olmo_core",
)
