"""Meta: OPT."""

from __future__ import annotations

import msgspec

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.heads import biased
from lehr.recipes.importing.hugging_face.parts import Network, activation, tables, uniform
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.simulators.layers import MLP, Factored, LayerNorm, NoPosition


@reads("opt", "OPT", no_effect="dropout layerdrop init_std", inside="blip-2 instructblip instructblipvideo")
def opt(f: Fields) -> Network:
    """OPT (arXiv:2205.01068): learned positions with two rows more; one switch for biases, one for norms' weights."""
    width = f.maybe_size("word_embed_proj_dim")
    narrow = None if width in (None, f.size("hidden_size")) else width
    learned = f.raw("layer_norm_elementwise_affine") is not False
    norm = LayerNorm(gain=learned, bias=learned)
    before = f.raw("do_layer_norm_before") is not False
    bias = f.flag("enable_bias")
    channel = MLP(d_ff=f.size("ffn_dim"), activation=activation(f, "activation_function"), bias=bias)
    blocks = uniform(f, biased(f, NoPosition(), bias=bias), channel, norm, "pre" if before else "post")
    removed = f.flag("_remove_final_layer_norm")
    return Network(
        d_model=f.size("hidden_size"),
        context_length=f.size("max_position_embeddings"),
        embedding=msgspec.structs.replace(
            tables(f, positions=f.size("max_position_embeddings") + 2),
            factored=narrow and Factored(width=narrow, bias=False, positions=False, head="projection"),
        ),
        blocks=blocks,
        final_norm=norm if before and not removed else None,
    )
