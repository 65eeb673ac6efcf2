"""AI21: Jamba."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.mixtures import experts, layered
from lehr.recipes.importing.hugging_face.parts import Network, attention, mlp, network
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.recipes.importing.hugging_face.recurrent import step_rank
from lehr.recipes.importing.hugging_face.rope import no_rope
from lehr.simulators.architecture import Block
from lehr.simulators.layers import Mamba, Mixer, RMSNorm


@reads(
    "jamba",
    "Jamba",
    also={"num_local_experts": "num_experts"},
    no_effect="calc_logits_for_entire_prompt mamba_inner_layernorms n_ctx layers_block_type sliding_window",
    any_heads=True,
)
def jamba(f: Fields) -> Network:
    """Jamba (arXiv:2403.19887): attention without positions in one layer of a period, experts in every other."""
    n, width = f.layers(), f.size("hidden_size")
    mixers: dict[bool, Mixer] = {True: attention(f, position=no_rope(f)), False: inner_mamba(f, width)}
    attends = every(f, "attn_layer_period", "attn_layer_offset", n)
    if f.size("num_experts") == 1:
        sparse = [False] * n
        f.raw("expert_layer_period"), f.raw("expert_layer_offset"), f.raw("num_experts_per_tok")
        dense = mlp(f, gated=True)
        return network(f, [Block(mixer=mixers[a], mlp=dense, norm=RMSNorm()) for a in attends])
    sparse = every(f, "expert_layer_period", "expert_layer_offset", n)
    moe = experts(f, width="intermediate_size")
    return network(f, layered(f, [mixers[a] for a in attends], sparse, moe))


def inner_mamba(f: Fields, width: int) -> Mamba:
    """Jamba's Mamba, with a norm of step, input and output matrices."""
    return Mamba(
        d_inner=f.size("mamba_expand") * width,
        d_state=f.size("mamba_d_state"),
        conv_kernel=f.size("mamba_d_conv"),
        dt_rank=step_rank(f, "mamba_dt_rank", width),
        conv_bias=f.flag("mamba_conv_bias"),
        bias=f.flag("mamba_proj_bias"),
        inner_norms=True,
    )


def every(f: Fields, period: str, offset: str, n: int) -> list[bool]:
    """Which of ``n`` layers are the ``offset``-th of their ``period``."""
    length, place = f.size(period), f.extent(offset)
    return [layer % length == place for layer in range(n)]
