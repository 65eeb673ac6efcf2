"""Memory of each device of a layout: weights, gradients, optimiser, activations, logits and what a trainer adds."""

from __future__ import annotations

from typing import Literal, NamedTuple

import msgspec
import numpy as np

from lehr.simulators.adapters import Adapters
from lehr.simulators.machine.layout import Layouts, OptimizerStates
from lehr.simulators.machine.work import BlockWork, Work

OPTIMIZER_BYTES: dict[OptimizerStates, float] = {
    "fp32": 12.0, "bf16": 4.0, "bf16_moments": 8.0, "8bit": 6.0, "muon": 8.0, "none": 0.0,
}  # fmt: skip
"""Bytes of a parameter's master copy and moments: Adam's two in 32 bits beside a 32-bit copy (Rajbhandari et al.,
arXiv:1910.02054, section 3.1), two in 16 bits without a copy or beside one (DeepSeek-V3, arXiv:2412.19437, section
3.3.3), two in 8 bits beside one (Dettmers et al.,
arXiv:2110.02861), Muon's one beside one."""


FOUR_BITS = (4 + 0.127) / 8
"""Bytes of a weight in 4 bits: a scale in 8 bits for each 64 values and one in 32 bits for each 256 of those, 0.127
bits a value (Dettmers et al., arXiv:2305.14314, section 3)."""


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """What a trainer holds beside the mathematics.

    ``weight``, ``gradient``: bytes of a parameter on each rank, ``sharded`` those beside its optimiser states that are
    shared out alike; ``whole`` of them stay on each rank of a pipeline under
    FSDP. ``logit``: bytes of a logit, its loss and gradient. ``transient``: bytes of the gradient of the largest matrix
    beside its accumulator; ``step``: those of every parameter that its update takes for a moment, when activations are
    gone. ``working``: activations of one layer while it is computed again, over what it keeps. ``gathered``: copies of
    a layer's input that a tensor group gathers whole. ``untied`` trainers hold a tied head apart. ``context``: what the
    runtime, its communicators and the measurement add [byte]. ``rise``: fragments over what is allocated [1].

    Bytes of a feature that are kept beside what layers list, where kernels are not ``fused``: ``eager`` of every block,
    ``rms`` of every root-mean-square norm that computes in 32 bits. Those of adapters: ``adapted`` of a feature that
    one reads, with its dropout's mask. ``fragments`` is what the allocator reserves beside the logits of the longest
    document, over those of one as long as their mean (``Terms.shorter``) [1]. Where they are ``apart``, logits are gone
    when layers are computed again.
    """

    weight: float = 2.0
    gradient: float = 4.0
    sharded: float = 0.0
    whole: float = 0.0
    logit: float = 5.0
    transient: float = 5.5
    working: float = 1.0
    operators: float = 0.47
    gathered: float = 0.0
    fused: bool = True
    eager: float = 0.0
    rms: float = 0.0
    adapted: float = 3.0
    fragments: float = 0.0
    apart: bool = False
    step: float = 0.0
    untied: bool = False
    context: float = 0.3 * 2**30
    rise: float = 1.0


MEGATRON = Holding(logit=4.65, transient=5.15, context=0.29 * 2**30)
"""Megatron Core with its distributed optimiser, as its allocator counts."""

TORCHTITAN = Holding(
    weight=4.0, gradient=4.0, whole=6.2, logit=12.2, transient=0.0, working=1.94, gathered=5.0, context=4.1 * 2**30
)
"""FSDP2 with 32-bit parameters, as its allocator reserves."""

LITGPT = Holding(
    weight=2.0, gradient=2.0, logit=8.7, transient=0.0, context=0.0, fused=False, eager=5.3, rms=3.9, untied=True,
    apart=True,
)  # fmt: skip
"""LitGPT on one device in pure 16 bits, LoRA, QLoRA and full, as its allocator counts."""

TRANSFORMERS = Holding(
    weight=2.0, gradient=2.0, logit=13.0, transient=0.0, context=0.24 * 2**30, fused=False, eager=5.3, rms=3.9,
    step=2.26, fragments=3.46, apart=True,
)  # fmt: skip
"""transformers and PEFT in pure 16 bits, as their allocator reserves."""

DEEPSPEED = Holding(
    weight=2.0, gradient=2.2, sharded=6.05, transient=0.0, working=6.65, context=6.0 * 2**30, fused=False
)
"""Megatron-DeepSpeed's own ZeRO in half precision with 32-bit states, as nvidia-smi shows it."""

NVIDIA_SMI = msgspec.structs.replace(MEGATRON, working=DEEPSPEED.working, context=DEEPSPEED.context)
"""Megatron Core as nvidia-smi shows it: the context, communicators, cached blocks and what a layer works with on its
own, beside the allocator's count: as much as was read of DeepSpeed, which readings of Megatron Core alone would have
alike."""

DEEPSPEED_BF16 = msgspec.structs.replace(DEEPSPEED, gradient=7.1)
"""The same with its optimiser for bfloat16, which adds gradients up in 32 bits beside those of 16."""

# constants that the tables of conf/measurement told: tests/catalogue fits them again
HOLDINGS = {
    "megatron": MEGATRON,
    "torchtitan": TORCHTITAN,
    "litgpt": LITGPT,
    "transformers": TRANSFORMERS,
    "megatron, nvidia-smi": NVIDIA_SMI,
    "deepspeed": DEEPSPEED,
    "deepspeed bf16": DEEPSPEED_BF16,
}


class Memory(NamedTuple):
    """Bytes of the fullest device by what they hold, and which pipeline rank that is."""

    weights: np.ndarray
    gradients: np.ndarray
    optimizer: np.ndarray
    activations: np.ndarray
    logits: np.ndarray
    transient: np.ndarray
    context: np.ndarray
    rank: np.ndarray

    @property
    def total(self) -> np.ndarray:
        """All of it [byte]."""
        return np.asarray(sum(self[:-1]))


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What else a run's memory depends on.

    ``optimizer`` are its states, ``offload`` the share of them in the host's memory. ``imbalance`` is what the fullest
    expert rank gets of routed tokens over the mean. ``loss_chunk`` tokens have their logits at once. ``eight_bits``
    stores what recomputation by modules leaves in 8 bits, as DeepSeek-V3 does; ``away`` is the share of kept
    activations in the host's memory. ``adapters`` are trained beside frozen weights; ``bits`` are those of a frozen
    weight with its scales, 16 where nothing is said; ``quantized`` holds it in 4, tables and head in 32 (QLoRA,
    Dettmers et al., arXiv:2305.14314). ``copies`` are further networks of the same size that are only read, in 16 bits,
    such as a reference policy. No token of a ``loss_chunk`` of 0 has logits: a head of another kind is trained.

    ``ends`` are the bytes of a parameter of tables and head beside weights in 4 bits: 4 after PEFT's preparation for
    training. ``reads`` keeps what matrices in 4 bits read, in every layer and under recomputation too, as bitsandbytes
    did before 0.43.2 (its pull request 1270). ``score`` are the bytes of one of attention's scores that a layer works
    with where no kernel keeps them on the chip. A ``normalized`` head divides its weights by their lengths in 32 bits
    (Baichuan 2). ``shorter`` is the mean length of documents over that of the longest where the allocator meets many
    before it, and 0 where all are as long.
    """

    optimizer: OptimizerStates = "fp32"
    offload: float = 0.0
    imbalance: float = 1.0
    loss_chunk: int | None = None
    eight_bits: bool = False
    away: float = 0.0
    adapters: Adapters | None = None
    quantized: bool = False
    copies: int = 0
    bits: float | None = None
    ends: float = 4.0
    reads: bool = False
    score: float = 0.0
    normalized: bool = False
    shorter: float = 0.0


PLAIN = Terms()


def memory_of(work: Work, layouts: Layouts, holding: Holding = MEGATRON, terms: Terms = PLAIN) -> Memory:
    """Memory of the fullest device of each layout [byte]: of the first, the second or the last pipeline rank. Ranks
    between hold fewer micro-batches than the second.

    >>> from lehr.simulators.machine.layout import Layout, as_arrays
    >>> from lehr.simulators.machine.work import work_of
    >>> from lehr.simulators.planning.ladder import dense
    >>> llama3_8b = work_of(dense(4096, vocab_size=128256, context_length=8192), 8192)
    >>> memory = memory_of(llama3_8b, as_arrays([Layout(tp=2, dp=4, global_batch=8)]))
    >>> [round(float(part[0]) / 2**30, 1) for part in (memory.weights, memory.gradients, memory.optimizer)]
    [7.5, 15.0, 11.2]
    """
    fullest = rank_memory(work, layouts, "first", holding, terms)
    others: tuple[Rank, ...] = ("last", "second")
    for which in others:
        other = rank_memory(work, layouts, which, holding, terms)
        fuller = (fullest.total >= other.total) | ((which == "second") & (layouts.pp <= 2))
        fullest = Memory(*(np.where(fuller, a, b) for a, b in zip(fullest, other, strict=True)))
    return fullest


Rank = Literal["first", "second", "last"]

RANKS: dict[Rank, str] = {
    "first": "the first pipeline rank, with the table",
    "second": "the second, with neither table nor head",
    "last": "the last, with the head",
}


def layers_of(n_layers: int, pp: np.ndarray, which: Rank) -> np.ndarray:
    """Layers of a pipeline rank [1]: alike where they divide, else one fewer at both ends where that divides (Llama 3,
    arXiv:2407.21783, section 3.3.2), else what is left over on the last rank (DeepSeek-V3, 15 times 4 and 1: verl,
    docs/perf/dpsk.md).

    >>> [layers_of(n, np.array([16]), which).tolist() for n in (126, 61) for which in ("first", "second", "last")]
    [[7.0], [8.0], [7.0], [4.0], [4.0], [1.0]]
    """
    even, balanced = n_layers % pp == 0, (n_layers + 2) % pp == 0
    most = np.ceil(n_layers / pp)
    if which == "second":
        return np.where(even | ~balanced, most, (n_layers + 2) / pp)
    left = most if which == "first" else np.maximum(n_layers - most * (pp - 1), 0.0)
    return np.where(even, most, np.where(balanced, (n_layers + 2) / pp - 1, left))


def in_flight(layouts: Layouts, which: Rank) -> np.ndarray:
    """Micro-batches whose activations a pipeline rank holds, as a number of its whole share of layers [1].

    1F1B: the first rank ``p``, the last one (Narayanan et al., arXiv:2104.04473, section 2.2); with chunks the warm-up
    is ``2 (p - 1) + (v - 1) p`` chunks on the first rank and ``(v - 1) p`` on the last. Never more than there are.

    >>> from lehr.simulators.machine.layout import Layout, as_arrays
    >>> two = as_arrays([Layout(pp=8, dp=1, global_batch=64), Layout(pp=8, vpp=2, dp=1, global_batch=64)])
    >>> in_flight(two, "first").tolist(), in_flight(two, "last").tolist()
    ([8.0, 11.5], [1.0, 4.5])
    """
    pp, vpp = layouts.pp, layouts.vpp
    ahead = np.maximum(pp - {"first": 1.0, "second": 2.0}.get(which, np.inf), 0.0)
    chunks = np.where(vpp > 1, 2 * ahead + (vpp - 1) * pp, ahead) + 1
    return np.asarray(np.minimum(np.where(pp > 1, chunks / vpp, 1.0), layouts.micro_batches))


def _held_at_once(work: Work, layouts: Layouts, which: Rank) -> np.ndarray:
    """Layers whose activations a rank holds, each once for every micro-batch [1].

    DualPipe's ranks work on two stages, the first of one direction on the last of the other: together on ``p + 1``
    micro-batches (DeepSeek, DualPipe README).
    """
    x, module = layouts, work.mtp

    def held(end: Rank) -> np.ndarray:
        more = module.n * ((x.pp == 1) | (end == "last")) if module is not None else 0
        return np.asarray((layers_of(work.n_layers, x.pp, end) + more) * in_flight(x, end))

    both = held("first") + held("last")
    if which == "second":
        both = layers_of(work.n_layers, x.pp, which) * np.minimum(x.pp + 1.0, x.micro_batches)
    return np.where(x.schedule == 2, both, held(which))


def rank_memory(work: Work, layouts: Layouts, which: Rank, holding: Holding = MEGATRON, terms: Terms = PLAIN) -> Memory:
    """Memory of the first or the last pipeline rank of each layout [byte]."""
    x, pp = layouts, layouts.pp
    held = _held(work, x, which, untied=holding.untied)
    if terms.adapters is None:
        states = _states(work, x, held, holding, terms)
        trained = held.dense + held.routed
    else:
        trained = _trained(x, terms.adapters)
        states = _adapted(x, held, holding, terms, trained)
    activations, logits = _passing(work, x, which, holding, terms)
    largest = 0.0 if terms.adapters else max((b.largest for b in work.blocks), default=0.0) * 2 / x.tp
    transient = np.where(x.zero < 3, holding.transient * largest, 0.0)
    transient = np.maximum(transient, holding.step * trained - activations - logits)
    weights, gradients, optimizer = states
    weights = weights + terms.copies * 2.0 * (held.dense + held.routed)
    parts = (weights, gradients, optimizer * (1 - terms.offload), activations, logits, transient)
    number = {"first": np.zeros(len(x)), "second": np.minimum(1.0, pp - 1.0), "last": pp - 1.0}[which]
    return Memory._make([*(holding.rise * part for part in parts), np.full(len(x), holding.context), number])


class _Held(NamedTuple):
    """Parameters of one rank: of the stack and the ends, of routed experts, and of the ends alone; over how many ranks
    each are sharded."""

    dense: np.ndarray
    routed: np.ndarray
    ends: np.ndarray
    layers: np.ndarray
    sharded: np.ndarray
    expert_sharded: np.ndarray
    twice: np.ndarray


def _held(work: Work, x: Layouts, which: Rank, *, untied: bool = False) -> _Held:
    tp, alone, dual, module = x.tp, x.pp == 1, x.schedule == 2, work.mtp
    # DualPipe's ranks hold two stages, so that table and head stand beside each other (DeepSeek-V3, section 3.2.3)
    other: Rank = {"first": "last", "last": "first"}.get(which, which)  # type: ignore[assignment]
    layers = layers_of(work.n_layers, x.pp, which) + np.where(dual, layers_of(work.n_layers, x.pp, other), 0.0)
    share = layers / work.n_layers
    body = sum(b.n * ((b.mixer + b.mlp + b.shared) / tp + b.replicated) for b in work.blocks) * share
    routed = work.routed * share / (x.ep * x.etp)
    head = work.head or np.where(alone, work.head_work if untied else 0.0, work.head_work)
    at_head, at_table = (alone | (dual & (which != "second")) | (which == end) for end in ("last", "first"))
    ends = (np.where(at_table, work.table, 0.0) + np.where(at_head, head, 0.0)) / tp
    ends = ends + np.where(at_head | at_table, work.ends, 0.0)
    if module is not None:
        modules = np.where(at_head, module.n, 0)
        body = body + modules * ((module.mixer + module.mlp + module.shared) / tp + module.replicated)
        routed = routed + modules * module.expert * module.n_experts / (x.ep * x.etp)
        ends = ends + np.where(at_head & ~at_table & (work.head != 0), work.table / tp, 0.0)
    twice = np.where(dual, 2.0, 1.0)
    ranks = x.dp * x.cp
    sharded = np.where(x.shard > 0, x.shard, ranks)
    expert_ranks = np.maximum(1.0, ranks * tp / (x.ep * x.etp))
    return _Held(body + ends, routed, ends, layers, sharded, np.minimum(sharded, expert_ranks), twice)


def _states(work: Work, x: Layouts, held: _Held, holding: Holding, terms: Terms) -> tuple[np.ndarray, ...]:
    """Weights, gradients and optimiser states of a rank that trains all it holds [byte]."""

    def over(stage: int, each: float) -> np.ndarray:
        """Bytes of parameters that are sharded from ``stage`` of ZeRO on."""
        cut = x.zero >= stage
        bytes_: np.ndarray = each * (
            held.dense / np.where(cut, held.sharded, 1) + held.routed / np.where(cut, held.expert_sharded, 1)
        )
        return bytes_

    # FSDP gathers one layer while the next one is on its way
    layer = (held.dense + held.routed - held.ends) / np.maximum(held.layers, 1)
    whole = np.where(x.pp > 1, holding.whole * (held.dense + held.routed), 0.0)
    gathered = np.where(x.zero == 3, 2.0 * 2 * layer + whole, 0.0)
    # where weights are held in 32 bits they are the master copy
    master = 4.0 if holding.weight == 4.0 and terms.optimizer not in ("bf16", "none") else 0.0
    states = over(1, OPTIMIZER_BYTES[terms.optimizer] - master + holding.sharded) / held.twice
    return over(3, holding.weight) + gathered, over(2, holding.gradient), states


def _trained(x: Layouts, adapters: Adapters) -> np.ndarray:
    """Parameters of the adapters of a rank, those of experts on the rank of their expert."""
    beside, experts = adapters.parameters - adapters.experts, adapters.experts
    held: np.ndarray = beside / (x.tp * x.pp) + experts / (x.ep * x.etp * x.pp)
    return held


def _adapted(x: Layouts, held: _Held, holding: Holding, terms: Terms, trained: np.ndarray) -> tuple[np.ndarray, ...]:
    """The same of a rank that trains adapters beside frozen weights [byte]."""
    each = terms.bits / 8 if terms.bits is not None else FOUR_BITS if terms.quantized else 2.0
    at_ends = terms.ends if terms.quantized else 2.0
    cut = x.zero >= 3
    weights = (each * (held.dense - held.ends) + at_ends * held.ends) / np.where(cut, held.sharded, 1)
    weights = weights + each * held.routed / np.where(cut, held.expert_sharded, 1)
    states = OPTIMIZER_BYTES[terms.optimizer] * trained / np.where(x.zero >= 1, held.sharded, 1)
    return weights + 2.0 * trained, holding.gradient * trained, states


def _passing(work: Work, x: Layouts, which: Rank, holding: Holding, terms: Terms) -> tuple[np.ndarray, np.ndarray]:
    """Activations and logits of a rank [byte]."""
    tp, tokens = x.tp, x.micro_batch * work.seq_len / x.cp
    kept, whole = _kept(work, x, holding, terms)
    at_once = tokens if terms.loss_chunk is None else np.minimum(tokens, terms.loss_chunk)
    heads = (1 + (work.mtp.n if work.mtp is not None else 0)) * (work.head_work > 0)
    heads = heads * ((x.pp == 1) | (which == "last") | ((x.schedule == 2) & (which == "first")))
    logits = holding.logit * at_once * work.vocab_size / tp * heads
    working = tokens * np.where(x.recompute == 3, whole * holding.working, 0.0)
    if holding.apart:
        working = np.maximum(working - logits, 0.0)
    activations = tokens * (1 - terms.away) * kept / work.n_layers * _held_at_once(work, x, which) + working
    activations = activations + holding.gathered * 2.0 * tokens * work.d_model * (tp - 1) / tp
    copies = 8.0 * work.head_work * terms.normalized * (heads > 0)
    # what fits where the head's copies were leaves no fragments
    logits = np.where(logits < copies, copies, logits * (1.0 + holding.fragments * terms.shorter) + copies / 4)
    return activations, logits


def _kept(work: Work, x: Layouts, holding: Holding, terms: Terms) -> tuple[np.ndarray, np.ndarray]:
    """What a token leaves in the whole stack, and in its largest layer before any recomputation [byte/token]."""
    sequence = np.where(x.sequence_parallel.astype(bool), x.tp, 1)
    frozen = 0.0 if terms.adapters is None or terms.reads else 1.0
    beside = holding.eager * work.d_model
    beside += holding.adapted * terms.adapters.features / work.n_layers if terms.adapters is not None else 0.0

    def of(b: BlockWork) -> np.ndarray:
        shared = b.kept - (b.fused_away if holding.fused else 0.0) - frozen * b.unread
        routed = b.kept_routed - (b.fused_away_routed if holding.fused else 0.0) - frozen * b.unread_routed
        alike = b.kept_sequence - frozen * b.inputs + holding.rms * b.rms
        return np.asarray((shared + terms.imbalance * routed) / x.tp + (alike + beside) / sequence)

    full = [of(b) for b in work.blocks]
    scored = max((terms.score * b.scores for b in work.blocks), default=0.0) / x.tp
    whole = np.max(np.stack(full), axis=0) + scored
    stack = sum(b.n * each for b, each in zip(work.blocks, full, strict=True))
    inputs = sum(b.n * b.kept_input for b in work.blocks) / sequence
    if terms.reads:
        inputs = inputs + sum(b.n * b.read for b in work.blocks) / x.tp
    light = sum(b.n * (b.kept_sequence - frozen * b.inputs) for b in work.blocks) / sequence
    saved = sum(b.n * (b.again + terms.imbalance * b.again_routed) for b in work.blocks) / x.tp
    kept = np.select(
        [x.recompute == 3, x.recompute == 2, x.recompute == 1, x.recompute == 4],
        [
            inputs,
            holding.operators * stack,
            stack - 0.5 * light,
            (0.5 if terms.eight_bits else 1.0) * (stack - 0.5 * light - saved),
        ],
        stack,
    )
    return kept, whole
