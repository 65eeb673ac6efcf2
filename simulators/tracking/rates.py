"""The logged learning rate beside the planned one: where it leaves the plan, and what bug looks like that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import msgspec
import numpy as np
from numpy.typing import NDArray

from lehr.simulators.quantities import Floats
from lehr.simulators.tracking.causes import Columns, with_batch
from lehr.simulators.tracking.digits import units_of
from lehr.simulators.tracking.settings import AS_GOOD, nearest_settings, slip

AGREES = 0.002
"""Rates differ where they are further apart than this share of the planned one, and than a tenth of it of the peak, and
what the printed digits leave open, at the step itself and at both of its neighbours: logs count updates from 0 or 1."""
PASSES = 0.02
"""Of the rows, off the plan: fewer change little in what a run comes to."""
FAR = 0.1
"""Of the planned rate: a single row is a departure where it is further off."""
STANDS_STILL = "the rate stands still where the plan changes it: the scheduler is not stepped, or was not restored"
MOST_ROWS, MOST_CASES = 100, 400
"""Rows after the departure that a bug is held against, and steps at which a run may have been resumed."""
SIMILAR = 0.01
"""Lengths and ratios that differ by less are one."""
ALIKE = 0.9
"""Of the rows, that a known bug explains."""
LOW = 0.5
"""Of the peak rate, below which a rate that stands still may be a floor."""
APART = 1.5
"""Times the error of the best setting within which another explains a log as well."""
EXACT = 5e-7
"""Of a rate, that seven digits leave open."""
FACTORS = (2, 3, 4, 8, 16, 32, 64, 128)
"""Steps of the scheduler for one update that are tried, and updates for one of its steps."""


RESUMING = 2
"""The first of the bugs, both of them of a run that was resumed."""

Words = Callable[[int], str]
"""What a case of a bug is."""


class Departure(msgspec.Struct, frozen=True, kw_only=True):
    """From row ``row`` on, at ``step``, the log has ``logged`` where ``planned`` was planned; ``before`` is the last
    step that agrees, ``None`` where none does. ``cause`` says what bug looks like that; ``lasts`` whether the last row
    is off too, or more rows were than ``PASSES`` of all. Where the log counts its steps from 0 again, its rates are
    those of the plan ``resumed_at`` steps on."""

    row: int
    step: int
    before: int | None
    logged: float
    planned: float
    cause: str
    lasts: bool
    resumed_at: int | None = None


def departure(
    planned: Floats,
    steps: NDArray[np.int_],
    logged: Floats,
    units: Floats | None = None,
    *,
    columns: Columns | None = None,
) -> Departure | None:
    """Where the rates ``logged`` at ``steps`` (rows,) first leave ``planned`` (steps of the run,) for good or for long.

    ``units`` (rows,) are what one of the last printed digit is of each rate, by default what the rates themselves say;
    ``columns`` are others of the log, of which the batch may say why.

    >>> plan = 1e-3 * np.linspace(1.0, 0.0, 101)
    >>> found = departure(plan, np.arange(10, 100, 10), 2 * plan[10:100:10])
    >>> found.step, found.cause
    (10, 'the rate is 2 times the planned one throughout: another peak, or a scale for the batch or the devices')
    """
    n = len(planned)
    inside = (steps >= 0) & (steps <= n) & np.isfinite(logged)
    rows, at, rates = np.flatnonzero(inside), np.minimum(steps[inside], n - 1), logged[inside]
    half = (units_of(logged) if units is None else units)[inside] / 2
    off = ~_agree(planned, at, rates, half)
    # a single row may be one of another clock, two are not, nor is one that is far off
    far = off & (rates > 0) & (np.abs(rates - planned[at]) - half > FAR * planned[at])
    wrong = np.flatnonzero((off & np.append(off[1:], off[-1:])) | far) if len(off) else np.zeros(0, int)
    if not len(wrong):
        return None
    first = int(wrong[0])
    before = int(at[first - 1]) if first else None
    cause = _bug(planned, at, rates, first, half)
    resumed_at = _counted_anew(planned, at, rates, half) if cause is None and before is None else None
    if resumed_at is not None:
        cause = (
            f"it is that of the plan {resumed_at:,} steps on: the log counts its steps from 0 again, as of a job that "
            f"was resumed at step {resumed_at:,}; add these to them"
        )
    cause = cause or _other(planned, at[first:], rates[first:], half[first:], since=before is not None)
    return Departure(
        row=int(rows[first]),
        step=int(steps[rows[first]]),
        before=before,
        logged=float(rates[first]),
        planned=float(planned[at[first]]),
        cause=with_batch(cause, columns or {}, before, int(steps[rows[first]])),
        lasts=bool(off[-1] or off.mean() > PASSES),
        resumed_at=resumed_at,
    )


def as_logged(
    planned: Floats, steps: NDArray[np.int_], logged: Floats, off: Departure, units: Floats | None = None
) -> Floats | None:
    """The rates (steps of the run,) that a run had which left its plan at ``off``: those ``logged`` at ``steps``
    (rows,), on straight lines between rows, and the planned ones before and after; where they are of few digits, by
    their ``units`` (rows,), the planned ones too as long as they agree. ``None`` where no row has a rate of 0 or more.

    Where no row agrees with the plan, the rates before the first are the planned ones times what the first is of its
    own. A rate within what is called agreement of the planned peak is that peak.

    >>> plan = np.array([1.0, 2.0, 2.0, 1.5, 1.0])
    >>> off = departure(plan, np.array([2, 3]), np.array([1.0, 0.8]))
    >>> as_logged(plan, np.array([2, 3]), np.array([1.0, 0.8]), off).tolist()
    [0.5, 1.0, 1.0, 0.8, 1.0]
    """
    n = len(planned)
    use = (steps >= 0) & (steps < n) & np.isfinite(logged) & (logged >= 0)
    # rates of few digits say less than the plan of steps at which they agree with it
    half = (units_of(logged) if units is None else units)[use] / 2
    digits = float(half.max(initial=0.0))
    if coarse := bool((half > AGREES / 10 * logged[use]).any()):
        use &= steps >= off.step
    at, rates = steps[use], logged[use]
    if not len(at):
        return None
    if coarse and off.before is not None:
        at, rates = np.append(off.before, at), np.append(planned[off.before], rates)
    out = np.array(planned, dtype=float)
    here = np.arange(at[0], at[-1] + 1)
    out[here] = np.interp(here, at, rates)
    if off.before is None and planned[at[0]] > 0:
        out[: at[0]] *= rates[0] / planned[at[0]]
    peak = float(planned.max())
    out[np.abs(out / peak - 1) <= AGREES] = peak
    # a rise that is less than what the digits leave open is none
    falls = slice(int(np.argmax(out[: at[-1] + 1])), at[-1] + 1)
    lowest = np.minimum.accumulate(out[falls])
    out[falls] = np.where(out[falls] - lowest <= AGREES * out[falls] + digits, lowest, out[falls])
    return out


def _agree(planned: Floats, at: NDArray[np.int_], rates: Floats, half: Floats) -> NDArray[np.bool_]:
    """Is each rate between those of the planned step and its neighbours, but for ``AGREES`` of it and the ``half`` of
    its last digit (rows,)?"""
    # after its last step a trainer writes the rate of the next one
    whole = np.append(planned, max(2 * float(planned[-1]) - float(planned[-min(2, len(planned))]), 0.0))
    near = np.stack([whole[np.clip(at + shift, 0, len(planned))] for shift in (-1, 0, 1)])
    return _between(near, rates, half, float(planned.max()))


def _between(near: Floats, rates: Floats, half: Floats, peak: float) -> NDArray[np.bool_]:
    """Is each rate between the lowest and the highest ``near`` it, but for ``AGREES`` of that and ``half``?"""
    low, high = near.min(axis=0), near.max(axis=0)
    room = AGREES * np.maximum(high, 0.1 * peak) + half
    return np.asarray((rates >= low - room) & (rates <= high + room))


def _bug(planned: Floats, every: NDArray[np.int_], logged: Floats, first: int, halves: Floats) -> str | None:
    """The known bugs whose rates are those ``logged`` at steps ``every`` (rows,) from row ``first`` on."""
    at, rates, before = every[first:], logged[first:], int(every[first - 1]) if first else None
    half = halves[first:]
    room = 2 * (AGREES * float(rates.max()) + float(half.max()))
    if before is not None and np.ptp(rates) <= room and abs(float(rates[0]) - float(planned[before])) <= room:
        # a rate that stands still at the top of its plan has no floor there
        floor = rates[0] < LOW * planned.max() and (planned[at] < rates[0] * (1 + AGREES) + half[0]).all()
        return STANDS_STILL + (f"; or {rates[0]:.4g} is a floor that the plan has not" if floor else "")
    some = np.unique(np.linspace(0, len(at) - 1, MOST_ROWS).astype(int))
    known: list[str] = []
    earlier = every[:first], logged[:first], halves[:first]
    for case, (words, place) in enumerate(_places(planned, at[some], rates[some], half[some], earlier)):
        # one row may look like both bugs of resuming, of which each log has one
        if known and (before is None or case >= RESUMING):
            break
        where = np.clip(np.round(place), 0, len(planned) - 1).astype(int)
        # beyond its end a schedule stays where it is
        alike = _agree(planned, where, rates[some], half[some]).mean(axis=-1)
        if alike.size and alike.max() >= ALIKE:
            known.append(words(int(np.argmax(alike))))
    return ", or ".join(known) or None


def _counted_anew(planned: Floats, at: NDArray[np.int_], rates: Floats, half: Floats) -> int | None:
    """By how many steps the ``rates`` at steps ``at`` (rows,) are ahead of the plan, by more than their first step and
    not beyond its end; ``None`` where they are no such rates, or stand still, as at many steps."""
    some = np.unique(np.linspace(0, len(at) - 1, MOST_ROWS).astype(int))
    at, rates, half = at[some], rates[some], half[some]
    if np.ptp(planned[at]) == 0.0 or np.ptp(rates) <= 2 * (AGREES * float(rates.max()) + float(half.max())):
        return None
    far, _ = _shift(planned, at, rates, half, len(planned))
    if not int(at[0]) < far <= len(planned) - int(at[-1]):
        return None
    return far if _agree(planned, at + far, rates, half).mean() >= ALIKE else None


def _other(planned: Floats, at: NDArray[np.int_], rates: Floats, half: Floats, *, since: bool) -> str:
    """What else than a bug gives the ``rates`` at steps ``at`` (rows,): a factor, or another setting; ``since``: rows
    before these are on the plan."""
    there = planned[at]
    ratio = rates[there > 0] / there[there > 0]
    times = float(np.median(ratio)) if len(ratio) else 0.0
    if times > 0 and np.ptp(ratio) <= 4 * SIMILAR * times and np.ptp(there) > 0:
        return (
            f"the rate is {times:.3g} times the planned one {'since' if since else 'throughout'}{slip(times)}: another "
            "peak, or a scale for the batch or the devices"
        )
    some = np.unique(np.linspace(0, len(at) - 1, MOST_ROWS).astype(int))
    if (setting := _setting(planned, at[some], rates[some], half[some])) is not None:
        return setting
    room = AGREES * float(rates.max()) + float(half.max())
    if np.ptp(rates) <= 2 * room and np.ptp(there) > room:
        return STANDS_STILL
    return "no known bug looks like that: another schedule, or one that was changed by hand"


def _setting(planned: Floats, at: NDArray[np.int_], rates: Floats, half: Floats) -> str | None:
    """The one setting, or two that cannot be told apart, of which the ``rates`` at steps ``at`` (rows,) have another
    value than the plan; ``None`` where none explains them."""
    if rates.max() <= 0:
        return None
    alike = [
        one
        for one in nearest_settings(planned, at, rates)
        if _between(one.rates, rates, half, float(rates.max())).mean() >= ALIKE
    ]
    alike = sorted(alike, key=lambda one: one.error)
    as_good = [one.words for one in alike if one.error <= APART * alike[0].error + AS_GOOD]
    return ", or ".join(as_good[:2]) if as_good else None


def _shift(planned: Floats, at: NDArray[np.int_], rates: Floats, half: Floats, most: int) -> tuple[int, bool]:
    """By how many steps, ``most`` at most, ``rates`` at steps ``at`` (rows,) are ahead of the plan, and whether they
    say so to the step, by the ``half`` of their last digit (rows,).

    >>> plan = 1e-3 * np.cos(np.linspace(0.0, 1.5, 5001))
    >>> steps = np.arange(1000, 4000, 50)
    >>> _shift(plan, steps, plan[steps - 37], np.zeros(60), 200)
    (-37, True)
    >>> _shift(plan, steps, plan[steps - 37].round(5), np.full(60, 5e-6), 200)[1]
    False
    """

    def errors(shifts: NDArray[np.int_]) -> Floats:
        there = planned[np.clip(at + shifts[:, None], 0, len(planned) - 1)]
        return np.asarray(np.abs(there - rates) / float(planned.max()))

    step = max(most // 200, 1)
    coarse = np.arange(-most, most + 1, step)
    near = int(coarse[np.argmin(errors(coarse).sum(axis=1))]) + np.arange(-step, step + 1)
    found = errors(near)
    least = (EXACT * rates + half) / float(planned.max())
    alike = near[(found <= least + 1e-9).all(axis=1)]
    return (int(alike[0]), True) if len(alike) == 1 else (int(near[np.argmin(found.sum(axis=1))]), False)


def _since(planned: Floats, at: NDArray[np.int_], rates: Floats, half: Floats, shift: int) -> int | None:
    """The first of the last rows of ``at`` (rows,) whose ``rates`` are those of the plan ``shift`` steps on, and nearer
    to those than to the plan's own at the step or beside it; ``None`` where the last row is not."""
    there = np.abs(planned[np.clip(at + shift, 0, len(planned) - 1)] - rates)
    here = np.min([np.abs(planned[np.clip(at + i, 0, len(planned) - 1)] - rates) for i in (-1, 0, 1)], axis=0)
    other = np.flatnonzero(~((there <= EXACT * rates + half + 1e-12) & (there < here))) if len(at) else at
    first = int(other[-1]) + 1 if len(other) else 0
    return int(at[first]) if first < len(at) else None


def _several(steps: Floats, times: int, resumes: Floats) -> Floats:
    """The steps of the plan at which a scheduler is that steps several ``times`` an update since ``resumes``."""
    return resumes + times * (steps - resumes)


def _resumed(planned: Floats, steps: Floats, rates: Floats, before: int, place: Callable[[Floats], Floats]) -> Floats:
    """Steps (cases, 1) about the one at which a run was most likely resumed, by ``rates`` at ``steps`` (rows,), were it
    from there on at ``place`` of its plan: after the step ``before``, the last that agrees, or while the plan stood
    still before it."""
    held = np.flatnonzero(planned[: before + 1] != planned[before])
    first = int(held[-1]) + 1 if len(held) else 0
    first, last = min(first, before) + 1, int(steps[0])
    every = max((last - first) // MOST_CASES, 1)

    def errors(tried: Floats) -> Floats:
        there = np.clip(np.round(place(tried)), 0, len(planned) - 1).astype(int)
        return np.asarray(np.abs(planned[there] - rates).sum(axis=1))

    coarse = np.arange(last, first - 1, -every)[:, None].astype(float)
    best = float(coarse[int(np.argmin(errors(coarse))), 0])
    return np.arange(min(best + every, last), max(best - every, first) - 1, -1.0)[:, None]


def _faster(resumes: Floats, times: int, i: int) -> str:
    """Case ``i`` of a scheduler that steps several ``times`` an update since a run was resumed."""
    return f"the scheduler steps {times} times an update since the run was resumed, about step {resumes[i]:,.0f}"


def _places(
    planned: Floats,
    at: NDArray[np.int_],
    rates: Floats,
    half: Floats,
    earlier: tuple[NDArray[np.int_], Floats, Floats],
) -> Iterator[tuple[Words, Floats]]:
    """Known bugs: the steps of the plan at which a log with each would be, of several cases of it (cases, rows), and
    what each case is in words. ``rates`` are those at steps ``at`` (rows,), each sure to ``half``
    of its last digit, ``earlier`` the rows on the plan before."""
    before = int(earlier[0][-1]) if len(earlier[0]) else None
    steps = at.astype(float)
    if before is not None:
        resumes = np.arange(int(at[0]), before, -max((int(at[0]) - before) // MOST_CASES, 1))[:, None].astype(float)
        yield (
            lambda i: f"the schedule began again where the run was resumed, about step {resumes[i, 0]:,.0f}",
            (steps - resumes),
        )
        twice = _resumed(planned, steps, rates, before, lambda at_step: steps + at_step)
        yield (
            lambda i: f"its position was counted twice when the run was resumed, about step {twice[i, 0]:,.0f}",
            steps + twice,
        )
        for times in FACTORS[: len(FACTORS) // 2]:
            faster = _resumed(planned, steps, rates, before, partial(_several, steps, times))
            yield partial(_faster, faster[:, 0], times), _several(steps, times, faster)
    factors = np.array(FACTORS)[:, None]
    yield (
        lambda i: f"the scheduler steps {FACTORS[i]} times an update (once a micro-batch, or once a device)",
        (steps * factors),
    )
    if before is None:
        yield (
            lambda i: f"the scheduler steps once in {FACTORS[i]} updates (once an accumulation, or an epoch)",
            (steps / factors),
        )
    if np.ptp(planned[at]) == 0.0:
        return
    top = int(np.argmax(planned >= float(planned.max()) * (1 - 1e-9)))
    shift, exact = _shift(planned, at, rates, half, 2 * max(top, 1))
    if shift:
        way, kind = ("ahead", "a shorter") if shift > 0 else ("behind", "a longer")
        since = _since(planned, *earlier, shift) if exact else None
        words = f"the schedule runs {'' if exact else 'about '}{abs(shift):,} steps {way}"
        words += f" (since step {since:,}, where it hardly matters)" if since is not None else ""
        words += f": {kind} warm-up, or updates "
        words += "that moved the scheduler alone" if shift > 0 else "at which the scheduler stood still"
        yield lambda _: words, steps[None] + shift
