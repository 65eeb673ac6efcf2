"""EleutherAI: GPT-J."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.heads import GPT2_NAMES, four_times, plain_heads
from lehr.recipes.importing.hugging_face.parts import Network, network, tables, uniform
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.simulators.layers import Attention, LayerNorm, Rope


@reads("gptj", "GPTJ", also=GPT2_NAMES, no_effect="n_ctx rotary")
def gptj(f: Fields) -> Network:
    """GPT-J and CodeGen (arXiv:2203.13474): both sublayers side by side behind one norm; biases in MLP and head."""
    n_heads, n_kv_heads, d_head = plain_heads(f)
    rotary = f.maybe_size("rotary_dim") or d_head
    if rotary > d_head:
        f.wrong("rotary_dim", f"{rotary} is more than the {d_head} features of a head")
    mixer = Attention(
        n_heads=n_heads, n_kv_heads=n_kv_heads, d_head=d_head, position=Rope(base=10000.0, fraction=rotary / d_head)
    )
    blocks = uniform(f, mixer, four_times(f), LayerNorm(), "parallel")
    return network(f, blocks, norm=LayerNorm(), embedding=tables(f, head_bias=f.head == "lm"))
