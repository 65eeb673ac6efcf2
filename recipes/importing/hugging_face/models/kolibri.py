"""Kolibri."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.mixtures import experts
from lehr.recipes.importing.hugging_face.parts import TYPES, Network, attention, layer_types, network, windows
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.recipes.importing.hugging_face.rope import rope
from lehr.simulators.architecture import Block
from lehr.simulators.layers import RMSNorm


@reads("kolibri1", "Kolibri1", also={"num_experts": "num_local_experts"})
def kolibri(f: Fields) -> Network:
    """Kolibri: windowed layers, norms before and after each sublayer, experts beside a shared one."""
    each = windows(f)
    types = layer_types(f, lambda i: TYPES[int((i + 1) % 5 != 0)], TYPES)
    mixers = {t: attention(f, position=rope(f, t), qk_norm="head", window=each[t]) for t in TYPES}
    moe = experts(f, shared_d_ff=f.extent("shared_expert_intermediate_size"), router_bias_buffer=True)
    return network(f, [Block(mixer=mixers[t], mlp=moe, norm=RMSNorm(), norm_placement="sandwich") for t in types])
