"""LG: EXAONE."""

from __future__ import annotations

import msgspec

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.mixtures import after_dense, experts, layered
from lehr.recipes.importing.hugging_face.parts import (
    TYPES,
    Network,
    attention,
    layer_types,
    mlp,
    network,
    uniform,
    windows,
)
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.recipes.importing.hugging_face.rope import no_rope, rope
from lehr.simulators.architecture import Block
from lehr.simulators.layers import RMSNorm


@reads(
    "exaone",
    "Exaone",
    also={"num_hidden_layers": "num_layers", "hidden_act": "activation_function"},
    no_effect="embed_dropout",
)
def exaone(f: Fields) -> Network:
    """EXAONE 3 (arXiv:2408.03541): LLaMA."""
    return network(f, uniform(f, attention(f), mlp(f, gated=True)))


@reads("exaone4", "Exaone4", inside="exaone4_5", any_heads=True)
@reads("exaone4_5_text", "Exaone4_5", "Exaone4", no_effect="mtp_share_layers")
def exaone4(f: Fields) -> Network:
    """EXAONE 4.0 (arXiv:2507.11407): norms after each sublayer and over each head; of hybrid layers those that see
    all tokens have no position."""
    sliding, pattern = f.extent("sliding_window") or None, f.raw("sliding_window_pattern")
    types = layer_types(f, lambda i: exaone_pattern(f, pattern, sliding, i), TYPES)
    each = windows(f)
    positions = {"sliding_attention": rope(f), "full_attention": rope(f) if sliding is None else no_rope(f)}
    mixers = {t: attention(f, position=positions[t], qk_norm="head", window=each[t]) for t in set(types)}
    channel = mlp(f, gated=True)
    blocks = [Block(mixer=mixers[t], mlp=channel, norm=RMSNorm(), norm_placement="post") for t in types]
    # one module stands beside EXAONE 4.5: a map from two vectors to one, a layer as the others, three norms
    # (vLLM, exaone4_5_mtp.py); several would share the map and the norms
    modules = f.extent("num_nextn_predict_layers") if f.model_type == "exaone4_5_text" else 0
    if modules > 1:
        f.wrong("num_nextn_predict_layers", f"{modules} modules that share a map cannot be described yet; only 1 can")
    return network(f, blocks, mtp=modules)


def exaone_pattern(f: Fields, pattern: object, sliding: int | None, layer: int) -> str:
    """EXAONE's pattern of windows: letters (``LLLG``), or every how many layers one sees all."""
    if sliding is None:
        return "full_attention"
    if isinstance(pattern, str) and pattern and set(pattern) <= {"L", "G"}:
        return TYPES[int(pattern[layer % len(pattern)] == "L")]
    every = f.size("sliding_window_pattern")
    return TYPES[int((layer + 1) % every != 0)]


@reads("exaone_moe", "ExaoneMoe", "ExaoneMoE", also={"num_local_experts": "num_experts"}, any_heads=True)
def exaone_moe(f: Fields) -> Network:
    """K-EXAONE: an RMSNorm over each head, windowed layers rotated, the others without a position."""
    sliding, pattern = f.extent("sliding_window") or None, f.raw("sliding_window_pattern")
    types, each = layer_types(f, lambda i: exaone_pattern(f, pattern, sliding, i), TYPES), windows(f)
    positions = {"sliding_attention": rope(f), "full_attention": rope(f) if sliding is None else no_rope(f)}
    mixers = {t: attention(f, position=positions[t], qk_norm="head", window=each[t]) for t in set(types)}
    moe = experts(f, n_shared_experts=f.extent("num_shared_experts"), router_bias_buffer=True)
    found = network(f, layered(f, [mixers[t] for t in types], after_dense(f), moe))
    # the module beside it is a dense layer (totals of K-EXAONE-236B-A23B and K-EXAONE-2.0-750B-A37B on the hub)
    modules = f.maybe_size("num_nextn_predict_layers", least=0) or 0
    last = Block(mixer=mixers[types[-1]], mlp=mlp(f, gated=True), norm=RMSNorm())
    return msgspec.structs.replace(found, mtp=modules, mtp_block=last) if modules else found
