"""IBM: Bamba."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.parts import Network, attention, mlp, network
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.recipes.importing.hugging_face.recurrent import prefixed_mamba2
from lehr.simulators.architecture import Block
from lehr.simulators.layers import Mixer, RMSNorm


@reads("bamba", "Bamba", no_effect="layers_block_type", any_heads=True)
def bamba(f: Fields) -> Network:
    """Bamba: Mamba-2, attention in the layers that ``attn_layer_indices`` lists, a dense MLP in all."""
    bias, attends = f.flag("attention_bias"), set(f.maybe_indices("attn_layer_indices") or [])
    mixers: dict[bool, Mixer] = {
        True: attention(f, qkv_bias=bias, out_bias=bias),
        False: prefixed_mamba2(f),
    }
    channel = mlp(f, gated=True, bias=f.flag("mlp_bias"))
    blocks = [Block(mixer=mixers[i in attends], mlp=channel, norm=RMSNorm()) for i in range(f.layers())]
    return network(f, blocks)
