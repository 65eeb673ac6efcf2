"""Mixtures of experts on ordinary attention."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lehr.recipes.errors import nearest
from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.dense import switched_window
from lehr.recipes.importing.hugging_face.parts import (
    TYPES,
    Network,
    Placement,
    QKNorm,
    activation,
    attention,
    layer_types,
    mlp,
    network,
    tables,
    uniform,
    windows,
)
from lehr.recipes.importing.hugging_face.reading import Fields, shown, whole
from lehr.recipes.importing.hugging_face.rope import no_rope, rope
from lehr.simulators.architecture import Block
from lehr.simulators.layers import MLP, Attention, LayerNorm, Mixer, MoE, RMSNorm

LOCAL = {"num_experts": "num_local_experts"}


def experts(f: Fields, *, width: str = "moe_intermediate_size", count: str = "num_experts", **more: Any) -> MoE:
    """Gated experts by the fields that most classes share."""
    n_experts, top_k = f.size(count), f.size("num_experts_per_tok")
    if top_k > n_experts:
        f.wrong("num_experts_per_tok", f"{top_k} of {n_experts} experts; write {n_experts} or less")
    return MoE(
        n_experts=n_experts, top_k=top_k, d_ff_expert=f.size(width), activation=activation(f), gated=True, **more
    )


def layered(
    f: Fields,
    mixers: Mixer | Sequence[Mixer],
    sparse: Sequence[bool],
    moe: MoE,
    *,
    bias: bool = False,
    placement: Placement = "pre",
    width: str = "intermediate_size",
) -> list[Block]:
    """Layers with a mixture of experts where ``sparse`` says so, with a dense MLP elsewhere."""
    dense = mlp(f, gated=True, bias=bias, width=width) if not all(sparse) else None
    f.raw(width)
    each = list(mixers) if isinstance(mixers, Sequence) else [mixers] * len(sparse)
    return [
        Block(mixer=mixer, mlp=moe if routed else dense, norm=RMSNorm(), norm_placement=placement)
        for mixer, routed in zip(each, sparse, strict=True)
    ]


def after_dense(f: Fields, field: str = "first_k_dense_replace", otherwise: int = 0) -> list[bool]:
    """Which layers are sparse: as ``mlp_layer_types`` lists them, or all after the first so many."""
    n, first = f.layers(), f.maybe_size(field, least=0)
    first = otherwise if first is None else first
    listed = f.maybe_list("mlp_layer_types", n)
    if listed is None:
        return [layer >= first for layer in range(n)]
    for value in listed:
        if value not in ("dense", "sparse"):
            f.wrong("mlp_layer_types", f"{shown(value)} is not known; {nearest(str(value), ('dense', 'sparse'))}")
    return [value == "sparse" for value in listed]


def stepped(f: Fields) -> list[bool]:
    """Qwen's rule: every ``decoder_sparse_step``-th layer is sparse, but for those that ``mlp_only_layers`` lists."""
    n, step, dense = f.layers(), f.size("decoder_sparse_step"), set(f.maybe_indices("mlp_only_layers") or [])
    return [layer not in dense and (layer + 1) % step == 0 for layer in range(n)]


@reads("mixtral", "Mixtral", also=LOCAL)
def mixtral(f: Fields) -> Network:
    """Mixtral (arXiv:2401.04088): every layer a mixture, its experts ``intermediate_size`` wide."""
    mixer = attention(f, window=f.extent("sliding_window") or None)
    return network(f, uniform(f, mixer, experts(f, width="intermediate_size")))


@reads("phimoe", "Phimoe", "PhiMoE", also=LOCAL)
def phimoe(f: Fields) -> Network:
    """Phi-3.5-MoE: Mixtral with LayerNorm and switches for biases."""
    bias, norm = f.flag("attention_bias"), LayerNorm()
    mixer = attention(f, qkv_bias=bias, out_bias=bias, window=f.extent("sliding_window") or None)
    blocks = uniform(f, mixer, experts(f, width="intermediate_size"), norm)
    head_bias = f.flag("lm_head_bias") and f.head == "lm"
    return network(f, blocks, norm=norm, embedding=tables(f, head_bias=head_bias))


@reads("qwen2_moe", "Qwen2Moe")
def qwen2_moe(f: Fields) -> Network:
    """Qwen1.5-MoE and Qwen2-57B-A14B: a shared expert of its own width behind a gate of one column."""
    moe = experts(f, shared_d_ff=f.size("shared_expert_intermediate_size"), shared_gate=True)
    bias, sliding, first = f.flag("qkv_bias"), switched_window(f), f.extent("max_window_layers")
    types = layer_types(
        f, lambda i: "sliding_attention" if sliding is not None and i >= first else "full_attention", TYPES
    )
    each = {"full_attention": None, "sliding_attention": sliding}
    mixers = {t: attention(f, qkv_bias=bias, window=each[t]) for t in set(types)}
    return network(f, layered(f, [mixers[t] for t in types], stepped(f), moe))


@reads("qwen3_vl_moe_text", "Qwen3VLMoe", "Qwen3VLMoeText", also=LOCAL, no_effect="max_window_layers")
@reads("qwen3_omni_moe_text", "Qwen3OmniMoe", "Qwen3OmniMoeText", also=LOCAL, no_effect="max_window_layers")
@reads("qwen3_moe", "Qwen3Moe", also=LOCAL, no_effect="max_window_layers")
def qwen3_moe(f: Fields) -> Network:
    """Qwen3 with experts (arXiv:2505.09388): an RMSNorm over each head, no shared expert."""
    bias = f.flag("attention_bias")
    f.fixed("use_qk_norm", True)
    mixer = attention(f, qkv_bias=bias, out_bias=bias, qk_norm="head", window=switched_window(f))
    return network(f, layered(f, mixer, stepped(f), experts(f)))


@reads("olmoe", "Olmoe", also={"num_local_experts": "num_experts"})
def olmoe(f: Fields) -> Network:
    """OLMoE (arXiv:2409.02060): an RMSNorm over all queries and all keys."""
    bias = f.flag("attention_bias")
    mixer = attention(f, qkv_bias=bias, out_bias=bias, qk_norm="full")
    return network(f, uniform(f, mixer, experts(f, width="intermediate_size")))


@reads("flex_olmo", "FlexOlmo", also={"num_local_experts": "num_experts"})
def flex_olmo(f: Fields) -> Network:
    """FlexOlmo: OLMoE with norms after each sublayer."""
    bias = f.flag("attention_bias")
    mixer = attention(f, qkv_bias=bias, out_bias=bias, qk_norm="full")
    return network(f, uniform(f, mixer, experts(f, width="intermediate_size"), placement="post"))


@reads("granitemoe", "GraniteMoe")
@reads("granitemoeshared", "GraniteMoeShared")
def granitemoe(f: Fields) -> Network:
    """Granite 3 with experts; a shared one where ``shared_intermediate_size`` is not 0."""
    bias = f.flag("attention_bias")
    mixer = attention(f, qkv_bias=bias, out_bias=bias)
    moe = experts(
        f, width="intermediate_size", count="num_local_experts", shared_d_ff=f.extent("shared_intermediate_size")
    )
    return network(f, uniform(f, mixer, moe))


@reads("hunyuan_v1_moe", "HunYuanMoEV1", also={"num_experts_per_tok": "moe_topk", "num_local_experts": "num_experts"})
def hunyuan_moe(f: Fields) -> Network:
    """Hunyuan-A13B: one shared expert as wide as the others, an RMSNorm over each head."""
    bias = f.flag("attention_bias")
    mixer = attention(f, qkv_bias=bias, out_bias=bias, qk_norm="head")
    for field in ("moe_topk", "num_experts"):
        same_in_every_layer(f, field)
    moe = experts(f, width="intermediate_size", n_shared_experts=1)
    return network(f, uniform(f, mixer, moe))


def same_in_every_layer(f: Fields, field: str) -> None:
    """Take a list of equal values for the value. Raises ``LehrError`` where they differ."""
    value = f.raw(field)
    if isinstance(value, list):
        if len(value) != f.layers() or len({whole(v) for v in value}) != 1:
            f.wrong(field, "differs from layer to layer, which cannot be described yet")
        f.data = {**f.data, f.name(field): value[0]}


@reads("gpt_oss", "GptOss", also=LOCAL, no_effect="experts_per_token initial_context_length swiglu_limit swiglu_alpha")
def gpt_oss(f: Fields) -> Network:
    """gpt-oss (arXiv:2508.10925): sinks, biases on experts and router, every other layer windowed."""
    bias, each = f.flag("attention_bias"), windows(f)
    types = layer_types(f, lambda i: TYPES[int((i + 1) % 2 != 0)], TYPES)
    plain = {t: attention(f, qkv_bias=bias, out_bias=bias, window=each[t]) for t in TYPES}
    mixers = {t: with_sinks(mixer) for t, mixer in plain.items()}
    moe = experts(f, width="intermediate_size", bias=True, router_bias=True)
    return network(f, [Block(mixer=mixers[t], mlp=moe, norm=RMSNorm()) for t in types])


def with_sinks(mixer: Attention) -> Attention:
    """The same attention with a trained score for each head beside its keys."""
    import msgspec

    return msgspec.structs.replace(mixer, sinks=True)


@reads(
    "dbrx",
    "Dbrx",
    also={
        "num_attention_heads": "n_heads",
        "hidden_size": "d_model",
        "num_hidden_layers": "n_layers",
        "max_position_embeddings": "max_seq_len",
    },
    no_effect="num_key_value_heads",
)
def dbrx(f: Fields) -> Network:
    """DBRX: LayerNorm without bias; attention and experts have sections of their own."""
    attn, ffn = f.section("attn_config"), f.section("ffn_config")
    for field in ("attn_pdrop", "clip_qkv"):
        attn.raw(field)
    for field in (
        "moe_jitter_eps",
        "moe_loss_weight",
        "moe_normalize_expert_weights",
        "uniform_expert_assignment",
        "hidden_size",
    ):
        ffn.raw(field)
    n_heads, width = f.size("num_attention_heads"), f.size("hidden_size")
    n_kv_heads = attn.size("kv_n_heads")
    if n_heads % n_kv_heads or width % n_heads:
        f.wrong("num_attention_heads", f"{n_heads} heads, {n_kv_heads} of keys and values and a width of {width}")
    base = attn.maybe_number("rope_theta")
    position = rope(f)
    if base is not None and base > 0:
        position = type(position)(base=base, fraction=position.fraction, scaling=position.scaling)
    act = (ffn.maybe_mapping("ffn_act_fn") or {}).get("name", "silu")
    if act != "silu":
        ffn.wrong("ffn_act_fn", f"{shown(act)} is not known; write silu")
    mixer = Attention(n_heads=n_heads, n_kv_heads=n_kv_heads, d_head=width // n_heads, position=position)
    n_experts, top_k = ffn.size("moe_num_experts"), ffn.size("moe_top_k")
    if top_k > n_experts:
        ffn.wrong("moe_top_k", f"{top_k} of {n_experts} experts; write {n_experts} or less")
    moe = MoE(n_experts=n_experts, top_k=top_k, d_ff_expert=ffn.size("ffn_hidden_size"), activation="silu", gated=True)
    norm = LayerNorm(bias=False)
    return network(f, uniform(f, mixer, moe, norm), norm=norm)


@reads("llama4_text", "Llama4", "Llama4Text", no_effect="for_llm_compressor")
def llama4(f: Fields) -> Network:
    """Llama 4's text model: experts in every ``interleave_moe_layer_step``-th layer beside a shared one, chunks where
    there are positions, heads of unit length where ``use_qk_norm`` is on and there are positions."""
    n, bias = f.layers(), f.flag("attention_bias")
    every = f.size("no_rope_layer_interval")
    rotated = f.maybe_list("no_rope_layers", n) or [int((i + 1) % every != 0) for i in range(n)]
    chunk = f.maybe_size("attention_chunk_size")
    known = ("full_attention", "chunked_attention")
    types = layer_types(f, lambda i: known[int(bool(rotated[i]))], known)
    step = f.size("interleave_moe_layer_step")
    listed = f.maybe_indices("moe_layers")
    sparse = set(range(step - 1, n, step) if listed is None else listed)
    qk_norm: QKNorm = "l2" if f.flag("use_qk_norm") else None
    moe = experts(f, width="intermediate_size", count="num_local_experts", n_shared_experts=1)
    dense = MLP(d_ff=f.size("intermediate_size_mlp"), activation=activation(f), gated=True)
    blocks = [
        Block(
            mixer=attention(
                f,
                position=rope(f) if turned else no_rope(f),
                qkv_bias=bias,
                out_bias=bias,
                qk_norm=qk_norm if turned else None,
                chunk=chunk if kind == "chunked_attention" else None,
            ),
            mlp=moe if layer in sparse else dense,
            norm=RMSNorm(),
        )
        for layer, (turned, kind) in enumerate(zip(rotated, types, strict=True))
    ]
    return network(f, blocks)
