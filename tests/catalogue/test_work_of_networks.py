"""What a network asks of a machine adds up to what is counted of it."""

import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.simulators.counting import FLOP_CONVENTIONS, count_parameters, training_flops_per_token
from lehr.simulators.machine.demand import Network, demand_of
from lehr.simulators.machine.layout import Layout, as_arrays
from lehr.simulators.machine.work import held, work_of
from lehr.simulators.planning.ladder import dense

SHAPES = {
    name: model.architecture
    for name, model in Catalogue().models().items()
    if model.architecture is not None and model.architecture.encoder is None
}


@pytest.mark.parametrize("name", SHAPES)
def test_no_parameter_is_lost(name: str) -> None:
    assert work_of(SHAPES[name], 2048).parameters == count_parameters(SHAPES[name]).total


@pytest.mark.parametrize("name", ["llama_3_1_8b", "qwen3_30b_a3b", "deepseek_v3", "mixtral_8x7b"])
def test_matrices_do_the_work_that_is_counted(name: str) -> None:
    shape = SHAPES[name]
    work = work_of(shape, 4096)
    asked = demand_of(work, as_arrays([Layout(dp=1, global_batch=1)]), Network(1.0, 1, 1.0))
    done = sum(float(part[0]) for part in (asked.matrix, asked.expert, asked.attention, asked.head)) * 3 / 4096
    counted = training_flops_per_token(shape, 4096, FLOP_CONVENTIONS["causal"])
    # the count adds 6 FLOP for each norm's gain and bias, below a thousandth of the matrices of any of these
    assert done == pytest.approx(counted, rel=1e-3)
    assert done <= counted


def test_ranks_share_all_work_and_no_more() -> None:
    work = work_of(dense(4096, vocab_size=128256, context_length=8192), 8192)
    alone = demand_of(work, as_arrays([Layout(dp=1, global_batch=32)]), Network(1.0, 8, 1.0))
    shared = demand_of(work, as_arrays([Layout(tp=2, pp=4, cp=2, dp=2, global_batch=32)]), Network(1.0, 8, 1.0))
    whole = float(alone.matrix[0] * alone.micro_batches[0])
    # every rank of tp, cp, dp and of the pipeline has an equal share of this even network
    assert float(shared.matrix[0] * shared.micro_batches[0]) * 32 == pytest.approx(whole, rel=1e-12)


def test_blocks_hold_their_experts() -> None:
    work = work_of(SHAPES["deepseek_v3"], 4096)
    assert work.routed == 58 * 256 * 3 * 7168 * 2048
    assert sum(b.n * held(b) for b in work.blocks) < work.parameters


def test_an_encoder_beside_a_decoder_is_refused() -> None:
    shape = next(m.architecture for m in Catalogue().models().values() if m.architecture and m.architecture.encoder)
    with pytest.raises(ValueError, match="two stacks"):
        work_of(shape, 512)
