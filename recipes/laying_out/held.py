"""Tables of measured memory, and what the model says of their rows."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from math import log, sqrt
from pathlib import Path
from statistics import NormalDist
from typing import Any, cast

import msgspec
import numpy as np

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.errors import LehrError
from lehr.recipes.laying_out.tables import Networks
from lehr.simulators.adapters import LoRA, adapters_of
from lehr.simulators.architecture import Architecture, Layers
from lehr.simulators.machine.layout import Layout, as_arrays
from lehr.simulators.machine.memory import HOLDINGS, Holding, Terms, memory_of
from lehr.simulators.machine.work import work_of

KINDS: dict[str, Holding] = {
    "allocated": HOLDINGS["megatron"],
    "reserved": HOLDINGS["torchtitan"],
    "reserved, eager": msgspec.structs.replace(HOLDINGS["torchtitan"], fused=False),
    "nvidia-smi": HOLDINGS["megatron, nvidia-smi"],
    "deepspeed": HOLDINGS["deepspeed"],
    "deepspeed bf16": HOLDINGS["deepspeed bf16"],
    "litgpt": HOLDINGS["litgpt"],
    "transformers": HOLDINGS["transformers"],
}
"""Whose count a table's ``kind`` is."""

SIXTEEN = ("litgpt", "transformers")
"""Kinds that hold optimiser states in 16 bits, as their trainers do in pure bfloat16."""


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """One measured memory: which kind of reading, of what run, and how much [GiB]."""

    source: str
    place: str
    kind: str
    model: str
    trains: str
    layout: Layout
    sequence_length: int
    gib: float
    architecture: Architecture
    terms: Terms
    most: float | None

    def told(self, holding: Holding | None = None) -> float:
        """The fullest device by the model, or by a ``holding`` other than the kind's [GiB]."""
        work, layouts = work_of(self.architecture, self.sequence_length), as_arrays([self.layout])
        whole = float(memory_of(work, layouts, holding or KINDS[self.kind], self.terms).total[0]) / 2**30
        return whole if self.most is None else min(whole, self.most)


def read_held(path: Path, catalogue: Catalogue) -> list[Held]:
    """The rows of a table of memory. Raises ``LehrError`` for a kind of reading that is not known."""
    networks = Networks(catalogue)
    with path.open(newline="", encoding="utf-8") as file:
        return [_row(record, networks) for record in csv.DictReader(file)]


def _row(r: dict[str, str], networks: Networks) -> Held:
    if r["kind"] not in KINDS:
        raise LehrError(f"kind: {r['kind']!r} is not known; write one of {', '.join(KINDS)}")

    def whole(key: str) -> int:
        return int(r.get(key) or 1)

    network = networks.network(r)
    if r.get("layers"):
        blocks = [block for run in network.layers for block in run.blocks * run.repeat][: int(r["layers"])]
        network = msgspec.structs.replace(network, layers=[Layers(blocks=blocks)])
    lora = r["trains"] != "full"
    adapters = LoRA(rank=whole("rank"), targets=tuple(re.split(r"\s+", r.get("targets") or "all")))
    tp, pp, cp, devices = whole("tp"), whole("pp"), whole("cp"), whole("devices")
    dp = devices // (tp * pp * cp)
    return Held(
        source=r["source"],
        place=r["place"],
        kind=r["kind"],
        model=r["model"],
        trains=r["trains"],
        layout=Layout(
            tp=tp, pp=pp, vpp=whole("vpp"), ep=whole("ep"), cp=cp, dp=dp, micro_batch=whole("micro_batch"),
            global_batch=int(r.get("global_batch") or dp * whole("micro_batch")),
            zero=cast(Any, int(r.get("zero") or 0)), recompute=cast(Any, r["recompute"]),
            sequence_parallel=not r["kind"].startswith("deepspeed"),
        ),
        sequence_length=int(r["sequence_length"]),
        gib=float(r["gib"]),
        architecture=network,
        terms=Terms(
            optimizer=cast(Any, r.get("optimizer") or ("bf16" if r["kind"] in SIXTEEN else "fp32")),
            imbalance=UNEVEN if r["kind"] == "nvidia-smi" else 1.0,
            offload=float(r.get("offload") or 0),
            adapters=adapters_of(network, adapters) if lora else None,
            copies=int(r.get("copies") or 0),
            loss_chunk=0 if r.get("head") == "other" else None,
            quantized=(four := r.get("quantization", "").startswith("nf4")),
            bits=BITS[r.get("quantization", "")],
            ends=2.0 if r["kind"] == "transformers" else 4.0,
            reads=four,
            score=SCORES[r.get("attention", "")],
            normalized=r.get("head") == "normalized",
            shorter=shorter(int(r["sequence_length"]), cut=r["documents"] == "cut") if r.get("documents") else 0.0,
        ),
        most=A100 if r["kind"] == "transformers" else None,
    )  # fmt: skip


UNEVEN = 2.0
"""Routed tokens of the fullest rank over the mean where text as it comes was read by a driver's count, assumed [1]."""

BITS = {"": 16.0, "int8": 8.25, "int4": 4.25, "nf4": 4.5, "nf4-dq": 4.127}
"""Bits of a weight with its scales: one in 32 for each 64 values (Dettmers et al., arXiv:2305.14314, section 3), in 8
where scales are quantised too; one in 16 and a zero for each 128 where GPTQ quantises (Frantar et al.,
arXiv:2210.17323)."""


SCORES = {"": 0.0, "unfused": 16.0, "alibi": 4.0}
"""Bytes of an attention's score, by the code: ChatGLM3 gives torch a mask, with which torch 2.1 multiplies out in steps
(scores and softmax in 32 bits with their gradients, and copies in 16); Baichuan 2 13B makes a mask of every head's
positions, twice in 16 bits."""

A100 = 78.76
"""What is left to the allocator of an A100 of 80 GB: the most that was read, of 79.15 that the driver says [GiB]."""

MEAN, DEVIATION, FIRST = 3234.4, 2547.5, 4
"""Lengths of the documents that ms-swift measured with: their mean and deviation by Qwen's tokenizer [tokens], and of
how many the first that is as long as the limit must come to leave no fragments."""


def shorter(limit: int, *, cut: bool) -> float:
    """The mean length of documents over the ``limit`` that all keep, as far as the longest comes late [1]. Longer ones
    are ``cut`` to it, or dropped; lengths are taken to be log-normal.

    >>> [round(shorter(limit, cut=False), 2) for limit in (512, 2048, 8192)]
    [0.81, 0.66, 0.35]
    >>> [round(shorter(limit, cut=True), 2) for limit in (512, 2048, 8192)]
    [0.0, 0.02, 0.31]
    """
    variance = log(1 + (DEVIATION / MEAN) ** 2)
    at = (log(limit / MEAN) + variance / 2) / sqrt(variance)
    below = NormalDist().cdf(at)
    mean = MEAN * NormalDist().cdf(at - sqrt(variance)) / limit
    return below**FIRST * (mean + 1 - below) if cut else mean / below


FITTED: dict[str, tuple[str, ...]] = {
    "allocated": ("logit", "transient", "context"),
    "reserved": ("whole", "logit", "working", "gathered", "context"),
    "nvidia-smi": ("context",),
    "deepspeed": ("gradient", "sharded", "working", "context"),
    "deepspeed bf16": ("gradient",),
    "litgpt": ("eager", "rms", "logit"),
    "transformers": ("logit", "context", "fragments", "step"),
}
"""Which constants of a ``Holding`` the rows of a kind have told."""


def off(rows: Sequence[Held]) -> list[float]:
    """Relative errors of what the model says [1]."""
    return [row.told() / row.gib - 1 for row in rows]


class _Rows:
    """Rows of one kind, whose memory is told for many values of its constants."""

    def __init__(self, rows: Sequence[Held], constants: Sequence[str]) -> None:
        usual = KINDS[rows[0].kind]
        self.rows, self.constants = rows, constants
        self.units = np.array([getattr(usual, name) or 1.0 for name in constants])
        self.start = np.array([getattr(usual, name) for name in constants])
        self.gib = np.array([row.gib for row in rows])
        self.works = [(work_of(row.architecture, row.sequence_length), as_arrays([row.layout])) for row in rows]

    def told(self, values: np.ndarray) -> np.ndarray:
        """What the model says with these values of the constants [GiB]."""
        changed = dict(zip(self.constants, values.tolist(), strict=True))
        whole = np.array([
            memory_of(work, layout, msgspec.structs.replace(KINDS[row.kind], **changed), row.terms).total[0] / 2**30
            for row, (work, layout) in zip(self.rows, self.works, strict=True)
        ])  # fmt: skip
        told: np.ndarray = np.minimum(whole, [np.inf if row.most is None else row.most for row in self.rows])
        return told

    def slopes(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Errors' slopes at ``x`` units from the start, and what they should add up to [1]."""
        at = self.start + self.units * x
        here = self.told(at)
        steps = [(self.told(at + 0.1 * step) - here) / 0.1 for step in np.diag(self.units)]
        slopes = np.stack(steps, axis=1) / self.gib[:, None]
        return slopes, 1.0 - here / self.gib + slopes @ x


def _solved(slopes: np.ndarray, aims: np.ndarray) -> np.ndarray:
    """Squares of small errors and the size of large ones, least, with each constant held to its own."""
    weights = np.ones(len(aims))
    for _ in range(20):
        matrix = slopes * weights[:, None]
        x = np.linalg.solve(matrix.T @ matrix + LOOSE * np.eye(matrix.shape[1]), matrix.T @ (aims * weights))
        weights = 1 / np.sqrt(np.maximum(np.abs(slopes @ x - aims) / SMALL, 1.0))
    return np.asarray(x)


def fitted(rows: Sequence[Held], constants: Sequence[str]) -> dict[str, float]:
    """``constants`` that make the relative errors of ``rows`` least: squares of small ones, the size of large ones,
    and of constants that rows tell little of the nearest to those of the kind.

    Memory is linear in each constant but where a maximum is taken or two are multiplied; five rounds follow it there.
    """
    of, x = _Rows(rows, constants), np.zeros(len(constants))
    for _ in range(5):
        x = np.maximum(_solved(*of.slopes(x)), -of.start / of.units)
    return dict(zip(constants, (of.start + of.units * x).tolist(), strict=True))


SMALL = 0.02
"""Relative errors up to which squares count [1]."""
LOOSE = 0.01
"""How strongly a constant stays: by its own size, as much as a row that is a tenth off [1]."""


def left_out(rows: Sequence[Held], constants: Sequence[str]) -> list[float]:
    """Relative errors of rows whose configuration the constants were not fitted to [1]: each fit is the solution of the
    other rows where those of all have led."""
    of = _Rows(rows, constants)
    best = np.array([*fitted(rows, constants).values()])
    slopes, aims = of.slopes((best - of.start) / of.units)
    keys = [configuration(row) for row in rows]
    errors = np.zeros(len(rows))
    for key in dict.fromkeys(keys):
        mine = np.array([other == key for other in keys])
        x = np.maximum(_solved(slopes[~mine], aims[~mine]), -of.start / of.units)
        errors[mine] = (of.told(of.start + of.units * x) / of.gib - 1)[mine]
    return errors.tolist()


def configuration(row: Held) -> object:
    """What two readings of one run have in common."""
    return row.model, row.layout, row.sequence_length, row.trains, row.terms.bits, row.terms.loss_chunk
