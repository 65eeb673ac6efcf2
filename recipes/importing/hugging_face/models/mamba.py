"""Mamba and Mamba-2."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.parts import Network, network
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.recipes.importing.hugging_face.recurrent import heads_of_mamba2, step_rank
from lehr.simulators.architecture import Block
from lehr.simulators.layers import Mamba, RMSNorm

HUB = "d_inner d_model n_layer ssm_cfg fused_add_norm pad_vocab_size_multiple rms_norm"
"""What converted checkpoints carry along of the authors' own configuration."""


@reads("mamba", "Mamba", no_effect=HUB)
def mamba(f: Fields) -> Network:
    """Mamba (arXiv:2312.00752): blocks of a mixer only. Falcon-Mamba's norms inside have no weights."""
    width = f.size("hidden_size")
    d_inner = f.size("expand") * width
    stated = f.maybe_size("intermediate_size")
    if stated is not None and stated != d_inner:
        f.wrong("intermediate_size", f"{stated} is not expand times hidden_size, {d_inner}; keep one of the two")
    block = Block(
        mixer=Mamba(
            d_inner=d_inner,
            d_state=f.size("state_size"),
            conv_kernel=f.size("conv_kernel"),
            dt_rank=step_rank(f, "time_step_rank", width),
            conv_bias=f.flag("use_conv_bias"),
            bias=f.flag("use_bias"),
        ),
        norm=RMSNorm(),
    )
    f.fixed("hidden_act", "silu")
    return network(f, [block] * f.layers(), context=None)


@reads("mamba2", "Mamba2", no_effect=f"{HUB} time_step_rank norm_before_gate rms_norm")
def mamba2(f: Fields) -> Network:
    """Mamba-2 (arXiv:2405.21060): blocks of a mixer only."""
    mixer = heads_of_mamba2(
        f,
        n_heads="num_heads",
        d_head="head_dim",
        d_state="state_size",
        n_groups="n_groups",
        conv_kernel="conv_kernel",
        conv_bias="use_conv_bias",
        bias="use_bias",
        expand="expand",
    )
    f.fixed("hidden_act", "silu")
    return network(f, [Block(mixer=mixer, norm=RMSNorm())] * f.layers(), context=None)
