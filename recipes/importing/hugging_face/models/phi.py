"""Microsoft: Phi."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.mixtures import LOCAL, experts
from lehr.recipes.importing.hugging_face.parts import Network, QKNorm, attention, mlp, network, tables, uniform
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.simulators.layers import LayerNorm


@reads("phi", "Phi")
def phi(f: Fields) -> Network:
    """Phi-1 and 2 (arXiv:2306.11644): both sublayers side by side behind one norm, biases everywhere."""
    norm: QKNorm = "layer_norm" if f.flag("qk_layernorm") else None
    mixer = attention(f, qkv_bias=True, out_bias=True, qk_norm=norm)
    older = f.maybe_size("rotary_dim")
    if older is not None and older != 2 * mixer.rotary_frequencies():
        f.wrong("rotary_dim", f"{older} is not partial_rotary_factor of a head's {mixer.d_head} features")
    f.fixed("attention_bias", False)
    blocks = uniform(f, mixer, mlp(f, gated=False, bias=True), LayerNorm(), "parallel")
    return network(f, blocks, norm=LayerNorm(), embedding=tables(f, head_bias=f.head == "lm"))


@reads("phi3", "Phi3")
def phi3(f: Fields) -> Network:
    """Phi-3 (arXiv:2404.14219): as Mistral, queries, keys and values in one matrix."""
    mixer = attention(f, window=f.extent("sliding_window") or None)
    return network(f, uniform(f, mixer, mlp(f, gated=True)))


@reads("phimoe", "Phimoe", "PhiMoE", also=LOCAL, any_heads=True)
def phimoe(f: Fields) -> Network:
    """Phi-3.5-MoE: Mixtral with LayerNorm and switches for biases."""
    bias, norm = f.flag("attention_bias"), LayerNorm()
    mixer = attention(f, qkv_bias=bias, out_bias=bias, window=f.extent("sliding_window") or None)
    blocks = uniform(f, mixer, experts(f, width="intermediate_size"), norm)
    head_bias = f.flag("lm_head_bias") and f.head == "lm"
    return network(f, blocks, norm=norm, embedding=tables(f, head_bias=head_bias))
