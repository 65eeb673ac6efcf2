"""Dense decoders with LayerNorm and a plain MLP: GPT-2 and what came of it."""

from __future__ import annotations

import msgspec

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.parts import (
    TYPES,
    Network,
    Placement,
    QKNorm,
    activation,
    attention,
    kv_checked,
    layer_types,
    mlp,
    network,
    tables,
    uniform,
    windows,
)
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.recipes.importing.hugging_face.rope import rope
from lehr.simulators.architecture import Block
from lehr.simulators.layers import MLP, Alibi, Attention, Factored, LayerNorm, NoPosition, Position, Rope

GPT2_NAMES = {
    "hidden_size": "n_embd",
    "max_position_embeddings": "n_positions",
    "num_attention_heads": "n_head",
    "num_hidden_layers": "n_layer",
}
"""What GPT-2 and its like call these fields."""


def plain_heads(f: Fields, n_kv_heads: int | None = None) -> tuple[int, int, int]:
    """Query heads, key-value heads and the size of each, where the width is that of all heads together."""
    n_heads, width = f.size("num_attention_heads"), f.size("hidden_size")
    if width % n_heads:
        f.wrong("num_attention_heads", f"{n_heads} heads do not divide the width {width}")
    return n_heads, n_heads if n_kv_heads is None else n_kv_heads, width // n_heads


def biased(f: Fields, position: Position, *, n_kv_heads: int | None = None, bias: bool = True) -> Attention:
    """Attention with biases on all four matrices, or on none."""
    n_heads, n_kv_heads, d_head = plain_heads(f, n_kv_heads)
    return Attention(
        n_heads=n_heads, n_kv_heads=n_kv_heads, d_head=d_head, position=position, qkv_bias=bias, out_bias=bias
    )


def four_times(f: Fields, *, act: str = "activation_function", inner: str = "n_inner", bias: bool = True) -> MLP:
    """A plain MLP, four times as wide as the network where the file has no width for it."""
    d_ff = f.maybe_size(inner) or 4 * f.size("hidden_size")
    return MLP(d_ff=d_ff, activation=activation(f, act), bias=bias)


@reads("gpt2", "GPT2", also=GPT2_NAMES, no_effect="n_ctx")
@reads("gpt-sw3", "GPT2", also=GPT2_NAMES, no_effect="n_ctx")
def gpt2(f: Fields) -> Network:
    """GPT-2: learned positions, biases everywhere."""
    f.fixed("add_cross_attention", False)
    blocks = uniform(f, biased(f, NoPosition()), four_times(f), LayerNorm())
    return network(f, blocks, norm=LayerNorm(), embedding=tables(f, positions=f.size("max_position_embeddings")))


@reads(
    "gpt_bigcode",
    "GPTBigCode",
    also=GPT2_NAMES,
    no_effect="n_ctx inference_runner validate_runner_input "
    "pre_allocate_kv_cache max_sequence_length max_batch_size attention_type",
)
def gpt_bigcode(f: Fields) -> Network:
    """GPT-BigCode (SantaCoder, StarCoder): GPT-2 with one head of keys and values where ``multi_query`` is on."""
    f.fixed("add_cross_attention", False)
    multi_query = f.flag("multi_query")
    stated = f.maybe_size("num_key_value_heads")
    n_kv_heads = 1 if multi_query else f.size("num_attention_heads")
    if stated is not None and stated != n_kv_heads:
        f.wrong("num_key_value_heads", f"{stated} and multi_query: {str(multi_query).lower()} contradict each other")
    blocks = uniform(f, biased(f, NoPosition(), n_kv_heads=n_kv_heads), four_times(f), LayerNorm())
    return network(f, blocks, norm=LayerNorm(), embedding=tables(f, positions=f.size("max_position_embeddings")))


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


@reads("gptj", "GPTJ", also=GPT2_NAMES, no_effect="n_ctx rotary")
@reads("codegen", "CodeGen", also=GPT2_NAMES, no_effect="n_ctx rotary")
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


@reads("opt", "OPT", no_effect="dropout layerdrop init_std")
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


@reads(
    "bloom",
    "Bloom",
    also={"num_hidden_layers": "n_layer", "num_attention_heads": "n_head", "hidden_size": "n_embed"},
    no_effect="attention_softmax_in_fp32 masked_softmax_fusion apply_residual_connection_post_layernorm"
    " skip_bias_add skip_bias_add_qkv offset_alibi",
)
def bloom(f: Fields) -> Network:
    """BLOOM (arXiv:2211.05100): ALiBi, a norm after the embedding, biases everywhere."""
    channel = MLP(d_ff=4 * f.size("hidden_size"), activation="gelu_tanh", bias=True)
    blocks = uniform(f, biased(f, Alibi()), channel, LayerNorm())
    return network(f, blocks, norm=LayerNorm(), embedding_norm=LayerNorm(), context="seq_length")


@reads("falcon", "Falcon", "RW", also={"num_hidden_layers": "n_layer", "num_attention_heads": "n_head"})
def falcon(f: Fields) -> Network:
    """Falcon (arXiv:2311.16867): one norm for both sublayers side by side, in its newer decoder one for each."""
    newer, side_by_side = f.flag("new_decoder_architecture"), f.flag("parallel_attn")
    n_heads = f.size("num_attention_heads")
    if newer:
        n_kv_heads = f.maybe_size("num_kv_heads") or n_heads
    else:
        f.raw("num_kv_heads")
        n_kv_heads = 1 if f.flag("multi_query") else n_heads
    f.raw("multi_query")
    position = rope(f)
    mixer = biased(
        f, Alibi() if f.flag("alibi") else position, n_kv_heads=kv_checked(f, n_heads, n_kv_heads), bias=f.flag("bias")
    )
    norms = f.maybe_size("num_ln_in_parallel_attn") or (2 if newer else 1)
    placement: Placement = "pre"
    if newer or side_by_side:
        placement = "parallel_two" if newer and norms == 2 else "parallel"
    d_ff = f.maybe_size("ffn_hidden_size") or 4 * f.size("hidden_size")
    channel = MLP(d_ff=d_ff, activation=activation(f, "activation"), bias=f.flag("bias"))
    return network(f, uniform(f, mixer, channel, LayerNorm(), placement), norm=LayerNorm())


@reads(
    "mpt",
    "MPT",
    "Mpt",
    also={"num_attention_heads": "n_heads", "hidden_size": "d_model", "num_hidden_layers": "n_layers"},
    named={"max_position_embeddings": "max_seq_len"},
    no_effect="embedding_fraction init_config norm_type verbose learned_pos_emb logit_scale tokenizer_name",
)
def mpt(f: Fields) -> Network:
    """MPT: ALiBi, LayerNorm without bias."""
    inner = f.section("attn_config")
    for field in (
        "attn_impl",
        "attn_pdrop",
        "attn_type",
        "clip_qkv",
        "softmax_scale",
        "alibi_bias_max",
        "attn_uses_sequence_id",
        "qk_ln",
        "prefix_lm",
        "alibi",
    ):
        inner.raw(field)
    inner.fixed("qk_ln", False)
    inner.fixed("prefix_lm", False)
    inner.fixed("attn_type", "multihead_attention")
    f.fixed("no_bias", True)
    norm = LayerNorm(bias=False)
    ratio = f.size("expansion_ratio")
    channel = MLP(d_ff=ratio * f.size("hidden_size"), activation="gelu")
    return network(f, uniform(f, biased(f, Alibi(), bias=False), channel, norm), norm=norm)


@reads("phi", "Phi")
def phi(f: Fields) -> Network:
    """Phi-1 and 2 (arXiv:2306.11644): both sublayers side by side behind one norm, biases everywhere."""
    norm: QKNorm = "layer_norm" if f.flag("qk_layernorm") else None
    mixer = attention(f, qkv_bias=True, out_bias=True, qk_norm=norm)
    older = f.maybe_size("rotary_dim")
    if older is not None and older != 2 * mixer.rotary_frequencies():
        f.wrong("rotary_dim", f"{older} is not partial_rotary_factor of a head's {mixer.d_head} features")
    f.fixed("attention_bias", False)
    blocks = uniform(f, mixer, mlp(f, gated=False, bias=True), LayerNorm(), "parallel")
    return network(f, blocks, norm=LayerNorm(), embedding=tables(f, head_bias=f.head == "lm"))


@reads("persimmon", "Persimmon")
def persimmon(f: Fields) -> Network:
    """Persimmon: squared ReLU, half of each head rotated, a LayerNorm over each head."""
    norm: QKNorm = "layer_norm" if f.flag("qk_layernorm") else None
    mixer = attention(f, qkv_bias=True, out_bias=True, qk_norm=norm)
    return network(f, uniform(f, mixer, mlp(f, gated=False, bias=True), LayerNorm()), norm=LayerNorm())


@reads("stablelm", "StableLm")
def stablelm(f: Fields) -> Network:
    """StableLM: LayerNorm and a gated MLP, a quarter of each head rotated."""
    norm: QKNorm = "each_head" if f.flag("qk_layernorm") else None
    placement: Placement = "parallel" if f.flag("use_parallel_residual") else "pre"
    mixer = attention(f, qkv_bias=f.flag("use_qkv_bias"), qk_norm=norm)
    return network(f, uniform(f, mixer, mlp(f, gated=True), LayerNorm(), placement), norm=LayerNorm())


@reads("starcoder2", "Starcoder2", no_effect="mlp_type norm_type")
def starcoder2(f: Fields) -> Network:
    """StarCoder2 (arXiv:2402.19173): one switch for every bias, a plain MLP, every layer windowed."""
    bias = f.flag("use_bias")
    mixer = attention(f, qkv_bias=bias, out_bias=bias, window=f.extent("sliding_window") or None)
    return network(f, uniform(f, mixer, mlp(f, gated=False, bias=bias), LayerNorm()), norm=LayerNorm())


@reads(
    "xglm",
    "XGLM",
    also={"num_attention_heads": "attention_heads", "hidden_size": "d_model", "num_hidden_layers": "num_layers"},
    no_effect="dropout layerdrop init_std",
)
def xglm(f: Fields) -> Network:
    """XGLM (arXiv:2112.10668): positions are sines, biases everywhere."""
    f.fixed("add_cross_attention", False)
    channel = MLP(d_ff=f.size("ffn_dim"), activation=activation(f, "activation_function"), bias=True)
    return network(f, uniform(f, biased(f, NoPosition()), channel, LayerNorm()), norm=LayerNorm())


@reads("biogpt", "BioGpt")
def biogpt(f: Fields) -> Network:
    """BioGPT: learned positions with two rows more."""
    blocks = uniform(f, biased(f, NoPosition()), mlp(f, gated=False, bias=True), LayerNorm())
    return network(f, blocks, norm=LayerNorm(), embedding=tables(f, positions=f.size("max_position_embeddings") + 2))


@reads("openai-gpt", "OpenAIGPT", also=GPT2_NAMES)
def openai_gpt(f: Fields) -> Network:
    """GPT: norms after each sublayer, none at the end."""
    channel = MLP(d_ff=4 * f.size("hidden_size"), activation=activation(f, "afn"), bias=True)
    return Network(
        d_model=f.size("hidden_size"),
        context_length=f.size("max_position_embeddings"),
        embedding=tables(f, positions=f.size("max_position_embeddings")),
        blocks=uniform(f, biased(f, NoPosition()), channel, LayerNorm(), "post"),
        final_norm=None,
    )


@reads(
    "cohere2",
    "Cohere2",
    no_effect="order_of_interleaved_layers rotary_pct use_embedding_sharing "
    "use_gated_activation use_parallel_block use_parallel_embedding position_embedding_type",
)
def cohere2(f: Fields) -> Network:
    """Command R7B: as Command R; three layers of four are windowed, the fourth has no position."""
    bias, norm = f.flag("attention_bias"), LayerNorm(bias=False)
    every = f.maybe_size("sliding_window_pattern") or 4
    types = layer_types(f, lambda i: TYPES[int((i + 1) % every != 0)], TYPES)
    each, rotated = windows(f), rope(f)
    positions: dict[str, Position] = {
        "sliding_attention": rotated,
        "full_attention": NoPosition() if each["sliding_attention"] else rotated,
    }
    mixers = {t: attention(f, position=positions[t], qkv_bias=bias, out_bias=bias, window=each[t]) for t in set(types)}
    channel = mlp(f, gated=True)
    blocks = [Block(mixer=mixers[t], mlp=channel, norm=norm, norm_placement="parallel") for t in types]
    return network(f, blocks, norm=norm)


@reads("cohere", "Cohere")
def cohere(f: Fields) -> Network:
    """Command R: both sublayers side by side behind one LayerNorm without bias."""
    qk_norm: QKNorm = "each_head" if f.flag("use_qk_norm") else None
    bias, norm = f.flag("attention_bias"), LayerNorm(bias=False)
    mixer = attention(f, qkv_bias=bias, out_bias=bias, qk_norm=qk_norm)
    return network(f, uniform(f, mixer, mlp(f, gated=True), norm, "parallel"), norm=norm)
