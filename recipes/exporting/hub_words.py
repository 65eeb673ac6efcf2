"""Everything that an architecture says, in the hub's words: under every name that some class has for it."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from lehr.recipes.exporting.hub_parts import Fields, activation, common, rotary
from lehr.simulators.architecture import Architecture, Block
from lehr.simulators.layers import (
    MLA,
    MLP,
    AltUp,
    Attention,
    CompressedAttention,
    GatedConvolution,
    GatedDeltaNet,
    HyperConnections,
    KimiDelta,
    Mamba,
    Mamba2,
    MoE,
    NoPosition,
    NormGates,
    PerLayerInput,
    RelativeBias,
    Rope,
    RWKVChannelMix,
)


def layers_of(a: Architecture) -> list[Block]:
    """Every layer's block, in order."""
    return [a.blocks[name] for run in a.layers for _ in range(run.repeat) for name in run.blocks]


def alike(block: Block) -> Block:
    """The block, its shared experts as one of their whole width, however they are counted."""
    moe = block.mlp
    if not isinstance(moe, MoE):
        return block
    return msgspec.structs.replace(
        block, mlp=msgspec.structs.replace(moe, n_shared_experts=0, shared_d_ff=moe.d_ff_shared)
    )


def words(a: Architecture) -> Iterator[Fields]:
    """The fields, for each way in which one that several classes mean otherwise may be meant."""
    layers = layers_of(a)
    said = {**common(a), **channels(layers), **sparse(layers), **recurrent(layers, a.d_model)}
    said |= latent([*layers, *([a.blocks[a.mtp.block]] if a.mtp else [])])
    said |= {**ends(a), **beside(layers), **stacks(a, layers), "layer_types": [kind(block) for block in layers]}
    said["indexer_types"] = [indexed(block) for block in layers]
    for heads in attention(layers) or [{}]:
        for width in widths(layers) or [a.d_model]:
            yield {**said, **heads, "intermediate_size": width}


def ends(a: Architecture) -> Fields:
    """Tables, positions, and modules for multi-token prediction."""
    rows, depth = a.embedding.learned_positions, a.mtp.depth if a.mtp else 0
    found: Fields = {
        "max_position_embeddings": rows or a.context_length, "n_positions": rows or a.context_length,
        "context_length": a.context_length, "type_vocab_size": a.embedding.token_types,
        "num_nextn_predict_layers": depth, "mtp_num_hidden_layers": depth, "num_mtp_modules": depth,
        "use_mtp": bool(depth),
    }  # fmt: skip
    if depth:
        found["mtp_layers_block_type"] = ["attention", "moe"]
    if rows > a.context_length:
        # RoBERTa counts from the one after the padding token's
        found["pad_token_id"] = rows - a.context_length - 1
    return found


def widths(layers: list[Block]) -> list[int]:
    """What ``intermediate_size`` may be: that of a dense layer, of an expert, of the shared ones."""
    dense = [block.mlp.d_ff for block in layers if isinstance(block.mlp, (MLP, RWKVChannelMix))]
    moes = [block.mlp for block in layers if isinstance(block.mlp, MoE)]
    return [w for w in dict.fromkeys([*dense, *(m.d_ff_expert for m in moes), *(m.d_ff_shared for m in moes)]) if w]


def channels(layers: list[Block]) -> Fields:
    """Dense layers and experts, whatever a class calls their sizes."""
    dense = next((block.mlp for block in layers if isinstance(block.mlp, MLP)), None)
    moe = next((block.mlp for block in layers if isinstance(block.mlp, MoE)), None)
    found: Fields = {}
    if dense is not None:
        for name in ("dense_intermediate_size", "intermediate_size_mlp", "prefix_dense_intermediate_size", "d_ff"):
            found[name] = dense.d_ff
        found |= {
            "block_auto_adjust_ff_dim": False,
            "mlp_bias": dense.bias,
            "feed_forward_proj": ("gated-" if dense.gated else "") + plain(dense),
        }
    if moe is not None:
        for name in ("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts"):
            found[name] = moe.n_experts
        for name in ("num_experts_per_tok", "top_k_experts"):
            found[name] = moe.top_k
        for name in ("n_shared_experts", "num_shared_experts"):
            found[name] = moe.n_shared_experts or int(bool(moe.d_ff_shared))
        for name in (
            "shared_expert_intermediate_size", "shared_intermediate_size", "moe_shared_expert_intermediate_size",
            "share_expert_dim",
        ):  # fmt: skip
            found[name] = moe.d_ff_shared
        found |= {
            "moe_intermediate_size": moe.d_ff_expert, "moe_latent_size": moe.d_latent, "enable_moe_block": True,
            "use_expert_bias": moe.router_bias_buffer, "moe_router_enable_expert_bias": moe.router_bias_buffer,
        }  # fmt: skip
    if (channel := dense or moe) is not None:
        for name in ("hidden_act", "hidden_activation", "activation_function", "mlp_hidden_act"):
            found[name] = {"relu_squared": "relu2"}.get(channel.activation, activation(channel.activation))
    return found


def plain(dense: MLP) -> str:
    """T5's word for an activation."""
    return "gelu" if dense.activation == "gelu_tanh" else dense.activation


def sparse(layers: list[Block]) -> Fields:
    """Which layers have experts: listed by word, by number, or by where they begin."""
    marks = [isinstance(block.mlp, MoE) for block in layers]
    if not any(marks):
        return {}
    first = marks.index(True)
    found: Fields = {
        "moe_layers": [i for i, mark in enumerate(marks) if mark],
        "mlp_only_layers": [i for i, mark in enumerate(marks) if not mark], "decoder_sparse_step": 1,
        "first_k_dense_replace": first, "num_dense_layers": first,
    }  # fmt: skip
    if not any(isinstance(block.mixer, CompressedAttention) for block in layers):
        # DeepSeek-V4 has other words for its experts, which are in every layer
        found["mlp_layer_types"] = ["sparse" if mark else "dense" for mark in marks]
    if True in marks[first + 1 :]:
        found |= {"expert_layer_offset": first, "expert_layer_period": marks.index(True, first + 1) - first}
    return found


def indexed(block: Block) -> str:
    """Whether a layer of latent attention has an indexer of its own or reads an earlier one's."""
    mixer = block.mixer
    return "shared" if isinstance(mixer, MLA) and mixer.indexer and mixer.indexer.shared else "full"


def kind(block: Block) -> str:
    """What a layer is called in ``layer_types``."""
    mixer = block.mixer
    if mixer is None:
        return "moe" if isinstance(block.mlp, MoE) else "mlp"
    if isinstance(mixer, CompressedAttention):
        return {None: "sliding_attention", 4: "compressed_sparse_attention"}.get(
            mixer.rate, "heavily_compressed_attention"
        )
    if isinstance(mixer, MLA):
        return "sliding_attention" if mixer.window else "indexed_attention" if mixer.indexer else "full_attention"
    if isinstance(mixer, Attention):
        if mixer.indexer is not None:
            return "minimax_m3_sparse"
        return "sliding_attention" if mixer.window else "chunked_attention" if mixer.chunk else "full_attention"
    return "conv" if isinstance(mixer, GatedConvolution) else "linear_attention"


def attention(layers: list[Block]) -> list[Fields]:
    """Attention: the sizes of layers that see all or of those that do not first, rotary parameters for all, for each
    type or for each layer."""
    found = [block.mixer for block in layers if isinstance(block.mixer, (Attention, MLA))]
    if not found:
        return []
    wide = next((m for m in found if not limited(m)), found[0])
    local = next((m for m in found if limited(m)), wide)
    said = []
    for first in dict.fromkeys((wide, local)):
        base = {**sizes(first), **others(layers, wide, local)}
        said += [{**base, **turned} for turned in positions(layers, first, wide, local)]
    return said


def limited(mixer: Attention | MLA) -> bool:
    """Does it see only tokens that are near?"""
    return mixer.window is not None or (isinstance(mixer, Attention) and mixer.chunk is not None)


def sizes(mixer: Attention | MLA) -> Fields:
    """Heads, biases, norms and gates of one kind of attention."""
    if isinstance(mixer, MLA):
        # its sizes stand with those of latent attention
        return {}
    return {
        "num_attention_heads": mixer.n_heads, "num_key_value_heads": mixer.n_kv_heads, "head_dim": mixer.d_head,
        "d_kv": mixer.d_head, "v_head_dim": mixer.d_value or mixer.d_head, "attention_bias": mixer.qkv_bias,
        "use_qkv_bias": mixer.qkv_bias, "qkv_bias": mixer.qkv_bias, "use_qk_norm": mixer.qk_norm is not None,
        "attention_chunk_size": mixer.chunk, "use_attention_gate": bool(mixer.output_gate),
        "gating": "per-head" if mixer.output_gate == "head" else "per-element",
    }  # fmt: skip


def others(layers: list[Block], wide: Attention | MLA, local: Attention | MLA) -> Fields:
    """What layers with a window, or those without, have otherwise; which of them have a position."""
    found: Fields = {
        "sliding_window": local.window, "use_sliding_window": local.window is not None, "max_window_layers": 0,
        "window_size": local.window or 256,
    }  # fmt: skip
    if isinstance(wide, Attention) and isinstance(local, Attention):
        mixers = [block.mixer for block in layers if isinstance(block.mixer, Attention)]
        found |= {
            "num_sliding_attention_heads": local.n_heads, "global_head_dim": wide.d_head,
            "num_global_key_value_heads": wide.n_kv_heads, "attention_k_eq_v": wide.values == "keys",
            "num_attention_heads_per_layer": [m.n_heads for m in mixers],
            "no_rope_layers": [int(not isinstance(m.position, NoPosition)) for m in mixers],
            "attention_chunk_size": local.chunk,
            "attention_layers": ["global" if m.window is None else "local" for m in mixers],
        }  # fmt: skip
        places = [i for i, block in enumerate(layers) if isinstance(block.mixer, Attention)]
        if len(places) > 1 and len(places) < len(layers):
            found |= {"attn_layer_offset": places[0], "attn_layer_period": places[1] - places[0]}
        block = next((m.indexer for m in mixers if m.indexer is not None), None)
        if block is not None:
            found |= {
                "index_n_heads": block.n_heads, "index_head_dim": block.d_head, "index_block_size": block.block,
                "index_topk_blocks": block.top_k, "index_local_blocks": block.local,
            }  # fmt: skip
    if isinstance(local, MLA):
        found |= {f"swa_{name}": size for name, size in ranks(local).items()}
    if isinstance(wide.position, RelativeBias):
        found |= {
            "relative_attention_num_buckets": wide.position.n_buckets,
            "relative_attention_max_distance": wide.position.max_distance,
        }
    return found


def positions(
    layers: list[Block], first: Attention | MLA, wide: Attention | MLA, local: Attention | MLA
) -> list[Fields]:
    """Rotary parameters: the same for all layers, for each type of them, or a base for each layer."""
    turned = [m for m in (first, wide, local) if isinstance(m.position, Rope)]
    if not turned:
        return [{}]
    position = turned[0].position
    for_all = rotary(position)
    if for_all is None or not isinstance(position, Rope):
        return [{}]
    bases = [
        mixer.position.base if isinstance(mixer.position, Rope) else 0
        for mixer in (block.mixer for block in layers)
        if isinstance(mixer, Attention)
    ]
    if isinstance(first, Attention):
        for_all["rotary_dim"] = round(first.d_head * position.fraction)
    entries = {"full_attention": entry(wide), "sliding_attention": entry(local)}
    by_type: Fields = {"rope_parameters": {name: value for name, value in entries.items() if value is not None}}
    by_layer = {**for_all, "layer_rope_theta": bases}
    return [for_all, *([by_type, by_layer] if wide is not local else [])]


def entry(mixer: Attention | MLA | CompressedAttention) -> Fields | None:
    """The rotary parameters of one type of layer."""
    fields = rotary(mixer.position)
    if fields is None:
        return None
    scaling = fields.pop("rope_scaling", {"rope_type": "default"})
    return {**scaling, **fields}


def ranks(mixer: MLA) -> Fields:
    """The sizes of latent attention."""
    return {
        "num_attention_heads": mixer.n_heads, "q_lora_rank": mixer.q_rank, "kv_lora_rank": mixer.kv_rank,
        "qk_nope_head_dim": mixer.d_nope, "qk_rope_head_dim": mixer.d_rope, "v_head_dim": mixer.d_value,
    }  # fmt: skip


def latent(layers: list[Block]) -> Fields:
    """Latent attention, its indexer, and attention to compressed blocks."""
    mlas = [block.mixer for block in layers if isinstance(block.mixer, MLA)]
    compressed = [block.mixer for block in layers if isinstance(block.mixer, CompressedAttention)]
    found: Fields = {}
    if mlas:
        mixer = next((m for m in mlas if not m.window), mlas[0])
        found |= {**ranks(mixer), "num_key_value_heads": mixer.n_heads, "attention_bias": mixer.bias}
    if compressed:
        one = compressed[0]
        rates = {
            kind(block): block.mixer.rate
            for block in layers
            if isinstance(block.mixer, CompressedAttention) and block.mixer.rate
        }
        found |= {
            "num_attention_heads": one.n_heads, "head_dim": one.d_head, "q_lora_rank": one.q_rank,
            "o_groups": one.o_groups, "o_lora_rank": one.o_rank, "sliding_window": one.window, "compress_rates": rates,
            "rope_parameters": {"compress" if m.rate else "main": entry(m) for m in compressed},
        }  # fmt: skip
    indexers = [*(m.indexer for m in mlas), *(m.indexer for m in compressed)]
    index = next((one for one in indexers if one is not None), None)
    if index is not None:
        found |= {"index_n_heads": index.n_heads, "index_head_dim": index.d_head, "index_topk": index.top_k}
    return found


def recurrent(layers: list[Block], d_model: int) -> Fields:
    """DeltaNet, Mamba and short convolutions."""
    found: Fields = {}
    for mixer in dict.fromkeys(block.mixer for block in layers):
        if isinstance(mixer, GatedDeltaNet):
            found |= {
                "linear_num_key_heads": mixer.n_k_heads, "linear_num_value_heads": mixer.n_v_heads,
                "linear_key_head_dim": mixer.d_key, "linear_value_head_dim": mixer.d_value,
                "linear_conv_kernel_dim": mixer.conv_kernel,
            }  # fmt: skip
        elif isinstance(mixer, KimiDelta):
            found |= {
                "num_attention_heads": mixer.n_heads, "linear_num_heads": mixer.n_heads,
                "linear_head_dim": mixer.d_head, "linear_conv_kernel_dim": mixer.conv_kernel,
            }  # fmt: skip
        elif isinstance(mixer, Mamba):
            found |= {
                "mamba_d_state": mixer.d_state, "mamba_d_conv": mixer.conv_kernel, "mamba_dt_rank": mixer.dt_rank,
                "mamba_expand": mixer.d_inner // d_model, "mamba_conv_bias": mixer.conv_bias,
                "mamba_proj_bias": mixer.bias, "expand": mixer.d_inner // d_model, "state_size": mixer.d_state,
                "conv_kernel": mixer.conv_kernel, "time_step_rank": mixer.dt_rank, "use_conv_bias": mixer.conv_bias,
                "use_bias": mixer.bias,
            }  # fmt: skip
        elif isinstance(mixer, Mamba2):
            found |= {
                "mamba_num_heads": mixer.n_heads, "mamba_head_dim": mixer.d_head, "ssm_state_size": mixer.d_state,
                "n_groups": mixer.n_groups, "conv_kernel": mixer.conv_kernel, "use_conv_bias": mixer.conv_bias,
                "use_bias": mixer.bias,
            }  # fmt: skip
        elif isinstance(mixer, GatedConvolution):
            found |= {"conv_L_cache": mixer.conv_kernel, "conv_bias": mixer.bias}
    return found


def beside(layers: list[Block]) -> Fields:
    """What stands beside the sublayers."""
    found: Fields = {"hidden_size_per_layer_input": 0}
    for branch in dict.fromkeys(branch for block in layers for branch in block.branches):
        if isinstance(branch, PerLayerInput):
            found |= {
                "hidden_size_per_layer_input": branch.d_embedding,
                "vocab_size_per_layer_input": branch.vocab_size,
            }
        elif isinstance(branch, HyperConnections):
            found["hc_mult"] = branch.n_streams
        elif isinstance(branch, AltUp):
            found["altup_num_inputs"] = branch.n_streams
        elif isinstance(branch, NormGates):
            found["gated_norm_rank"] = branch.rank
    return found


def stacks(a: Architecture, layers: list[Block]) -> Fields:
    """How many layers an encoder and its decoder have."""
    if a.encoder is None:
        return {}
    n = sum(len(run.blocks) * run.repeat for run in a.encoder.layers)
    return {"num_hidden_layers": n, "num_decoder_layers": len(layers)}
