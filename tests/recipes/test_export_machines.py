"""Exports on the machines that there are: how a layout lies on them, and what a device has no room for."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import pytest

import lehr
from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.errors import LehrError
from lehr.recipes.exporting.result import Export
from lehr.recipes.exporting.run import export
from lehr.simulators.machine.layout import Layout
from lehr.simulators.schedules import Batch
from lehr.simulators.training import Hardware, Stage

CATALOGUE = Catalogue()


def stage_on(device: str, count: int, layout: Layout | None, **changes: Any) -> Stage:
    hardware = Hardware(accelerator=device, count=count, layout=layout)
    plain = msgspec.structs.replace(CATALOGUE.recipe("starcoder").stages["pt"], batch=Batch(sequences=count * 4))
    return msgspec.structs.replace(plain, sequence_length=4096, hardware=hardware, **changes)


def exported(to: str, *stages: Stage, model: str = "llama_2_7b", **settings: Any) -> Export:
    named = {f"s{i}": stage for i, stage in enumerate(stages, 1)}
    made = msgspec.structs.replace(CATALOGUE.recipe("starcoder"), order=list(named), stages=named, reported=[])
    return export(CATALOGUE.model(model), made, to, accelerators=CATALOGUE.accelerators, **settings)


def flags(done: Export, stage: str = "01_s1") -> str:
    return done.files[f"{stage}/flags.txt"].decode().replace("\n", " ")


def full(done: Export) -> list[str]:
    return [str(gap.value) for gap in done.stages[0].gaps if gap.whose == "full"]


def test_only_a_tensor_group_has_to_lie_in_one_machine() -> None:
    """Eight machines of six with pipelines of two tensor groups of two; a group of four leaves two of six idle."""
    for tp, nodes, each in ((2, 8, 6), (4, 12, 4)):
        layout = Layout(tp=tp, pp=2, micro_batch=1)
        done = exported("megatron", stage_on("a100_40gb", 48, layout), devices_per_node=6)
        slurm = done.files["slurm.sh"].decode()
        assert (f"--nodes={nodes}\n" in slurm, f"--gpus-per-node={each}\n" in slurm) == (True, True)
        assert f"--nnodes={nodes} --nproc-per-node={each}" in done.files["launch.sh"].decode()
        assert [gap.whose for gap in done.stages[0].gaps if gap.what == "devices"] == ["machines"] * (each < 6)


@pytest.mark.parametrize(("zero", "strategy"), [(2, "optim_grads"), (3, "optim_grads_params")])
def test_megatron_shards_what_the_layout_shards(zero: Any, strategy: str) -> None:
    done = exported("megatron", stage_on("h200", 32, Layout(zero=zero, micro_batch=4)), model="llama_2_13b")
    assert f"--use-megatron-fsdp --data-parallel-sharding-strategy {strategy} " in flags(done)
    # without either, Megatron-LM stops
    assert {"--use-distributed-optimizer", "--ckpt-format fsdp_dtensor"} < set(
        re.findall(r"--[a-z-]+(?: fs\w+)?", flags(done))
    )
    assert not [gap for gap in done.stages[0].gaps if gap.what in ("layout", "memory")]


def test_a_layout_that_megatron_is_not_told_is_held_against_the_devices_memory() -> None:
    """Beside a pipeline its weights stay whole: too much for a device, or not."""
    layout = Layout(pp=2, zero=3, micro_batch=4)
    large = exported("megatron", stage_on("h200", 32, layout), model="llama_2_13b")
    assert "--use-megatron-fsdp" not in flags(large)
    given = lehr.layout(
        "llama_2_13b", accelerator="h200", devices=32, sequence_length=4096, global_batch=128,
        layout={"pp": 2, "zero": 1, "micro_batch": 4},
    ).given  # fmt: skip
    assert given is not None
    assert full(large) == [f"{given.memory_bytes / 1e9:.0f} GB a device of 141 GB (h200)"]
    assert "## Does not fit" in large.files["README.md"].decode()
    assert [gap.value for gap in large.stages[0].gaps if gap.what == "layout"] == ["ZeRO-1 instead of ZeRO-3"]
    assert full(exported("megatron", stage_on("h200", 32, layout))) == []


def test_what_divides_a_layer_in_megatron_has_the_surroundings_that_it_asks_for() -> None:
    for layout, asked in (
        (Layout(tp=2), True),
        (Layout(cp=2), True),
        (Layout(pp=2), False),
        (Layout(tp=2, zero=3), False),
    ):
        command = exported("megatron", stage_on("h100_sxm", 16, layout)).stages[0].exported.command
        assert ("CUDA_DEVICE_MAX_CONNECTIONS=1" in command) == asked


def test_no_stage_begins_from_a_checkpoint_that_its_layout_does_not_read() -> None:
    sharded, piped = (stage_on("h100_sxm", 16, layout) for layout in (Layout(zero=3), Layout(pp=2)))
    with pytest.raises(
        LehrError, match=r"s2 begins from a checkpoint of s1 in the form of fsdp_dtensor, and reads torch_"
    ):
        exported("megatron", sharded, piped)
    assert len(exported("megatron", sharded, sharded).stages) == 2


def test_activations_and_logits_count_where_all_else_is_shared_out() -> None:
    """A sequence of 65,536 tokens: the logits alone, in 32 bits and three times, are more than a device has."""
    long = stage_on("h100_sxm", 32, None, kind="CPT")
    long = msgspec.structs.replace(long, sequence_length=65_536)
    for to in ("trl", "llama_factory", "ms_swift", "axolotl"):
        (said,) = full(exported(to, long, model="llama_3_1_8b"))
        needs, passing = map(int, re.findall(r"(\d+) (?:GB|of)", said)[:2])
        logits = 65_536 * 128_256 * 13 / 1e9
        assert passing > logits
        # and a thirty-second of 16 to 20 bytes a parameter
        assert passing < needs < passing + 20 * 8.03 / 32 + 1
    short = msgspec.structs.replace(long, sequence_length=2048)
    assert full(exported("trl", short, model="llama_3_1_8b")) == []


@pytest.mark.parametrize(("model", "dtype"), [("llama_2_7b", "uint16"), ("llama_3_8b", "uint32")])
def test_the_numbers_of_olmo_cores_files_are_said_and_not_inferred(model: str, dtype: str) -> None:
    done = exported("olmo_core", stage_on("h100_sxm", 8, None), model=model)
    assert json.loads(done.files["01_s1/olmo_core.json"])["data"]["dtype"] == dtype
    written = f"`numpy.asarray(ids, dtype=numpy.{dtype}).tofile('data/s1/0.npy')`"
    assert written in done.files["README.md"].decode()
