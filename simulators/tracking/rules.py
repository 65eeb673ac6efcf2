"""The rules by which a run leaves its forecast, each with the rate of its false alarms.

The residual of a row is e = log(loss) - log(forecast). A healthy run has residuals whose noise is independent and
normal about a level; the law's error moves the level as its modes say, with coefficients that are standard normal
numbers times what its runs are unsure by. Then each rule raises an alarm in at most a share ``false_alarms`` of healthy
runs: every row is tested at that share over the rows of the whole run and the windows tried (Bonferroni's bound, which
holds whatever the tests have in common). All rows are judged at once; what is out is left out, the rest judged again.
"""

from __future__ import annotations

from math import hypot, sqrt
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from lehr.simulators.numerics.student import t_quantile
from lehr.simulators.quantities import Floats
from lehr.simulators.tracking.digits import Grain
from lehr.simulators.tracking.levels import (
    AROUND,
    LEAST_AROUND,
    NO_NEWS,
    change_of,
    quantiles,
    scales_of,
    standard_error,
)
from lehr.simulators.tracking.windows import before

Kind = Literal["spike", "divergence", "plateau", "shift", "drift", "repeat"]
KINDS: dict[Kind, str] = {
    "spike": "a row or two above the rows before",
    "divergence": "the loss has risen",
    "plateau": "the loss stands still where the forecast falls",
    "shift": "the level has changed by more than the forecast says",
    "drift": "the mean of the last rows off the forecast",
    "repeat": "the rows' noise is that of earlier rows again",
}
"""What an alarm says."""
LEVELS: tuple[Kind, ...] = ("divergence", "plateau", "shift")
"""Changes of the level, told apart by what the loss itself did."""

REFERENCE, LEAST_REFERENCE = 200, 24
"""Rows before the ones tested, which say how far rows scatter: a fifth of the run's, no more and no fewer."""
RUN, GROWS = 3, 1.5
"""Spikes one after another that make a divergence; of two, the second over the first."""
LEAST_SPIKE = 0.003
"""What a single row must be above those before it [log loss], however quiet they are: less harms no run."""
STEADY, LEAST_STEADY = 50, 12
"""Rows, at most and at least, whose mean is set beside the forecast; and four times as many."""
FEW = 3
"""Rows whose mean is first set beside the forecast."""
SAME = 4
"""Rows with one loss to the last digit, at least, before that is no chance."""
UNKNOWN_NOISE = 0.03
"""The standard deviation of a row [log loss] where neither the law nor enough rows say it."""
TURNS = 0.4
"""Of what rates that fall or rise make of the forecast, the part that may not come: no law is right at each turn."""
STILL = 0.5
"""Of the fall that was forecast, what a plateau may still have fallen, or risen, by."""
ROUNDS = 20


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """At most ``false_alarms`` of healthy runs raise one by each rule, over ``rows`` rows.

    - ``spike``: a row or two lie above the mean of the ten rows before by more than the bound of ``levels``. Before
      there are so many, by more than the law's error and t times the ``noise`` that the law's own runs had.
    - ``divergence``, ``plateau``, ``shift``: the mean of the last rows, of windows of several lengths, has moved
      against the rows before by more than that bound: the loss itself rose; it stood still, to half of what the
      forecast fell; or anything else. A loss that is no finite number above 0 is a divergence, and so are
      ``RUN`` spikes in a row, or two that grow.
    - ``plateau``, too: the same loss to the last digit in so many rows that it is no chance.
    - ``drift``: the mean of the last rows lies off the forecast, above or below, by more than the law's error and t
      times their standard error, which is widened by sqrt((1 + r) / (1 - r)) where the rows have a first
      autocorrelation r above zero; and so for a window four times as long.

    Rows of a spike, and those from which the loss rose or stood still, are left out of what later rows are compared
    with, those of a spike out of what drift is read from too. ``reference`` are the rows that say how far rows scatter,
    ``floor`` what they scatter by at least [log loss]; the modes that are judged are ``times`` those of one deviation.
    By ``grain`` the mean of any rows may be off by the digits that they are printed with, one of the last of which is
    ``unit`` [log loss], which is no news.
    """

    rows: int
    false_alarms: float = 0.01
    reference: int = REFERENCE
    noise: float = UNKNOWN_NOISE
    times: float = 1.0
    floor: float = 0.0
    grain: float = 0.0
    unit: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.false_alarms < 0.5:
            raise ValueError(f"false_alarms is {self.false_alarms}; write a share above 0 and below 0.5, such as 0.01")
        if self.rows < 1 or self.reference < 10:
            raise ValueError("rows and reference: write at least 1 and 10")

    @classmethod
    def of(
        cls,
        rows: int,
        false_alarms: float,
        noise: float | None,
        *,
        times: float = 1.0,
        floor: float = 0.0,
        grain: Grain = Grain(),  # noqa: B008, frozen
    ) -> Rules:
        """The rules for a run of ``rows`` rows, whose law's own runs had ``noise`` [log loss]."""
        reference = int(np.clip(rows // 5, LEAST_REFERENCE, REFERENCE))
        noise = noise or UNKNOWN_NOISE
        return cls(
            rows=rows, false_alarms=false_alarms, reference=reference, noise=noise, times=times,
            floor=hypot(floor, grain.deviation), grain=grain.mean, unit=grain.unit,
        )  # fmt: skip

    @property
    def scales(self) -> tuple[int, ...]:
        """Rows of the windows whose level is tested."""
        return scales_of(self.rows)

    def least(self, noise: float, window: int = 1) -> float:
        """The least change of the level that ``window`` rows tell, where rows have ``noise`` [log loss]; of the law's
        error nothing.

        >>> round(Rules(rows=1000).least(0.04), 2), round(Rules(rows=1000).least(0.04, 20), 3)
        (0.19, 0.057)
        """
        tests = 1 if window == 1 else 2 * len(self.scales)
        t = t_quantile(self.false_alarms / self.rows / tests, self.reference // 2)
        return hypot(t * noise * sqrt(1 / window + 1 / max(AROUND * window, LEAST_AROUND)), NO_NEWS) + 2 * self.grain

    @property
    def steady(self) -> int:
        """Rows whose mean is set beside the forecast."""
        return int(np.clip(self.rows // 6, LEAST_STEADY, STEADY))


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm from row ``first`` to row ``last`` (indices); ``size`` is the largest excess [log loss]. ``cause`` says
    what the log shows beside it, where it shows something; ``began`` the first and the last row of the 95 % interval of
    where it began, ``None`` where that was not estimated."""

    kind: Kind
    first: int
    last: int
    size: float
    cause: str = ""
    began: tuple[int, int] | None = None


Flags = dict[Kind, tuple[NDArray[np.bool_], Floats]]
"""For each rule the rows that it raises, and by how much each is off [log loss]."""


def flags_of(
    residuals: Floats,
    modes: Floats,
    level: Floats,
    rules: Rules,
    turned: Floats | None = None,
    *,
    reach: Floats | None = None,
) -> Flags:
    """What each rule says of each row; ``level`` is the log of the forecast, ``turned`` what the height and the fall of
    the rates make of it (rows,), ``reach`` how far above and below the rows before a healthy one may lie (2, rows)."""
    turned = np.zeros(len(level)) if turned is None else turned
    moving = np.concatenate([modes, TURNS * (turned - turned[0])[:, None]], axis=1)
    n = len(residuals)
    reach = np.zeros((2, n)) if reach is None else reach
    finite = np.isfinite(residuals)
    e = np.where(finite, residuals, 0.0)
    spikes, raised, excess = np.zeros(n, bool), ~finite, np.zeros(n)
    kinds: dict[Kind, NDArray[np.bool_]] = {kind: np.zeros(n, bool) for kind in LEVELS}
    size = np.zeros(n)
    for _ in range(ROUNDS):
        more, still, excess = _spiked(e, moving, level, rules, finite & ~spikes & ~raised, reach=reach)
        more, still = more & finite & ~raised, still & finite & ~raised
        long = _in_a_row(spikes | more, excess)
        kinds["divergence"] |= long
        kinds["plateau"] |= still
        size = np.where(long | still, excess, size)
        told = _moved(
            e, moving, level, rules, tested=finite & (~(spikes | more) | raised), calm=finite & ~raised, reach=reach
        )
        up = long | still
        for kind, (rows, moved) in told.items():
            fresh = rows & ~raised
            kinds[kind] |= fresh
            size = np.where(fresh, moved, size)
            up |= fresh if kind != "shift" else False
        if not (more & ~spikes).any() and not (up & ~raised).any():
            break
        spikes |= more
        raised |= up
    same, lacks = _same(residuals + level, level, rules)
    kinds["plateau"] |= same
    size = np.where(same, np.maximum(size, lacks), size)
    kinds["divergence"] |= ~finite
    spikes &= ~raised
    drift, mean = _drifted(e, modes, rules, finite & ~spikes)
    moved = np.where(finite, size, np.inf)
    return {
        "spike": (spikes, excess),
        "drift": (drift, mean),
        **{kind: (rows, moved) for kind, rows in kinds.items()},
    }


def _spiked(
    e: Floats, modes: Floats, level: Floats, rules: Rules, kept: NDArray[np.bool_], *, reach: Floats
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], Floats]:
    """Rows above those ``kept`` before them, those of them whose loss only stood still, and by how much."""
    tail = rules.false_alarms / rules.rows
    found = change_of(
        e, level, modes, kept, window=1, reference=rules.reference, tail=tail, least=rules.noise, floor=rules.floor,
        reach=reach, grain=rules.grain,
    )  # fmt: skip
    allowed = np.sqrt(np.sum(modes**2, axis=1)) + t_quantile(tail, LEAST_STEADY) * rules.noise
    first = np.isnan(found.moved)
    excess = np.where(first, e, found.moved)
    above = excess > np.maximum(np.where(first, allowed, found.bound), LEAST_SPIKE)
    still = ~first & (found.moved + found.forecast < -STILL * found.forecast)
    return above & ~still, above & still, excess


def _in_a_row(flags: NDArray[np.bool_], excess: Floats) -> NDArray[np.bool_]:
    """Rows of stretches of ``RUN`` or more, and of two that grow by ``GROWS``."""
    cuts = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(int)))
    out = np.zeros(len(flags), bool)
    for begin, end in zip(cuts[::2].tolist(), cuts[1::2].tolist(), strict=True):
        grows = end - begin == 2 and excess[begin + 1] > GROWS * excess[begin]
        out[begin:end] = grows or end - begin >= RUN
    return out


def _moved(
    e: Floats,
    modes: Floats,
    level: Floats,
    rules: Rules,
    *,
    tested: NDArray[np.bool_],
    calm: NDArray[np.bool_],
    reach: Floats,
) -> Flags:
    """Changes of the level of the ``tested`` rows against ``calm`` rows before them."""
    n = len(e)
    tail = rules.false_alarms / rules.rows / (2 * len(rules.scales))
    worst, moved, forecast, fallen, follows = np.ones(n), *(np.zeros(n) for _ in range(4))
    rows = np.flatnonzero(tested)
    quiet = calm[rows]
    for window in rules.scales[1:]:
        found = change_of(
            e[rows], level[rows], modes[rows], quiet, window=window, reference=rules.reference, tail=tail,
            least=rules.noise, floor=rules.floor, reach=reach[:, rows], grain=rules.grain,
        )  # fmt: skip
        share = np.abs(found.moved) / np.maximum(found.bound, 1e-300)
        here = np.nan_to_num(share) > worst[rows]
        at = rows[here]
        worst[at], moved[at], forecast[at] = share[here], found.moved[here], found.forecast[here]
        fallen[at], follows[at] = found.within[here], found.follows[here]
    out = worst > 1.0
    fall, rise = -forecast, moved + forecast
    # rows from a window's first on that stand still miss what the forecast falls within it, and do not follow it
    begun = (moved >= -STILL * fallen) & (follows < STILL)
    still = (moved > 0) & (fall > 0) & (rise <= STILL * fall) & ((rise >= -STILL * fall) | begun)
    return {
        "plateau": (out & still, moved),
        "divergence": (out & ~still & (moved > 0) & (rise > STILL * moved), moved),
        "shift": (out & ~still & ~((moved > 0) & (rise > STILL * moved)), moved),
    }


def _drifted(e: Floats, modes: Floats, rules: Rules, kept: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], Floats]:
    """Rows at which the mean of those ``kept`` before lies off the forecast, and by how much."""
    allowed = np.sqrt(np.sum(modes**2, axis=1))
    out, size = np.zeros(len(e), bool), np.zeros(len(e))
    # of rows with tails on one side the mean and the deviation of a few are low together
    usual = before(e, kept, 4 * rules.steady, 0).deviation
    for length in (rules.steady, 4 * rules.steady):
        tail = rules.false_alarms / rules.rows / 4
        recent = before(e, kept, length, 0)
        lagged = np.concatenate([[0.0], e[:-1]])
        spread = np.maximum(np.maximum(recent.deviation, usual), np.where(recent.count < 8, rules.noise, 0.0))
        products = before(e * lagged, kept, length, 0).mean - recent.mean**2
        correlation = np.clip(products / np.maximum(spread**2, 1e-300), 0.0, 0.95)
        error = standard_error(spread, correlation, recent.count)
        t = quantiles(tail, length)[np.where(recent.count >= 8, recent.count - 1, length).astype(int)]
        more = kept & (recent.count >= FEW) & (np.abs(recent.mean) > allowed + t * error + rules.grain)
        size = np.where(more & ~out, recent.mean, size)
        out |= more
    return out, size


def _same(log_loss: Floats, level: Floats, rules: Rules) -> tuple[NDArray[np.bool_], Floats]:
    """Rows of stretches of one loss to the last digit that are no chance, by how often neighbours are the same, and
    what each lacks of the fall that was forecast since, of which half is more than two of the last digit."""
    n = len(log_loss)
    tie = np.concatenate([[False], np.abs(np.diff(log_loss)) < 1e-12]) if n > 1 else np.zeros(n, bool)
    place = np.where(tie, 0, np.arange(n))
    run = np.arange(n) - np.maximum.accumulate(place) + 1
    ties = np.cumsum(tie & (run < SAME))
    chance = (ties + 1.0) / (np.arange(n) + 2.0)
    ends = (run >= SAME) & (chance ** (run - 1) * rules.rows < rules.false_alarms)
    lacks = np.maximum(level[np.arange(n) - run + 1] - level, 0.0)
    ends &= STILL * lacks >= 2 * rules.unit
    out = np.zeros(n, bool)
    for end in np.flatnonzero(ends).tolist():
        out[end - int(run[end]) + 1 : end + 1] = True
    return out, lacks
