"""Networks that mix attention with a recurrence: Jamba, Bamba, Granite 4, Qwen3-Next, MiniMax-M1, Nemotron-H."""

from __future__ import annotations

import msgspec

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.mixtures import LOCAL, experts, layered, stepped
from lehr.recipes.importing.hugging_face.parts import Network, activation, attention, heads, layer_types, mlp, network
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.recipes.importing.hugging_face.recurrent import heads_of_mamba2, step_rank
from lehr.recipes.importing.hugging_face.rope import no_rope, rope
from lehr.simulators.architecture import Block
from lehr.simulators.layers import (
    MLP,
    Attention,
    GatedDeltaNet,
    LightningAttention,
    Mamba,
    Mamba2,
    Mixer,
    MoE,
    RMSNorm,
    Rope,
)

TWO = ("linear_attention", "full_attention")
"""What ``layer_types`` says of a layer with a recurrence and of one with softmax attention."""


@reads(
    "jamba",
    "Jamba",
    also={"num_local_experts": "num_experts"},
    no_effect="calc_logits_for_entire_prompt mamba_inner_layernorms n_ctx layers_block_type sliding_window",
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


def prefixed_mamba2(f: Fields) -> Mamba2:
    """A Mamba-2 mixer by fields that begin with ``mamba_``."""
    return heads_of_mamba2(
        f,
        n_heads="mamba_n_heads",
        d_head="mamba_d_head",
        d_state="mamba_d_state",
        n_groups="mamba_n_groups",
        conv_kernel="mamba_d_conv",
        conv_bias="mamba_conv_bias",
        bias="mamba_proj_bias",
        expand="mamba_expand",
    )


@reads("bamba", "Bamba", no_effect="layers_block_type")
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


@reads(
    "granitemoehybrid",
    "GraniteMoeHybrid",
    also={"layers_block_type": "layer_types"},
    no_effect="normalization_function init_method",
)
def granite_hybrid(f: Fields) -> Network:
    """Granite 4: Mamba-2 and attention; experts beside a shared one, or that one alone."""
    bias = f.flag("attention_bias")
    types = layer_types(f, lambda _: "linear_attention", TWO)
    kind = f.maybe_word("position_embedding_type")
    position = rope(f) if kind == "rope" else no_rope(f)
    mixers: dict[str, Mixer] = {
        "full_attention": attention(f, position=position, qkv_bias=bias, out_bias=bias),
        "linear_attention": prefixed_mamba2(f),
    }
    shared = f.extent("shared_intermediate_size")
    channel: MLP | MoE
    if f.extent("num_local_experts"):
        channel = experts(f, width="intermediate_size", count="num_local_experts", shared_d_ff=shared)
    else:
        f.raw("intermediate_size"), f.raw("num_experts_per_tok")
        channel = mlp(f, gated=True, width="shared_intermediate_size")
    return network(f, [Block(mixer=mixers[t], mlp=channel, norm=RMSNorm()) for t in types])


def delta_net(f: Fields) -> GatedDeltaNet:
    """Gated DeltaNet by fields that begin with ``linear_``."""
    n_k, n_v = f.size("linear_num_key_heads"), f.size("linear_num_value_heads")
    if n_v % n_k:
        f.wrong("linear_num_value_heads", f"{n_v} is not a multiple of the {n_k} of linear_num_key_heads")
    return GatedDeltaNet(
        n_k_heads=n_k,
        n_v_heads=n_v,
        d_key=f.size("linear_key_head_dim"),
        d_value=f.size("linear_value_head_dim"),
        conv_kernel=f.size("linear_conv_kernel_dim"),
    )


def delta_and_attention(f: Fields) -> list[Mixer]:
    """Three layers of Gated DeltaNet to one of gated attention, or as ``layer_types`` lists them."""
    period = f.maybe_size("full_attention_interval") or 4
    types = layer_types(f, lambda i: TWO[int((i + 1) % period == 0)], TWO)
    mixers: dict[str, Mixer] = {
        "full_attention": gated_attention(f),
        "linear_attention": delta_net(f),
    }
    return [mixers[t] for t in types]


def gated_attention(f: Fields) -> Attention:
    """Its softmax attention: a norm over each head, a gate on what the heads return."""
    bias = f.flag("attention_bias")
    return attention(f, qkv_bias=bias, out_bias=bias, qk_norm="head", output_gate=True)


GAIN = RMSNorm(zero_centred=True)
"""Qwen3-Next's norm multiplies by one plus its gain."""


def around_one(blocks: list[Block]) -> list[Block]:
    """The blocks with norms whose gains are around one."""
    return [msgspec.structs.replace(block, norm=GAIN) for block in blocks]


@reads("qwen3_next", "Qwen3Next", no_effect="use_sliding_window max_window_layers")
def qwen3_next(f: Fields) -> Network:
    """Qwen3-Next: Gated DeltaNet and gated attention, experts beside a shared one behind a gate."""
    moe = experts(f, shared_d_ff=f.size("shared_expert_intermediate_size"), shared_gate=True)
    blocks = layered(f, delta_and_attention(f), stepped(f), moe)
    return network(f, around_one(blocks), norm=GAIN)


@reads(
    "qwen3_5_text",
    "Qwen3_5",
    "Qwen3_5Text",
    no_effect=(QWEN35 := "attn_output_gate full_attention_interval mamba_ssm_dtype mlp_only_layers output_gate_type"),
)
def qwen3_5(f: Fields) -> Network:
    """Qwen3.5: as Qwen3-Next, with a dense MLP."""
    return with_prediction(f, mlp(f, gated=True))


def with_prediction(f: Fields, channel: MLP | MoE) -> Network:
    """The network with its modules for multi-token prediction, each a layer of gated attention."""
    blocks = [Block(mixer=mixer, mlp=channel, norm=GAIN) for mixer in delta_and_attention(f)]
    modules, own = f.extent("mtp_num_hidden_layers"), f.flag("mtp_use_dedicated_embeddings")
    found = network(f, blocks, norm=GAIN, mtp=modules, mtp_tables=own)
    block = Block(mixer=gated_attention(f), mlp=channel, norm=GAIN) if modules else None
    return msgspec.structs.replace(found, mtp_block=block)


@reads("qwen3_5_moe_text", "Qwen3_5Moe", "Qwen3_5MoeText", no_effect=QWEN35)
def qwen3_5_moe(f: Fields) -> Network:
    """Qwen3.5 with experts in every layer."""
    moe = experts(f, shared_d_ff=f.size("shared_expert_intermediate_size"), shared_gate=True)
    return with_prediction(f, moe)


@reads(
    "olmo_hybrid",
    "OlmoHybrid",
    no_effect="linear_a_log_max linear_a_log_min linear_allow_neg_eigval "
    "linear_dt_init_floor linear_dt_max linear_dt_min",
)
def olmo_hybrid(f: Fields) -> Network:
    """OLMo Hybrid: Gated DeltaNet with norms before, OLMo 2's attention with norms after each sublayer."""
    bias, channel = f.flag("attention_bias"), mlp(f, gated=True)
    types = layer_types(f, lambda i: TWO[int((i + 1) % 4 == 0)], TWO)
    position = rope(f) if f.raw("rope_parameters") is not None or f.raw("rope_theta") is not None else no_rope(f)
    blocks = {
        "full_attention": Block(
            mixer=attention(f, position=position, qkv_bias=bias, out_bias=bias, qk_norm="full"),
            mlp=channel,
            norm=RMSNorm(),
            norm_placement="post",
        ),
        "linear_attention": Block(mixer=delta_net(f), mlp=channel, norm=RMSNorm()),
    }
    return network(f, [blocks[t] for t in types])


MINIMAX = "postnorm shared_moe_mode sliding_window"


@reads("minimax", "MiniMax", also=LOCAL, no_effect=MINIMAX)
@reads("minimax_m1", "MiniMaxM1", also=LOCAL, no_effect=MINIMAX)
@reads("minimax_text_01", "MiniMaxText01", also=LOCAL, no_effect=MINIMAX)
def minimax(f: Fields) -> Network:
    """MiniMax-01 (arXiv:2501.08313): lightning attention, softmax attention where ``attn_type_list`` has 1, the sum of
    branches under a norm, half of each head rotated."""
    f.fixed("shared_intermediate_size", 0)
    n = f.layers()
    numbers = f.maybe_list("attn_type_list", n)
    if numbers is None:
        types = layer_types(f, lambda i: TWO[int(i % 2 == 0)], TWO)
    else:
        if not all(number in (0, 1) for number in numbers):
            f.wrong("attn_type_list", "write 0, lightning attention, or 1, softmax attention, for each layer")
        types = [TWO[number] for number in numbers]
    n_heads, _ = heads(f)
    d_head = f.maybe_size("head_dim") or f.size("hidden_size") // n_heads
    position, rotary = rope(f), f.maybe_size("rotary_dim")
    if rotary is not None:
        position = Rope(base=position.base, fraction=min(1.0, rotary / d_head), scaling=position.scaling)
    mixers: dict[str, Mixer] = {
        "full_attention": attention(f, position=position),
        "linear_attention": LightningAttention(n_heads=n_heads, d_head=d_head),
    }
    moe = experts(f, width="intermediate_size")
    return network(f, [Block(mixer=mixers[t], mlp=moe, norm=RMSNorm(), norm_placement="post") for t in types])


LETTERS = {"M": "linear_attention", "E": "moe", "*": "full_attention", "-": "mlp"}
"""Nemotron-H's ``hybrid_override_pattern``."""

OLDER = {
    "n_groups": "mamba_n_groups",
    "conv_kernel": "mamba_d_conv",
    "expand": "mamba_expand",
    "use_conv_bias": "mamba_conv_bias",
}
"""Nemotron-H's fields under their newer name and their older one."""


@reads(
    "nemotron_h",
    "NemotronH",
    also={"num_local_experts": "n_routed_experts", "layer_types": "layers_block_type"},
    no_effect="mamba_dt_init_floor mamba_dt_limit mamba_dt_max mamba_dt_min mamba_hidden_act expand mamba_expand "
    "moe_shared_expert_overlap sliding_window attention_head_dim "
    "partial_rotary_factor time_step_rank",
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


NEMOTRON_FIELDS = frozenset(
    """
    attention_bias head_dim intermediate_size mamba_head_dim mamba_num_heads mamba_proj_bias mlp_bias mlp_hidden_act
    moe_intermediate_size moe_latent_size moe_shared_expert_intermediate_size n_groups n_routed_experts n_shared_experts
    num_attention_heads num_experts_per_tok num_key_value_heads rope_theta ssm_state_size conv_kernel use_bias
    use_conv_bias
    """.split()  # noqa: SIM905
)
"""What only layers of one kind need; it may stand in any file of the class."""


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
