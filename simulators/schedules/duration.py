"""How long a part of a schedule lasts: in steps, in tokens, or as a share of the stage's steps."""

from __future__ import annotations

from typing import Protocol, SupportsFloat

import msgspec

from lehr.simulators.quantities import Extent, Positive, Share


class TokenClock(Protocol):
    """What turns tokens into steps; a batch-size ramp makes the map bend."""

    def step_at(self, tokens: float) -> SupportsFloat:
        """The step, as a real number, at which ``tokens`` have been trained on."""


class Duration(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Exactly one of ``steps``, ``tokens`` and ``fraction`` (of the stage's steps).

    >>> Duration(fraction=0.02).in_steps(600_000, None)
    12000
    """

    steps: Extent | None = None
    tokens: Positive | None = None
    fraction: Share | None = None

    def __post_init__(self) -> None:
        if sum(value is not None for value in (self.steps, self.tokens, self.fraction)) != 1:
            raise ValueError(
                "a duration is one of `steps: 2000`, `tokens: 8e9` and `fraction: 0.02`; write exactly one"
            )

    def in_steps(self, n_steps: int, clock: TokenClock | None, *, after: float = 0.0) -> int:
        """The duration in whole steps, where it begins after ``after`` steps of a stage of ``n_steps`` [steps].

        Raises ``ValueError`` for tokens without a batch to count them in.
        """
        if self.steps is not None:
            return self.steps
        if self.fraction is not None:
            return round(self.fraction * n_steps)
        if clock is None or self.tokens is None:
            raise ValueError("a duration in tokens needs the stage's batch and sequence_length; write it in steps")
        return round(float(clock.step_at(tokens_before(clock, after) + self.tokens)) - after)


def tokens_before(clock: TokenClock, step: float) -> float:
    """Tokens at ``step``; zero at the beginning, so that a clock need only go one way for a first phase.

    >>> from lehr.simulators.schedules import Batch
    >>> tokens_before(Batch(sequences=512).clock(8192), 1000)
    4194304000.0
    """
    tokens_at = getattr(clock, "tokens_at", None)
    return float(tokens_at(step)) if step and tokens_at is not None else 0.0
