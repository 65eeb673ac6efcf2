"""Megatron-LM: the flags of ``pretrain_gpt.py``, one a line."""

from __future__ import annotations

import math

import msgspec

from lehr.recipes.exporting.llama_like import llama_like
from lehr.recipes.exporting.rates import RefusedError
from lehr.recipes.exporting.stage import Exported, ExportStage, Said
from lehr.recipes.exporting.trainer import (
    Network,
    Trainer,
    kind_said,
    layers_each,
    layout_said,
    lengths_said,
    optimizer_said,
    rates_said,
    torchrun,
    what_is_trained,
)
from lehr.simulators.machine.layout import Layout

STRATEGIES: dict[int, str] = {2: "optim_grads", 3: "optim_grads_params"}
"""What Megatron-FSDP calls the stages of ZeRO beyond those of its distributed optimiser."""
FSDP_FORMAT = "fsdp_dtensor"
"""The only checkpoint of Megatron-FSDP, which nothing else of Megatron-LM reads."""
WSD_STYLES = {"linear": "linear", "cosine": "cosine", "one_minus_sqrt": "minus_sqrt"}


def stage(stage: ExportStage, network: Network) -> Exported:
    """``flags.txt``. Raises ``RefusedError`` for all but training on a corpus."""
    if what_is_trained(stage) != "corpus":
        raise RefusedError(
            "is no training on a corpus, which is what is exported to "
            "pretrain_gpt.py; write stages=[...] with those that are"
        )
    net, course = llama_like(network.architecture, qk_norm=True, qkv_bias=True), stage.course
    if course.tail:
        raise RefusedError("its rates stay at the floor after a decay that ends early; write `over` to the stage's end")
    flags: dict[str, object] = {
        "num-layers": net.n_layers,
        "hidden-size": net.d_model,
        "ffn-hidden-size": net.d_ff,
        "num-attention-heads": net.n_heads,
        "kv-channels": net.d_head,
        "seq-length": stage.sequence_length,
        "max-position-embeddings": max(stage.sequence_length, net.context_length),
        "position-embedding-type": "rope",
        "rotary-base": int(net.rope_base),
        "normalization": "RMSNorm",
        "norm-epsilon": net.norm_epsilon,
        "swiglu": True,
        "disable-bias-linear": True,
        "micro-batch-size": stage.micro_batch,
        "global-batch-size": stage.sequences,
        "train-iters": stage.n_steps,
        "lr": course.peak,
        "min-lr": course.floor,
        "lr-warmup-iters": course.warmup,
        "lr-warmup-init": course.start,
        "seed": stage.seed,
        "save": stage.ends,
        # of its own folder: what a run that was stopped left there
        "load": stage.ends,
        "save-interval": stage.saves.every,
        "save-retain-interval": 10 * stage.saves.every,
        "eval-iters": 0,
        # its own are a tenth of all, twice over, and thirty parts of a thousand of the corpus never trained on
        "attention-dropout": 0.0,
        "hidden-dropout": 0.0,
        "split": "1,0,0",
        "data-path": stage.data,
        "tokenizer-type": "NullTokenizer",
        # the stand-in adds one token of its own, and the table would be filled up to 128 for each part of it
        "vocab-size": net.vocab_size - 1,
        "make-vocab-size-divisible-by": 1,
    }
    if net.n_kv_heads != net.n_heads:
        flags |= {"group-query-attention": True, "num-query-groups": net.n_kv_heads}
    if not net.tied:
        flags["untie-embeddings-and-output-weights"] = True
    if net.qk_norm:
        flags["qk-layernorm"] = True
    if net.qkv_bias:
        flags["add-qkv-bias"] = True
    flags |= schedule_flags(stage)
    if stage.layout is not None and (net.n_heads % stage.layout.tp or net.n_kv_heads % stage.layout.tp):
        raise RefusedError(
            f"its {net.n_heads} heads and {net.n_kv_heads} of keys and values do not divide over tp {stage.layout.tp}; "
            f"write recipe.stages.{stage.name}.hardware.layout.tp= of {math.gcd(net.n_heads, net.n_kv_heads)} or a "
            "number that divides it"
        )
    divided, divided_how = layout_flags(stage, net.n_layers)
    flags |= divided
    o = stage.optimizer
    if o.kind not in ("adamw", "adam", "sgd"):
        raise RefusedError(f"its optimiser is {o.kind}; this exporter says adam and sgd to Megatron-LM")
    flags |= {"optimizer": "sgd" if o.kind == "sgd" else "adam", "weight-decay": stage.weight_decay}
    if o.kind == "sgd":
        flags["sgd-momentum"] = o.momentum or 0.0
    flags |= {"adam-beta1": 0.9 if o.beta1 is None else o.beta1, "adam-beta2": 0.999 if o.beta2 is None else o.beta2}
    flags |= {"adam-eps": o.epsilon or 1e-8, "clip-grad": 1.0 if o.grad_clip is None else o.grad_clip}
    flags |= precision_flags(stage)
    if stage.begins is not None:
        # where its own folder is empty yet: weights alone, from update 0
        flags["pretrained-checkpoint"] = stage.begins
    file = f"{stage.folder}/flags.txt"
    lines = []
    for key, value in flags.items():
        words = value if isinstance(value, list) else [] if value is True else [value]
        lines += [f"--{key}", *map(str, words)]
    run = course.run()
    said, off = rates_said(stage, run, f"{file}: --lr-decay-style {flags['lr-decay-style']}")
    return Exported(
        files={file: ("\n".join(lines) + "\n").encode()},
        command=[
            *connections(stage.layout),
            "xargs",
            "-d",
            "\\n",
            "-a",
            file,
            *torchrun(stage),
            "pretrain_gpt.py",
        ],
        said=[
            said,
            *layout_said(stage, f"{file}: --tensor-model-parallel-size and others", divided_how),
            *lengths_said(
                stage,
                {
                    "steps": f"{file}: --train-iters",
                    "batch.sequences": f"{file}: --global-batch-size",
                    "sequence_length": f"{file}: --seq-length",
                    "precision": f"{file}: --bf16, --fp16 or --fp8-format",
                    "begins": f"{file}: --pretrained-checkpoint",
                },
            ),
            *optimizer_said(
                stage,
                {
                    "beta1": (f"{file}: --adam-beta1", flags["adam-beta1"]),
                    "beta2": (f"{file}: --adam-beta2", flags["adam-beta2"]),
                    "epsilon": (f"{file}: --adam-eps", flags["adam-eps"]),
                    "weight_decay": (f"{file}: --weight-decay", flags["weight-decay"]),
                    "grad_clip": (f"{file}: --clip-grad", flags["clip-grad"]),
                    **({"momentum": (f"{file}: --sgd-momentum", o.momentum or 0.0)} if o.kind == "sgd" else {}),
                },
            ),
            kind_said(stage, f"{file}: --optimizer", str(flags["optimizer"])),
            Said(
                what="dropout",
                value=0.0,
                where=f"{file}: --attention-dropout, --hidden-dropout",
                how="assumed: a recipe has no word for it",
            ),
        ],
        run=run,
        deviation=off,
        form=FSDP_FORMAT if fully_sharded(stage.layout) else "torch_dist",
        notes=[
            "`ln -s <a checkout of Megatron-LM>/pretrain_gpt.py .` beside launch.sh, which runs it",
            f"{stage.data} is the beginning of the names of two files, .bin and .idx, which tools/preprocess_data.py "
            "writes; several with their shares, as in `--data-path 0.6 code 0.4 web`, make a mixture",
            "NullTokenizer stands for your own: --tokenizer-type, and --vocab-size for its own number of tokens",
            *(
                [f"convert {stage.begins} to Megatron-LM's checkpoint first"]
                if stage.begins and not stage.begins.startswith("checkpoints/")
                else []
            ),
        ],
    )


def connections(layout: Layout | None) -> list[str]:
    """What Megatron-LM wants to find in its surroundings where a layer is divided, and with FSDP wants not to."""
    if layout is None or fully_sharded(layout) or max(layout.tp, layout.cp) == 1:
        return []
    return ["env", "CUDA_DEVICE_MAX_CONNECTIONS=1"]


def layout_flags(stage: ExportStage, n_layers: int) -> tuple[dict[str, object], str]:
    """The flags of the recipe's layout, and how exactly they say it. Raises ``RefusedError`` for layers that do not
    divide over it."""
    layout = stage.layout
    if layout is None:
        # moments shared out over all devices, which trains the same
        return ({"use-distributed-optimizer": True} if stage.devices > 1 else {}), ""
    flags: dict[str, object] = {}
    short = []
    if layout.tp > 1:
        flags["tensor-model-parallel-size"] = layout.tp
        if layout.sequence_parallel:
            flags["sequence-parallel"] = True
    if layout.pp > 1:
        flags["pipeline-model-parallel-size"] = layout.pp
        each = layers_each(stage, n_layers)
        if layout.vpp > 1:
            flags["num-layers-per-virtual-pipeline-stage"] = each
        if layout.schedule != "1f1b":
            short.append(f"1F1B instead of {layout.schedule}")
    if layout.cp > 1:
        flags["context-parallel-size"] = layout.cp
    if layout.zero:
        flags["use-distributed-optimizer"] = True
    if fully_sharded(layout):
        flags |= {
            "use-megatron-fsdp": True, "data-parallel-sharding-strategy": STRATEGIES[layout.zero],
            "no-gradient-accumulation-fusion": True, "ckpt-format": FSDP_FORMAT,
        }  # fmt: skip
    elif layout.zero > 1:
        short.append(f"ZeRO-1 instead of ZeRO-{layout.zero}")
    again, apart = recomputing(layout)
    return flags | again, "; ".join(short + apart) or "exact"


def fully_sharded(layout: Layout | None) -> bool:
    """Whether Megatron-FSDP shards it: its documents speak of tensor and context groups, and of no pipeline."""
    return layout is not None and layout.zero in STRATEGIES and layout.pp == 1


def as_told(layout: Layout) -> Layout:
    """The layout with what Megatron-LM shards of it.

    >>> as_told(Layout(dp=8, zero=3)).zero, as_told(Layout(dp=8, pp=2, zero=3)).zero
    (3, 1)
    """
    return layout if fully_sharded(layout) else msgspec.structs.replace(layout, zero=min(layout.zero, 1))


def recomputing(layout: Layout) -> tuple[dict[str, object], list[str]]:
    """The flags of what is computed again, never less than the layout says, and where it is more."""
    whole = {"recompute-granularity": "full", "recompute-method": "uniform", "recompute-num-layers": 1}
    if layout.recompute in ("none", "full"):
        return (whole if layout.recompute == "full" else {}), []
    if layout.recompute == "selective":
        return {"recompute-granularity": "selective"}, []
    if layout.recompute == "modules":
        # its only word for a dense layer's activations is the whole MLP
        return {"recompute-granularity": "selective", "recompute-modules": ["layernorm", "mlp"]}, [
            "norms and whole MLPs computed again instead of norms and activations: less memory, more work"
        ]
    return whole, [f"full recomputation instead of {layout.recompute}: less memory, more work"]


def schedule_flags(stage: ExportStage) -> dict[str, object]:
    """The flags of the learning rate's shape. Raises ``RefusedError`` for one that Megatron-LM does not have."""
    course = stage.course
    if course.shape is None:
        return {"lr-decay-style": "constant", "min-lr": 0.0}
    if course.stable:
        if course.shape not in WSD_STYLES:
            raise RefusedError(
                f"a decay of shape {course.shape} after a constant part is "
                f"not in Megatron-LM; write one of {', '.join(WSD_STYLES)}"
            )
        return {
            "lr-decay-style": "WSD",
            "lr-wsd-decay-style": WSD_STYLES[course.shape],
            "lr-wsd-decay-iters": course.decay,
            "lr-decay-iters": stage.n_steps,
        }
    if course.shape in ("cosine", "linear"):
        whole = course.decay if course.length is None else round(course.length)
        return {"lr-decay-style": course.shape, "lr-decay-iters": course.warmup + whole}
    raise RefusedError(
        f"a decay of shape {course.shape} from the warm-up on is not in Megatron-LM; write kind: cosine or linear"
    )


def precision_flags(stage: ExportStage) -> dict[str, object]:
    """The flags of the numbers it computes with. Raises ``RefusedError`` for those that are not exported."""
    if stage.precision in ("bf16", "fp16"):
        return {stage.precision: True}
    if stage.precision == "fp8":
        return {"bf16": True, "fp8-format": "hybrid"}
    if stage.precision not in ("fp32", "tf32"):
        raise RefusedError(f"trains in {stage.precision}; this exporter says bf16, fp16, fp8 and fp32 to Megatron-LM")
    return {}


TRAINER = Trainer(
    name="megatron",
    title="Megatron-LM",
    version="core 0.16.1 (commit of 2026-02-20)",
    package="a checkout of github.com/NVIDIA/Megatron-LM",
    stage=stage,
    builds=True,
    divides="layout",
    ramps=" (Megatron-LM's --rampup-batch-size counts the run and its rates in samples and not in updates)",
    zero=1,
    as_told=as_told,
    keeps="the newest and every tenth stay",
    prove="megatron",
)
