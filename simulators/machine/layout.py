"""Parallel layouts: how a network and its batch are divided among devices."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

import msgspec

from lehr.simulators.machine.work import Work
from lehr.simulators.quantities import Extent, Share, Size

if TYPE_CHECKING:
    import numpy as np

Recompute = Literal["none", "selective", "operators", "full", "modules"]
"""What the backward pass computes again: nothing; attention's scores (Korthikanti et al., arXiv:2205.05198, section 5),
where a kernel writes them, else norms; every other matrix product (torchtitan's operator-level checkpointing); each
block from its input; or norms, latent attention's up-projections and activations (DeepSeek-V3, arXiv:2412.19437,
section 3.2.3)."""

Schedule = Literal["1f1b", "zero_bubble", "dualpipe"]
OptimizerStates = Literal["fp32", "bf16", "bf16_moments", "8bit", "muon", "none"]
TrainingPrecision = Literal["bf16", "fp16", "fp8", "mxfp8", "nvfp4"]

RECOMPUTE_WORDS: dict[Recompute, str] = {
    "none": "nothing is computed again",
    "selective": "attention's scores are computed again, or norms where a kernel writes them",
    "operators": "every other matrix product is computed again",
    "full": "each block is computed again from its input",
    "modules": "norms, latent attention's up-projections and activations are computed again",
}
SCHEDULE_WORDS: dict[Schedule, str] = {
    "1f1b": "one forward, one backward pass in turn",
    "zero_bubble": "the gradients of weights fill the bubble",
    "dualpipe": "two directions through the pipeline at once",
}
OPTIMIZER_WORDS: dict[OptimizerStates, str] = {
    "fp32": "two moments in 32 bits",
    "bf16": "two moments in 16 bits, and no copy of the weights",
    "bf16_moments": "two moments in 16 bits beside a copy in 32",
    "8bit": "two moments in 8 bits",
    "muon": "one momentum in 32 bits",
    "none": "no state is kept",
}
PRECISION_WORDS: dict[TrainingPrecision, str] = {
    "bf16": "matrix products in 16 bits (bfloat16)",
    "fp16": "matrix products in 16 bits (half precision)",
    "fp8": "matrix products in 8 bits",
    "mxfp8": "matrix products in 8 bits, a scale for each 32 values",
    "nvfp4": "matrix products in 4 bits, a scale for each 16 values",
}

RECOMPUTES: tuple[Recompute, ...] = tuple(RECOMPUTE_WORDS)
SCHEDULES: tuple[Schedule, ...] = tuple(SCHEDULE_WORDS)


class Layout(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one training step is divided.

    ``tp``, ``pp``, ``dp``, ``cp``, ``ep`` and ``etp`` are the sizes of the tensor, pipeline, data, context, expert and
    expert-tensor groups; ``dp`` absent is what the devices leave. ``ep`` lies within ``dp x cp x tp``, as in
    Megatron Core. ``vpp`` are the chunks of layers that each pipeline rank holds. ``zero`` shards optimiser states (1),
    gradients (2) and parameters (3; FSDP) over the data group, or over ``shard`` of its ranks (hybrid sharding).
    ``sequence_parallel`` shares norms and inputs among a tensor group. ``micro_batch`` and ``global_batch`` are in
    sequences. ``offload`` is the share of optimiser states that stands in the host's memory. ``overlap_experts`` sends
    tokens to experts beside the work of another micro-batch, as DualPipe always does. ``eight_bit_activations`` stores
    in 8 bits what recomputation by modules keeps; ``offload_activations`` is the share of kept activations that waits
    in the host's memory.
    """

    tp: Size = 1
    pp: Size = 1
    dp: Size | None = None
    cp: Size = 1
    ep: Size = 1
    etp: Size = 1
    vpp: Size = 1
    micro_batch: Size = 1
    global_batch: Size | None = None
    zero: Literal[0, 1, 2, 3] = 1
    shard: Size | None = None
    sequence_parallel: bool = True
    recompute: Recompute = "none"
    recompute_layers: Extent | None = None
    schedule: Schedule = "1f1b"
    precision: TrainingPrecision = "bf16"
    optimizer: OptimizerStates = "fp32"
    offload: Share = 0.0
    loss_chunk: Size | None = None
    overlap_experts: bool = False
    eight_bit_activations: bool = False
    offload_activations: Share = 0.0

    @property
    def model_parallel(self) -> int:
        """Devices that hold one copy of the network, the data group left out."""
        return self.tp * self.pp * self.cp

    def short(self) -> str:
        """The layout as one writes it.

        >>> Layout(tp=8, pp=4, vpp=2, dp=16).short()
        'TP8 PP4x2 DP16, micro-batch 1'
        """
        parts = [f"TP{self.tp}"] if self.tp > 1 else []
        if self.pp > 1:
            parts.append(f"PP{self.pp}" + (f"x{self.vpp}" if self.vpp > 1 else ""))
        parts += [f"CP{self.cp}"] if self.cp > 1 else []
        parts += [f"EP{self.ep}"] if self.ep > 1 else []
        parts += [f"ETP{self.etp}"] if self.etp > 1 else []
        parts += [f"DP{self.dp}"] if self.dp else []
        parts += [f"ZeRO-{self.zero}"] if self.zero != 1 else []
        parts += (
            [{"dualpipe": "DualPipe", "zero_bubble": "zero-bubble"}[self.schedule]] if self.schedule != "1f1b" else []
        )
        recomputed = "" if self.recompute == "none" else f", {self.recompute} recomputation"
        return f"{' '.join(parts)}, micro-batch {self.micro_batch}{recomputed}"


class Layouts(msgspec.Struct, frozen=True):
    """Many layouts as arrays of one length; fields as of ``Layout``, the choices as numbers.

    ``recompute`` and ``schedule`` are indices in ``RECOMPUTES`` and ``SCHEDULES``; ``overlap`` is 1 where messages to
    experts travel beside other work.
    """

    tp: np.ndarray
    pp: np.ndarray
    dp: np.ndarray
    cp: np.ndarray
    ep: np.ndarray
    etp: np.ndarray
    vpp: np.ndarray
    micro_batch: np.ndarray
    global_batch: np.ndarray
    zero: np.ndarray
    shard: np.ndarray
    sequence_parallel: np.ndarray
    recompute: np.ndarray
    schedule: np.ndarray
    overlap: np.ndarray

    def __len__(self) -> int:
        return len(self.tp)

    @property
    def devices(self) -> np.ndarray:
        """Devices that each layout uses."""
        used: np.ndarray = self.tp * self.pp * self.dp * self.cp
        return used

    @property
    def micro_batches(self) -> np.ndarray:
        """Micro-batches of one step that each data rank works through."""
        works: np.ndarray = self.global_batch / (self.dp * self.micro_batch)
        return works

    def take(self, index: np.ndarray) -> Layouts:
        """The layouts at ``index``, or where a mask says so."""
        return Layouts(*(getattr(self, name)[index] for name in Layouts.__struct_fields__))


def as_arrays(layouts: Iterable[Layout]) -> Layouts:
    """Layouts as arrays. Raises ``ValueError`` where a layout leaves ``dp`` or ``global_batch`` open.

    >>> int(as_arrays([Layout(tp=2, dp=4, global_batch=32)]).micro_batches[0])
    8
    """
    import numpy as np

    rows = []
    for layout in layouts:
        if layout.dp is None or layout.global_batch is None:
            raise ValueError(f"{layout.short()} leaves dp or global_batch open; write both")
        rows.append(
            (
                layout.tp, layout.pp, layout.dp, layout.cp, layout.ep, layout.etp, layout.vpp, layout.micro_batch,
                layout.global_batch, layout.zero, layout.shard or 0, layout.sequence_parallel,
                RECOMPUTES.index(layout.recompute), SCHEDULES.index(layout.schedule),
                layout.overlap_experts or layout.schedule == "dualpipe",
            )
        )  # fmt: skip
    columns = np.array(rows, dtype=np.int64).reshape(len(rows), -1).T
    return Layouts(*columns)


def refuse(layout: Layout, work: Work, devices: int) -> str | None:
    """Why ``layout`` cannot be laid out on ``devices``, and what would do; ``None`` where it can.

    >>> from lehr.simulators.machine.work import work_of
    >>> from lehr.simulators.planning.ladder import dense
    >>> llama3_8b = work_of(dense(4096, vocab_size=128256, context_length=8192), 8192)
    >>> refuse(Layout(tp=3), llama3_8b, 6)
    'tp: 3 does not divide the 32 heads of attention; write tp: 1, 2, 4, 8, 16 or 32'
    >>> refuse(Layout(tp=2, global_batch=8), llama3_8b, 8) is None
    True
    """
    # in this order: what comes later divides by what was found to be right
    return (
        _heads(layout, work)
        or _depth(layout, work)
        or _experts(layout, work)
        or _devices(layout, devices)
        or _batch(layout, devices)
    )


def divisors(n: int, most: int | None = None) -> list[int]:
    """The divisors of ``n``, up to ``most``, in rising order.

    >>> divisors(12), divisors(12, 4)
    ([1, 2, 3, 4, 6, 12], [1, 2, 3, 4])
    """
    return [k for k in range(1, min(n, most or n) + 1) if n % k == 0]


def _named(key: str, values: list[int]) -> str:
    shown = values if len(values) < 9 else [*values[:4], *values[-4:]]
    head = ", ".join(str(v) for v in shown[:-1])
    return f"write {key}: {head} or {shown[-1]}" if head else f"write {key}: {shown[-1]}"


def _heads(layout: Layout, work: Work) -> str | None:
    if work.heads % layout.tp:
        return (
            f"tp: {layout.tp} does not divide the {work.heads} heads of attention; {_named('tp', divisors(work.heads))}"
        )
    if work.seq_len % layout.cp:
        lengths = divisors(work.seq_len, 64)
        return f"cp: {layout.cp} does not divide the {work.seq_len:,} tokens of a sequence; {_named('cp', lengths)}"
    return None


def _depth(layout: Layout, work: Work) -> str | None:
    chunks = layout.pp * layout.vpp
    if chunks > work.n_layers:
        which = "pp" if layout.vpp == 1 else "pp x vpp"
        return f"{which}: {chunks} stages are more than the {work.n_layers} layers; write pp and vpp of fewer"
    if layout.vpp > 1 and layout.pp == 1:
        return "vpp: chunks are those of a pipeline rank; write pp: 2 or more, or leave vpp out"
    if layout.schedule == "dualpipe" and (layout.pp % 2 or layout.vpp > 1):
        return "schedule: dualpipe feeds an even number of stages from both ends; write an even pp and vpp: 1"
    return None


def _experts(layout: Layout, work: Work) -> str | None:
    if not work.sparse:
        if layout.ep > 1 or layout.etp > 1:
            return "ep: the network has no experts; leave ep and etp out"
        return None
    if work.n_experts % layout.ep:
        allowed = divisors(work.n_experts)
        if layout.ep > work.n_experts:
            return f"ep: {layout.ep} ranks are more than the {work.n_experts} experts; {_named('ep', allowed)}"
        return f"ep: {layout.ep} does not divide the {work.n_experts} experts; {_named('ep', allowed)}"
    return None


def _devices(layout: Layout, devices: int) -> str | None:
    if devices % layout.model_parallel:
        return (
            f"devices: {devices:,} are no multiple of tp x pp x cp = {layout.model_parallel:,}; "
            f"write devices: {max(1, devices // layout.model_parallel) * layout.model_parallel:,}"
        )
    left = devices // layout.model_parallel
    if layout.dp is not None and layout.dp != left:
        return f"dp: {layout.dp} x tp x pp x cp are {layout.dp * layout.model_parallel:,} devices; write dp: {left}"
    group = devices // layout.pp
    if group % (layout.ep * layout.etp):
        allowed = [k for k in divisors(group) if group % (k * layout.etp) == 0]
        return f"ep: {layout.ep} x etp do not divide the {group:,} devices of a stage; {_named('ep', allowed)}"
    if layout.shard is not None and left * layout.cp % layout.shard:
        return f"shard: {layout.shard} does not divide the data group; {_named('shard', divisors(left * layout.cp))}"
    return None


def _batch(layout: Layout, devices: int) -> str | None:
    if layout.global_batch is None:
        return None
    ranks = devices // layout.model_parallel
    unit = ranks * layout.micro_batch
    if layout.global_batch % unit:
        nearest = max(1, round(layout.global_batch / unit)) * unit
        return (
            f"global_batch: {layout.global_batch:,} sequences are no multiple of {ranks:,} data ranks x micro-batch "
            f"{layout.micro_batch}; write global_batch: {nearest:,}"
        )
    return None
