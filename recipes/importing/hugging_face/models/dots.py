"""rednote: dots.llm1."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.mixtures import after_dense, layered, routed
from lehr.recipes.importing.hugging_face.parts import TYPES, Network, attention, layer_types, network
from lehr.recipes.importing.hugging_face.reading import Fields


@reads("dots1", "Dots1", also={"num_local_experts": "n_routed_experts"}, no_effect="moe_layer_freq")
def dots1(f: Fields) -> Network:
    """dots.llm1 (arXiv:2506.05767): an RMSNorm over each head, dense layers first."""
    bias = f.flag("attention_bias")
    sliding, first = f.extent("sliding_window") or None, f.extent("max_window_layers")
    types = layer_types(
        f, lambda i: "sliding_attention" if sliding is not None and i >= first else "full_attention", TYPES
    )
    each = {"full_attention": None, "sliding_attention": sliding}
    mixers = {t: attention(f, qkv_bias=bias, out_bias=bias, qk_norm="head", window=each[t]) for t in set(types)}
    moe = routed(f)
    return network(f, layered(f, [mixers[t] for t in types], after_dense(f), moe))
