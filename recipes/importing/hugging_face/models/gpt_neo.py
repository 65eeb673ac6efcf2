"""EleutherAI: GPT-Neo and GPT-NeoX."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.heads import biased, four_times, plain_heads
from lehr.recipes.importing.hugging_face.parts import Network, mlp, network, tables, uniform
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.recipes.importing.hugging_face.rope import rope
from lehr.simulators.architecture import Block, Placement
from lehr.simulators.layers import Attention, LayerNorm, NoPosition


@reads(
    "gpt_neo",
    "GPTNeo",
    also={"num_attention_heads": "num_heads", "num_hidden_layers": "num_layers"},
    no_effect="embed_dropout resid_dropout attention_types",
)
def gpt_neo(f: Fields) -> Network:
    """GPT-Neo: GPT-2 without biases on queries, keys and values; every other layer is windowed."""
    n = f.layers()
    patterns = neo_pattern(f, n)
    n_heads, n_kv_heads, d_head = plain_heads(f)
    reach = {"global": None, "local": f.size("window_size")}
    channel = four_times(f, inner="intermediate_size")
    blocks = [
        Block(
            mixer=Attention(
                n_heads=n_heads,
                n_kv_heads=n_kv_heads,
                d_head=d_head,
                position=NoPosition(),
                out_bias=True,
                window=reach[kind],
            ),
            mlp=channel,
            norm=LayerNorm(),
        )
        for kind in patterns
    ]
    return network(f, blocks, norm=LayerNorm(), embedding=tables(f, positions=f.size("max_position_embeddings")))


def neo_pattern(f: Fields, n: int) -> list[str]:
    """``attention_layers``, or ``attention_types``: patterns with how often each is repeated."""
    listed = f.maybe_list("attention_layers", n)
    if listed is None:
        listed = []
        for entry in f.maybe_list("attention_types") or []:
            if not (
                isinstance(entry, list) and len(entry) == 2 and isinstance(entry[0], list) and isinstance(entry[1], int)
            ):
                f.wrong("attention_types", "write pairs of a pattern and how often it is repeated")
            listed += entry[0] * min(entry[1], n)
    if len(listed) != n or not all(kind in ("global", "local") for kind in listed):
        f.wrong("attention_types", f"write global or local for each of the {n} layers")
    return listed


@reads("gpt_neox", "GPTNeoX")
def gpt_neox(f: Fields) -> Network:
    """GPT-NeoX (arXiv:2204.06745): a quarter of each head rotated, both sublayers side by side with a norm each."""
    position = rope(f, theta="rotary_emb_base", share="rotary_pct")
    placement: Placement = "parallel_two" if f.flag("use_parallel_residual") else "pre"
    mixer = biased(f, position, bias=f.flag("attention_bias"))
    blocks = uniform(f, mixer, mlp(f, gated=False, bias=True), LayerNorm(), placement)
    return network(f, blocks, norm=LayerNorm())
