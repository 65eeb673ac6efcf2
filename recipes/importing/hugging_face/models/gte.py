"""Alibaba: GTE."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import BARE_TASKS, reads
from lehr.recipes.importing.hugging_face.encoders import rotated
from lehr.recipes.importing.hugging_face.parts import Network, mlp
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.simulators.layers import MLP


@reads("gte", "Gte", tasks=BARE_TASKS, head="mlm")
def gte(f: Fields) -> Network:
    """GTE v1.5 (arXiv:2407.19669): rotary positions, a gated MLP whose last matrix alone has a bias."""
    gated = mlp(f, gated=True)
    channel = MLP(d_ff=gated.d_ff, activation=gated.activation, gated=True, down_bias=True)
    return rotated(f, bias=True, channel=channel, twice=False)
