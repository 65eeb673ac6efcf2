"""Seconds of a training step from what its devices do: rooflines with few constants.

The time of a micro-batch on a pipeline rank is the sum of its products, each at a share of the largest speed that was
measured, of element-wise work at the memory's bandwidth, of launches, and of messages that nothing hides; a step is
what the fullest rank does with every micro-batch, the pipeline's fill, and the exchange at its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lehr.simulators.machine.accelerator import Accelerator
from lehr.simulators.machine.constants import NAMES, TREND_YEAR
from lehr.simulators.machine.demand import Demand
from lehr.simulators.machine.software import Software

INDEX = {name: i for i, name in enumerate(NAMES)}
OPTIMIZER_BYTES = 26.0
"""Traffic of one updated parameter: gradient, two moments and the master copy read, three of them written, and the
16-bit copy [byte]."""
BUBBLE = (1.0, 1.0 / 3.0, 2.0 / 3.0)
"""Wait of each schedule over that of 1F1B, (p - 1) (F + B): zero-bubble (p - 1) (F + B - 2 W) and DualPipe
(p/2 - 1) (F&B + B - 3 W), for a pass back of two passes forward, half of it for weights (DeepSeek, DualPipe README);
DualPipe's of half as many ranks less one is taken apart."""
SENDING = 20.0 / 132.0
"""Share of an H800 that sends tokens while the rest computes (DeepSeek-V3, arXiv:2412.19437, section 3.2.2)."""
PACKED_BYTES = 2.0 + 4.127 / 8
"""Traffic of unpacking one weight: 16 bits written, and four with their quantised scales read (Dettmers et al.,
arXiv:2305.14314, section 3) [byte]."""
UNPACKING = (0.13, 0.24, 1.0)
"""Share of the memory's bandwidth at which frozen weights in four bits are unpacked, in every pass: the least of 18
published pairs of steps with and without, all on A100 and of 2023, their median, and what no kernel exceeds
(conf/measurement/four_bits.csv; tests/catalogue/test_four_bits.py) [1]."""
SPELT = {"bf16": "bf16", "fp16": "bf16", "fp8": "fp8", "mxfp8": "fp8", "nvfp4": "fp4"}
"""The peak that a training precision computes at."""
BESIDE_EXPERTS = {"nvfp4": "mxfp8"}
"""What a mixture's other matrices compute in: where experts have four bits, attention, latent projections and the last
layers stay at 16, output projections of recurrent mixers at 8 (NVIDIA, Nemotron 3 Super, arXiv:2604.12374, table of
its NVFP4 recipe), taken together as 8."""


class Rates(NamedTuple):
    """Speeds of devices and software, each an array over layouts or a number; what choices select, as indices."""

    matrix: np.ndarray
    """Largest measured speed of matrix products in the layers' precision [FLOP/s]."""
    grouped: np.ndarray
    """The same of experts' products [FLOP/s]."""
    sixteen: np.ndarray
    """The same in 16 bits [FLOP/s]."""
    bandwidth: np.ndarray
    precision: np.ndarray
    grouped_precision: np.ndarray
    generation: np.ndarray
    attention: np.ndarray
    unfused: np.ndarray
    fused: np.ndarray
    overlaps_tensor: np.ndarray
    overlaps_data: np.ndarray
    uneven: np.ndarray
    year: np.ndarray
    mixture: np.ndarray
    recurrent: np.ndarray
    trained: np.ndarray
    """1 where all weights are trained, 0 where the network is frozen but for adapters."""
    packed: np.ndarray
    """1 where frozen weights stand in four bits and are unpacked in every pass."""
    mixing: np.ndarray
    """Attention's work over that of one document as long as the sequence: below 1 for packed documents [1]."""
    distinct: np.ndarray
    """Nodes that a token's experts stand on over the messages that they take [1]."""
    n_layers: np.ndarray


def rates_of(
    device: Accelerator,
    software: Software,
    precision: str,
    *,
    n_layers: int,
    mixture: bool,
    recurrent: bool = False,
    trained: bool = True,
    packed: bool = False,
    mixing: float = 1.0,
    distinct: np.ndarray | float = 1.0,
) -> Rates:
    """The speeds of ``device`` under ``software`` in ``precision``.

    Raises ``ValueError`` where the device has no peak of that precision, or no bandwidth is known of its memory.
    """
    if device.bandwidth is None:
        raise ValueError(f"{device.name} has no `bandwidth`; write that of its memory in bytes a second")
    generation = device.generation or "other"
    matrix = f"matrix_{generation}" if f"matrix_{generation}" in INDEX else "matrix_other"
    attention = f"attention_{software.attention}_{generation}"
    if software.attention == "unfused":
        attention = "attention_unfused"
    elif attention not in INDEX:
        attention = "attention_other"
    sixteen = "bf16" if "bf16" in device.peak or "bf16" in device.achieved else "fp16"
    kind = "bf16" if precision == "fp16" else precision
    if precision not in SPELT:
        raise ValueError(f"no speed was measured in {precision}; write precision: one of {', '.join(SPELT)}")
    other = BESIDE_EXPERTS.get(kind, kind) if mixture else kind

    def rate(of: str) -> float:
        return device.matrix_rate(sixteen if SPELT[of] == "bf16" else SPELT[of])

    values = (
        rate(other),
        rate(kind),
        device.matrix_rate(sixteen),
        device.bandwidth,
        INDEX[f"matrix_{other}"],
        INDEX[f"matrix_{kind}"],
        INDEX[matrix],
        INDEX[attention],
        software.attention == "unfused",
        software.fused,
        software.overlaps_tensor,
        software.overlaps_data,
        software.uneven,
        software.year,
        mixture,
        recurrent,
        trained,
        packed,
        mixing,
        distinct,
        n_layers,
    )
    return Rates(*(np.asarray(v) for v in values))


class Parts(NamedTuple):
    """Where the seconds of a step go on the fullest rank [s]."""

    products: np.ndarray
    experts: np.ndarray
    attention: np.ndarray
    elements: np.ndarray
    sorting: np.ndarray
    launches: np.ndarray
    head: np.ndarray
    recomputation: np.ndarray
    tensor: np.ndarray
    dispatch: np.ndarray
    context: np.ndarray
    gather: np.ndarray
    bubble: np.ndarray
    exchange: np.ndarray
    optimizer: np.ndarray
    unpacking: np.ndarray

    @property
    def total(self) -> np.ndarray:
        """The step [s]."""
        # numpy adds sixteen rows in another order than fifteen: zeros would move the last digit
        *others, unpacking = np.broadcast_arrays(*self)
        seconds: np.ndarray = np.sum(np.stack(others), axis=0) + unpacking
        return seconds


def step_parts(demand: Demand, rates: Rates, logs: np.ndarray) -> Parts:
    """Seconds of a step by what they go to; ``logs`` are the logarithms of the constants.

    The parts of all micro-batches on the fullest rank, the wait for the pipeline to fill and drain (Narayanan et al.,
    arXiv:2104.04473, section 2.2: chunks divide it), the exchange of the data group and the update.
    """
    value = np.exp(logs)

    def of(name: str) -> float:
        return float(value[INDEX[name]])

    d, r = demand, rates
    since = r.year - TREND_YEAR
    aged = np.where(r.mixture, np.exp(-of("mixture_trend") * since), 1.0)
    launched = np.where(r.mixture, np.exp(-of("launch_trend") * since), 1.0) * aged
    scale = value[r.generation] * np.where(r.year <= 2023.0, of("matrix_before_2023"), 1.0)
    speed = r.matrix * value[r.precision] * scale
    products = d.matrix / speed
    experts = d.expert / (r.grouped * value[r.grouped_precision] * scale * of("expert")) * aged
    mixing = d.attention / np.where(r.recurrent, of("state_space"), 1.0)
    mixing = mixing + np.where(r.unfused, 0.0, 0.5 * of("softmax") * d.scores)
    attention = r.mixing * mixing / (r.sixteen * value[r.attention])
    attention = attention + np.where(r.unfused, of("score") * d.scores / r.bandwidth, 0.0)
    elements = of("element") * np.where(r.fused, 1.0, of("eager")) * d.elements / r.bandwidth
    sorting = of("permute") * d.routed / r.bandwidth * launched
    each = np.where(r.year < 2022.5, of("layer_before_2023"), of("layer"))
    launches = (each * d.layers + of("local_expert") * d.experts) / 3 * launched
    forward = products + experts + attention + elements + sorting + launches

    ahead = np.where(r.overlaps_tensor, of("tensor_overlapped"), of("tensor"))
    tensor = 2 * ahead * d.tensor
    far = of("dispatch_far") * r.distinct ** of("dispatch_once")
    dispatch = 2 * d.dispatch * np.where(r.distinct < 1.0, far, of("dispatch")) * aged
    context = 2 * of("context") * d.context

    weights = np.where(r.trained, 1.0, 0.0)
    again = np.select(
        [d.recompute == 3, d.recompute == 2, d.recompute == 1, d.recompute == 4],
        [
            forward + ahead * d.tensor,
            of("operators") * products + elements,
            np.where(r.unfused, attention, 0.5 * elements),
            elements,
        ],
        0.0,
    )
    head = (2 + weights) * d.head / (r.sixteen * of("matrix_head") * scale) + of("logit") * d.logits / r.bandwidth
    backward = np.where(r.unfused, 2.0, 2.5)
    parts = (
        products * (2 + weights),
        experts * (2 + weights),
        attention * (1 + backward),
        elements * 3,
        sorting * 3,
        launches * 3,
    )
    # a pass forward, one back, and what of the first is done again
    passes = 2.0 + np.select([d.recompute == 3, d.recompute == 2], [1.0, 0.5], 0.0)
    unpacking = r.packed * passes * PACKED_BYTES * d.matrices / (UNPACKING[1] * r.bandwidth)
    # beside other work, sending takes its share of the device and shows where it takes longer than the work
    work = sum(parts) + again + unpacking
    hidden = np.maximum(SENDING / (1 - SENDING) * work, dispatch - work)
    dispatch = np.where(d.overlap > 0, np.minimum(dispatch, hidden), dispatch)
    stage = work + tensor + dispatch + context
    head = head + d.modules * stage * d.pipeline / r.n_layers
    slow, carried = _slowest_rank(stage, head, d, r)
    gathered = np.where(d.zero == 3, 3 * of("gather") * d.gather, 0.0)
    slower = np.hypot(slow, gathered)
    whole = stage * d.pipeline + head
    ranks = np.maximum(d.pipeline, 2.0)
    shorter = np.where(d.schedule == 2, (ranks / 2 - 1) / (ranks - 1), 1.0) * np.take(BUBBLE, d.schedule.astype(int))
    bubble = np.maximum(whole - slower, 0.0) / d.chunks * shorter
    share = (slow - carried) / stage * d.micro_batches
    exchange = np.where(r.overlaps_data, of("data_overlapped"), of("data")) * d.reduce * weights
    shared = [p * share for p in (again, tensor, dispatch, context)]
    update = OPTIMIZER_BYTES * d.optimizer * weights / r.bandwidth + of("step")
    return Parts._make(
        [
            *(p * share for p in parts),
            carried * d.micro_batches,
            *shared,
            (slower - slow) * d.micro_batches,
            bubble,
            np.where(d.zero == 3, 0.0, exchange),
            update,
            unpacking * share,
        ]
    )


def _slowest_rank(stage: np.ndarray, head: np.ndarray, d: Demand, r: Rates) -> tuple[np.ndarray, np.ndarray]:
    """Seconds of the slowest rank with one micro-batch, and what of them is the head's.

    Without a pipeline, and where all ranks have as many layers, that is the rank with the head. Uneven pipelines share
    whole layers out so that the slowest is fastest; DualPipe's rank of the last stage has the first one too, each for
    half of the micro-batches.
    """
    each = stage * d.pipeline / r.n_layers
    mean = np.floor((r.n_layers + head / each) / d.pipeline)
    best, own = np.full(np.shape(stage), np.inf), np.zeros(np.shape(stage))
    for more in (0, 1, 2):
        layers = np.maximum(mean + more, 1.0)
        left = np.maximum(r.n_layers - layers * (d.pipeline - 1), 0.0)
        last = left * each + head
        last = np.where(d.schedule == 2, (layers * each + last) / 2, last)
        slower = np.maximum(layers * each, last)
        carried = np.where(last >= layers * each, np.where(d.schedule == 2, head / 2, head), 0.0)
        best, own = np.where(slower < best, slower, best), np.where(slower < best, carried, own)
    even = stage * d.slowest + head
    level = ~r.uneven.astype(bool) | (d.pipeline == 1)
    return np.where(level, even, best), np.where(level, head, own)


def step_seconds(demand: Demand, rates: Rates, logs: np.ndarray) -> np.ndarray:
    """Seconds of a step [s]."""
    return step_parts(demand, rates, logs).total


def tokens_per_second(demand: Demand, rates: Rates, logs: np.ndarray) -> np.ndarray:
    """Tokens a second of each device [token/s]."""
    speed: np.ndarray = demand.tokens_step / step_seconds(demand, rates, logs) / demand.devices
    return speed


def join_rates(rates: Sequence[Rates]) -> Rates:
    """Speeds of rows one after another."""
    columns = zip(*rates, strict=True)
    return Rates(*(np.concatenate([np.atleast_1d(v) for v in column]) for column in columns))
