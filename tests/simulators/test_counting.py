"""Counting: totals of published checkpoints, the named extras, conventions, and what must hold of every network."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest

from lehr.simulators.architecture import MTP, Architecture, Block, Checkpoint, Encoder, Layers
from lehr.simulators.counting import (
    FLOP_CONVENTIONS,
    N_CONVENTIONS,
    NConvention,
    activation_bytes_per_token,
    block_scales,
    count_parameters,
    forward_flops_per_token,
    state_values,
    training_flops_per_token,
)
from lehr.simulators.decoding import CacheBytes, cache_bytes
from lehr.simulators.layers import (
    KORTHIKANTI,
    MLA,
    MLP,
    Attention,
    CrossAttention,
    Embedding,
    Kept,
    LayerNorm,
    Mamba,
    MoE,
    NoPosition,
    RMSNorm,
    Rope,
)
from lehr.simulators.layers.base import linear
from lehr.simulators.planning.ladder import dense, mixture


def decoder(n_layers: int = 2, *, tied: bool = False, vocab_size: int = 1000) -> Architecture:
    block = Block(
        mixer=Attention(n_heads=4, n_kv_heads=2, d_head=16, position=Rope(base=1e4)),
        mlp=MLP(d_ff=256, activation="silu", gated=True),
        norm=RMSNorm(),
    )
    return Architecture(
        d_model=64,
        context_length=128,
        embedding=Embedding(vocab_size=vocab_size, tied=tied),
        blocks={"decoder": block},
        layers=[Layers(blocks=["decoder"], repeat=n_layers)],
        final_norm=RMSNorm(),
    )


def sparse() -> Architecture:
    """A mixture of experts with a module for multi-token prediction."""
    network = mixture(512, expansion=8, top_k=4, vocab_size=1000, context_length=4096)
    return msgspec.structs.replace(network, mtp=MTP(depth=1, block="decoder", norm=RMSNorm()))


def encoder_decoder(d_encoder: int = 64) -> Architecture:
    attention = Attention(n_heads=4, n_kv_heads=4, d_head=16, position=NoPosition())
    mlp = MLP(d_ff=256, activation="relu")
    cross = CrossAttention(n_heads=4, n_kv_heads=4, d_head=16, d_memory=d_encoder)
    return Architecture(
        d_model=64,
        context_length=128,
        embedding=Embedding(vocab_size=1000, tied=True),
        blocks={
            "encoder": Block(mixer=attention, mlp=mlp, norm=RMSNorm()),
            "decoder": Block(mixer=attention, cross=cross, mlp=mlp, norm=RMSNorm()),
        },
        layers=[Layers(blocks=["decoder"], repeat=3)],
        final_norm=RMSNorm(),
        encoder=Encoder(layers=[Layers(blocks=["encoder"], repeat=2)], final_norm=RMSNorm(), d_model=d_encoder),
    )


def test_rotary_buffers_are_half_a_head_for_each_layer_or_once() -> None:
    for stored, values in (("layer", 2 * 8), ("model", 8)):
        model = msgspec.structs.replace(decoder(), checkpoint=Checkpoint(rotary_buffers=stored))  # type: ignore[arg-type]
        assert count_parameters(model).extras == {"rotary_buffers": values}


def test_modules_beside_the_network_are_extras_and_nothing_else() -> None:
    model = msgspec.structs.replace(decoder(), checkpoint=Checkpoint(modules={"vision_tower": 7}))
    assert count_parameters(model).extras == {"vision_tower": 7}
    assert count_parameters(model).total == count_parameters(decoder()).total


def test_block_scales_skip_what_stays_in_full_precision() -> None:
    moe = MoE(n_experts=4, top_k=2, d_ff_expert=256, activation="silu", gated=True)
    # three matrices of 256 x 64, in each of 4 experts: two squares of 128 each; no scale for the router
    assert block_scales(moe.weights(64), 128) == 4 * 3 * 2
    assert block_scales(linear("o", 129, 129, "x", bias=True), 128) == 4


# Parameters


def test_a_layer_more_adds_a_block() -> None:
    two, three = (count_parameters(decoder(n)) for n in (2, 3))
    block = sum(w.size for w in decoder().blocks["decoder"].weights(64))
    assert three.total - two.total == block


def test_runs_of_layers_add_up() -> None:
    one = decoder(4)
    split = msgspec.structs.replace(one, layers=[Layers(blocks=["decoder"], repeat=1), Layers(blocks=["decoder"] * 3)])
    assert count_parameters(one) == count_parameters(split)


def test_a_tied_head_is_counted_once_and_stays_active() -> None:
    tied, untied = count_parameters(decoder(tied=True)), count_parameters(decoder(tied=False))
    assert untied.total - tied.total == 64_000
    assert tied.active["all"] == tied.active["excl_input_embedding"]
    assert untied.active["all"] - untied.active["excl_input_embedding"] == 64_000
    assert tied.active["excl_embeddings"] == untied.active["excl_embeddings"] == tied.non_embedding


def test_a_network_without_a_head_excludes_its_table_either_way() -> None:
    model = msgspec.structs.replace(decoder(), embedding=Embedding(vocab_size=1000, tied=False, head=False))
    count = count_parameters(model)
    assert count.active["excl_input_embedding"] == count.active["excl_embeddings"] == count.non_embedding


def test_components_add_up_to_the_total() -> None:
    for model in (decoder(), encoder_decoder(), sparse()):
        count = count_parameters(model)
        assert sum(count.components.values()) == count.total


def test_mtp_is_beside_the_main_model() -> None:
    model = msgspec.structs.replace(decoder(), mtp=MTP(block="decoder", norm=RMSNorm(), depth=2))
    assert count_parameters(model).total == count_parameters(decoder()).total
    block = sum(w.size for w in model.blocks["decoder"].weights(64))
    assert count_parameters(model).extras == {"mtp": 2 * (block + 2 * 64 * 64 + 3 * 64)}


def test_encoder_and_decoder_are_both_counted() -> None:
    model = encoder_decoder()
    encoder = sum(w.size for w in model.blocks["encoder"].weights(64))
    own = sum(w.size for w in model.blocks["decoder"].weights(64))
    assert count_parameters(model).total == 64_000 + 2 * encoder + 3 * own + 2 * 64


# FLOPs


def test_flops_are_six_for_each_active_parameter_and_the_square() -> None:
    model, seq_len = decoder(), 128
    active = count_parameters(model).active["excl_input_embedding"]
    square = 12 * 2 * 4 * 16 * seq_len
    assert training_flops_per_token(model, seq_len, FLOP_CONVENTIONS["full"]) == 6 * active + square
    assert training_flops_per_token(model, seq_len, FLOP_CONVENTIONS["causal"]) == 6 * active + square / 2


def test_a_tied_head_works_as_an_untied_one() -> None:
    for convention in FLOP_CONVENTIONS.values():
        tied, untied = (training_flops_per_token(decoder(tied=t), 128, convention) for t in (True, False))
        assert tied == untied


def test_conventions_that_count_more_are_not_less() -> None:
    model = sparse()
    flops = {name: training_flops_per_token(model, 4096, c) for name, c in FLOP_CONVENTIONS.items()}
    assert flops["causal"] < flops["causal_with_router"] < flops["full_with_router"]
    assert flops["causal"] < flops["full"] < flops["full_with_router"]
    assert flops["causal"] < flops["causal_with_mtp"]
    assert flops["chinchilla"] < flops["chinchilla_appendix_f"]


def test_a_bidirectional_network_sees_the_whole_square_under_every_convention() -> None:
    model = msgspec.structs.replace(decoder(), causal=False)
    causal, full = (training_flops_per_token(model, 128, FLOP_CONVENTIONS[n]) for n in ("causal", "full"))
    assert causal == full


def test_encoder_decoder_work_is_averaged_over_both_sequences() -> None:
    model, convention = encoder_decoder(), FLOP_CONVENTIONS["full"]
    forward = forward_flops_per_token(model, 96, convention, target_len=32) * (96 + 32)
    matrix = {name: 2.0 * sum(w.size for w in model.blocks[name].weights(64)) for name in ("encoder", "decoder")}
    keys_and_values = 2.0 * 2 * 64 * 64
    width = 4 * 16
    encoder = 96 * (2 * (matrix["encoder"] + 4 * width * 96) + 2 * 64)
    own = matrix["decoder"] - keys_and_values + 4 * width * 32 + 4 * width * 96
    decoder = 32 * (3 * own + 2 * 64 + 2 * 1000 * 64) + 3 * 96 * keys_and_values
    # sums of whole numbers below 2**53 but for one average: a few roundings
    assert forward == pytest.approx(encoder + decoder, rel=1e-14)


def test_the_default_target_is_as_long_as_the_source() -> None:
    model, convention = encoder_decoder(), FLOP_CONVENTIONS["causal"]
    default = forward_flops_per_token(model, 96, convention)
    assert default == forward_flops_per_token(model, 96, convention, target_len=96)


def test_a_sequence_of_no_tokens_is_refused() -> None:
    with pytest.raises(ValueError, match="write a sequence length of 1 or more"):
        training_flops_per_token(decoder(), 0, FLOP_CONVENTIONS["causal"])


# State and activations


def test_a_cache_holds_keys_and_values_of_every_layer() -> None:
    # 2 x layers x key-value heads x head width x 2 bytes; latent attention: layers x (rank + rotary width) x 2 bytes
    assert cache_bytes(decoder()).per_token == 2 * 2 * 2 * 16 * 2
    latent = MLA(n_heads=4, kv_rank=24, d_nope=16, d_rope=8, d_value=16, position=Rope(base=1e4))
    model = msgspec.structs.replace(decoder(), blocks={"decoder": Block(mixer=latent, norm=RMSNorm())})
    assert cache_bytes(model).per_token == 2 * (24 + 8) * 2


def test_a_recurrent_layer_adds_nothing_per_token() -> None:
    block = Block(mixer=Mamba(d_inner=128, d_state=16, conv_kernel=4, dt_rank=4), norm=RMSNorm())
    model = msgspec.structs.replace(decoder(), blocks={"decoder": block})
    assert cache_bytes(model).per_token == 0
    assert state_values(model, 1) == state_values(model, 10**6) == 2 * 128 * (16 + 3)


def test_a_window_stops_the_cache_from_growing() -> None:
    attention = Attention(n_heads=4, n_kv_heads=2, d_head=16, position=Rope(base=1e4), window=32)
    model = msgspec.structs.replace(decoder(), blocks={"decoder": Block(mixer=attention, norm=RMSNorm())})
    assert state_values(model, 32) == state_values(model, 1000) == 32 * state_values(model, 1)
    assert cache_bytes(model) == CacheBytes(per_token=0, windows=2 * 2 * 2 * 16 * 2 * 32, fixed=0)


def test_an_encoders_keys_and_values_are_kept_while_decoding() -> None:
    model = encoder_decoder()
    assert state_values(model, 10, n_memory=100) - state_values(model, 10) == 3 * 2 * 64 * 100


def test_activations_follow_the_papers_equation() -> None:
    """Korthikanti et al., arXiv:2205.05198, equation 1: s b h L (34 + 5 a s / h), and the ends: 5 s b h + 4 s b v."""
    block = Block(
        mixer=Attention(n_heads=4, n_kv_heads=4, d_head=16, position=NoPosition()),
        mlp=MLP(d_ff=256, activation="gelu"),
        norm=LayerNorm(),
    )
    model = msgspec.structs.replace(decoder(), blocks={"decoder": block}, final_norm=LayerNorm())
    expected = 2 * (34 * 64 + 5 * 4 * 128) + 5 * 64 + 4 * 1000
    assert activation_bytes_per_token(model, 128, KORTHIKANTI) == expected


def test_flash_attention_keeps_no_scores() -> None:
    flash = Kept()
    short, long = (activation_bytes_per_token(decoder(), s, flash) for s in (128, 4096))
    assert short == long
    assert activation_bytes_per_token(decoder(), 4096, Kept(flash=False)) > long


# What is refused


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layers": [Layers(blocks=["other"])]}, "no block is called 'other'"),
        ({"mtp": MTP(block="other", norm=RMSNorm())}, "no block is called 'other'"),
        ({"checkpoint": Checkpoint(stores_head=True)}, "write tied: true"),
        ({"encoder": Encoder(layers=[Layers(blocks=["other"])], final_norm=None)}, "no block is called 'other'"),
    ],
)
def test_inconsistent_networks_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        msgspec.structs.replace(decoder(), **change)


def test_cross_attention_needs_an_encoder() -> None:
    cross = CrossAttention(n_heads=4, n_kv_heads=4, d_head=16)
    with pytest.raises(ValueError, match="write `encoder`"):
        msgspec.structs.replace(decoder(), blocks={"decoder": Block(cross=cross, norm=RMSNorm())})


@pytest.mark.parametrize("convention", get_args(NConvention))
def test_n_is_known_by_every_convention(convention: NConvention) -> None:
    assert convention in N_CONVENTIONS
    used, all_of_it = count_parameters(dense(1024, vocab_size=32000, context_length=2048)).at(convention, 6e9)
    assert used == all_of_it, "of a dense network a token uses everything"
    mixed = count_parameters(mixture(1024, expansion=8, top_k=4, vocab_size=32000, context_length=2048))
    used, all_of_it = mixed.at(convention, 6e9)
    idle = mixed.total - mixed.active["all"]
    assert all_of_it - used == (0 if convention == "active" else idle)


def test_what_each_convention_leaves_out() -> None:
    net = dense(1024, vocab_size=32000, context_length=2048)
    count, table = count_parameters(net), 32000 * 1024
    assert count.at("total") == (count.total, count.total)
    assert count.at("with_head")[0] == count.total - table
    assert count.at("non_embedding")[1] == count.non_embedding == count.total - 2 * table
    assert count.at("flops_per_token", 6e9) == (1e9, 1e9)
    with pytest.raises(ValueError, match="sequence length"):
        count.at("flops_per_token")
