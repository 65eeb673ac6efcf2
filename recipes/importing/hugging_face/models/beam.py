"""Reflection: Beam."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.mixtures import after_dense, experts, layered
from lehr.recipes.importing.hugging_face.parts import TYPES, Network, attention, layer_types, network, windows
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.recipes.importing.hugging_face.rope import no_rope, rope
from lehr.simulators.layers import NoPosition, Position


@reads("beam", "Beam", also={"num_local_experts": "num_experts"})
def beam(f: Fields) -> Network:
    """Beam: gated attention, windowed in five layers of six, the others without a position; norms before and after
    each sublayer, three dense layers first."""
    n, bias, each = f.layers(), f.flag("attention_bias"), windows(f)
    types = layer_types(f, lambda i: TYPES[int((i + 1) % 6 != 0 and i != n - 1)], TYPES)
    stated = f.maybe_mapping("rope_parameters")
    positions: dict[str, Position] = {"sliding_attention": rope(f, "sliding_attention"), "full_attention": no_rope(f)}
    if stated is not None and any(stated.get(kind, NoPosition) is None for kind in TYPES[1:]):
        positions["sliding_attention"] = NoPosition()
    if stated is not None and stated.get("full_attention"):
        positions["full_attention"] = rope(f, "full_attention")
    mixers = {
        kind: attention(
            f, position=positions[kind], qkv_bias=bias, out_bias=bias, qk_norm="head", window=each[kind],
            output_gate=True, gate_bias="head",
        )
        for kind in set(types)
    }  # fmt: skip
    sparse = after_dense(f, otherwise=min(3, n))
    blocks = layered(
        f, [mixers[kind] for kind in types], sparse, experts(f, router_bias_buffer=True), placement="sandwich"
    )
    return network(f, blocks)
