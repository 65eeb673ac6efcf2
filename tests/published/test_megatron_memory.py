"""Peak allocation of Megatron-LM 0.14 on B200, as SimuMax v1.2 publishes it beside its own estimate
(docs/b200/b200_release_v1.2_summary.json): networks cut to a few layers, bf16, distributed optimiser, micro-batch 1."""

import msgspec
import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.simulators.architecture import Architecture, Layers
from lehr.simulators.machine.layout import Layout, as_arrays
from lehr.simulators.machine.memory import MEGATRON, memory_of
from lehr.simulators.machine.work import work_of

CATALOGUE = Catalogue()


def cut(name: str, n: int) -> Architecture:
    shape = CATALOGUE.model(name).shape()
    blocks = [block for run in shape.layers for block in run.blocks * run.repeat][:n]
    return msgspec.structs.replace(shape, layers=[Layers(blocks=blocks)])


MEASURED = [
    ("llama_3_70b", 12, Layout(pp=2, dp=4, global_batch=16), 66.55),
    ("llama_3_70b", 12, Layout(tp=2, dp=4, global_batch=16), 60.68),
    ("llama_3_70b", 12, Layout(tp=4, dp=2, global_batch=8), 39.07),
    ("llama_3_70b", 12, Layout(tp=8, dp=1, global_batch=4), 28.29),
    ("deepseek_v2", 4, Layout(ep=8, dp=8, global_batch=32), 45.63),
]


@pytest.mark.parametrize(("name", "layers", "layout", "gib"), MEASURED, ids=lambda v: str(v)[:24])
def test_memory(name: str, layers: int, layout: Layout, gib: float) -> None:
    memory = memory_of(work_of(cut(name, layers), 4096), as_arrays([layout]), MEGATRON)
    # bytes of a logit, of the largest gradient and the context were set with these five rows in view; 3 % is what the
    # model is asked for of rows of this kind
    assert float(memory.total[0]) / 2**30 == pytest.approx(gib, rel=0.03)


def test_the_first_rank_is_fuller_where_it_holds_more_micro_batches() -> None:
    memory = memory_of(work_of(cut("llama_3_70b", 12), 4096), as_arrays([MEASURED[0][2]]), MEGATRON)
    assert memory.rank.tolist() == [0]
