"""Measured memory of training (conf/measurement/memory.csv, a source a row), by what was measured."""

from __future__ import annotations

import csv
from functools import cache

import msgspec
import numpy as np
import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.laying_out.tables import MEASUREMENT
from lehr.simulators.adapters import LoRA, adapter_parameters
from lehr.simulators.architecture import Architecture, Layers
from lehr.simulators.machine.layout import Layout, as_arrays
from lehr.simulators.machine.memory import HOLDINGS, Terms, memory_of
from lehr.simulators.machine.work import work_of

CATALOGUE = Catalogue()
ROWS = list(csv.DictReader((MEASUREMENT / "memory.csv").read_text(encoding="utf-8").splitlines()))
HOLDING = {
    "allocated": HOLDINGS["megatron"],
    "reserved": HOLDINGS["torchtitan"],
    "reserved, eager": msgspec.structs.replace(HOLDINGS["torchtitan"], fused=False),
    "nvidia-smi": HOLDINGS["megatron, nvidia-smi"],
}


@cache
def shape(name: str, layers: str) -> Architecture:
    whole = CATALOGUE.model(name).shape()
    if not layers:
        return whole
    blocks = [block for run in whole.layers for block in run.blocks * run.repeat][: int(layers)]
    return msgspec.structs.replace(whole, layers=[Layers(blocks=blocks)])


def told(row: dict[str, str]) -> float:
    """GiB of the fullest device by the model."""
    n = {key: int(row[key] or 1) for key in ("devices", "tp", "pp", "vpp", "ep", "cp", "micro_batch", "global_batch")}
    layout = Layout(
        tp=n["tp"], pp=n["pp"], vpp=n["vpp"], ep=n["ep"], cp=n["cp"], micro_batch=n["micro_batch"],
        global_batch=n["global_batch"], dp=n["devices"] // (n["tp"] * n["pp"] * n["cp"]), zero=int(row["zero"]),
        recompute=row["recompute"],
    )  # fmt: skip
    network = shape(row["model"], row["layers"])
    adapters = adapter_parameters(network, LoRA(rank=int(row["rank"]))) if row["trains"] == "lora" else 0
    terms = Terms(adapters=float(adapters), offload=float(row["offload"] or 0))
    work = work_of(network, int(row["sequence_length"]))
    return float(memory_of(work, as_arrays([layout]), HOLDING[row["kind"]], terms).total[0]) / 2**30


@pytest.mark.parametrize(
    ("kind", "rows", "median", "quantile"),
    [
        # constants were set with these five in view
        ("allocated", 5, 0.015, 0.03),
        # with these eighteen in view; the worst are 405B under plain 1F1B, 11 %, and at 262,144 tokens, 14 %
        ("reserved", 18, 0.05, 0.15),
        # by hand, rounded, of packed runs; only the 5.2 GiB of context was set, on others
        ("nvidia-smi", 20, 0.10, 0.20),
    ],
)
def test_memory(kind: str, rows: int, median: float, quantile: float) -> None:
    mine = [row for row in ROWS if row["kind"].startswith(kind)]
    off = np.abs([told(row) / float(row["gib"]) - 1 for row in mine])
    assert len(off) == rows
    assert (float(np.median(off)) <= median, float(np.quantile(off, 0.9)) <= quantile) == (True, True), off


def test_every_row_has_its_source() -> None:
    assert {row["source"] for row in ROWS} <= set(CATALOGUE.sources)
    assert all(row["place"] for row in ROWS)
