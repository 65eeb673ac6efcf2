"""Alibaba: GTE v1.5, whose class is called New."""

from __future__ import annotations

import msgspec

from lehr.recipes.importing.hugging_face.classes import BARE_TASKS, reads
from lehr.recipes.importing.hugging_face.encoders import rotated
from lehr.recipes.importing.hugging_face.parts import Network, mlp
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.simulators.layers import MLP


@reads(
    "new",
    "New",
    tasks=BARE_TASKS,
    head="mlm",
    no_effect="logn_attention_clip1 logn_attention_scale pack_qkv pad_token_id",
)
def new(f: Fields) -> Network:
    """GTE v1.5 (arXiv:2407.19669) as its authors' class has it."""
    f.fixed("layer_norm_type", "layer_norm")
    f.fixed("position_embedding_type", "rope")
    gated = mlp(f, gated=True)
    channel = MLP(d_ff=gated.d_ff, activation=gated.activation, gated=True, down_bias=True)
    found = rotated(f, bias=True, channel=channel, twice=False)
    return msgspec.structs.replace(found, output=None) if f.head != "mlm" else found
