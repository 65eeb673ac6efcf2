"""Decoding states of networks that grow, stop growing, and do neither."""

import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.simulators.architecture import Architecture, Block, Layers
from lehr.simulators.counting import state_values
from lehr.simulators.decoding import decoding_state
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
