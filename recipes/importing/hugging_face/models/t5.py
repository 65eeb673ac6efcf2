"""Google: T5 and its kin."""

from __future__ import annotations

from collections.abc import Sequence

from lehr.recipes.importing.hugging_face.classes import SEQ2SEQ_TASKS, reads
from lehr.recipes.importing.hugging_face.parts import EncoderStack, Network, activation, tables
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.simulators.architecture import Block
from lehr.simulators.layers import MLP, Attention, CrossAttention, MoE, RelativeBias, RMSNorm
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
