"""JetBrains: Mellum 2."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.mixtures import after_dense, experts, layered
from lehr.recipes.importing.hugging_face.parts import TYPES, Network, attention, layer_types, network, windows
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.recipes.importing.hugging_face.rope import rope


@reads("mellum", "Mellum", also={"num_experts": "num_local_experts", "num_mtp_layers": "num_nextn_predict_layers"})
def mellum(f: Fields) -> Network:
    """Mellum 2: Qwen3's experts with windowed layers, each sort with a rotary base of its own."""
    bias, each = f.flag("attention_bias"), windows(f)
    f.raw("mtp_layer_types"), f.raw("mtp_mlp_layer_types")
    types = layer_types(f, lambda i: "full_attention", TYPES)
    mixers = {
        t: attention(f, position=rope(f, t), qkv_bias=bias, out_bias=bias, qk_norm="head", window=each[t])
        for t in set(types)
    }
    return network(f, layered(f, [mixers[t] for t in types], after_dense(f), experts(f)))
