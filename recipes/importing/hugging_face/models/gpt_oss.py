"""OpenAI: gpt-oss."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.mixtures import LOCAL, experts, with_sinks
from lehr.recipes.importing.hugging_face.parts import TYPES, Network, attention, layer_types, network, windows
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.simulators.architecture import Block
from lehr.simulators.layers import RMSNorm


@reads("gpt_oss", "GptOss", also=LOCAL, no_effect="experts_per_token initial_context_length swiglu_limit swiglu_alpha")
def gpt_oss(f: Fields) -> Network:
    """gpt-oss (arXiv:2508.10925): sinks, biases on experts and router, every other layer windowed."""
    bias, each = f.flag("attention_bias"), windows(f)
    types = layer_types(f, lambda i: TYPES[int((i + 1) % 2 != 0)], TYPES)
    plain = {t: attention(f, qkv_bias=bias, out_bias=bias, window=each[t]) for t in TYPES}
    mixers = {t: with_sinks(mixer) for t, mixer in plain.items()}
    moe = experts(f, width="intermediate_size", bias=True, router_bias=True)
    return network(f, [Block(mixer=mixers[t], mlp=moe, norm=RMSNorm()) for t in types])
