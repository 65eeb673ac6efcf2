"""The answer: what fits, what is fastest, how sure that is, and what the others lose."""

from __future__ import annotations

import msgspec
import numpy as np

from lehr.recipes.errors import LehrError
from lehr.recipes.laying_out.calibrating import Calibration
from lehr.recipes.laying_out.evaluating import (
    FAR,
    Evaluated,
    counted_by,
    effect_of,
    evaluate,
    load_once,
    measured_shift,
    variance,
)
from lehr.recipes.laying_out.question import Question
from lehr.simulators.counting import FLOP_CONVENTIONS, FlopConvention, training_flops_per_token
from lehr.simulators.machine.calibration import SPREAD
from lehr.simulators.machine.demand import demand_of
from lehr.simulators.machine.layout import Layout, Layouts, as_arrays
from lehr.simulators.machine.memory import Memory
from lehr.simulators.machine.search import Ranking, layout_at, legal_layouts, rank
from lehr.simulators.machine.step_time import UNPACKING, Parts, Rates
from lehr.simulators.numerics.adding import plain_sum
from lehr.simulators.projection.stage_time import FOUR_BITS
from lehr.simulators.quantities import Interval

CONVENTIONS = ("causal", "full")
"""Counts of FLOPs by which the utilisation is given."""
MEMORY_ERROR = 0.16
"""What nine in ten of twenty readings by nvidia-smi stay within, the constants those of other runs [1]."""
OWN_ERRORS = {"litgpt": 0.09, "torchtitan": 0.09, "transformers": 0.13}
"""The same of what trainers' own allocators count or reserve [1]."""
LEAST_MEASURED = 1e-6
"""Share of the peak below which no step was measured [1]."""


class NoLayoutError(LehrError):
    """No layout is legal, or none fits."""


class UnfitError(NoLayoutError):
    """Layouts are legal, and none fits."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """One layout, told: seconds of a step with their interval, speed, utilisation, and memory by what it holds."""

    layout: Layout
    seconds: float
    low: float
    high: float
    tokens_per_second: float
    tflops: float
    mfu: dict[str, float]
    parts: dict[str, float]
    memory: dict[str, float]
    memory_bytes: float
    rank: int
    fits: bool

    @property
    def reached(self) -> Interval:
        """Its utilisation, by the count that costs are made with [1]."""
        central = self.mfu["causal"]
        return Interval(
            low=central * self.seconds / self.high, central=central, high=min(1.0, central * self.seconds / self.low)
        )


class Other(msgspec.Struct, frozen=True, kw_only=True):
    """A layout beside the best: what it loses, and to what most of it goes."""

    layout: Layout
    seconds: float
    memory_bytes: float
    loses: float
    why: str


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked, answered. ``best`` is the fastest that fits; ``others`` differ from all before them in more than
    recomputation and batch; ``frontier`` runs from the fastest to the leanest; ``given`` is the layout that was
    named, ``behind`` by what share it is slower than the best, ``why`` to what most of that goes, and ``roomy`` the
    fastest that leaves ``error`` of the memory free, the model's own [1]. ``far`` is how many of its standard
    deviations a measured speed lies from what was expected."""

    question: Question
    tried: int
    fitting: int
    capacity: float
    calibration: Calibration
    error: float = MEMORY_ERROR
    best: Found | None = None
    others: list[Other] = []
    frontier: list[Other] = []
    given: Found | None = None
    behind: float | None = None
    why: str = ""
    roomy: Other | None = None
    far: float | None = None


def answer(question: Question, show: int = 8, calibration: Calibration | None = None, *, advise: bool = True) -> Answer:
    """Try every legal layout. Raises ``NoLayoutError`` where none is legal, or none fits and no layout was given; where
    it is to ``advise``, with how many devices would do."""
    used = calibration or load_once()
    logs = used.fit().logs
    capacity = question.accelerator.memory_bytes
    if capacity is None:
        raise LehrError(f"{question.accelerator.name}: its file has no memory_bytes; add what it holds in bytes")
    _refuse_measured(question)
    layouts = legal_layouts(question.work, question.choice)
    if len(layouts) == 0 and question.given is None:
        raise NoLayoutError(_none_legal(question))
    given = _given(question, logs) if question.given is not None else None
    if len(layouts) == 0:
        alone = _found(question, given, 0, used, capacity)
        return Answer(question=question, calibration=used, capacity=capacity, tried=0, fitting=0, given=alone)
    all_ = evaluate(question, layouts, logs)
    ranking = rank(all_.seconds, all_.memory.total, capacity)
    if len(ranking.order) == 0 and given is None:
        raise UnfitError(_none_fits(question, all_.memory.total.min(), capacity, logs if advise else None))
    best = _found(question, all_, int(ranking.order[0]), used, capacity) if len(ranking.order) else None
    named = _found(question, given, 0, used, capacity) if given is not None else None
    return Answer(
        question=question,
        calibration=used,
        capacity=capacity,
        error=error_of(question),
        tried=len(layouts),
        fitting=int(ranking.fits.sum()),
        best=best,
        others=_others(question, all_, ranking, show) if best else [],
        frontier=_frontier(question, all_, ranking, show) if best else [],
        given=named,
        behind=named.seconds / best.seconds - 1 if named and best else None,
        why=_why(named, best) if named and best else "",
        roomy=_roomy(question, all_, ranking, capacity) if best else None,
        far=measured_shift(question, used, logs)[1],
    )


def error_of(question: Question) -> float:
    """What nine in ten readings of the question's kind of count stay within [1]."""
    return OWN_ERRORS.get(counted_by(question), MEMORY_ERROR)


def _roomy(question: Question, at: Evaluated, ranking: Ranking, capacity: float) -> Other | None:
    """The fastest layout whose memory may be wrong by as much as the model is."""
    best = int(ranking.order[0])
    fitting = np.flatnonzero(at.memory.total[ranking.order] * (1 + error_of(question)) <= capacity)
    return _other(question, at, int(ranking.order[fitting[0]]), best) if len(fitting) else None


def named(question: Question, calibration: Calibration | None = None) -> Found:
    """The layout that the question names, alone."""
    used = calibration or load_once()
    capacity = question.accelerator.memory_bytes or float("inf")
    return _found(question, _given(question, used.fit().logs), 0, used, capacity)


def _given(question: Question, logs: np.ndarray) -> Evaluated:
    """The layout that was given, with what it says of memory itself."""
    own = question.given
    assert own is not None
    terms = msgspec.structs.replace(
        question.terms,
        offload=max(own.offload, question.terms.offload),
        eight_bits=own.eight_bit_activations or question.terms.eight_bits,
        away=own.offload_activations,
        loss_chunk=own.loss_chunk or question.terms.loss_chunk,
    )
    return evaluate(question, as_arrays([own]), logs, terms)


def _found(question: Question, at: Evaluated | None, index: int, calibration: Calibration, capacity: float) -> Found:
    assert at is not None
    layouts = at.layouts.take(np.array([index]))
    demand = demand_of(question.work, layouts, question.network)
    rates = Rates(*(np.broadcast_to(c, len(at.layouts))[[index]] for c in at.rates))
    _, explained = effect_of(question, calibration)
    spread2 = variance(question, calibration, demand, rates) - explained
    kind = "mixture" if question.work.sparse else "dense"
    far = measured_shift(question, calibration, calibration.fit().logs)[1]
    if far is not None and far <= FAR:
        # of what a measured step shares with the others only the two rows' own scatter is left
        spread2 = min(spread2, 2 * SPREAD[kind]["row"] ** 2)
    factor = calibration.bands[kind].new * float(np.sqrt(max(spread2, SPREAD[kind]["row"] ** 2)))
    seconds = float(at.seconds[index])
    ratio = seconds / float(at.parts.total[index])
    tokens = question.global_batch * question.work.seq_len
    speed = tokens / seconds / question.devices
    unpacking = ratio * float(np.broadcast_to(at.parts.unpacking, len(at.layouts))[index])
    slowest, usual, fastest = UNPACKING
    flops, peak = _flops(question), _peak(question)
    memory = {name: float(np.broadcast_to(getattr(at.memory, name), len(at.layouts))[index]) for name in Memory._fields}
    number = int(memory.pop("rank"))
    total = plain_sum(memory.values())
    return Found(
        layout=layout_at(at.layouts, index, precision=question.precision, optimizer=question.terms.optimizer),
        seconds=seconds,
        low=(seconds - unpacking) * float(np.exp(-factor)) + unpacking * usual / fastest,
        high=(seconds - unpacking) * float(np.exp(factor)) + unpacking * usual / slowest,
        tokens_per_second=speed,
        tflops=speed * flops["causal"] / 1e12,
        mfu={c: speed * f / peak for c, f in flops.items()},
        parts={
            name: ratio * float(np.broadcast_to(getattr(at.parts, name), len(at.layouts))[index])
            for name in Parts._fields
        },
        memory=memory,
        memory_bytes=total,
        rank=number,
        fits=total <= capacity,
    )


def unpacking_of(found: Found) -> Interval | None:
    """How many times as long its step takes as the same beside weights in 16 bits [1]; ``None`` where none are packed.

    A trainer's micro-batch may be smaller than the fastest layout's, where unpacking weighs more: the interval reaches
    to the largest of the published pairs.
    """
    unpacking, seconds = found.parts["unpacking"], found.seconds
    if unpacking == 0:
        return None
    slowest, usual, fastest = UNPACKING
    low, central, high = (1 + unpacking * usual / share / (seconds - unpacking) for share in (fastest, usual, slowest))
    return Interval(low=low, central=central, high=max(high, FOUR_BITS.high))


def _convention(question: Question, name: str) -> FlopConvention:
    return FLOP_CONVENTIONS["causal_with_mtp"] if question.mtp and name == "causal" else FLOP_CONVENTIONS[name]


def _flops(question: Question) -> dict[str, float]:
    """FLOPs of a token by each convention."""
    # frozen weights have no gradient: of three passes two are left
    passes = 1.0 if question.trained else 2 / 3
    return {
        c: passes * training_flops_per_token(question.architecture, question.work.seq_len, _convention(question, c))
        for c in CONVENTIONS
    }


def _peak(question: Question) -> float:
    peak = question.accelerator.peak
    named = {"mxfp8": "fp8", "nvfp4": "fp4"}.get(question.precision, question.precision)
    if named not in peak:
        raise LehrError(f"{question.accelerator.name} has no peak for {named}; it has {', '.join(peak)}")
    return peak[named]


def _refuse_measured(question: Question) -> None:
    """Raise ``LehrError`` where a measured speed is of no layout, or none that the accelerator can have."""
    if question.measured is None:
        return
    if question.given is None:
        raise LehrError("measured: is the speed of a layout; write layout=published or 'layout={tp: 8}' beside it")
    most = _peak(question) / _flops(question)["causal"]
    if not LEAST_MEASURED * most <= question.measured <= most:
        raise LehrError(
            f"measured: {question.measured:g} tokens/s is no speed of {question.accelerator.name}, whose peak is "
            f"{most:,.0f}; write tokens a second and device"
        )


def _key(layouts: Layouts, i: int) -> tuple[int, ...]:
    return tuple(int(getattr(layouts, f)[i]) for f in ("tp", "pp", "cp", "ep", "zero"))


def _others(question: Question, at: Evaluated, ranking: Ranking, show: int) -> list[Other]:
    """The next best, each of another tensor, pipeline, context or expert group or sharding."""
    best, out, seen = int(ranking.order[0]), [], {_key(at.layouts, int(ranking.order[0]))}
    for i in ranking.order[1:2000]:
        if (key := _key(at.layouts, int(i))) not in seen:
            seen.add(key)
            out.append(_other(question, at, int(i), best))
            if len(out) >= show:
                break
    return out


def _frontier(question: Question, at: Evaluated, ranking: Ranking, show: int) -> list[Other]:
    """From the fastest that fits to the leanest, at most ``show`` of them."""
    best = int(ranking.order[0])
    fitting = [int(i) for i in ranking.frontier if ranking.fits[i]]
    picked = [fitting[round(k * (len(fitting) - 1) / max(1, show - 1))] for k in range(min(show, len(fitting)))]
    return [_other(question, at, i, best) for i in dict.fromkeys(picked)]


def _other(question: Question, at: Evaluated, i: int, best: int) -> Other:
    def of(part: str, at_: int) -> float:
        return float(np.broadcast_to(getattr(at.parts, part), len(at.layouts))[at_])

    gaps = {SAID[part]: of(part, i) - of(part, best) for part in Parts._fields}
    worst = max(gaps, key=lambda name: gaps[name])
    loses = float(at.seconds[i] / at.seconds[best] - 1)
    return Other(
        layout=layout_at(at.layouts, i, precision=question.precision),
        seconds=float(at.seconds[i]),
        memory_bytes=float(at.memory.total[i]),
        loses=loses,
        why=worst if i != best and gaps[worst] > 0 else "",
    )


SAID = {
    "products": "matrix products",
    "experts": "products of experts",
    "attention": "attention",
    "elements": "element-wise work",
    "sorting": "sorting for experts",
    "launches": "launches",
    "head": "head and loss",
    "recomputation": "recomputation",
    "tensor": "tensor-parallel messages",
    "dispatch": "messages to experts",
    "context": "keys and values sent",
    "gather": "gathering parameters",
    "bubble": "pipeline bubble",
    "exchange": "exchange of gradients",
    "optimizer": "optimiser",
    "unpacking": "unpacking of 4-bit weights",
}
"""What each part of a step is called."""


def _why(slower: Found, best: Found) -> str:
    """To what most of the difference goes: its largest parts, down to a tenth of what is lost."""
    gaps = {SAID[part]: slower.parts[part] - best.parts[part] for part in SAID}
    lost = plain_sum(gap for gap in gaps.values() if gap > 0)
    worst = sorted((name for name in gaps if gaps[name] > 0.1 * lost), key=lambda name: -gaps[name])[:3]
    return ", ".join(f"{name} ({100 * gaps[name] / slower.seconds:.1f} % of its step)" for name in worst)


def _none_legal(question: Question) -> str:
    held = ", ".join(f"{key}={value}" for key, value in question.choice.fixed.items())
    batch, n = question.global_batch, question.devices
    said = f" with {held}" if held else ""
    return (
        f"no layout divides {question.name} and {batch:,} sequences of {question.work.seq_len:,} tokens among {n:,} "
        f"devices{said}; "
        f"write global_batch={max(1, round(batch / n)) * n}, or hold less"
    )


LOSS_CHUNK = 2048
"""Tokens of a loss in pieces that is advised where logits are what does not fit [tokens]."""


def _none_fits(question: Question, least: float, capacity: float, logs: np.ndarray | None) -> str:
    """That nothing fits, and how many devices would do, where more would."""
    said = (
        f"no layout of {question.name} on {question.devices:,} {question.accelerator.name} fits: at "
        f"{question.global_batch:,} sequences of {question.work.seq_len:,} tokens a step the leanest takes "
        f"{least / 2**30:,.1f} GiB a device of {capacity / 2**30:,.1f}"
    )
    if logs is None:
        return said
    if question.terms.loss_chunk is None:
        layouts = legal_layouts(question.work, question.choice)
        terms = msgspec.structs.replace(question.terms, loss_chunk=LOSS_CHUNK)
        if (evaluate(question, layouts, logs, terms).memory.total <= capacity).any():
            pieces = f"loss_chunk={LOSS_CHUNK} for a trainer that takes its loss in pieces"
            return f"{said}; write {pieces}, a shorter sequence_length, or more devices"
    n = question.devices
    while n < 2**17:
        n *= 2
        batch = max(1, round(question.global_batch / n)) * n
        choice = msgspec.structs.replace(question.choice, devices=n, global_batch=batch)
        layouts = legal_layouts(question.work, choice)
        if len(layouts) and (evaluate(question, layouts, logs).memory.total <= capacity).any():
            return f"{said}; write devices={n}, a shorter sequence_length, or an accelerator with more memory"
    return f"{said}; write a shorter sequence_length, an accelerator with more memory, offload=1 or optimizer=8bit"
