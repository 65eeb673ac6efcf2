"""Cosine with warm restarts."""

from __future__ import annotations

from math import ceil

from lehr.simulators.quantities import Factor, Size
from lehr.simulators.schedules.base import ScheduleBase
from lehr.simulators.schedules.curve import Phase
from lehr.simulators.schedules.duration import Duration, TokenClock


class CosineRestarts(ScheduleBase, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="cosine_restarts"):
    """SGDR: cosines that begin again at the peak (Loshchilov and Hutter, arXiv:1608.03983).

    ``cycles`` equal ones, or a first one of ``period`` and each next one ``period_factor`` times as long.

    >>> CosineRestarts(peak=1.0, cycles=2).resolve(8).values().round(3).tolist()
    [1.0, 0.854, 0.5, 0.146, 1.0, 0.854, 0.5, 0.146]
    """

    cycles: Size | None = None
    period: Duration | None = None
    period_factor: Factor = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.cycles is None) == (self.period is None):
            raise ValueError("cosine_restarts has `cycles: n` or `period: {steps: n}`; write exactly one")

    def after_warmup(self, rise: int, n_steps: int, clock: TokenClock | None) -> list[Phase]:
        """One phase a cycle; a cycle may begin between two steps."""
        rest = n_steps - rise
        length = (
            rest / self.cycles if self.cycles else float(self.period.in_steps(n_steps, clock) if self.period else 0)
        )
        if rest and length < 1:
            raise ValueError("a cycle is shorter than one step; write fewer cycles or a longer period")
        out: list[Phase] = []
        begin, step = 0.0, 0
        while step < rest:
            # ends that are whole numbers but for rounding are whole numbers
            end = begin + length
            until = min(rest, ceil(end - 1e-9))
            phase = Phase(
                name=f"cycle {len(out) + 1}",
                shape="cosine",
                steps=until - step,
                start=self.peak,
                end=self.lowest,
                offset=self.offset + step - begin,
                length=length,
            )
            out.append(phase)
            begin, step, length = end, until, length * self.period_factor
        return out
