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
SPELT = {"bf16": "bf16", "fp16": "bf16", "fp8": "fp8", "mxfp8": "fp8", "nvfp4": "fp4"}
"""The peak that a training precision computes at."""


class Rates(NamedTuple):
    """Speeds of devices and software, each an array over layouts or a number; what choices select, as indices."""

    matrix: np.ndarray
    """Largest measured speed of matrix products in the layers' precision [FLOP/s]."""
    sixteen: np.ndarray
    """The same in 16 bits [FLOP/s]."""
    bandwidth: np.ndarray
    precision: np.ndarray
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
    spelt = SPELT[precision]
    values = (
        device.matrix_rate(sixteen if spelt == "bf16" else spelt),
        device.matrix_rate(sixteen),
        device.bandwidth,
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

    @property
    def total(self) -> np.ndarray:
        """The step [s]."""
        seconds: np.ndarray = np.sum(np.stack(np.broadcast_arrays(*self)), axis=0)
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
    experts = d.expert / (speed * of("expert")) * aged
    work = d.attention / np.where(r.recurrent, of("state_space"), 1.0)
    work = work + np.where(r.unfused, 0.0, 0.5 * of("softmax") * d.scores)
    attention = r.mixing * work / (r.sixteen * value[r.attention])
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
    again = np.where(
        d.recompute == 3,
        forward + ahead * d.tensor,
        np.where(
            d.recompute == 2,
            of("operators") * products + elements,
            np.where(d.recompute == 1, np.where(r.unfused, attention, elements), 0.0),
        ),
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
    stage = sum(parts) + again + tensor + dispatch + context
    # a rank has its share of the layers; with uneven ranks the last one has fewer, so that the head finds room
    spread = stage * d.slowest
    last = _last_rank(stage, head, d, r)
    alone = d.pipeline == 1
    slow = np.where(alone, stage + head, np.maximum(last, np.where(r.uneven, 0.0, spread)))
    gathered = np.where(d.zero == 3, 3 * of("gather") * d.gather, 0.0)
    slower = np.hypot(slow, gathered)
    whole = stage * d.pipeline + head
    bubble = np.maximum(whole - slower, 0.0) / d.chunks
    share = np.where(alone, 1.0, np.maximum(slow - head, 0.0) / stage) * d.micro_batches
    shown_head = np.where(alone, head, slow - np.maximum(slow - head, 0.0)) * d.micro_batches
    exchange = np.where(r.overlaps_data, of("data_overlapped"), of("data")) * d.reduce * weights
    return Parts(
        *(p * share for p in parts),
        head=shown_head,
        recomputation=again * share,
        tensor=tensor * share,
        dispatch=dispatch * share,
        context=context * share,
        gather=(slower - slow) * d.micro_batches,
        bubble=bubble,
        exchange=np.where(d.zero == 3, 0.0, exchange),
        optimizer=OPTIMIZER_BYTES * d.optimizer * weights / r.bandwidth + of("step"),
    )


def _last_rank(stage: np.ndarray, head: np.ndarray, d: Demand, r: Rates) -> np.ndarray:
    """Seconds of the slowest rank where the last one carries the head: with the same layers as all, or with whole
    layers shared out so that the slowest is fastest."""
    each = stage * d.pipeline / r.n_layers
    mean = np.floor((r.n_layers + head / each) / d.pipeline)
    best = np.full(np.shape(stage), np.inf)
    for more in (0, 1, 2):
        layers = np.maximum(mean + more, 1.0)
        left = np.maximum(r.n_layers - layers * (d.pipeline - 1), 0.0)
        best = np.minimum(best, np.maximum(layers * each, left * each + head))
    even = stage * d.slowest + head
    return np.where(r.uneven, np.minimum(best, even), even)


def step_seconds(demand: Demand, rates: Rates, logs: np.ndarray) -> np.ndarray:
    """Seconds of a step [s]."""
    return step_parts(demand, rates, logs).total


def tokens_per_second(demand: Demand, rates: Rates, logs: np.ndarray) -> np.ndarray:
    """Tokens a second of each device [token/s]."""
    return demand.tokens_step / step_seconds(demand, rates, logs) / demand.devices


def join_rates(rates: Sequence[Rates]) -> Rates:
    """Speeds of rows one after another."""
    columns = zip(*rates, strict=True)
    return Rates(*(np.concatenate([np.atleast_1d(v) for v in column]) for column in columns))
