"""Meituan: LongCat-Flash."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.latent import HARMLESS, latent
from lehr.recipes.importing.hugging_face.parts import Network, activation, network
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.simulators.architecture import Block
from lehr.simulators.layers import MLP, MoE, RMSNorm


@reads(
    "longcat_flash",
    "LongcatFlash",
    named={"num_hidden_layers": "num_layers"},
    also={"num_experts_per_tok": "moe_topk"},
    no_effect=f"{HARMLESS} num_hidden_layers zero_expert_type mla_scale_q_lora mla_scale_kv_lora attention_method",
)
def longcat_flash(f: Fields) -> Network:
    """LongCat-Flash (arXiv:2509.01322): a layer is two of attention and MLP, with experts beside the first MLP."""
    f.fixed("zero_expert_type", "identity")
    n_experts, top_k = f.size("n_routed_experts"), f.size("num_experts_per_tok")
    zero, act = f.extent("zero_expert_num"), activation(f)
    if top_k > n_experts:
        f.wrong("moe_topk", f"{top_k} of {n_experts} experts; write {n_experts} or less")
    dense = MLP(d_ff=f.size("ffn_hidden_size"), activation=act, gated=True)
    moe = MoE(
        n_experts=n_experts,
        top_k=top_k,
        d_ff_expert=f.size("expert_ffn_hidden_size"),
        shared_d_ff=dense.d_ff,
        activation=act,
        gated=True,
        router_bias=f.flag("router_bias"),
        router_bias_buffer=True,
        n_zero_experts=zero,
    )
    if zero:
        f.note(f"{zero} experts that do nothing are among those chosen: fewer parameters are active than with {top_k}")
    f.note("each layer of the file is two: experts beside the first MLP, the second MLP alone")
    mixer = latent(f)
    both = [Block(mixer=mixer, mlp=channel, norm=RMSNorm()) for channel in (moe, dense)]
    return network(f, both * f.layers())
