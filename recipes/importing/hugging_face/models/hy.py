"""Tencent: Hunyuan 3 and 4."""

from __future__ import annotations

import msgspec

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.latent import HARMLESS, SHARED_NAMES, indexed, latent
from lehr.recipes.importing.hugging_face.mixtures import after_dense, experts, layered, routed
from lehr.recipes.importing.hugging_face.parts import Network, attention, network
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.recipes.importing.hugging_face.streams import connected
from lehr.simulators.layers import Indexer


@reads("hy_v3", "HYV3", also={"num_local_experts": "num_experts"})
def hy_v3(f: Fields) -> Network:
    """Hunyuan 3: dense layers first, one switch for biases."""
    bias = f.flag("attention_bias")
    f.fixed("mlp_bias", False)
    mixer = attention(f, qkv_bias=bias, out_bias=bias, qk_norm="head")
    moe = experts(f, n_shared_experts=f.extent("num_shared_experts"), router_bias_buffer=True)
    # a module has the last layer's shape (stored total of tencent/Hy3 on the hub)
    return network(f, layered(f, mixer, after_dense(f, otherwise=1), moe), mtp=f.extent("num_nextn_predict_layers"))


@reads("hy_v4", "HYV4", also=SHARED_NAMES, no_effect=f"{HARMLESS} layer_types hc_magnitude hc_eps learnable_sink_init")
def hy_v4(f: Fields) -> Network:
    """Hunyuan 4: latent attention with an indexer, sinks and a gate, streams by hyper-connections."""
    sparse = after_dense(f, otherwise=1)
    own = Indexer(n_heads=f.size("index_n_heads"), d_head=f.size("index_head_dim"), top_k=f.size("index_topk"))
    plain = msgspec.structs.replace(latent(f), sinks=True, output_gate="feature")
    mixers = {
        full: msgspec.structs.replace(plain, indexer=own if full else msgspec.structs.replace(own, shared=True))
        for full in (True, False)
    }
    blocks = layered(f, [mixers[full] for full in indexed(f, len(sparse))], sparse, routed(f))
    return network(f, connected(blocks, f.size("hc_mult"), mixed=False))
