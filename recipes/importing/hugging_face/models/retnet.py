"""Microsoft: RetNet."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.parts import Network, network, uniform
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.recipes.importing.hugging_face.recurrent import FLA, expanded, fla_channel
from lehr.recipes.importing.hugging_face.rope import rope
from lehr.simulators.layers import Retention


@reads("retnet", "RetNet", no_effect=FLA)
def retnet(f: Fields) -> Network:
    """RetNet (arXiv:2307.08621) of flash-linear-attention."""
    f.fixed("attn", None)
    f.fixed("use_short_conv", False)
    width, n_heads = f.size("hidden_size"), f.size("num_heads")
    mixer = Retention(
        n_heads=n_heads,
        d_key=expanded(f, "expand_k", width, n_heads),
        d_value=expanded(f, "expand_v", width, n_heads),
        output_gate=f.flag("use_output_gate"),
        position=rope(f),
    )
    return network(f, uniform(f, mixer, fla_channel(f)))
