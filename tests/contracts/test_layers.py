"""What every layer kind must keep to: one suite over the unions, so that a new kind is tested by joining one."""

from __future__ import annotations

import inspect
from typing import get_args

import msgspec
import pytest

import lehr.simulators.layers as package
from lehr.recipes.catalogue.files import Catalogue
from lehr.simulators.layers import (
    KORTHIKANTI,
    MLA,
    MLP,
    RGLRU,
    AltUp,
    Attention,
    AttentionPooling,
    AttentionResiduals,
    BlockIndexer,
    Branch,
    ChannelMixer,
    CompressedAttention,
    CrossAttention,
    DeltaNet,
    Disentangled,
    EmbeddingHead,
    GatedConvolution,
    GatedDeltaNet,
    Hyena,
    HyperConnections,
    Indexer,
    Kept,
    KimiDelta,
    Layer,
    LayerNorm,
    LightningAttention,
    LowRankResidual,
    Mamba,
    Mamba2,
    MaskedLMHead,
    Mixer,
    MoE,
    Norm,
    NormGates,
    OutputHead,
    PerLayerInput,
    Pooler,
    Projection,
    RelativeBias,
    Retention,
    RMSNorm,
    Rope,
    RWKV4TimeMix,
    RWKV5TimeMix,
    RWKV6TimeMix,
    RWKV7TimeMix,
    RWKVChannelMix,
    SideBySide,
    TransformerXL,
)
from lehr.simulators.layers.base import total

D_MODEL = 128
ROPE = Rope(base=1e4)
RELATIVE = RelativeBias(n_buckets=32, max_distance=128, holds_table=True)

EXAMPLES: list[Layer] = [
    Attention(n_heads=8, n_kv_heads=8, d_head=16, position=ROPE),
    Attention(n_heads=8, n_kv_heads=2, d_head=16, position=ROPE, window=64, qkv_bias=True, out_bias=True),
    Attention(n_heads=8, n_kv_heads=1, d_head=16, position=ROPE, chunk=64, qk_norm="l2"),
    Attention(n_heads=8, n_kv_heads=2, d_head=16, position=ROPE, output_gate=True, qk_norm="head"),
    Attention(n_heads=8, n_kv_heads=8, d_head=16, position=RELATIVE),
    Attention(n_heads=8, n_kv_heads=4, d_head=16, position=ROPE, d_value=8, output_gate="head", sinks=True),
    Attention(n_heads=8, n_kv_heads=4, d_head=16, position=ROPE, values="keys", output_norm=True),
    Attention(n_heads=8, n_kv_heads=4, d_head=16, position=ROPE, differential=True),
    Attention(n_heads=8, n_kv_heads=8, d_head=16, position=ROPE, window=32, seen_by_all=True),
    Attention(
        n_heads=8, n_kv_heads=4, d_head=16, position=ROPE,
        indexer=BlockIndexer(n_heads=4, d_head=8, block=8, top_k=4),
    ),
    Attention(n_heads=8, n_kv_heads=4, d_head=16, position=ROPE, keys="earlier_layer", qk_norm="head"),
    Attention(n_heads=8, n_kv_heads=8, d_head=16, position=TransformerXL()),
    Attention(n_heads=8, n_kv_heads=8, d_head=16, position=Disentangled(n_rows=64, holds_table=True)),
    MLA(n_heads=8, q_rank=32, kv_rank=16, d_nope=16, d_rope=8, d_value=16, position=ROPE),
    MLA(n_heads=8, q_rank=32, kv_rank=16, d_nope=16, d_rope=8, d_value=16, position=ROPE, window=64, rope_norm=True),
    MLA(
        n_heads=8, q_rank=32, kv_rank=16, d_nope=16, d_rope=8, d_value=16, position=ROPE,
        indexer=Indexer(n_heads=4, d_head=8, top_k=64),
    ),
    CompressedAttention(
        n_heads=8, d_head=16, q_rank=32, o_groups=2, o_rank=16, window=64, position=ROPE, rate=4,
        indexer=Indexer(n_heads=4, d_head=8, top_k=16),
    ),
    CompressedAttention(n_heads=8, d_head=16, q_rank=32, o_groups=2, o_rank=16, window=64, position=ROPE, rate=16),
    CrossAttention(n_heads=8, n_kv_heads=8, d_head=16, d_memory=96),
    Retention(n_heads=4, d_key=32, d_value=64),
    LightningAttention(n_heads=8, d_head=16),
    DeltaNet(n_heads=8, d_key=16, d_value=16),
    GatedDeltaNet(n_k_heads=4, n_v_heads=8, d_key=16, d_value=16),
    KimiDelta(n_heads=8, d_head=16, decay_rank=16, gate_rank=8),
    KimiDelta(n_heads=8, d_head=16),
    KimiDelta(n_heads=6, d_head=16, decay_rank=16, n_rates=16),
    Mamba(d_inner=256, d_state=16, conv_kernel=4, dt_rank=8),
    Mamba2(n_heads=8, d_head=32, d_state=32, n_groups=1, conv_kernel=4),
    GatedConvolution(conv_kernel=3),
    RGLRU(width=128, n_blocks=4, conv_kernel=4),
    SideBySide(
        attention=Attention(n_heads=8, n_kv_heads=2, d_head=16, position=ROPE),
        mamba=Mamba2(n_heads=8, d_head=32, d_state=32, n_groups=1, conv_kernel=4, norm=False),
    ),
    RWKV4TimeMix(),
    RWKV5TimeMix(d_head=32),
    RWKV6TimeMix(d_head=32, mix_rank=8, decay_rank=16),
    RWKV7TimeMix(d_head=32, decay_rank=16, rate_rank=16, gate_rank=16, value_rank=8),
    Hyena(order=2, filter_width=16, filter_features=5, filter_length=512, n_inner=2, short_kernel=3),
    MLP(d_ff=512, activation="gelu", bias=True),
    MLP(d_ff=512, activation="silu", gated=True),
    MoE(n_experts=8, top_k=2, d_ff_expert=64, activation="silu", gated=True, n_shared_experts=1),
    MLP(d_ff=512, activation="silu", gated=True, inner_norm=True),
    MoE(
        n_experts=8, top_k=2, d_ff_expert=64, activation="silu", gated=True, shared_d_ff=128, n_zero_experts=4,
        router_scales=True, branch_norms=True, output_norm=True, d_latent=32, latent_norm=True,
    ),
    PerLayerInput(vocab_size=64, d_embedding=8, holds_norm=True),
    AltUp(n_streams=4, holds_projections=True),
    LowRankResidual(rank=8),
    HyperConnections(n_streams=4, holds_head=True),
    AttentionResiduals(n_sources=4, holds_head=True),
    NormGates(rank=8),
    RWKVChannelMix(d_ff=512),
    RWKVChannelMix(d_ff=512, receptance=False),
    RMSNorm(),
    LayerNorm(),
    Pooler(),
    MaskedLMHead(),
    Projection(d_embedding=64),
    AttentionPooling(d_embedding=64, n_heads=4, norms=2),
]  # fmt: skip

RECURRENT = (
    Retention, LightningAttention, DeltaNet, GatedDeltaNet, KimiDelta, Mamba, Mamba2,
    RWKV4TimeMix, RWKV5TimeMix, RWKV6TimeMix, RWKV7TimeMix,
)  # fmt: skip
UNION_OF_ALL = {
    kind for union in (Mixer, ChannelMixer, Branch, Norm, OutputHead, EmbeddingHead) for kind in get_args(union)
} | {CrossAttention}


def name(layer: Layer) -> str:
    return type(layer).__name__


def modules() -> list[object]:
    return [m for _, m in inspect.getmembers(package, inspect.ismodule)]


def test_every_layer_class_has_joined_a_union() -> None:
    classes = {
        kind
        for module in modules()
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, Layer) and kind is not Layer
    }
    assert classes == UNION_OF_ALL


def test_every_kind_of_the_unions_has_an_example_here() -> None:
    assert {type(layer) for layer in EXAMPLES} == UNION_OF_ALL


def test_no_two_kinds_share_a_tag() -> None:
    tags = [kind.__struct_config__.tag for kind in UNION_OF_ALL]
    assert len(set(tags)) == len(tags)


@pytest.mark.parametrize("layer", EXAMPLES, ids=name)
def test_weights_have_positive_shapes_and_their_own_names(layer: Layer) -> None:
    weights = layer.weights(D_MODEL)
    assert weights
    assert all(side > 0 for w in weights for side in w.shape)
    assert all(0 < w.active <= w.copies for w in weights)
    assert len({w.name for w in weights}) == len(weights)


@pytest.mark.parametrize("layer", EXAMPLES, ids=name)
def test_weights_grow_with_the_width(layer: Layer) -> None:
    assert total(layer.weights(D_MODEL)) < total(layer.weights(2 * D_MODEL))


@pytest.mark.parametrize("layer", EXAMPLES, ids=name)
def test_mixing_work_is_not_negative_and_causal_is_not_more(layer: Layer) -> None:
    for seq_len in (1, 64, 512):
        causal = layer.mixing_flops(D_MODEL, seq_len, causal=True)
        assert 0 <= causal <= layer.mixing_flops(D_MODEL, seq_len, causal=False)


@pytest.mark.parametrize("layer", EXAMPLES, ids=name)
def test_mixing_work_per_token_does_not_shrink_with_the_sequence(layer: Layer) -> None:
    work = [layer.mixing_flops(D_MODEL, s, causal=True) for s in (16, 64, 256, 1024)]
    assert work == sorted(work)


@pytest.mark.parametrize("layer", EXAMPLES, ids=name)
def test_state_never_shrinks(layer: Layer) -> None:
    states = [layer.state_values(D_MODEL, n) for n in (0, 1, 64, 65, 4096)]
    assert states == sorted(states)
    assert states[0] >= 0


@pytest.mark.parametrize("layer", [x for x in EXAMPLES if isinstance(x, RECURRENT)], ids=name)
def test_a_recurrent_layer_costs_the_same_at_any_length(layer: Layer) -> None:
    assert layer.state_values(D_MODEL, 1) == layer.state_values(D_MODEL, 10**6) > 0
    assert layer.mixing_flops(D_MODEL, 16, causal=True) == layer.mixing_flops(D_MODEL, 10**6, causal=True) > 0


@pytest.mark.parametrize("layer", [x for x in EXAMPLES if isinstance(x, (*get_args(Mixer), *get_args(ChannelMixer), *get_args(Branch), *get_args(Norm)))], ids=name)  # fmt: skip  # noqa: E501
def test_activations_are_kept_and_shorter_values_take_less(layer: Layer) -> None:
    one, four = (layer.activation_bytes(D_MODEL, 512, Kept(bytes_per_value=b)) for b in (1, 4))
    assert one >= D_MODEL
    assert one < four <= 4 * one
    assert layer.activation_bytes(D_MODEL, 512, Kept()) <= layer.activation_bytes(D_MODEL, 512, KORTHIKANTI)


@pytest.mark.parametrize("layer", EXAMPLES, ids=name)
def test_a_layer_reads_back_from_plain_data(layer: Layer) -> None:
    assert msgspec.convert(msgspec.to_builtins(layer), type(layer)) == layer


@pytest.mark.parametrize("layer", EXAMPLES, ids=name)
def test_the_docstring_names_a_paper_and_shows_a_total(layer: Layer) -> None:
    text = type(layer).__doc__ or ""
    assert "arXiv:" in text or "Shazeer" in text
    assert ">>>" in text


def test_mixers_are_told_apart_by_the_names_that_the_field_uses() -> None:
    names = {layer.variant for layer in EXAMPLES if isinstance(layer, get_args(Mixer))}
    assert {"MHA", "GQA", "MQA", "MLA", "MLA+DSA", "lightning attention", "gated DeltaNet", "RWKV-7"} <= names
    assert len(names) == len(get_args(Mixer)) + 3  # attention has three names, latent attention two


def test_the_catalogue_uses_every_kind_but_those_stated() -> None:
    used = {
        type(layer)
        for model in Catalogue().models().values()
        if model.architecture is not None
        for block in model.architecture.blocks.values()
        for layer in [*block.sublayers(), *block.branches, block.norm]
    }
    heads = {
        type(head)
        for model in Catalogue().models().values()
        if model.architecture is not None
        for head in (model.architecture.output, model.architecture.embedding_head)
        if head is not None
    }
    # these are here for a user's own models, imported or written: no checkpoint of the catalogue has them
    imported = {AltUp, LowRankResidual, PerLayerInput, RGLRU, SideBySide}
    assert UNION_OF_ALL - used - heads == imported | {Projection}
