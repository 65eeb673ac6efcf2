"""Microsoft: DeBERTa."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import ENCODER_TASKS, reads
from lehr.recipes.importing.hugging_face.encoders import encoder, ends, narrow, on_top
from lehr.recipes.importing.hugging_face.heads import biased
from lehr.recipes.importing.hugging_face.parts import Network, mlp
from lehr.recipes.importing.hugging_face.reading import Fields, shown
from lehr.simulators.architecture import Block
from lehr.simulators.layers import Disentangled, LayerNorm, NoPosition


@reads(
    "deberta-v2",
    "DebertaV2",
    tasks={**ENCODER_TASKS, "Model": "none"},
    head="mlm",
    no_effect="pooler_size norm_rel_ebd_eps max_relative_positions",
)
def deberta_v2(f: Fields) -> Network:
    """DeBERTa-v3 (arXiv:2111.09543): BERT whose scores know relative positions by a table of vectors."""
    f.fixed("conv_kernel_size", 0)
    factored = narrow(f, bias=False)
    if f.raw("legacy") is False:
        # the newer head multiplies by the table, whatever tie_word_embeddings says
        f.data = {**f.data, "tie_word_embeddings": True}
    f.fixed("pooler_hidden_size", f.size("hidden_size"))
    kinds = f.raw("pos_att_type") or []
    kinds = kinds.split("|") if isinstance(kinds, str) else kinds
    relative, shares = f.flag("relative_attention"), f.flag("share_att_key")
    buckets = f.maybe_size("position_buckets", least=-1)
    rows = reach(f) if buckets is None or buckets < 1 else buckets
    if relative and sorted(map(str, kinds)) != ["c2p", "p2c"]:
        f.wrong("pos_att_type", f"{shown(kinds)} cannot be described yet; only c2p and p2c can")
    normed = f.maybe_word("norm_rel_ebd") or "none"
    mixers = [
        biased(
            f,
            Disentangled(
                n_rows=2 * rows, holds_table=layer == 0, norm="layer_norm" in normed, own_projections=not shares
            ),
        )
        if relative
        else biased(f, NoPosition())
        for layer in range(f.layers())
    ]
    channel = mlp(f, gated=False, bias=True)
    blocks = [Block(mixer=mixer, mlp=channel, norm=LayerNorm(), norm_placement="post") for mixer in mixers]
    context = f.size("max_position_embeddings")
    learned = context if f.raw("position_biased_input") is not False else 0
    return encoder(
        f,
        blocks,
        ends(f, positions=learned, token_types=f.extent("type_vocab_size"), factored=factored),
        context=context,
        embedding_norm=LayerNorm(),
        output=on_top(f),
    )


def reach(f: Fields) -> int:
    """``max_relative_positions``, or as many as there are positions."""
    stated = f.maybe_size("max_relative_positions", least=-1)
    return f.size("max_position_embeddings") if stated is None or stated < 1 else stated
