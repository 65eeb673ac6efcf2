"""torchtitan: a Python module with one function a stage, over the networks that its own registry names."""

from __future__ import annotations

from typing import Any

from lehr.recipes.exporting.llama_like import llama_like
from lehr.recipes.exporting.rates import RefusedError
from lehr.recipes.exporting.stage import KEPT, Exported, ExportStage
from lehr.recipes.exporting.trainer import (
    Network,
    Trainer,
    layers_each,
    layout_said,
    lengths_said,
    optimizer_said,
    rates_said,
    torchrun,
    what_is_trained,
)

DECAYS = {"linear": "linear", "cosine": "cosine", "one_minus_sqrt": "sqrt"}


def stage(stage: ExportStage, network: Network) -> Exported:
    """A module for ``--module``. Raises ``RefusedError`` for all but training on a corpus, and for other networks."""
    if what_is_trained(stage) != "corpus":
        raise RefusedError(
            "is no training on a corpus, which is what is exported "
            "to torchtitan; write stages=[...] with those that are"
        )
    net, course = llama_like(network.architecture, scaled=True), stage.course
    if net.d_head * net.n_heads != net.d_model:
        raise RefusedError("its heads are not as wide together as the network, which torchtitan's llama3 takes for so")
    if course.start or course.tail or course.length is not None:
        raise RefusedError(
            "its warm-up begins above 0 or its decay does not end with the stage, which torchtitan cannot be told"
        )
    if course.shape is not None and course.shape not in DECAYS:
        raise RefusedError(f"a decay of shape {course.shape} is not in torchtitan; write one of {', '.join(DECAYS)}")
    if stage.optimizer.kind not in ("adamw", "adam"):
        raise RefusedError(
            f"its optimiser is {stage.optimizer.kind}; write recipe.stages.{stage.name}.optimizer.kind=adamw"
        )
    if stage.precision != "bf16":
        raise RefusedError(f"trains in {stage.precision}; this exporter says bf16 to torchtitan")
    ratio = course.decay / stage.n_steps if course.shape else 0.0
    if round(stage.n_steps * ratio) != course.decay:
        raise RefusedError(f"{course.decay} of {stage.n_steps} updates is no ratio that torchtitan rounds back")
    o = stage.optimizer
    beta = (0.9 if o.beta1 is None else o.beta1, 0.999 if o.beta2 is None else o.beta2)
    clip = 1.0 if o.grad_clip is None else o.grad_clip
    file = "lehr_torchtitan/config_registry.py"
    function = f"stage_{stage.number:02d}"
    turned: dict[str, Any] = {"max_seq_len": max(net.context_length, stage.sequence_length), "theta": net.rope_base}
    if net.rope_scaling is not None:
        turned |= {
            "scaling": "llama", "scaling_factor": net.rope_scaling.factor,
            "low_freq_factor": net.rope_scaling.low_frequency_factor,
            "high_freq_factor": net.rope_scaling.high_frequency_factor,
            "original_max_position_embeddings": net.rope_scaling.original_positions,
        }  # fmt: skip
    sizes = {
        "dim": net.d_model, "n_layers": net.n_layers, "n_heads": net.n_heads, "n_kv_heads": net.n_kv_heads,
        "hidden_dim": net.d_ff, "vocab_size": net.vocab_size, "tied": net.tied, "rope": turned,
        "norm_eps": net.norm_epsilon,
    }  # fmt: skip
    divided, recomputed, divided_how = divisions(stage, net.n_layers)
    piped = stage.layout is not None and stage.layout.pp > 1
    # it takes a whole path
    begins = "None" if stage.begins is None else f"str(Path({stage.begins!r}).absolute())"
    # literals by repr, so that nothing in a name can become code
    text = f"""
def {function}() -> Trainer.Config:
    spec = network({", ".join(f"{key}={value!r}" for key, value in sizes.items())})
    return Trainer.Config(
        loss=ChunkedLossWrapper.Config(
            loss_fn=CrossEntropyLoss.Config(global_vocab_size=decoder_vocab_size(spec))
        ),
        model_spec=spec,
        debug=DebugConfig(seed={stage.seed!r}),
        hf_assets_path="model",
        dump_folder={stage.ends!r},
        optimizer=default_adamw(
            lr={course.peak!r}, betas={beta!r}, eps={(o.epsilon or 1e-8)!r}, weight_decay={stage.weight_decay!r}
        ),
        lr_scheduler=LRSchedulersContainer.Config(
            warmup_steps={course.warmup!r},
            decay_ratio={ratio!r},
            decay_type={DECAYS.get(course.shape or "linear")!r},
            min_lr_factor={(course.floor / course.peak)!r},
        ),
        parallelism=ParallelismConfig({", ".join(f"{key}={value!r}" for key, value in divided.items())}),
        activation_checkpoint={recomputed},
        training=TrainingConfig(
            local_batch_size={(stage.micro_batch * (stage.accumulation if piped else 1))!r},
            global_batch_size={stage.sequences!r},
            seq_len={stage.sequence_length!r},
            max_norm={clip!r},
            steps={stage.n_steps!r},
            disable_cuda_graphs={piped!r},
        ),
        dataloader=HuggingFaceTextDataLoader.Config(dataset="folder", dataset_path={stage.data!r}),
        checkpoint=CheckpointManager.Config(
            enable=True, interval={stage.saves.every!r}, keep_latest_k={KEPT!r}, initial_load_path={begins}
        ),
    )
"""
    run = course.run(1.0, 0.0)
    line, off = rates_said(stage, run, f"{file}: {function}, lr_scheduler")
    return Exported(
        files={file: HEAD.encode() + text.encode(), "lehr_torchtitan/__init__.py": b""},
        command=[
            *torchrun(stage),
            "-m",
            "torchtitan.train",
            "--module",
            "lehr_torchtitan",
            "--config",
            function,
        ],
        said=[
            line,
            *layout_said(stage, f"{file}: parallelism, activation_checkpoint", divided_how),
            *lengths_said(
                stage,
                {
                    "steps": f"{file}: training.steps",
                    "batch.sequences": f"{file}: training.global_batch_size",
                    "sequence_length": f"{file}: training.seq_len",
                    "precision": f"{file}: training.mixed_precision_param, the default",
                    "begins": f"{file}: checkpoint.initial_load_path",
                },
            ),
            *optimizer_said(
                stage,
                {
                    "beta1": (f"{file}: optimizer", beta[0]),
                    "beta2": (f"{file}: optimizer", beta[1]),
                    "epsilon": (f"{file}: optimizer", o.epsilon or 1e-8),
                    "weight_decay": (f"{file}: optimizer", stage.weight_decay),
                    "grad_clip": (f"{file}: training.max_norm", clip),
                },
            ),
        ],
        run=run,
        deviation=off,
        notes=[
            "put your tokenizer into `model/`",
            f'a row of {stage.data}: `{{"text": ...}}`',
            *(
                [f"convert {stage.begins} to torchtitan's checkpoint first, and name it in initial_load_path"]
                if stage.begins and not stage.begins.startswith("checkpoints/")
                else []
            ),
        ],
    )


def divisions(stage: ExportStage, n_layers: int) -> tuple[dict[str, Any], str, str]:
    """The arguments of ``ParallelismConfig``, what is computed again, and how exactly both say the recipe's layout.

    Raises ``RefusedError`` for layers that do not divide over it.
    """
    layout = stage.layout
    if layout is None:
        # torchtitan's own: FSDP over all devices, operators computed again
        return {}, "SelectiveAC.Config()", ""
    found: dict[str, Any] = {}
    short = []
    if layout.tp > 1:
        found |= {"tensor_parallel_degree": layout.tp, "enable_sequence_parallel": layout.sequence_parallel}
    if layout.cp > 1:
        found["context_parallel_degree"] = layout.cp
    if layout.pp > 1:
        found |= {
            "pipeline_parallel_degree": layout.pp, "pipeline_parallel_layers_per_stage": layers_each(stage, n_layers),
            "pipeline_parallel_schedule": "Interleaved1F1B" if layout.vpp > 1 else "1F1B",
            "pipeline_parallel_microbatch_size": stage.micro_batch,
            # the table and the head make the first and the last part no shorter
            "pipeline_parallel_first_stage_less_layers": 0, "pipeline_parallel_last_stage_less_layers": 0,
        }  # fmt: skip
        if layout.schedule != "1f1b":
            short.append(f"1F1B instead of {layout.schedule}")
    if layout.zero != 3:
        short.append(f"FSDP over the data group instead of ZeRO-{layout.zero}")
    recomputed = {"none": "None", "full": "FullAC.Config()", "modules": "FullAC.Config()"}.get(
        layout.recompute, "SelectiveAC.Config()"
    )
    if layout.recompute == "modules":
        short.append("full recomputation instead of modules: less memory, more work")
    elif layout.recompute == "selective":
        short.append("recomputation of operators instead of selective")
    return found, recomputed, "; ".join(short) or "exact"


HEAD = '''"""Stages for torchtitan: python -m torchtitan.train --module lehr_torchtitan --config stage_01"""

from pathlib import Path

from datasets import load_dataset
from torchtitan.components.checkpoint import CheckpointManager
from torchtitan.components.loss import ChunkedLossWrapper, CrossEntropyLoss
from torchtitan.components.optimizer import LRSchedulersContainer, default_adamw
from torchtitan.config import DebugConfig, ParallelismConfig, TrainingConfig
from torchtitan.distributed.activation_checkpoint import FullAC, SelectiveAC
from torchtitan.hf_datasets import DatasetConfig
from torchtitan.hf_datasets.text_datasets import DATASETS, HuggingFaceTextDataLoader
from torchtitan.models import llama3
from torchtitan.models.common import ComplexRoPE, Embedding, Linear, RMSNorm
from torchtitan.models.common.config_utils import decoder_vocab_size
from torchtitan.trainer import Trainer

# a folder of JSON lines, each with its text; torchtitan's own sets have names and parts that such a folder has not
DATASETS["folder"] = DatasetConfig(
    path="data",
    loader=lambda path: load_dataset(path, split="train", streaming=True),
    sample_processor=lambda row: row["text"],
)


def network(dim, n_layers, n_heads, n_kv_heads, hidden_dim, vocab_size, tied, rope, norm_eps):
    """A network of torchtitan's llama3 in other sizes than its registry has."""
    first = llama3._EMBEDDING_SKIP_INIT if tied else llama3._EMBEDDING_INIT
    spec = llama3.model_registry("8B")
    spec.flavor = f"{dim} x {n_layers}"
    spec.model = llama3.Llama3Model.Config(
        dim=dim,
        vocab_size=vocab_size,
        enable_weight_tying=tied,
        tok_embeddings=Embedding.Config(num_embeddings=vocab_size, embedding_dim=dim, param_init=first),
        norm=RMSNorm.Config(normalized_shape=dim, eps=norm_eps, param_init=llama3._NORM_INIT),
        lm_head=Linear.Config(
            in_features=dim, out_features=vocab_size, param_init=llama3._output_linear_init(dim)
        ),
        layers=llama3._build_llama3_layers(
            n_layers=n_layers,
            dim=dim,
            n_heads=n_heads,
            n_kv_heads=n_kv_heads,
            hidden_dim=hidden_dim,
            rope=ComplexRoPE.Config(dim=dim // n_heads, **rope),
            attn_backend="flex",
        ),
    )
    for layer in spec.model.layers:
        layer.attention_norm.eps = layer.ffn_norm.eps = norm_eps
    return spec

'''

TRAINER = Trainer(
    name="torchtitan",
    title="torchtitan",
    version="0.3.0",
    package="torchtitan==0.3.0 triton",
    stage=stage,
    builds=True,
    divides="layout",
    zero=3,
    leaves="checkpoint/step-{steps}",
    prove="torchtitan",
)
