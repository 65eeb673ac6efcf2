"""Batch size over a stage, and the map between tokens and steps that it makes."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from lehr.simulators.quantities import Floats, Positive, Size


class Linear(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="linear"):
    """From ``start`` sequences to the batch's own over ``tokens`` or ``steps``, smoothly or in ``increment``s.

    With an increment every size lasts equally long, as Megatron-LM's ``--rampup-batch-size`` does.
    """

    start: Size
    tokens: Positive | None = None
    steps: Size | None = None
    increment: Size | None = None

    def __post_init__(self) -> None:
        if (self.tokens is None) == (self.steps is None):
            raise ValueError("a linear ramp lasts `tokens: 469e9` or `steps: n`; write exactly one")


class Milestone(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From ``tokens`` on, ``sequences``."""

    tokens: Positive
    sequences: Size


class Milestones(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="milestones"
):
    """``start`` sequences, then sudden changes at positions in tokens."""

    start: Size
    milestones: list[Milestone]


class Clock:
    """Tokens trained on after each step: straight pieces between (step, tokens) knots, the last one endless.

    >>> clock = Batch(sequences=512).clock(8192)
    >>> float(clock.tokens_at(250_000)), float(clock.step_at(1e12))
    (1048576000000.0, 238418.5791015625)
    """

    def __init__(self, steps: Floats, tokens: Floats, tokens_a_step: float) -> None:
        self._steps, self._tokens, self._rate = steps, tokens, tokens_a_step

    def tokens_at(self, step: ArrayLike) -> Floats | float:
        """Tokens after ``step`` updates [tokens]."""
        step = np.asarray(step, dtype=float)
        inside = np.interp(step, self._steps, self._tokens)
        beyond = self._tokens[-1] + (step - self._steps[-1]) * self._rate
        tokens: Floats = np.where(step > self._steps[-1], beyond, inside)
        return tokens[()]

    def step_at(self, tokens: ArrayLike) -> Floats | float:
        """The step, as a real number, at which ``tokens`` have been trained on [steps]."""
        tokens = np.asarray(tokens, dtype=float)
        inside = np.interp(tokens, self._tokens, self._steps)
        beyond = self._steps[-1] + (tokens - self._tokens[-1]) / self._rate
        steps: Floats = np.where(tokens > self._tokens[-1], beyond, inside)
        return steps[()]


def whole_steps(steps: ArrayLike) -> Floats:
    """Real numbers of steps as updates, the last one perhaps not full [steps].

    >>> whole_steps([10.0, 10.0000001, 10.2]).tolist()
    [10.0, 10.0, 11.0]
    """
    # a last update of less than a millionth of a batch is rounding, not an update
    return np.asarray(np.ceil(np.asarray(steps) - 1e-6))


class Batch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Sequences in one optimiser update, after a ramp where there is one.

    >>> ramped = Batch(sequences=15360, ramp=Linear(start=3072, tokens=469e9))
    >>> ramped.steps_for(14.8e12, 4096)
    242783
    """

    sequences: Size
    ramp: Linear | Milestones | None = None

    def clock(self, sequence_length: int) -> Clock:
        """The map between tokens and steps for sequences of ``sequence_length`` tokens."""
        full = float(self.sequences * sequence_length)
        pieces = [(n, sequences * sequence_length) for n, sequences in self._ramp_sizes(sequence_length)]
        steps = np.concatenate([[0.0], np.cumsum([n for n, _ in pieces])])
        tokens = np.concatenate([[0.0], np.cumsum([n * size for n, size in pieces])])
        return Clock(steps, tokens, full)

    def steps_for(self, tokens: float, sequence_length: int) -> int:
        """Updates that ``tokens`` take, the last one perhaps not full [steps]."""
        return int(whole_steps(self.clock(sequence_length).step_at(tokens)))

    def _ramp_sizes(self, sequence_length: int) -> list[tuple[float, float]]:
        """(steps, sequences) of each piece of the ramp, in order; a smooth ramp is cut into 1,024 pieces."""
        ramp = self.ramp
        if ramp is None:
            return []
        if isinstance(ramp, Milestones):
            sizes = [ramp.start, *(m.sequences for m in ramp.milestones)]
            ends = [m.tokens for m in ramp.milestones]
            spans = np.diff([0.0, *ends])
            return [(span / (size * sequence_length), size) for span, size in zip(spans, sizes, strict=False)]
        if ramp.increment is None:
            edges = np.linspace(ramp.start, self.sequences, 1025)
            sizes = list((edges[:-1] + edges[1:]) / 2)
        else:
            sizes = list(np.arange(ramp.start, self.sequences, ramp.increment, dtype=float))
        if ramp.steps is not None:
            return [(ramp.steps / len(sizes), float(size)) for size in sizes]
        each = (ramp.tokens or 0.0) / len(sizes)
        return [(each / (size * sequence_length), float(size)) for size in sizes]
