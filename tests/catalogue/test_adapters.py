"""Trainable parameters of low-rank adapters."""

import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.simulators.adapters import LoRA, adapter_parameters
from lehr.simulators.architecture import Architecture, Block, Layers
from lehr.simulators.layers import Embedding, MoE, RMSNorm


def test_experts_of_a_published_count() -> None:
    """629,145,600 at rank 8: gate, up and down of 256 experts, 2,048 to 512 features, in 40 layers."""
    moe = MoE(n_experts=256, top_k=8, d_ff_expert=512, n_shared_experts=1, activation="silu", gated=True)
    shape = Architecture(
        d_model=2048,
        context_length=4096,
        embedding=Embedding(vocab_size=1000, tied=False),
        blocks={"moe": Block(mlp=moe, norm=RMSNorm())},
        layers=[Layers(blocks=["moe"], repeat=40)],
        final_norm=RMSNorm(),
    )
    assert adapter_parameters(shape, LoRA(rank=8, targets=("experts",))) == 629_145_600


@pytest.mark.parametrize(
    ("targets", "parameters"),
    [
        # Hu et al.'s rule by hand for Llama 2 7B: 32 layers, width 4,096, MLP 11,008
        (("q_proj", "v_proj"), 32 * 8 * 4 * 4096),
        (("attention",), 32 * 8 * 8 * 4096),
        (("all",), 32 * 8 * (8 * 4096 + 3 * (4096 + 11008))),
    ],
)
def test_llama_2_7b(targets: tuple[str, ...], parameters: int) -> None:
    assert adapter_parameters(Catalogue().model("llama_2_7b").shape(), LoRA(rank=8, targets=targets)) == parameters


def test_a_count_that_a_trainer_printed() -> None:
    """17.8913M trainable parameters of qwen-7b, rank 8 on all linear layers, by peft (ms-swift, Benchmark.md)."""
    from lehr.simulators.layers import MLP, Attention, Rope

    mixer = Attention(n_heads=32, n_kv_heads=32, d_head=128, qkv_bias=True, position=Rope(base=10000.0))
    mlp = MLP(d_ff=11008, activation="silu", gated=True)
    shape = Architecture(
        d_model=4096,
        context_length=8192,
        embedding=Embedding(vocab_size=151936, tied=False),
        blocks={"decoder": Block(mixer=mixer, mlp=mlp, norm=RMSNorm())},
        layers=[Layers(blocks=["decoder"], repeat=32)],
        final_norm=RMSNorm(),
    )
    own = adapter_parameters(shape, LoRA(rank=8))
    # its c_attn is q, k and v in one matrix of 12,288 outputs, where ours are three
    fused = own - 32 * 8 * 3 * 8192 + 32 * 8 * (4096 + 12288)
    assert fused == 17_891_328


def test_a_name_of_no_matrix_is_refused() -> None:
    with pytest.raises(ValueError, match="no matrix is called 'wq'"):
        adapter_parameters(Catalogue().model("llama_2_7b").shape(), LoRA(rank=8, targets=("wq",)))
