"""Dense decoders with RMSNorm and a gated MLP: LLaMA and what came of it."""

from __future__ import annotations

from collections.abc import Callable

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.parts import (
    TYPES,
    Network,
    Placement,
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
from lehr.simulators.layers import LayerNorm, RMSNorm


@reads("llama", "Llama", "LLaMA", named={}, no_effect="max_sequence_length")
@reads("granite", "Granite")
@reads("iquestcoder", "IQuestCoder")
def llama(f: Fields) -> Network:
    """LLaMA (arXiv:2302.13971): one switch for the biases of attention, one for those of the MLP."""
    bias = f.flag("attention_bias")
    mixer = attention(f, qkv_bias=bias, out_bias=bias)
    return network(f, uniform(f, mixer, mlp(f, gated=True, bias=f.flag("mlp_bias"))))


@reads("mistral", "Mistral")
@reads("ministral3", "Ministral3")
def mistral(f: Fields) -> Network:
    """Mistral 7B (arXiv:2310.06825): no biases, every layer sees ``sliding_window`` tokens where it is set."""
    mixer = attention(f, window=f.extent("sliding_window") or None)
    return network(f, uniform(f, mixer, mlp(f, gated=True)))


@reads("phi3", "Phi3")
def phi3(f: Fields) -> Network:
    """Phi-3 (arXiv:2404.14219): as Mistral, queries, keys and values in one matrix."""
    mixer = attention(f, window=f.extent("sliding_window") or None)
    return network(f, uniform(f, mixer, mlp(f, gated=True)))


@reads("qwen2_vl_text", "Qwen2VL", "Qwen2VLText", no_effect="image_token_id")
@reads("qwen2_5_vl_text", "Qwen2_5_VL", "Qwen2_5_VLText", no_effect="image_token_id")
@reads("qwen2_5_omni_text", "Qwen2_5Omni", "Qwen2_5OmniText", no_effect="image_token_id")
@reads("qwen2", "Qwen2")
def qwen2(f: Fields) -> Network:
    """Qwen2 (arXiv:2407.10671): biases on queries, keys and values only."""
    return windowed(f, qkv_bias=True)


@reads("qwen3_vl_text", "Qwen3VL", "Qwen3VLText", no_effect="image_token_id")
@reads("qwen3", "Qwen3")
def qwen3(f: Fields) -> Network:
    """Qwen3 (arXiv:2505.09388): an RMSNorm over each head of queries and keys."""
    bias = f.flag("attention_bias")
    return windowed(f, qkv_bias=bias, out_bias=bias, qk_norm="head")


def windowed(f: Fields, **kinds: object) -> Network:
    """Qwen's rule for windows: layers from ``max_window_layers`` on see ``sliding_window`` tokens, if it is in use."""
    sliding = switched_window(f)
    first = f.extent("max_window_layers")
    types = layer_types(
        f, lambda i: "sliding_attention" if sliding is not None and i >= first else "full_attention", TYPES
    )
    each = {"full_attention": None, "sliding_attention": sliding}
    mixers = {t: attention(f, window=each[t], **kinds) for t in set(types)}  # type: ignore[arg-type]
    channel = mlp(f, gated=True)
    return network(f, [Block(mixer=mixers[t], mlp=channel, norm=RMSNorm()) for t in types])


def switched_window(f: Fields) -> int | None:
    """``sliding_window`` where ``use_sliding_window`` is on."""
    sliding = f.maybe_size("sliding_window", least=0)
    return sliding or None if f.flag("use_sliding_window") else None


@reads("cwm", "Cwm")
def cwm(f: Fields) -> Network:
    """CWM (arXiv:2510.02387): the first layer of every four sees all."""
    return by_layer_type(f, lambda layer: TYPES[int(layer % 4 != 0)])


@reads("ministral", "Ministral")
def ministral(f: Fields) -> Network:
    """Ministral: windowed where ``sliding_window`` is set."""
    windowed = (f.extent("sliding_window") or None) is not None
    return by_layer_type(f, lambda layer: TYPES[int(windowed)])


def by_layer_type(f: Fields, otherwise: Callable[[int], str]) -> Network:
    """Mistral's layers, windowed where ``layer_types`` says so, or ``otherwise``."""
    types = layer_types(f, otherwise, TYPES)
    each = windows(f)
    mixers = {t: attention(f, position=rope(f, t), window=each[t]) for t in set(types)}
    channel = mlp(f, gated=True, bias=f.flag("mlp_bias"))
    return network(f, [Block(mixer=mixers[t], mlp=channel, norm=RMSNorm()) for t in types])


@reads("olmo", "Olmo")
def olmo(f: Fields) -> Network:
    """OLMo (arXiv:2402.00838): LayerNorm without gain or bias."""
    bias, norm = f.flag("attention_bias"), LayerNorm(gain=False, bias=False)
    mixer = attention(f, qkv_bias=bias, out_bias=bias)
    return network(f, uniform(f, mixer, mlp(f, gated=True), norm), norm=norm)


@reads("olmo2", "Olmo2")
def olmo2(f: Fields) -> Network:
    """OLMo 2 (arXiv:2501.00656): norms after each sublayer, an RMSNorm over all queries and all keys."""
    return olmo_layers(f, ["full_attention"] * f.layers())


@reads("olmo3", "Olmo3")
def olmo3(f: Fields) -> Network:
    """OLMo 3: as OLMo 2, three layers of four windowed."""
    return olmo_layers(f, layer_types(f, lambda i: TYPES[int((i + 1) % 4 != 0)], TYPES))


def olmo_layers(f: Fields, types: list[str]) -> Network:
    """The network of OLMo 2 with layers of ``types``."""
    bias = f.flag("attention_bias")
    each = windows(f)
    mixers = {
        t: attention(f, position=rope(f, t), qkv_bias=bias, out_bias=bias, qk_norm="full", window=each[t])
        for t in set(types)
    }
    channel = mlp(f, gated=True)
    return network(f, [Block(mixer=mixers[t], mlp=channel, norm=RMSNorm(), norm_placement="post") for t in types])


@reads("exaone4", "Exaone4")
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
    return network(f, [Block(mixer=mixers[t], mlp=channel, norm=RMSNorm(), norm_placement="post") for t in types])


def exaone_pattern(f: Fields, pattern: object, sliding: int | None, layer: int) -> str:
    """EXAONE's pattern of windows: letters (``LLLG``), or every how many layers one sees all."""
    if sliding is None:
        return "full_attention"
    if isinstance(pattern, str) and pattern and set(pattern) <= {"L", "G"}:
        return TYPES[int(pattern[layer % len(pattern)] == "L")]
    every = f.size("sliding_window_pattern")
    return TYPES[int((layer + 1) % every != 0)]


@reads("smollm3", "SmolLM3")
def smollm3(f: Fields) -> Network:
    """SmolLM3: every ``no_rope_layer_interval``-th layer has no position."""
    bias, sliding = f.flag("attention_bias"), switched_window(f)
    n, every = f.layers(), f.size("no_rope_layer_interval")
    rotated = f.maybe_list("no_rope_layers", n) or [int((i + 1) % every != 0) for i in range(n)]
    types = layer_types(
        f, lambda i: "sliding_attention" if sliding is not None and not rotated[i] else "full_attention", TYPES
    )
    each = {"full_attention": None, "sliding_attention": sliding}
    channel = mlp(f, gated=True, bias=f.flag("mlp_bias"))
    blocks = [
        Block(
            mixer=attention(
                f, position=rope(f) if turned else no_rope(f), qkv_bias=bias, out_bias=bias, window=each[kind]
            ),
            mlp=channel,
            norm=RMSNorm(),
        )
        for turned, kind in zip(rotated, types, strict=True)
    ]
    return network(f, blocks)


@reads("glm", "Glm")
def glm(f: Fields) -> Network:
    """GLM-4-9B: biases on queries, keys and values, half of each head rotated."""
    return glm_layers(f, "pre")


@reads("glm4", "Glm4")
def glm4(f: Fields) -> Network:
    """GLM-4-0414: as GLM-4-9B, with norms after each sublayer too."""
    return glm_layers(f, "sandwich")


@reads("glm_ocr_text", "GlmOcr", "GlmOcrText", no_effect="image_token_id")
def glm_ocr(f: Fields) -> Network:
    """GLM-OCR's text model: as GLM-4-0414, never with biases."""
    f.fixed("attention_bias", False)
    return glm_layers(f, "sandwich", bias=False)


@reads("glm4v_text", "Glm4v", "Glm4vText", no_effect="image_token_id")
def glm4v(f: Fields) -> Network:
    """GLM-4.1V's text model: as GLM-4-0414, always with biases."""
    f.fixed("attention_bias", True)
    return glm_layers(f, "sandwich", bias=True)


def glm_layers(f: Fields, placement: Placement, *, bias: bool | None = None) -> Network:
    """All of them."""
    mixer = attention(f, qkv_bias=f.flag("attention_bias") if bias is None else bias)
    return network(f, uniform(f, mixer, mlp(f, gated=True), placement=placement))


@reads("paddleocr_vl_text", "PaddleOCRVL", "PaddleOCRText", no_effect="image_token_id")
@reads("ernie4_5", "Ernie4_5_", "Ernie4_5")
def ernie(f: Fields) -> Network:
    """ERNIE 4.5: one switch for every bias."""
    bias = f.flag("use_bias")
    return network(f, uniform(f, attention(f, qkv_bias=bias, out_bias=bias), mlp(f, gated=True, bias=bias)))


@reads("helium", "Helium")
def helium(f: Fields) -> Network:
    """Helium: biases never on the output projection."""
    mixer = attention(f, qkv_bias=f.flag("attention_bias"))
    if mixer.n_heads * mixer.d_head != f.size("hidden_size"):
        f.wrong("head_dim", f"{mixer.n_heads} heads of {mixer.d_head} features are not hidden_size wide")
    return network(f, uniform(f, mixer, mlp(f, gated=True, bias=f.flag("mlp_bias"))))


@reads("seed_oss", "SeedOss")
def seed_oss(f: Fields) -> Network:
    """Seed-OSS: the output projection has a switch of its own."""
    mixer = attention(f, qkv_bias=f.flag("attention_bias"), out_bias=f.flag("attention_out_bias"))
    return network(f, uniform(f, mixer, mlp(f, gated=True, bias=f.flag("mlp_bias"))))


@reads("internlm3", "InternLM3", also={"qkv_bias": "attention_bias", "bias": "mlp_bias"})
def internlm3(f: Fields) -> Network:
    """InternLM3: one switch for queries, keys and values, one for all other matrices."""
    bias = f.flag("bias")
    mixer = attention(f, qkv_bias=f.flag("qkv_bias"), out_bias=bias)
    return network(f, uniform(f, mixer, mlp(f, gated=True, bias=bias)))


@reads("hunyuan_vl_text", "HunYuanVL", "HunYuanVLText")
@reads("hunyuan_v1_dense", "HunYuanDenseV1")
def hunyuan(f: Fields) -> Network:
    """Hunyuan: an RMSNorm over each head of queries and keys."""
    bias = f.flag("attention_bias")
    mixer = attention(f, qkv_bias=bias, out_bias=bias, qk_norm="head")
    return network(f, uniform(f, mixer, mlp(f, gated=True)))


@reads("arcee", "Arcee")
def arcee(f: Fields) -> Network:
    """Arcee: LLaMA with a plain MLP of squared ReLU."""
    bias = f.flag("attention_bias")
    mixer = attention(f, qkv_bias=bias, out_bias=bias)
    return network(f, uniform(f, mixer, mlp(f, gated=False, bias=f.flag("mlp_bias"))))


@reads("nemotron", "Nemotron")
@reads("jais2", "Jais2")
def nemotron(f: Fields) -> Network:
    """Nemotron (arXiv:2402.16819) and Jais 2: LayerNorm and a plain MLP of squared ReLU."""
    bias, norm = f.flag("attention_bias"), LayerNorm()
    mixer = attention(f, qkv_bias=bias, out_bias=bias)
    return network(f, uniform(f, mixer, mlp(f, gated=False, bias=f.flag("mlp_bias")), norm), norm=norm)


@reads("hyperclovax", "HyperCLOVAX")
def hyperclovax(f: Fields) -> Network:
    """HyperCLOVA X: LLaMA, with norms after each sublayer too where ``use_post_norm`` is on."""
    bias = f.flag("attention_bias")
    mixer = attention(f, qkv_bias=bias, out_bias=bias)
    placement: Placement = "sandwich" if f.flag("use_post_norm") else "pre"
    return network(f, uniform(f, mixer, mlp(f, gated=True, bias=f.flag("mlp_bias")), placement=placement))


@reads("nanochat", "NanoChat")
def nanochat(f: Fields) -> Network:
    """nanochat: RMSNorm without a gain, over each head too."""
    bias, norm = f.flag("attention_bias"), RMSNorm(gain=False)
    mixer = attention(f, qkv_bias=bias, out_bias=bias, qk_norm="l2")
    return network(f, uniform(f, mixer, mlp(f, gated=False), norm), norm=norm, embedding_norm=norm)


@reads("apertus", "Apertus")
def apertus(f: Fields) -> Network:
    """Apertus: xIELU in a plain MLP, an RMSNorm over each head."""
    bias = f.flag("attention_bias")
    mixer = attention(f, qkv_bias=bias, out_bias=bias, qk_norm="head")
    return network(f, uniform(f, mixer, mlp(f, gated=False)))
