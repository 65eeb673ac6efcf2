"""Meta: LLaMA, and Llama 4 with its experts; DiffLLaMA."""

from __future__ import annotations

import msgspec

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.mixtures import experts
from lehr.recipes.importing.hugging_face.parts import (
    Network,
    QKNorm,
    activation,
    attention,
    layer_types,
    mlp,
    network,
    uniform,
)
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.recipes.importing.hugging_face.rope import no_rope, rope
from lehr.simulators.architecture import Block
from lehr.simulators.layers import MLP, RMSNorm


@reads(
    "llama",
    "Llama",
    "LLaMA",
    named={},
    no_effect="max_sequence_length",
    inside="deepseek_vl deepseek_vl_hybrid idefics3 janus llava llava_next "
    "llava_next_video perception_lm smolvlm video_llava vipllava voxtral",
)
def llama(f: Fields) -> Network:
    """LLaMA (arXiv:2302.13971): one switch for the biases of attention, one for those of the MLP."""
    bias = f.flag("attention_bias")
    mixer = attention(f, qkv_bias=bias, out_bias=bias)
    return network(f, uniform(f, mixer, mlp(f, gated=True, bias=f.flag("mlp_bias"))))


@reads("llama4_text", "Llama4", "Llama4Text", no_effect="for_llm_compressor", inside="llama4")
def llama4(f: Fields) -> Network:
    """Llama 4's text model: experts in every ``interleave_moe_layer_step``-th layer beside a shared one, chunks where
    there are positions, heads of unit length where ``use_qk_norm`` is on and there are positions."""
    n, bias = f.layers(), f.flag("attention_bias")
    every = f.size("no_rope_layer_interval")
    rotated = f.maybe_list("no_rope_layers", n) or [int((i + 1) % every != 0) for i in range(n)]
    chunk = f.maybe_size("attention_chunk_size")
    known = ("full_attention", "chunked_attention")
    types = layer_types(f, lambda i: known[int(bool(rotated[i]))], known)
    step = f.size("interleave_moe_layer_step")
    listed = f.maybe_indices("moe_layers")
    sparse = set(range(step - 1, n, step) if listed is None else listed)
    qk_norm: QKNorm = "l2" if f.flag("use_qk_norm") else None
    moe = experts(f, width="intermediate_size", count="num_local_experts", n_shared_experts=1)
    dense = MLP(d_ff=f.size("intermediate_size_mlp"), activation=activation(f), gated=True)
    blocks = [
        Block(
            mixer=attention(
                f,
                position=rope(f) if turned else no_rope(f),
                qkv_bias=bias,
                out_bias=bias,
                qk_norm=qk_norm if turned else None,
                chunk=chunk if kind == "chunked_attention" else None,
            ),
            mlp=moe if layer in sparse else dense,
            norm=RMSNorm(),
        )
        for layer, (turned, kind) in enumerate(zip(rotated, types, strict=True))
    ]
    return network(f, blocks)


@reads("diffllama", "DiffLlama", no_effect="lambda_std_dev")
def diffllama(f: Fields) -> Network:
    """DiffLLaMA (arXiv:2410.05258): LLaMA whose heads subtract one softmax from another."""
    bias = f.flag("attention_bias")
    mixer = msgspec.structs.replace(attention(f, qkv_bias=bias, out_bias=bias), differential=True)
    return network(f, uniform(f, mixer, mlp(f, gated=True, bias=f.flag("mlp_bias"))))
