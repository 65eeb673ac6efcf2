"""What each device of a layout does in one step: products, bytes and messages, as arrays over layouts.

Nothing here depends on a fitted constant; ``lehr.simulators.machine.step_time`` turns it into seconds.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lehr.simulators.machine.layout import Layouts
from lehr.simulators.machine.work import Work

RING = 0.78
"""What a ring reaches of its links: 235 of 300 GB/s on eight A100, 366 of 450 on H200, 682 of 900 on B200 (Bekman,
ml-engineering, network/README.md, bus bandwidth of all-reduce)."""


class Network(NamedTuple):
    """What connects devices: bandwidth one way for each of them [byte/s], inside the scale-up domain and beyond it.

    ``domain`` devices share the fast links.
    """

    link: float
    domain: int
    beyond: float

    def group(self, size: np.ndarray, stride: np.ndarray) -> np.ndarray:
        """Bandwidth of a ring over ``size`` ranks that stand ``stride`` apart [byte/s].

        Within a domain that of its links; beyond it the network cards of the group's members in one domain carry the
        ring together, up to the links.

        >>> hgx = Network(link=450e9, domain=8, beyond=50e9)
        >>> [float(hgx.group(np.array(n), np.array(1))) / 1e9 for n in (8, 16)]
        [450.0, 400.0]
        """
        inside = np.maximum(1, np.minimum(size, self.domain // np.minimum(stride, self.domain)))
        return np.where(inside >= size, self.link, np.minimum(self.link, self.beyond * inside))

    def seconds_per_byte(self, size: np.ndarray, stride: np.ndarray) -> np.ndarray:
        """Of an exchange of all with all: each device's own links and card, by the share of ranks beyond the domain
        [s/byte]."""
        inside = np.maximum(1, np.minimum(size, self.domain // np.minimum(stride, self.domain)))
        outside = (size - inside) / np.maximum(size, 1)
        each: np.ndarray = outside / self.beyond + (1 - outside) / self.link
        return each


class Demand(NamedTuple):
    """Of one device, for one micro-batch and one forward pass where nothing else is said.

    The stack's part is its mean over pipeline ranks; ``slowest`` is what the fullest rank has of it, as a ratio. The
    head's part and that of modules for multi-token prediction stand on the last rank.
    """

    matrix: np.ndarray
    """Products of dense matrices [FLOP]."""
    expert: np.ndarray
    """Products of routed experts [FLOP]."""
    attention: np.ndarray
    """Products between tokens [FLOP]."""
    scores: np.ndarray
    """Attention's scores, where a kernel writes them [values]."""
    elements: np.ndarray
    """Activations written [byte]."""
    routed: np.ndarray
    """Tokens sorted for their experts and back [byte]."""
    layers: np.ndarray
    """Layers, each of which launches its kernels [1]."""
    experts: np.ndarray
    """Local experts of those layers [1]."""
    head: np.ndarray
    """The last rank's products with the head, once more for each module for multi-token prediction [FLOP]."""
    logits: np.ndarray
    """Logits on the last rank [values]."""
    modules: np.ndarray
    """Modules for multi-token prediction on the last rank, each about a layer [1]."""
    tensor: np.ndarray
    """Seconds of tensor-parallel messages at full bandwidth [s]."""
    dispatch: np.ndarray
    """Of tokens sent to experts and back, 16 bits each way [s]."""
    context: np.ndarray
    """Of keys and values among a context group [s]."""
    gather: np.ndarray
    """Of gathering a stage's parameters once in 16 bits, as FSDP does for every pass [s]."""
    reduce: np.ndarray
    """Of the data group's exchange at the end of a step: gradients and parameters [s]."""
    optimizer: np.ndarray
    """Parameters that each device updates [parameters]."""
    matrices: np.ndarray
    """Parameters of the stack's matrices on a device, its experts with them [parameters]."""
    micro_batches: np.ndarray
    slowest: np.ndarray
    pipeline: np.ndarray
    chunks: np.ndarray
    zero: np.ndarray
    recompute: np.ndarray
    tokens: np.ndarray
    """Tokens of a micro-batch, all ranks of a context group together [tokens]."""
    schedule: np.ndarray
    overlap: np.ndarray
    devices: np.ndarray
    tokens_step: np.ndarray
    """Tokens of a whole step [tokens]."""


GRADIENT_BYTES = 4.0
PARAMETER_BYTES = 2.0


def demand_of(work: Work, layouts: Layouts, network: Network) -> Demand:
    """What ``layouts`` ask of each device and of ``network``.

    >>> from lehr.simulators.machine.layout import Layout, as_arrays
    >>> from lehr.simulators.machine.work import work_of
    >>> from lehr.simulators.planning.ladder import dense
    >>> llama3_8b = work_of(dense(4096, vocab_size=128256, context_length=8192), 8192)
    >>> one = demand_of(llama3_8b, as_arrays([Layout(tp=2, dp=4, global_batch=16)]), Network(450e9, 8, 50e9))
    >>> round(float(one.matrix[0] + one.head[0]) / (2 * 8192 * (8.03e9 - 128256 * 4096) / 2), 3)  # 2 FLOP a parameter
    1.0
    """
    x = layouts
    tokens = x.micro_batch * work.seq_len / x.cp
    tp, blocks = x.tp, work.blocks
    share = tokens / tp

    def total(of: str) -> float:
        return float(sum(b.n * getattr(b, of) for b in blocks))

    matrix = 2 * share * sum(b.n * (b.mixer + b.mlp + b.shared) for b in blocks)
    expert = 2 * share * sum(b.n * b.top_k * b.expert for b in blocks)
    sequence = np.where(x.sequence_parallel.astype(bool), tp, 1)
    elements = share * (total("kept") + total("kept_routed")) + tokens / sequence * total("kept_sequence")
    routed = share * sum(b.n * b.top_k * b.routed_width * 2 for b in blocks)
    sparse_layers = sum(b.n for b in blocks if b.n_experts)
    cut = sum(b.n * (b.n_sublayers - (1 if b.n_experts and not b.shared else 0)) for b in blocks)

    ring = (tp - 1) / tp
    tensor = cut * 2 * tokens * work.d_model * 2 * ring / network.group(tp, np.ones_like(tp))
    stride = np.where(x.etp > 1, x.etp, 1)
    spread = network.seconds_per_byte(x.ep, stride)
    dispatch = 2 * routed * (x.ep - 1) / x.ep * spread
    around = network.group(x.cp, tp)
    context = share * total("key_values") * 2 * (x.cp - 1) / around

    module = work.mtp
    last = work.head_work * (1 + (module.n if module else 0))
    head = 2 * share * last

    dense = (work.parameters - work.routed) / (tp * x.pp)
    experts = work.routed / (x.ep * x.etp * x.pp)
    ranks, expert_ranks = x.dp * x.cp, np.maximum(1, x.dp * x.cp * tp // (x.ep * x.etp))
    sharded = np.where(x.shard > 0, x.shard, ranks)
    wide, narrow = network.group(ranks, tp), network.group(expert_ranks, x.ep * x.etp)
    exchanged = GRADIENT_BYTES + PARAMETER_BYTES
    reduce = (
        exchanged * dense * (ranks - 1) / ranks / wide
        + exchanged * experts * (expert_ranks - 1) / expert_ranks / narrow
    )
    within = network.group(sharded, tp)
    gather = PARAMETER_BYTES * (
        dense * (sharded - 1) / sharded / within + experts * (expert_ranks - 1) / expert_ranks / narrow
    )
    updated = dense / np.where(x.zero > 0, sharded, 1) + experts / np.where(x.zero > 0, expert_ranks, 1)

    pp = x.pp
    return Demand(
        matrix=matrix / pp,
        expert=expert / pp,
        attention=share * total("mixing") / pp,
        scores=share * total("scores") / pp,
        elements=elements / pp,
        routed=routed / pp,
        layers=work.n_layers / pp,
        experts=sparse_layers * work.n_experts / x.ep / pp,
        head=head,
        logits=share * work.vocab_size * (1 + (module.n if module else 0)) * (work.head_work > 0),
        modules=np.full(len(x), float(module.n if module else 0)),
        tensor=tensor / pp,
        dispatch=dispatch / pp,
        context=context / pp,
        gather=gather,
        reduce=reduce,
        optimizer=updated,
        matrices=sum(b.n * (b.mixer + b.mlp + b.shared) for b in blocks) / (tp * pp)
        + work.routed / (x.ep * x.etp * pp),
        micro_batches=x.micro_batches,
        slowest=fullest(work.n_layers, pp, x.vpp),
        pipeline=pp,
        chunks=x.vpp,
        zero=x.zero,
        recompute=x.recompute,
        tokens=tokens * x.cp,
        schedule=x.schedule,
        overlap=x.overlap,
        devices=x.devices,
        tokens_step=x.global_batch * float(work.seq_len),
    )


def fullest(n_layers: int, pp: np.ndarray, vpp: np.ndarray) -> np.ndarray:
    """Layers of the fullest pipeline rank over the mean [1].

    Layers that do not divide are shared out with the table and the head counted as a layer each, as where the first
    and the last rank have one layer fewer (Llama 3, arXiv:2407.21783, section 3.3.2).

    >>> fullest(126, np.array([16, 8, 5]), np.array([8, 8, 1])).round(4).tolist()
    [1.0159, 1.0159, 1.0317]
    """
    chunks = pp * vpp
    even = n_layers % chunks == 0
    balanced = (n_layers + 2) % chunks == 0
    each = np.where(balanced, (n_layers + 2) / chunks, np.ceil(n_layers / chunks))
    return np.where(even | (pp == 1), 1.0, np.minimum(each * chunks / n_layers, np.ceil(n_layers / pp) * pp / n_layers))


def distinct_nodes(work: Work, layouts: Layouts, domain: int) -> np.ndarray:
    """Domains beyond its own on which a token's experts stand, over the messages to experts there [1].

    Of ``k`` experts drawn alike from ``n`` domains, ``(n - 1) (1 - (1 - 1/n)^k)`` others are met by ``k (n - 1) / n``
    messages; 1 where the group lies in one domain.

    >>> from lehr.simulators.machine.layout import Layout, as_arrays
    >>> from lehr.simulators.machine.work import work_of
    >>> from lehr.simulators.planning.ladder import mixture
    >>> moe = work_of(mixture(2048, expansion=8, top_k=8, vocab_size=32000, context_length=4096), 4096)
    >>> distinct_nodes(moe, as_arrays([Layout(ep=n, dp=64, global_batch=64) for n in (8, 32)]), 8).round(3).tolist()
    [1.0, 0.45]
    """
    top_k = max((b.top_k for b in work.blocks), default=0)
    if top_k == 0:
        return np.ones(len(layouts))
    n = np.maximum(layouts.ep / domain, 1.0)
    met, sent = (n - 1) * (1 - (1 - 1 / n) ** top_k), top_k * (n - 1) / n
    return np.where(n > 1, met / np.maximum(sent, 1e-9), 1.0)


def network_key(work: Work) -> str:
    """What tells a network from others: its width, depth and size.

    >>> from lehr.simulators.machine.work import work_of
    >>> from lehr.simulators.planning.ladder import dense
    >>> network_key(work_of(dense(4096, vocab_size=128256, context_length=8192), 8192))
    '4096x32, 8.03e+09'
    """
    return f"{work.d_model}x{work.n_layers}, {work.parameters:.2e}"


def stack(demands: list[Demand]) -> Demand:
    """Demands one after another, of different networks and machines."""
    columns = zip(*demands, strict=True)
    return Demand(*(np.concatenate([np.atleast_1d(np.asarray(v, float)) for v in column]) for column in columns))
