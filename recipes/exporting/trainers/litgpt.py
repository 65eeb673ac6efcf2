"""LitGPT: pre-training by one YAML a stage. Its only schedule is a cosine, taken anew at every micro-batch."""

from __future__ import annotations

from typing import Any

from lehr.recipes.exporting.llama_like import llama_like
from lehr.recipes.exporting.rates import RefusedError
from lehr.recipes.exporting.stage import FOUND, Exported, ExportStage, Resumes
from lehr.recipes.exporting.trainer import Network, Trainer, lengths_said, optimizer_said, rates_said, what_is_trained
from lehr.recipes.presenting.yaml import as_yaml


def stage(stage: ExportStage, network: Network) -> Exported:
    """The YAML of ``litgpt pretrain``. Raises ``RefusedError`` for all but a cosine on a corpus."""
    if what_is_trained(stage) != "corpus":
        raise RefusedError(
            "is no training on a corpus, which is what is exported to "
            "litgpt pretrain; write stages=[...] with those that are"
        )
    net, course = llama_like(network.architecture), stage.course
    if course.shape != "cosine" or course.stable or course.tail or course.start or course.length is not None:
        raise RefusedError(
            "its rates are no plain cosine, which is all that LitGPT "
            "has; write schedule.kind=cosine, or another trainer"
        )
    if stage.optimizer.kind not in ("adamw", "adam"):
        raise RefusedError(
            f"its optimiser is {stage.optimizer.kind}; write recipe.stages.{stage.name}.optimizer.kind=adamw"
        )
    if stage.precision not in ("bf16", "fp32"):
        raise RefusedError(f"trains in {stage.precision}; LitGPT takes bf16 and fp32 here")
    o = stage.optimizer
    betas = [0.9 if o.beta1 is None else o.beta1, 0.999 if o.beta2 is None else o.beta2]
    adam: dict[str, Any] = {
        "lr": course.peak,
        "betas": betas,
        "eps": o.epsilon or 1e-8,
        "weight_decay": stage.weight_decay,
    }
    body: dict[str, Any] = {
        "model_name": network.name,
        "model_config": {
            "name": network.name,
            "block_size": max(net.context_length, stage.sequence_length),
            "n_layer": net.n_layers,
            "n_embd": net.d_model,
            "n_head": net.n_heads,
            "n_query_groups": net.n_kv_heads,
            "head_size": net.d_head,
            "intermediate_size": net.d_ff,
            "vocab_size": net.vocab_size,
            "padded_vocab_size": net.vocab_size,
            "rope_base": int(net.rope_base),
            "rotary_percentage": 1.0,
            "parallel_residual": False,
            "bias": False,
            "norm_class_name": "RMSNorm",
            "norm_eps": net.norm_epsilon,
            "mlp_class_name": "LLaMAMLP",
        },
        "out_dir": stage.ends,
        "precision": "bf16-mixed" if stage.precision == "bf16" else "32-true",
        **({"initial_checkpoint_dir": stage.begins} if stage.begins else {}),
        "data": {"class_path": "litgpt.data.LitData", "init_args": {"data_path": stage.data}},
        "train": {
            "global_batch_size": stage.sequences,
            "micro_batch_size": stage.micro_batch,
            "max_tokens": stage.n_tokens,
            "max_seq_length": stage.sequence_length,
            "lr_warmup_steps": course.warmup,
            "max_norm": 1.0 if o.grad_clip is None else o.grad_clip,
            "min_lr": course.floor,
            "tie_embeddings": net.tied,
            "save_interval": stage.saves.every,
        },
        "optimizer": {"class_path": "torch.optim.AdamW", "init_args": adam},
        "devices": stage.devices_per_node,
        "num_nodes": stage.nodes,
        "logger_name": "csv",
        "seed": stage.seed,
    }
    file = f"{stage.folder}/litgpt.yaml"
    # an update happens at the last of its micro-batches, with the rate of that one
    late = (stage.accumulation - 1) / stage.accumulation
    run = course.run(late, late)
    line, off = rates_said(stage, run, f"{file}: train.lr_warmup_steps, train.min_lr")
    return Exported(
        files={file: as_yaml(body)},
        # Lightning starts a process a device itself, and refuses a job of Slurm that has one a node; under this name of
        # the job it does not look for Slurm
        command=["env", "SLURM_JOB_NAME=bash", "litgpt", "pretrain", "--config", file],
        said=[
            line,
            *lengths_said(
                stage,
                {
                    "steps": f"{file}: train.max_tokens",
                    "batch.sequences": f"{file}: train.global_batch_size",
                    "sequence_length": f"{file}: train.max_seq_length",
                    "precision": f"{file}: precision",
                    "begins": f"{file}: initial_checkpoint_dir",
                },
            ),
            *optimizer_said(
                stage,
                {
                    "beta1": (f"{file}: optimizer.init_args.betas", betas[0]),
                    "beta2": (f"{file}: optimizer.init_args.betas", betas[1]),
                    "epsilon": (f"{file}: optimizer.init_args.eps", adam["eps"]),
                    "weight_decay": (f"{file}: optimizer.init_args.weight_decay", stage.weight_decay),
                    "grad_clip": (f"{file}: train.max_norm", body["train"]["max_norm"]),
                },
            ),
        ],
        run=run,
        deviation=off,
        resumes=Resumes(
            found=f"{stage.ends}/step-*/lit_model.pth",
            words=("--resume", FOUND, "--initial_checkpoint_dir", "null"),
        ),
        notes=[
            "prepare the data for LitData, and name your tokenizer with --tokenizer_dir",
            *(
                [f"convert {stage.begins} with litgpt convert_to_litgpt first"]
                if stage.begins and not stage.begins.startswith("checkpoints/")
                else []
            ),
        ],
    )


TRAINER = Trainer(
    name="litgpt",
    title="LitGPT",
    version="0.5.13",
    package="litgpt==0.5.13 requests",
    stage=stage,
    builds=True,
    divides="shards",
    leaves="final",
    keeps="all stay",
    prove="litgpt",
)
