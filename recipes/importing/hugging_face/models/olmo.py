"""Ai2: OLMo, with experts, and with Gated DeltaNet."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.mixtures import experts
from lehr.recipes.importing.hugging_face.parts import (
    TWO,
    TYPES,
    Network,
    attention,
    layer_types,
    mlp,
    network,
    uniform,
    windows,
)
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.recipes.importing.hugging_face.recurrent import delta_net
from lehr.recipes.importing.hugging_face.rope import no_rope, rope
from lehr.simulators.architecture import Block
from lehr.simulators.layers import LayerNorm, RMSNorm


@reads("olmo", "Olmo", any_heads=True)
def olmo(f: Fields) -> Network:
    """OLMo (arXiv:2402.00838): LayerNorm without gain or bias."""
    bias, norm = f.flag("attention_bias"), LayerNorm(gain=False, bias=False)
    mixer = attention(f, qkv_bias=bias, out_bias=bias)
    return network(f, uniform(f, mixer, mlp(f, gated=True), norm), norm=norm)


@reads("olmo2", "Olmo2", any_heads=True)
def olmo2(f: Fields) -> Network:
    """OLMo 2 (arXiv:2501.00656): norms after each sublayer, an RMSNorm over all queries and all keys."""
    return olmo_layers(f, ["full_attention"] * f.layers())


@reads("olmo3", "Olmo3", any_heads=True)
def olmo3(f: Fields) -> Network:
    """OLMo 3: as OLMo 2, three layers of four windowed."""
    return olmo_layers(f, layer_types(f, lambda i: TYPES[int((i + 1) % 4 != 0)], TYPES))


def olmo_layers(f: Fields, types: list[str]) -> Network:
    """The network of OLMo 2 with layers of ``types``."""
    bias = f.flag("attention_bias")
    each = windows(f)
    mixers = {
        t: attention(f, position=rope(f, t), qkv_bias=bias, out_bias=bias, qk_norm="full", window=each[t])
        for t in set(types)
    }
    channel = mlp(f, gated=True)
    return network(f, [Block(mixer=mixers[t], mlp=channel, norm=RMSNorm(), norm_placement="post") for t in types])


@reads("olmoe", "Olmoe", also={"num_local_experts": "num_experts"})
def olmoe(f: Fields) -> Network:
    """OLMoE (arXiv:2409.02060): an RMSNorm over all queries and all keys."""
    bias = f.flag("attention_bias")
    mixer = attention(f, qkv_bias=bias, out_bias=bias, qk_norm="full")
    return network(f, uniform(f, mixer, experts(f, width="intermediate_size")))


@reads("flex_olmo", "FlexOlmo", also={"num_local_experts": "num_experts"}, any_heads=True)
def flex_olmo(f: Fields) -> Network:
    """FlexOlmo: OLMoE with norms after each sublayer."""
    bias = f.flag("attention_bias")
    mixer = attention(f, qkv_bias=bias, out_bias=bias, qk_norm="full")
    return network(f, uniform(f, mixer, experts(f, width="intermediate_size"), placement="post"))


@reads(
    "olmo_hybrid",
    "OlmoHybrid",
    no_effect="linear_a_log_max linear_a_log_min linear_allow_neg_eigval "
    "linear_dt_init_floor linear_dt_max linear_dt_min",
)
def olmo_hybrid(f: Fields) -> Network:
    """OLMo Hybrid: Gated DeltaNet with norms before, OLMo 2's attention with norms after each sublayer."""
    bias, channel = f.flag("attention_bias"), mlp(f, gated=True)
    types = layer_types(f, lambda i: TWO[int((i + 1) % 4 == 0)], TWO)
    position = rope(f) if f.raw("rope_parameters") is not None or f.raw("rope_theta") is not None else no_rope(f)
    blocks = {
        "full_attention": Block(
            mixer=attention(f, position=position, qkv_bias=bias, out_bias=bias, qk_norm="full"),
            mlp=channel,
            norm=RMSNorm(),
            norm_placement="post",
        ),
        "linear_attention": Block(mixer=delta_net(f), mlp=channel, norm=RMSNorm()),
    }
    return network(f, [blocks[t] for t in types])
