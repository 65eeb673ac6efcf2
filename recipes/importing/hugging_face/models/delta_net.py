"""DeltaNet."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.parts import Network, network, uniform
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.recipes.importing.hugging_face.recurrent import FLA, expanded, fla_channel
from lehr.simulators.layers import DeltaNet


@reads("delta_net", "DeltaNet", no_effect=FLA)
def delta_net(f: Fields) -> Network:
    """DeltaNet (arXiv:2406.06484) of flash-linear-attention."""
    f.fixed("attn", None)
    f.fixed("use_beta", True)
    width, n_heads = f.size("hidden_size"), f.size("num_heads")
    mixer = DeltaNet(
        n_heads=n_heads,
        d_key=expanded(f, "expand_k", width, n_heads),
        d_value=expanded(f, "expand_v", width, n_heads),
        conv_kernel=f.size("conv_size") if f.flag("use_short_conv") else 0,
        output_gate=f.flag("use_gate"),
    )
    f.raw("conv_size")
    return network(f, uniform(f, mixer, fla_channel(f)))
