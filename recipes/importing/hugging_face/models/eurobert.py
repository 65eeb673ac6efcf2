"""EuroBERT."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import BARE_TASKS, reads
from lehr.recipes.importing.hugging_face.encoders import encoder, ends
from lehr.recipes.importing.hugging_face.parts import Network, attention, mlp, uniform
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.simulators.layers import RMSNorm


@reads("eurobert", "EuroBert", tasks=BARE_TASKS, head="mlm", no_effect="mask_token clf_pooling")
def eurobert(f: Fields) -> Network:
    """EuroBERT (arXiv:2503.05500): LLaMA's layers that see both sides."""
    bias, inner = f.flag("attention_bias"), f.flag("mlp_bias")
    blocks = uniform(f, attention(f, qkv_bias=bias, out_bias=bias), mlp(f, gated=True, bias=inner), RMSNorm())
    context = f.size("max_position_embeddings")
    return encoder(f, blocks, ends(f, head_bias=inner), context=context, embedding_norm=None, final_norm=RMSNorm())
