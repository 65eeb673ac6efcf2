"""Encoders with a decoder after BART (arXiv:1910.13461)."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import SEQ2SEQ_TASKS, reads
from lehr.recipes.importing.hugging_face.parts import EncoderStack, Network, activation, tables
from lehr.recipes.importing.hugging_face.reading import Fields, shown
from lehr.simulators.architecture import Block, Placement
from lehr.simulators.layers import MLP, Attention, CrossAttention, LayerNorm, NoPosition, Norm

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


def enter(model_type: str, prefix: str, how: Bart) -> None:
    """Enter a class of this shape."""

    @reads(model_type, prefix, also=BART_NAMES, tasks=SEQ2SEQ_TASKS, no_effect=BART_UNUSED)
    def read(f: Fields) -> Network:
        """BART's encoder and decoder (arXiv:1910.13461)."""
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
