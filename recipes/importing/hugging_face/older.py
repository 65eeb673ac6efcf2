"""Older networks of transformers that are seldom met: CTRL, DiffLLaMA and Longformer."""

from __future__ import annotations

import msgspec

from lehr.recipes.importing.hugging_face.classes import ROBERTA_TASKS, reads
from lehr.recipes.importing.hugging_face.encoders import after_padding, bert_like
from lehr.recipes.importing.hugging_face.gpt import biased
from lehr.recipes.importing.hugging_face.parts import Network, attention, mlp, network, tables, uniform
from lehr.recipes.importing.hugging_face.reading import Fields, shown, whole
from lehr.simulators.architecture import Block
from lehr.simulators.layers import MLP, Attention, LayerNorm, NoPosition


@reads(
    "ctrl",
    "CTRL",
    also={
        "hidden_size": "n_embd",
        "max_position_embeddings": "n_positions",
        "num_attention_heads": "n_head",
        "num_hidden_layers": "n_layer",
    },
    no_effect="n_ctx from_tf",
)
def ctrl(f: Fields) -> Network:
    """CTRL (arXiv:1909.05858): sinusoidal positions, which have no weights, and a head with a bias."""
    blocks = uniform(f, biased(f, NoPosition()), MLP(d_ff=f.size("dff"), activation="relu", bias=True), LayerNorm())
    return network(f, blocks, norm=LayerNorm(), embedding=tables(f, head_bias=f.head == "lm"))


@reads("diffllama", "DiffLlama", no_effect="lambda_std_dev")
def diffllama(f: Fields) -> Network:
    """DiffLLaMA (arXiv:2410.05258): LLaMA whose heads subtract one softmax from another."""
    bias = f.flag("attention_bias")
    mixer = msgspec.structs.replace(attention(f, qkv_bias=bias, out_bias=bias), differential=True)
    return network(f, uniform(f, mixer, mlp(f, gated=True, bias=f.flag("mlp_bias"))))


@reads(
    "longformer",
    "Longformer",
    tasks=ROBERTA_TASKS,
    head="mlm",
    no_effect="onnx_export attention_mode ignore_attention_mask",
)
def longformer(f: Fields) -> Network:
    """Longformer (arXiv:2004.05150): RoBERTa with windows, and projections of their own for tokens that see all."""
    found = bert_like(f, context=after_padding(f), token_types=f.extent("type_vocab_size"))
    stated = f.raw("attention_window")
    windows = stated if isinstance(stated, list) else [stated] * len(found.blocks)
    sizes = [size for value in windows if (size := whole(value)) is not None and size > 0]
    if len(sizes) != len(found.blocks):
        f.wrong("attention_window", f"found {shown(stated)}; write a whole number, or one for each layer")
    blocks = [windowed(block, size) for block, size in zip(found.blocks, sizes, strict=True)]
    return msgspec.structs.replace(found, blocks=blocks)


def windowed(block: Block, size: int) -> Block:
    """The block with attention to ``size`` tokens, and to the few that all see."""
    mixer = block.mixer
    if not isinstance(mixer, Attention):
        return block
    return msgspec.structs.replace(block, mixer=msgspec.structs.replace(mixer, window=size, seen_by_all=True))
