"""Encoders with a decoder: T5, BART and what came of them."""

from __future__ import annotations

from collections.abc import Sequence

from lehr.recipes.importing.hugging_face.classes import SEQ2SEQ_TASKS, reads
from lehr.recipes.importing.hugging_face.parts import EncoderStack, Network, Placement, activation, tables
from lehr.recipes.importing.hugging_face.reading import Fields, shown
from lehr.simulators.architecture import Block
from lehr.simulators.layers import (
    MLP,
    Attention,
    CrossAttention,
    LayerNorm,
    MoE,
    NoPosition,
    Norm,
    RelativeBias,
    RMSNorm,
)
from lehr.simulators.layers.mlp import Activation

PROJECTIONS: dict[str, tuple[Activation, bool]] = {
    "relu": ("relu", False),
    "gated-gelu": ("gelu_tanh", True),
    "gated-relu": ("relu", True),
    "gated-silu": ("silu", True),
    "gelu": ("gelu", False),
    "silu": ("silu", False),
}
"""T5's ``feed_forward_proj``: the activation and whether it is gated."""

T5_NAMES = {"hidden_size": "d_model", "num_attention_heads": "num_heads", "num_hidden_layers": "num_layers"}
T5_UNUSED = "n_ctx output_past"
T5_TASKS = {**SEQ2SEQ_TASKS, "EncoderModel": "encoder"}


def t5_channel(f: Fields) -> MLP:
    """Its MLP."""
    kind = f.one_of("feed_forward_proj", PROJECTIONS)
    act, gated = PROJECTIONS[kind]
    # both follow from the kind where the file does not have them
    gated = f.flag("is_gated_act") if f.given("is_gated_act") else gated
    act = activation(f, "dense_act_fn") if f.given("dense_act_fn") else act
    for field in ("is_gated_act", "dense_act_fn"):
        f.raw(field)
    return MLP(d_ff=f.size("d_ff"), activation=act, gated=gated)


def t5_mixers(f: Fields, n: int, *, every: bool) -> list[Attention]:
    """Its attention for each of ``n`` layers; the first one's table is all layers', or each has one."""
    buckets, reach = f.size("relative_attention_num_buckets"), f.maybe_size("relative_attention_max_distance") or 128
    n_heads = f.size("num_attention_heads")
    return [
        Attention(
            n_heads=n_heads,
            n_kv_heads=n_heads,
            d_head=f.size("d_kv"),
            position=RelativeBias(n_buckets=buckets, max_distance=reach, holds_table=every or layer == 0),
        )
        for layer in range(n)
    ]


def t5_like(f: Fields, encoder: Sequence[MLP | MoE], decoder: Sequence[MLP | MoE], *, every: bool) -> Network:
    """Both stacks, with the channel mixer of each layer."""
    n_heads, d_head = f.size("num_attention_heads"), f.size("d_kv")
    cross = CrossAttention(n_heads=n_heads, n_kv_heads=n_heads, d_head=d_head)
    first = [
        Block(mixer=mixer, mlp=channel, norm=RMSNorm())
        for mixer, channel in zip(t5_mixers(f, len(encoder), every=every), encoder, strict=True)
    ]
    second = [
        Block(mixer=mixer, cross=cross, mlp=channel, norm=RMSNorm())
        for mixer, channel in zip(t5_mixers(f, len(decoder), every=every), decoder, strict=True)
    ]
    context = f.maybe_size("n_positions")
    if f.head == "encoder":
        return alone(f, first, context)
    return Network(
        d_model=f.size("hidden_size"),
        context_length=context,
        embedding=tables(f),
        blocks=second,
        final_norm=RMSNorm(),
        encoder=EncoderStack(blocks=first, final_norm=RMSNorm()),
    )


def alone(f: Fields, blocks: list[Block], context: int | None) -> Network:
    """The encoder without a decoder."""
    return Network(
        d_model=f.size("hidden_size"),
        context_length=context,
        embedding=tables(f),
        blocks=blocks,
        final_norm=RMSNorm(),
        causal=False,
    )


def decoded(f: Fields, otherwise: int) -> int:
    """Layers of the decoder, as many as of the encoder where nothing is said."""
    f.maybe_size("num_decoder_layers")
    given = f.data.get("num_decoder_layers") is not None
    return f.layers("num_decoder_layers") if given or not f.given("num_layers") else otherwise


@reads("t5", "T5", also=T5_NAMES, tasks=T5_TASKS, no_effect=T5_UNUSED)
@reads("mt5", "MT5", also=T5_NAMES, tasks=T5_TASKS, no_effect=T5_UNUSED)
def t5(f: Fields) -> Network:
    """T5 (arXiv:1910.10683) and mT5 (arXiv:2010.11934)."""
    n, channel = f.layers(), t5_channel(f)
    return t5_like(f, [channel] * n, [channel] * decoded(f, n), every=False)


@reads("umt5", "UMT5", also=T5_NAMES, tasks=T5_TASKS, no_effect=f"{T5_UNUSED} scalable_attention")
def umt5(f: Fields) -> Network:
    """UMT5 (arXiv:2304.09151): T5 with a table of positions in every layer."""
    n, channel = f.layers(), t5_channel(f)
    return t5_like(f, [channel] * n, [channel] * decoded(f, n), every=True)


@reads(
    "switch_transformers",
    "SwitchTransformers",
    also=T5_NAMES,
    tasks=T5_TASKS,
    no_effect=f"{T5_UNUSED} feed_forward_proj is_gated_act",
)
def switch(f: Fields) -> Network:
    """Switch Transformers (arXiv:2101.03961): T5 with experts, one of them for a token, in one of so many layers."""
    f.fixed("tie_word_embeddings", True)
    n = f.layers()
    dense = MLP(d_ff=f.size("d_ff"), activation=activation(f, "dense_act_fn"))
    moe = MoE(
        n_experts=f.size("num_experts"),
        top_k=1,
        d_ff_expert=dense.d_ff,
        activation=dense.activation,
        router_bias=f.flag("router_bias"),
    )

    def mixed(layers: int, side: str) -> list[MLP | MoE]:
        sparse, stated = f.extent(f"num_sparse_{side}_layers"), f.extent(f"{side}_sparse_step")
        step = layers // sparse if sparse else layers
        step = stated if f.given(f"{side}_sparse_step") else step
        return [moe if step == 1 or (step and i % step == 1) else dense for i in range(layers)]

    return t5_like(f, mixed(n, "encoder"), mixed(decoded(f, n), "decoder"), every=False)


BART_NAMES = {"hidden_size": "d_model"}
BART_UNUSED = (
    "num_hidden_layers add_bias_logits classif_dropout "
    "output_past use_prompt prompt_length prompt_mid_dim "
    "force_bos_token_to_be_generated do_blenderbot_90_layernorm extra_pos_embeddings "
    "extra_layer_norm"
)


class Bart:
    """How the networks after BART differ: where norms stand, whether positions are learned, rows added to them."""

    def __init__(self, *, placement: Placement, embedding_norm: bool, final_norm: bool, rows: int | None) -> None:
        self.placement = placement
        self.embedding_norm: Norm | None = LayerNorm() if embedding_norm else None
        self.final_norm: Norm | None = LayerNorm() if final_norm else None
        self.rows = rows


def bart_like(f: Fields, how: Bart) -> Network:
    """Both stacks with biases everywhere."""
    f.fixed("use_prompt", False)
    f.raw("num_hidden_layers")
    width, act = f.size("hidden_size"), activation(f, "activation_function")
    channels, sides = {}, {}
    for side in ("encoder", "decoder"):
        n_heads = f.size(f"{side}_attention_heads")
        if width % n_heads:
            f.wrong(f"{side}_attention_heads", f"{n_heads} heads do not divide the width {width}")
        d_head = width // n_heads
        channels[side] = MLP(d_ff=f.size(f"{side}_ffn_dim"), activation=act, bias=True)
        sides[side] = Attention(
            n_heads=n_heads, n_kv_heads=n_heads, d_head=d_head, qkv_bias=True, out_bias=True, position=NoPosition()
        )
    of = sides["decoder"]
    cross = CrossAttention(
        n_heads=of.n_heads, n_kv_heads=of.n_heads, d_head=of.d_head, q_bias=True, kv_bias=True, out_bias=True
    )
    context = f.size("max_position_embeddings")
    rows = 0 if how.rows is None else context + how.rows
    first = Block(mixer=sides["encoder"], mlp=channels["encoder"], norm=LayerNorm(), norm_placement=how.placement)
    second = Block(mixer=of, cross=cross, mlp=channels["decoder"], norm=LayerNorm(), norm_placement=how.placement)
    return Network(
        d_model=width,
        context_length=context,
        embedding=tables(f, positions=rows),
        blocks=[second] * f.layers("decoder_layers"),
        final_norm=how.final_norm,
        embedding_norm=how.embedding_norm,
        encoder=EncoderStack(
            blocks=[first] * f.layers("encoder_layers"),
            final_norm=how.final_norm,
            embedding_norm=how.embedding_norm,
            learned_positions=rows,
        ),
    )


BARTS = {
    ("bart", "Bart"): Bart(placement="post", embedding_norm=True, final_norm=False, rows=2),
    ("plbart", "PLBart"): Bart(placement="post", embedding_norm=True, final_norm=False, rows=2),
    ("mvp", "Mvp"): Bart(placement="post", embedding_norm=True, final_norm=False, rows=2),
    ("mbart", "MBart"): Bart(placement="pre", embedding_norm=True, final_norm=True, rows=2),
    ("blenderbot", "Blenderbot"): Bart(placement="pre", embedding_norm=False, final_norm=True, rows=0),
    ("blenderbot-small", "BlenderbotSmall"): Bart(placement="post", embedding_norm=True, final_norm=False, rows=0),
    ("pegasus", "Pegasus"): Bart(placement="pre", embedding_norm=False, final_norm=True, rows=None),
    ("m2m_100", "M2M100"): Bart(placement="pre", embedding_norm=False, final_norm=True, rows=None),
    ("marian", "Marian"): Bart(placement="post", embedding_norm=False, final_norm=False, rows=None),
}
"""BART (arXiv:1910.13461), PLBART (arXiv:2103.06333), MVP (arXiv:2206.12131), mBART (arXiv:2001.08210), Blenderbot
(arXiv:2004.13637), PEGASUS (arXiv:1912.08777), M2M-100 and NLLB (arXiv:2010.11125), Marian."""


def _enter(model_type: str, prefix: str, how: Bart) -> None:
    @reads(model_type, prefix, also=BART_NAMES, tasks=SEQ2SEQ_TASKS, no_effect=BART_UNUSED)
    def read(f: Fields) -> Network:
        for field, value in (("normalize_before", how.placement == "pre"), ("add_final_layer_norm", None)):
            stated = f.raw(field)
            if stated is not None and value is not None and stated != value:
                f.wrong(field, f"{shown(stated)} cannot be described for this class; leave the field out")
        for field in ("normalize_embedding", "static_position_embeddings", "decoder_vocab_size"):
            f.raw(field)
        f.fixed("share_encoder_decoder_embeddings", True)
        f.fixed("tie_word_embeddings", True)
        f.fixed("decoder_vocab_size", f.size("vocab_size"))
        return bart_like(f, how)


for (_type, _prefix), _how in BARTS.items():
    _enter(_type, _prefix, _how)
