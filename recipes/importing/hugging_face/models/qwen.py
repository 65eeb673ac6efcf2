"""Alibaba: Qwen, dense, with experts, and with Gated DeltaNet."""

from __future__ import annotations

import msgspec

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.mixtures import LOCAL, experts, layered, stepped
from lehr.recipes.importing.hugging_face.parts import TWO, TYPES, Network, attention, layer_types, mlp, network, uniform
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.recipes.importing.hugging_face.recurrent import delta_net
from lehr.recipes.importing.hugging_face.sliding import switched_window, windowed
from lehr.simulators.architecture import Block
from lehr.simulators.layers import MLP, Attention, Mixer, MoE, RMSNorm, Rope


@reads(
    "qwen",
    "QWen",
    named={"max_position_embeddings": "seq_length"},
    no_effect="attn_dropout_prob emb_dropout_prob bf16 fp16 fp32 kv_channels max_position_embeddings onnx_safe "
    "rotary_pct softmax_in_fp32 use_cache_kernel use_cache_quantization use_dynamic_ntk use_logn_attn "
    "scale_attn_weights rotary_emb_base tokenizer_type",
)
def qwen(f: Fields) -> Network:
    """Qwen (arXiv:2309.16609): biases on queries, keys and values; ``intermediate_size`` is both halves of the gated
    MLP."""
    f.fixed("no_bias", True)
    if f.given("visual"):
        f.note("the part that sees images (visual) is left out")
    f.raw("visual")
    base = f.maybe_number("rotary_emb_base")
    mixer = attention(f, position=Rope(base=base or 10000.0), qkv_bias=True)
    both = f.size("intermediate_size")
    channel = MLP(d_ff=max(1, both // 2), activation="silu", gated=True)
    return network(f, uniform(f, mixer, channel))


@reads("qwen2_vl_text", "Qwen2VL", "Qwen2VLText", no_effect="image_token_id", inside="qwen2_vl")
@reads("qwen2_5_vl_text", "Qwen2_5_VL", "Qwen2_5_VLText", no_effect="image_token_id", inside="qwen2_5_vl")
@reads(
    "qwen2_5_omni_text",
    "Qwen2_5Omni",
    "Qwen2_5OmniText",
    no_effect="image_token_id",
    inside="qwen2_5_omni qwen2_5_omni_thinker",
)
@reads(
    "qwen2",
    "Qwen2",
    inside="fast_vlm got_ocr2 internvl internvl_chat llava_onevision ovis2 pp_chart2table qwen2_audio video_llama_3",
    any_heads=True,
)
def qwen2(f: Fields) -> Network:
    """Qwen2 (arXiv:2407.10671): biases on queries, keys and values only."""
    return windowed(f, qkv_bias=True)


@reads("qwen3_vl_text", "Qwen3VL", "Qwen3VLText", no_effect="image_token_id", inside="cosmos3_omni qwen3_vl")
@reads("qwen3", "Qwen3", inside="lighton_ocr qianfan_ocr")
def qwen3(f: Fields) -> Network:
    """Qwen3 (arXiv:2505.09388): an RMSNorm over each head of queries and keys."""
    bias = f.flag("attention_bias")
    return windowed(f, qkv_bias=bias, out_bias=bias, qk_norm="head")


@reads("qwen2_moe", "Qwen2Moe", any_heads=True)
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


@reads(
    "qwen3_vl_moe_text",
    "Qwen3VLMoe",
    "Qwen3VLMoeText",
    also=LOCAL,
    no_effect="max_window_layers",
    inside="qwen3_vl_moe",
    any_heads=True,
)
@reads(
    "qwen3_omni_moe_text",
    "Qwen3OmniMoe",
    "Qwen3OmniMoeText",
    also=LOCAL,
    no_effect="max_window_layers",
    inside="qwen3_omni_moe qwen3_omni_moe_thinker",
    any_heads=True,
)
@reads("qwen3_moe", "Qwen3Moe", also=LOCAL, no_effect="max_window_layers", any_heads=True)
def qwen3_moe(f: Fields) -> Network:
    """Qwen3 with experts (arXiv:2505.09388): an RMSNorm over each head, no shared expert."""
    bias = f.flag("attention_bias")
    f.fixed("use_qk_norm", True)
    mixer = attention(f, qkv_bias=bias, out_bias=bias, qk_norm="head", window=switched_window(f))
    return network(f, layered(f, mixer, stepped(f), experts(f)))


def delta_and_attention(f: Fields) -> list[Mixer]:
    """Three layers of Gated DeltaNet to one of gated attention, or as ``layer_types`` lists them."""
    period = f.maybe_size("full_attention_interval") or 4
    types = layer_types(f, lambda i: TWO[int((i + 1) % period == 0)], TWO)
    mixers: dict[str, Mixer] = {
        "full_attention": gated_attention(f),
        "linear_attention": delta_net(f),
    }
    return [mixers[t] for t in types]


def gated_attention(f: Fields) -> Attention:
    """Its softmax attention: a norm over each head, a gate on what the heads return."""
    bias = f.flag("attention_bias")
    return attention(f, qkv_bias=bias, out_bias=bias, qk_norm="head", output_gate=True)


GAIN = RMSNorm(zero_centred=True)
"""Qwen3-Next's norm multiplies by one plus its gain."""


def around_one(blocks: list[Block]) -> list[Block]:
    """The blocks with norms whose gains are around one."""
    return [msgspec.structs.replace(block, norm=GAIN) for block in blocks]


@reads("qwen3_next", "Qwen3Next", no_effect="use_sliding_window max_window_layers")
def qwen3_next(f: Fields) -> Network:
    """Qwen3-Next: Gated DeltaNet and gated attention, experts beside a shared one behind a gate."""
    moe = experts(f, shared_d_ff=f.size("shared_expert_intermediate_size"), shared_gate=True)
    blocks = layered(f, delta_and_attention(f), stepped(f), moe)
    return network(f, around_one(blocks), norm=GAIN)


@reads(
    "qwen3_5_text",
    "Qwen3_5",
    "Qwen3_5Text",
    no_effect=(QWEN35 := "attn_output_gate full_attention_interval mamba_ssm_dtype mlp_only_layers output_gate_type"),
    inside="minicpm_ocr minicpmv4_6 minicpmv4_7 qwen3_5",
)
def qwen3_5(f: Fields) -> Network:
    """Qwen3.5: as Qwen3-Next, with a dense MLP."""
    return with_prediction(f, mlp(f, gated=True))


def with_prediction(f: Fields, channel: MLP | MoE) -> Network:
    """The network with its modules for multi-token prediction, each a layer of gated attention."""
    blocks = [Block(mixer=mixer, mlp=channel, norm=GAIN) for mixer in delta_and_attention(f)]
    modules, own = f.extent("mtp_num_hidden_layers"), f.flag("mtp_use_dedicated_embeddings")
    found = network(f, blocks, norm=GAIN, mtp=modules, mtp_tables=own)
    block = Block(mixer=gated_attention(f), mlp=channel, norm=GAIN) if modules else None
    return msgspec.structs.replace(found, mtp_block=block)


@reads("qwen3_5_moe_text", "Qwen3_5Moe", "Qwen3_5MoeText", no_effect=QWEN35, inside="qwen3_5_moe")
def qwen3_5_moe(f: Fields) -> Network:
    """Qwen3.5 with experts in every layer."""
    moe = experts(f, shared_d_ff=f.size("shared_expert_intermediate_size"), shared_gate=True)
    return with_prediction(f, moe)
