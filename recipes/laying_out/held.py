"""Tables of measured memory, and what the model says of their rows."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path
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

    def told(self, holding: Holding | None = None) -> float:
        """The fullest device by the model, or by a ``holding`` other than the kind's [GiB]."""
        work, layouts = work_of(self.architecture, self.sequence_length), as_arrays([self.layout])
        return float(memory_of(work, layouts, holding or KINDS[self.kind], self.terms).total[0]) / 2**30


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
            optimizer="bf16" if r["kind"] in SIXTEEN else "fp32",
            imbalance=UNEVEN if r["kind"] == "nvidia-smi" else 1.0,
            offload=float(r.get("offload") or 0),
            adapters=adapters_of(network, adapters) if lora else None,
            copies=int(r.get("copies") or 0),
            loss_chunk=0 if r.get("head") == "other" else None,
            quantized=r.get("quantization", "").startswith("nf4"),
            bits=BITS[r.get("quantization", "")],
        ),
    )  # fmt: skip


UNEVEN = 2.0
"""Routed tokens of the fullest rank over the mean where text as it comes was read by a driver's count, assumed [1]."""

BITS = {"": 16.0, "int8": 8.25, "int4": 4.25, "nf4": 4.5, "nf4-dq": 4.127}
"""Bits of a weight with its scales: one in 32 for each 64 values (Dettmers et al., arXiv:2305.14314, section 3), in 8
where scales are quantised too; one in 16 and a zero for each 128 where GPTQ quantises (Frantar et al.,
arXiv:2210.17323)."""


FITTED: dict[str, tuple[str, ...]] = {
    "allocated": ("logit", "transient", "context"),
    "reserved": ("whole", "logit", "working", "gathered", "context"),
    "nvidia-smi": ("context", "working"),
    "deepspeed": ("gradient", "sharded", "working", "context"),
    "deepspeed bf16": ("gradient",),
    "litgpt": ("eager", "rms", "logit", "upcast"),
    "transformers": ("logit", "context"),
}
"""Which constants of a ``Holding`` the rows of a kind have told."""


def off(rows: Sequence[Held]) -> list[float]:
    """Relative errors of what the model says [1]."""
    return [row.told() / row.gib - 1 for row in rows]


def fitted(rows: Sequence[Held], constants: Sequence[str]) -> dict[str, float]:
    """``constants`` that make the relative errors of ``rows`` least: squares of small ones, the size of large ones,
    and of constants that rows tell little of the nearest to those of the kind.

    Memory is linear in each constant but where a maximum is taken; three rounds follow it there.
    """
    usual = KINDS[rows[0].kind]
    units = np.array([getattr(usual, name) or 1.0 for name in constants])
    start = np.array([getattr(usual, name) for name in constants])
    gib = np.array([row.gib for row in rows])
    works = [work_of(row.architecture, row.sequence_length) for row in rows]
    layouts = [as_arrays([row.layout]) for row in rows]

    def told(values: np.ndarray) -> np.ndarray:
        changed = dict(zip(constants, values.tolist(), strict=True))
        return np.array([
            memory_of(work, layout, msgspec.structs.replace(KINDS[row.kind], **changed), row.terms).total[0] / 2**30
            for row, work, layout in zip(rows, works, layouts, strict=True)
        ])  # fmt: skip

    x = np.zeros(len(constants))
    for _ in range(3):
        at = start + units * x
        here = told(at)
        slopes = np.stack([(told(at + 0.1 * step) - here) / 0.1 for step in np.diag(units)], axis=1) / gib[:, None]
        aims = 1.0 - here / gib + slopes @ x
        weights = np.ones(len(rows))
        for _ in range(20):
            matrix = slopes * weights[:, None]
            x = np.linalg.solve(matrix.T @ matrix + LOOSE * np.eye(len(x)), matrix.T @ (aims * weights))
            weights = 1 / np.sqrt(np.maximum(np.abs(slopes @ x - aims) / SMALL, 1.0))
        x = np.maximum(x, -start / units)
    return dict(zip(constants, (start + units * x).tolist(), strict=True))


SMALL = 0.02
"""Relative errors up to which squares count [1]."""
LOOSE = 0.01
"""How strongly a constant stays: by its own size, as much as a row that is a tenth off [1]."""


def left_out(rows: Sequence[Held], constants: Sequence[str]) -> list[float]:
    """Relative errors of rows whose configuration the constants were not fitted to [1]."""
    errors = []
    fits: dict[object, dict[str, float]] = {}
    for row in rows:
        key = configuration(row)
        if key not in fits:
            fits[key] = fitted([other for other in rows if configuration(other) != key], constants)
        errors.append(row.told(msgspec.structs.replace(KINDS[row.kind], **fits[key])) / row.gib - 1)
    return errors


def configuration(row: Held) -> object:
    """What two readings of one run have in common."""
    return row.model, row.layout, row.sequence_length, row.trains, row.terms.bits, row.terms.loss_chunk
