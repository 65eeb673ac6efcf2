"""Decoding states of networks that grow, stop growing, and do neither."""

import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.simulators.architecture import Architecture, Block, Layers
from lehr.simulators.counting import state_values
from lehr.simulators.decoding import CacheBytes, cache_bytes, decoding_state
from lehr.simulators.layers import Attention, Embedding, Mamba, MoE, RMSNorm, Rope

SHAPES = {n: m.architecture for n, m in Catalogue().models().items() if m.architecture is not None}


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("n_tokens", [1, 4096, 131072])
def test_the_parts_are_the_whole(name: str, n_tokens: int) -> None:
    state = decoding_state(SHAPES[name], n_tokens, n_memory=7)
    assert state.total == state_values(SHAPES[name], n_tokens, n_memory=7)
    assert min(state.fixed, state.windowed, state.growing) >= 0


def windowed() -> Architecture:
    """gpt-oss-20b's: every other of 24 layers sees 128 tokens, 8 key-value heads of 64."""

    def attention(window: int | None) -> Attention:
        return Attention(n_heads=64, n_kv_heads=8, d_head=64, window=window, position=Rope(base=150000.0))

    moe = MoE(n_experts=32, top_k=4, d_ff_expert=2880, activation="silu", gated=True)
    blocks = {
        "local": Block(mixer=attention(128), mlp=moe, norm=RMSNorm()),
        "full": Block(mixer=attention(None), mlp=moe, norm=RMSNorm()),
    }
    layers = [Layers(blocks=["local", "full"], repeat=12)]
    embedding = Embedding(vocab_size=201088, tied=False)
    return Architecture(
        d_model=2880, context_length=131072, embedding=embedding, blocks=blocks, layers=layers, final_norm=RMSNorm()
    )


@pytest.mark.parametrize(("n_tokens", "values"), [(8192, 102_236_160), (131_072, 1_612_185_600)])
def test_windows_stop_growing(n_tokens: int, values: int) -> None:
    state = decoding_state(windowed(), n_tokens)
    assert state.total == values
    assert (state.fixed, state.windowed) == (0, 12 * 128 * 1024)


def test_a_recurrent_state_is_there_from_the_start() -> None:
    block = Block(mixer=Mamba(d_inner=4096, d_state=16, conv_kernel=4, dt_rank=128), norm=RMSNorm())
    shape = Architecture(
        d_model=2048,
        context_length=4096,
        embedding=Embedding(vocab_size=50280, tied=True),
        blocks={"mamba": block},
        layers=[Layers(blocks=["mamba"], repeat=48)],
        final_norm=RMSNorm(),
    )
    for n_tokens in (1, 100_000):
        state = decoding_state(shape, n_tokens)
        assert (state.fixed, state.windowed, state.growing) == (48 * 4096 * (16 + 3), 0, 0)


@pytest.mark.parametrize("name", SHAPES)
def test_what_each_token_adds_is_what_long_sequences_differ_by(name: str) -> None:
    held, long = cache_bytes(SHAPES[name]), 2**30
    further = state_values(SHAPES[name], 2 * long) - state_values(SHAPES[name], long)
    assert held.per_token * long == 2 * further
    assert held.per_token * long + held.windows + held.fixed == 2 * state_values(SHAPES[name], long)


def test_windows_and_compressed_entries_are_counted_apart() -> None:
    # MiMo-V2-Flash: 9 of 48 layers see all, 4 key-value heads of 192 and 128 features; 39 see 129 tokens, 8 heads each
    assert cache_bytes(SHAPES["mimo_v2_flash"]) == CacheBytes(
        per_token=9 * 4 * 320 * 2, windows=39 * 8 * 320 * 129 * 2, fixed=0
    )
    # DeepSeek-V4-Flash: 43 layers with a window of 128 vectors of 512; of them 21 keep one of 640 for each 4 tokens,
    # the indexer's key in it, and 20 one of 512 for each 128
    assert cache_bytes(SHAPES["deepseek_v4_flash"]) == CacheBytes(
        per_token=21 * 2 * 640 / 4 + 20 * 2 * 512 / 128, windows=43 * 128 * 512 * 2, fixed=0
    )
