"""NVIDIA: Nemotron, dense, hybrid, and with layers that a search chose (Puzzle, arXiv:2411.19146)."""

from __future__ import annotations

from typing import Any

import msgspec

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.parts import Network, activation, attention, mlp, network, uniform
from lehr.recipes.importing.hugging_face.reading import Fields, shown, whole
from lehr.recipes.importing.hugging_face.recurrent import heads_of_mamba2
from lehr.recipes.importing.hugging_face.rope import no_rope
from lehr.simulators.architecture import Block
from lehr.simulators.layers import MLP, Attention, LayerNorm, Mamba2, MoE, RMSNorm


@reads("nemotron", "Nemotron", any_heads=True)
def nemotron(f: Fields) -> Network:
    """Nemotron (arXiv:2402.16819) and Jais 2: LayerNorm and a plain MLP of squared ReLU."""
    bias, norm = f.flag("attention_bias"), LayerNorm()
    mixer = attention(f, qkv_bias=bias, out_bias=bias)
    return network(f, uniform(f, mixer, mlp(f, gated=False, bias=f.flag("mlp_bias")), norm), norm=norm)


LETTERS = {"M": "linear_attention", "E": "moe", "*": "full_attention", "-": "mlp"}
"""Nemotron-H's ``hybrid_override_pattern``."""

OLDER = {
    "n_groups": "mamba_n_groups",
    "conv_kernel": "mamba_d_conv",
    "expand": "mamba_expand",
    "use_conv_bias": "mamba_conv_bias",
}
"""Nemotron-H's fields under their newer name and their older one."""

NEMOTRON_FIELDS = frozenset(
    """
    attention_bias head_dim intermediate_size mamba_head_dim mamba_num_heads mamba_proj_bias mlp_bias mlp_hidden_act
    moe_intermediate_size moe_latent_size moe_shared_expert_intermediate_size n_groups n_routed_experts n_shared_experts
    num_attention_heads num_experts_per_tok num_key_value_heads rope_theta ssm_state_size conv_kernel use_bias
    use_conv_bias
    """.split()  # noqa: SIM905
)
"""What only layers of one kind need; it may stand in any file of the class."""


@reads(
    "nemotron_h",
    "NemotronH",
    also={"num_local_experts": "n_routed_experts", "layer_types": "layers_block_type"},
    no_effect="mamba_dt_init_floor mamba_dt_limit mamba_dt_max mamba_dt_min mamba_hidden_act expand mamba_expand "
    "moe_shared_expert_overlap sliding_window attention_head_dim "
    "partial_rotary_factor time_step_rank",
    inside="nemotron_h_omni",
)
def nemotron_h(f: Fields) -> Network:
    """Nemotron-H (arXiv:2504.03624): every layer is one sublayer, a mixer, an MLP or experts, behind one norm."""
    types = nemotron_pattern(f)
    for newer, older in OLDER.items():
        if f.given(older) and not f.given(newer):
            f.data = {**f.data, newer: f.data[older]}
        f.raw(older)
    f.fixed("tie_word_embeddings", False)
    blocks: dict[str, Block] = {}
    if "linear_attention" in types:
        blocks["linear_attention"] = Block(mixer=nemotron_mamba2(f), norm=RMSNorm())
    if "full_attention" in types:
        blocks["full_attention"] = Block(mixer=attention(f, position=no_rope(f)), norm=RMSNorm())
    if "mlp" in types:
        channel = mlp(f, gated=False, bias=f.flag("mlp_bias"), act="mlp_hidden_act")
        blocks["mlp"] = Block(mlp=channel, norm=RMSNorm())
    if "moe" in types:
        blocks["moe"] = Block(mlp=nemotron_experts(f), norm=RMSNorm())
    for field in NEMOTRON_FIELDS:
        # read even where no layer is of the kind that needs them
        f.raw(field)
    found = network(f, [blocks[t] for t in types])
    letters, listed = f.maybe_word("mtp_hybrid_override_pattern"), f.maybe_list("mtp_layers_block_type")
    if f.given("num_nextn_predict_layers") and (letters == "*E" or listed == ["attention", "moe"]):
        # a layer of attention and one of experts: together one block with two norms
        one = Block(mixer=attention(f, position=no_rope(f)), mlp=nemotron_experts(f), norm=RMSNorm())
        found = msgspec.structs.replace(found, mtp=f.extent("num_nextn_predict_layers"), mtp_block=one)
    return found


def nemotron_pattern(f: Fields) -> list[str]:
    """What each layer is: ``layers_block_type``, or the letters of ``hybrid_override_pattern``."""
    listed, letters = f.maybe_list("layer_types"), f.maybe_word("hybrid_override_pattern")
    f.maybe_size("num_hidden_layers")
    if not f.given("layer_types") and letters:
        listed = [LETTERS.get(letter) for letter in letters]
    older = {"mamba": "linear_attention", "attention": "full_attention"}
    found = [older.get(kind, kind) if isinstance(kind, str) else None for kind in listed or []]
    if not found or len(found) > 10_000 or not set(found) <= set(LETTERS.values()):
        f.wrong("hybrid_override_pattern", f"write a letter for each layer: {', '.join(LETTERS)}")
    return [kind for kind in found if kind is not None]


def nemotron_mamba2(f: Fields) -> Mamba2:
    """Its Mamba-2 mixer, as wide as its heads together."""
    return heads_of_mamba2(
        f,
        n_heads="mamba_num_heads",
        d_head="mamba_head_dim",
        d_state="ssm_state_size",
        n_groups="n_groups",
        conv_kernel="conv_kernel",
        conv_bias="use_conv_bias",
        bias="use_bias",
        expand=None,
    )


def nemotron_experts(f: Fields) -> MoE:
    """Its experts: plain MLPs of squared ReLU, shared ones of a width of their own."""
    f.fixed("mlp_bias", False)
    n_experts, top_k = f.size("n_routed_experts"), f.size("num_experts_per_tok")
    if top_k > n_experts:
        f.wrong("num_experts_per_tok", f"{top_k} of {n_experts} experts; write {n_experts} or less")
    f.raw("n_shared_experts")
    return MoE(
        n_experts=n_experts,
        top_k=top_k,
        d_ff_expert=f.size("moe_intermediate_size"),
        shared_d_ff=f.extent("moe_shared_expert_intermediate_size"),
        d_latent=f.maybe_size("moe_latent_size"),
        activation=activation(f, "mlp_hidden_act"),
        router_bias_buffer=True,
    )


MULTIPLE = 256
"""Widths of its MLPs are rounded up to this."""

UNTOLD = ("replace_with_linear", "sparsify", "num_sink_tokens", "window_length", "unshifted_sink")
"""What a sublayer of this class may be besides, and has no description."""


@reads("nemotron-nas", "DeciLM", no_effect="num_key_value_heads intermediate_size")
def decilm(f: Fields) -> Network:
    """Llama-Nemotron (arXiv:2505.00949): LLaMA's layers, each with heads and a width of its own, or without one of its
    two sublayers and the norm before it."""
    bias, wide = f.flag("attention_bias"), f.flag("mlp_bias")
    n_heads, act = f.size("num_attention_heads"), activation(f)
    blocks = []
    for layer, entry in enumerate(f.maybe_list("block_configs", f.layers()) or []):
        parts = entry if isinstance(entry, dict) else {}
        heads, width = sublayer(f, layer, parts, "attention"), sublayer(f, layer, parts, "ffn")
        mixer: Attention | None = None
        if heads is not None:
            sharing = whole(heads.get("n_heads_in_group"))
            if sharing is None or sharing < 1 or n_heads % sharing:
                f.wrong("block_configs", f"layer {layer}: n_heads_in_group {shown(sharing)} does not divide {n_heads}")
            f.data = {**f.data, "num_key_value_heads": n_heads // sharing}
            mixer = attention(f, qkv_bias=bias, out_bias=bias)
        channel: MLP | None = None
        if width is not None:
            factor = width.get("ffn_mult")
            if isinstance(factor, bool) or not isinstance(factor, (int, float)) or not 0 < factor < 1e6:
                f.wrong("block_configs", f"layer {layer}: ffn_mult {shown(factor)}; write a number above 0")
            d_ff = -(-int(2 * factor * f.size("hidden_size") / 3) // MULTIPLE) * MULTIPLE
            channel = MLP(d_ff=d_ff, activation=act, gated=True, bias=wide)
        if mixer or channel:
            blocks.append(Block(mixer=mixer, mlp=channel, norm=RMSNorm()))
    if not blocks:
        f.wrong("block_configs", "is missing; write attention and ffn for each layer")
    return network(f, blocks)


def sublayer(f: Fields, layer: int, parts: dict[str, Any], name: str) -> dict[str, Any] | None:
    """What ``block_configs`` says of a sublayer, nothing where it is left out."""
    part = parts.get(name)
    if not isinstance(part, dict):
        f.wrong("block_configs", f"layer {layer}: found {shown(part)} for {name}; write a mapping")
    for field in UNTOLD:
        if part.get(field):
            f.wrong("block_configs", f"layer {layer}: {field} of {name} cannot be described yet")
    return None if part.get("no_op") else part
