"""Which one setting of a schedule, had it another value, would give the rates of a log: floor, peak, warm-up, length
or shape."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import isclose, log10

import msgspec
import numpy as np
from numpy.typing import NDArray

from lehr.simulators.quantities import Floats
from lehr.simulators.schedules.shapes import Shape, rate_at

TRIED, FINER = 400, 4
"""Values of a setting that are tried, and how often that is done, each time about the best of the last."""
LONGER, HIGHER = 150.0, 1e7
"""Times and parts of the planned warm-up and length, and of the peak, that are tried: slips of two and six zeros."""
LEAST_FLOOR = 1e-4
"""Of the peak, the least floor above none that is tried."""
DIGITS, AS_GOOD = 5, 1e-5
"""A value is told with the fewest digits, up to these, with which it is as good to so much of the peak."""
DECAYS: tuple[Shape, ...] = ("cosine", "linear", "one_minus_sqrt")
"""Shapes of the whole decay that are tried for the planned one."""
SLIPS = {3: "thousand", 6: "million", 2: "hundred", 1: "ten"}
"""Powers of ten by which a number is off that was written in another unit, or with a zero too many."""


class Nearest(msgspec.Struct, frozen=True, eq=False):
    """What one setting can make of the log: its ``rates`` at the rows and their neighbours (3, rows), how far these lie
    off the log's on average, as a share of the log's highest (``error``), and the value in ``words``."""

    rates: Floats
    error: float
    words: str


class Planned(msgspec.Struct, frozen=True, eq=False):
    """The ``rates`` of a plan (steps,), the first step ``top`` at their ``peak``, and their ``floor`` after it.

    Each method gives the rates at ``steps`` (rows,) of the plan with other ``values`` of one setting (cases, 1)."""

    rates: Floats
    top: int
    peak: float
    floor: float

    @classmethod
    def of(cls, rates: Floats) -> Planned:
        """Of a plan's rates (steps,)."""
        peak = float(rates.max())
        top = int(np.argmax(rates >= peak * (1 - 1e-9)))
        return cls(rates=rates, top=top, peak=peak, floor=float(rates[top:].min()))

    def at(self, steps: Floats) -> Floats:
        """The rates between steps too; beyond its end a schedule stays where it is."""
        return np.asarray(np.interp(steps, np.arange(len(self.rates)), self.rates))

    def with_floor(self, values: Floats, steps: Floats) -> Floats:
        """The same fall, to another floor."""
        rates = self.at(steps)
        falls = values + (rates - self.floor) * (self.peak - values) / (self.peak - self.floor)
        return np.asarray(np.where(steps < self.top, rates, falls))

    def stopping(self, values: Floats, steps: Floats) -> Floats:
        """The same fall, which stops at a rate."""
        rates = self.at(steps)
        return np.asarray(np.where(steps < self.top, rates, np.maximum(rates, values)))

    def with_peak(self, values: Floats, steps: Floats) -> Floats:
        """From another peak to the same floor."""
        rates = self.at(steps)
        falls = self.floor + (rates - self.floor) * (values - self.floor) / (self.peak - self.floor)
        return np.asarray(np.where(steps < self.top, rates * values / self.peak, falls))

    def with_warmup(self, values: Floats, steps: Floats) -> Floats:
        """Another warm-up, what is left of the steps stretched over the same fall."""
        n = len(self.rates)
        after = self.top + (steps - values) * (n - self.top) / np.maximum(n - values, 1.0)
        return self.at(np.where(steps < values, steps * self.top / np.maximum(values, 1.0), after))

    def with_length(self, values: Floats, steps: Floats) -> Floats:
        """The same warm-up, and the fall over another number of steps."""
        stretched = (steps - self.top) * (len(self.rates) - self.top) / np.maximum(values - self.top, 1.0)
        return self.at(np.where(steps < self.top, steps, self.top + stretched))

    def with_shape(self, values: Floats, steps: Floats) -> Floats:
        """One decay from the warm-up's end to the last step, of the shapes ``values`` in ``DECAYS``."""
        share = np.clip((steps - self.top) / max(len(self.rates) - self.top, 1), 0.0, 1.0)
        falls = [rate_at(DECAYS[int(v)], share.copy(), self.peak, self.floor) for v in values.ravel()]
        return np.asarray(np.where(steps < self.top, self.at(steps), np.array(falls)))


class Setting(msgspec.Struct, frozen=True, eq=False):
    """Rates by values of a setting (cases, 1) at steps (rows,), the values that are ``tried`` (cases,), and how one is
    told (``words``); between values of another kind than a number nothing is tried (``named``)."""

    rates: Callable[[Floats, Floats], Floats]
    tried: Floats
    words: Callable[[float], str]
    named: bool = False

    def nearest(self, steps: Floats, logged: Floats) -> Nearest:
        """The value whose rates are nearest to those ``logged`` at ``steps`` (rows,)."""
        highest, tried = float(logged.max()), self.tried

        def errors(values: Floats) -> Floats:
            return np.asarray(np.abs(self.rates(values[:, None], steps) - logged).mean(axis=1) / highest)

        value, error = float(tried[0]), float("inf")
        for _ in range(1 if self.named else FINER):
            found = errors(tried)
            best = int(np.argmin(found))
            value, error = float(tried[best]), float(found[best])
            near = np.linspace(tried[max(best - 1, 0)], tried[min(best + 1, len(tried) - 1)], TRIED // 4)
            tried = np.sort(np.append(near, value))
        for digits in range(1, 1 if self.named else DIGITS + 1):
            rounded = float(f"{value:.{digits - 1}e}")
            if float(errors(np.array([rounded]))[0]) <= error + AS_GOOD:
                value = rounded
                break
        rates = np.concatenate([self.rates(np.array([[value]]), steps + shift) for shift in (-1, 0, 1)])
        return Nearest(rates=rates, error=error, words=self.words(value))


def settings_of(plan: Planned) -> Iterator[Setting]:
    """The settings of a plan of which a log may have another value."""
    n, top, peak, floor = len(plan.rates), plan.top, plan.peak, plan.floor
    # the last step of a fall to nothing stands just above it
    told = floor if floor > LEAST_FLOOR * peak else 0.0
    if floor < peak * (1 - 1e-9):
        floors = np.append(0.0, peak * np.geomspace(LEAST_FLOOR, 1 - 1e-6, TRIED))
        yield Setting(plan.with_floor, floors, lambda f: f"it falls to a floor of {f:.4g}, the plan's to {told:.4g}")
        yield Setting(plan.stopping, floors, lambda f: f"it stops at a floor of {f:.4g}, where the plan falls on")
        if floor > 0:
            peaks = floor + (peak - floor) * np.geomspace(1 / HIGHER, HIGHER, 4 * TRIED)
            yield Setting(
                plan.with_peak, peaks,
                lambda p: f"its peak is {p:.4g}, the plan's {peak:.4g}{slip(p / peak)}, and the floor the plan's",
            )  # fmt: skip
        shapes = np.arange(float(len(DECAYS)))
        yield Setting(plan.with_shape, shapes, lambda v: f"its decay has another shape: {DECAYS[int(v)]}", named=True)
    if top:
        ends = np.geomspace(max(top / LONGER, 1.0), min(top * LONGER, n - 1.0), TRIED)
        yield Setting(plan.with_warmup, ends, lambda w: f"its warm-up has {w:,.0f} steps, the plan's {top:,}")
    lengths = top + (n - top) * np.geomspace(1 / LONGER, LONGER, 4 * TRIED)
    yield Setting(
        plan.with_length, lengths,
        lambda m: f"it is that of a run of {m:,.0f} steps, the plan's of {n:,}{slip(m / n)}: another length, or tokens "
        "for steps",
    )  # fmt: skip


def nearest_settings(planned: Floats, at: NDArray[np.int_], logged: Floats) -> Iterator[Nearest]:
    """For each setting of ``planned`` (steps,) what it can make of the rates ``logged`` at steps ``at`` (rows,).

    >>> from lehr.simulators.schedules import Cosine
    >>> plan, run = (Cosine(peak=1e-3, floor=f).resolve(1000).values() for f in (0.0, 1e-4))
    >>> at = np.arange(0, 1000, 20)
    >>> min(nearest_settings(plan, at, run[at]), key=lambda found: found.error).words
    "it falls to a floor of 0.0001, the plan's to 0"
    """
    for setting in settings_of(Planned.of(planned)):
        yield setting.nearest(at.astype(float), logged)


def slip(ratio: float) -> str:
    """What slip gives a number that is off by ``ratio``, where one does.

    >>> slip(1e-3), slip(3.0)
    (' (a factor of a thousand: another unit, or zeros too many)', '')
    """
    power = round(abs(log10(ratio)))
    if power not in SLIPS or not isclose(abs(log10(ratio)), power, abs_tol=0.005):
        return ""
    a, zeros = ("", "a zero") if power == 1 else ("a ", "zeros")
    return f" (a factor of {a}{SLIPS[power]}: another unit, or {zeros} too many)"
