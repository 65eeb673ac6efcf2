"""ModernBERT, the encoder and the decoder."""

from __future__ import annotations

import msgspec

from lehr.recipes.importing.hugging_face.classes import BARE_TASKS, reads
from lehr.recipes.importing.hugging_face.encoders import encoder, ends
from lehr.recipes.importing.hugging_face.parts import TYPES, Network, activation, attention, layer_types
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.recipes.importing.hugging_face.rope import rope, with_base
from lehr.simulators.architecture import Block
from lehr.simulators.layers import MLP, LayerNorm, MaskedLMHead


@reads(
    "modernbert",
    "ModernBert",
    tasks=BARE_TASKS,
    head="mlm",
    no_effect="causal_mask position_embedding_type",
)
def modernbert(f: Fields) -> Network:
    """ModernBERT (arXiv:2412.13663): gated MLP, rotary positions, layers that see all and windows in turn."""
    bias, norm = f.flag("attention_bias"), LayerNorm(bias=f.flag("norm_bias"))
    every = f.maybe_size("global_attn_every_n_layers") or 3
    types = layer_types(f, lambda layer: TYPES[int(layer % every != 0)], TYPES)
    bases = {
        "full_attention": f.maybe_number("global_rope_theta"),
        "sliding_attention": f.maybe_number("local_rope_theta"),
    }
    windows = {"full_attention": None, "sliding_attention": f.size("local_attention")}
    mixers = {
        t: attention(f, position=with_base(rope(f, t), bases[t]), qkv_bias=bias, out_bias=bias, window=windows[t])
        for t in set(types)
    }
    channel = MLP(
        d_ff=f.size("intermediate_size"),
        activation=activation(f, "hidden_activation"),
        gated=True,
        bias=f.flag("mlp_bias"),
    )
    blocks = [Block(mixer=mixers[t], mlp=channel, norm=norm) for t in types]
    # the first layer has no norm before its attention, which is that after the tables
    head = MaskedLMHead(bias=f.flag("classifier_bias"), norm_bias=norm.bias) if f.head == "mlm" else None
    return encoder(
        f,
        blocks,
        ends(f, head_bias=f.flag("decoder_bias")),
        context=f.size("max_position_embeddings"),
        embedding_norm=None,
        final_norm=norm,
        output=head,
    )


@reads(
    "modernbert-decoder",
    "ModernBertDecoder",
    no_effect="position_embedding_type sliding_window",
)
def modernbert_decoder(f: Fields) -> Network:
    """ModernBERT as a decoder (Ettin, arXiv:2507.11412)."""
    lm = f.head == "lm"
    f.head = "mlm" if lm else f.head
    found = modernbert(f)
    f.head = "lm" if lm else f.head
    return msgspec.structs.replace(found, causal=True)
