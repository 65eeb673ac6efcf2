"""Failures and checkpoints: how often a job stops, how often it should save, and what of its time it trains.

Failures are independent and as likely at any time, so that a job of n devices runs for the mean time between failures
of a device over n (Kokolis et al., arXiv:2410.21680). Start-up faults of new parts and slow hosts are not of that kind;
``UNSEEN`` stands for what runs lost beside it.
"""

from __future__ import annotations

import msgspec
import numpy as np

from lehr.simulators.quantities import Amount, NonNegative, Positive, Size

UNSEEN = (1.0, 0.975, 0.90)
"""Share of its time that a run trains over what the formula says, at best, usually and at worst: maintenance, slow
hosts and restarts by hand are not in the formula. BloombergGPT trained 98.9 % of its time where the formula has 99.4;
Llama 3 and MegaScale, of which it has 94.5 and 96, report more than 90 % and no more (conf/measurement/goodput.csv), so
that the worst is an assumption of ours [1]."""

BLOCK = 32
"""Failures of a run that are drawn together."""

LEAST_TRAINED = 0.1
"""Share of its time below which a job gets nowhere, by the formula: an assumption of ours; Llama 3 trained more than
90 % [1]."""

MOST_DRAWN = 1e8
"""Failures of all runs together that are simulated, some seconds of work, ``BLOCK`` of a run at least [1]."""

CHECKPOINT_BYTES = 14.0
"""Of a parameter: 16-bit weights, and a master copy and two moments in 32 bits [byte]."""

HOST_LINK = 25e9
"""From a device's memory to its host's, over PCI Express 4 with sixteen lanes, about 80 % of 32 GB/s [byte/s]."""


class Reliability(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often a device fails, and what it takes to save and to come back.

    ``device_hours`` is the mean time between failures of one device with its share of host and network [h]: 419 in 54
    days of 16,384 H100 (Llama 3, arXiv:2407.21783, section 3.3.4); 6.5 and 2.34 failures in 1,000 days of a node of
    eight are 29,500 and 82,000 (Kokolis et al., arXiv:2410.21680). ``save`` is for how long a checkpoint stops the
    training [s], where its copy to storage runs beside it; ``restart`` how long detection, repair and loading take [s]:
    five to twenty minutes (Kokolis et al.). ``every`` is the time between checkpoints [s]; without it the best.
    ``evaluation`` is the share of the time that evaluations take [1].
    """

    device_hours: Positive = 50_700.0
    save: Positive = 5.0
    restart: NonNegative = 360.0
    every: Positive | None = None
    evaluation: NonNegative = 0.0


class Uptime(msgspec.Struct, frozen=True, kw_only=True):
    """What a job's failures leave of its time: mean time between them [h], time between checkpoints [s], by formula the
    share that trains, and the share with its interval [1]."""

    between: float
    every: float
    formula: float
    share: Amount


def best_interval(save: float, between: float) -> float:
    """Seconds of training between checkpoints of ``save`` seconds that lose least where a failure comes every
    ``between`` seconds [s]: sqrt(2 C M), refined (Young, CACM 17(9), 1974; Daly, FGCS 22(3), 2006, equation 37).

    >>> round(best_interval(60, 86400))
    3180
    """
    if save >= 2 * between:
        return between
    ratio = save / (2 * between)
    return float(np.sqrt(2 * save * between) * (1 + np.sqrt(ratio) / 3 + ratio / 9) - save)


def trained_share(every: float, save: float, restart: float, between: float) -> float:
    """Share of its time that a job trains [1]: tau / (M exp(R / M) (exp((tau + C) / M) - 1)) (Daly 2006, equation 20).

    >>> round(trained_share(3180, 60, 600, 86400), 4)
    0.9565
    """
    return float(every / (between * np.exp(restart / between) * np.expm1((every + save) / between)))


def uptime(devices: int, reliability: Reliability = Reliability()) -> Uptime:  # noqa: B008, frozen
    """What failures leave of the time of a job on ``devices``.

    >>> llama_3 = uptime(16384)
    >>> round(llama_3.between, 2), 0.90 < llama_3.share.value < 0.96
    (3.09, True)

    Raises ``ValueError`` for devices below 1, and for a job that fails faster than it comes back.
    """
    if devices < 1:
        raise ValueError(f"devices: {devices} is below 1; write how many the job has")
    between = reliability.device_hours / devices * 3600
    every = reliability.every or best_interval(reliability.save, between)
    formula = _formula(every, between, devices, reliability)
    best, usual, worst = UNSEEN
    share = Amount(value=formula * usual, low=formula * worst, high=formula * best, unit="1")
    return Uptime(between=between / 3600, every=every, formula=formula, share=share)


def _formula(every: float, between: float, devices: int, reliability: Reliability) -> float:
    """Share that trains [1]. Raises ``ValueError`` where it is less than ``LEAST_TRAINED``."""
    with np.errstate(over="ignore"):
        share = trained_share(every, reliability.save, reliability.restart, between)
    if not share >= LEAST_TRAINED:
        raise ValueError(
            f"such a run never ends: {devices:,} devices of device_hours={reliability.device_hours:g} fail every "
            f"{between:,.3g} s, with {reliability.restart:g} s to restart and a checkpoint every {every:,.3g} s; write "
            "fewer devices, more device_hours, or shorter times"
        )
    return share * (1 - reliability.evaluation)


class Finish(msgspec.Struct, frozen=True, kw_only=True):
    """Days until a job ends, over many runs: mean, median, and the 5 and 95 % quantiles [d]."""

    runs: int
    mean: float
    median: float
    low: float
    high: float


def simulate_finish(
    days: float,
    devices: Size,
    reliability: Reliability = Reliability(),  # noqa: B008, frozen
    *,
    runs: int = 10_000,
    seed: int = 0,
) -> Finish:
    """When ``runs`` jobs of ``days`` of training end, by ``finishing_days``.

    >>> simulate_finish(30.0, 8, runs=200).median < 30.2
    True
    """
    found = finishing_days(days, devices, reliability, runs=runs, seed=seed)
    low, median, high = np.quantile(found, [0.05, 0.5, 0.95])
    return Finish(runs=runs, mean=float(found.mean()), median=float(median), low=float(low), high=float(high))


def finishing_days(
    days: float,
    devices: Size,
    reliability: Reliability = Reliability(),  # noqa: B008, frozen
    *,
    runs: int = 10_000,
    seed: int = 0,
) -> np.ndarray:
    """Days (runs,) until each of ``runs`` jobs of ``days`` of training ends, with failures of its own: what was trained
    since the last checkpoint is lost, and a restart may fail as the job does [d].

    Raises ``ValueError`` for days or runs that are not above 0, for a job that fails faster than it comes back, and
    for more failures than ``MOST_DRAWN``.
    """
    if not days > 0 or runs < 1:
        raise ValueError(f"days {days:g}, runs {runs}; write numbers above 0")
    between = reliability.device_hours / devices * 3600
    every = reliability.every or best_interval(reliability.save, between)
    failures = days * 86400 / _formula(every, between, devices, reliability) / between
    if runs * max(failures, BLOCK) > MOST_DRAWN:
        raise ValueError(
            f"runs: {runs:,} of {failures:,.0f} failures each take too long to simulate; write at most "
            f"{max(1, int(MOST_DRAWN / max(failures, BLOCK))):,}"
        )
    cycle, rng = every + reliability.save, np.random.default_rng(seed)
    left = np.full(runs, days * 86400 / (1 - reliability.evaluation))
    wall = np.zeros(runs)
    going = np.arange(runs)
    while len(going):
        # as many failures at once of every run that goes on; what they keep does not depend on what is left
        until = between * rng.standard_exponential((len(going), BLOCK), dtype=np.float32)
        kept = np.floor(until / cycle) * every
        need = left[going, None] - np.cumsum(kept, axis=1) + kept
        # the last piece needs no checkpoint
        whole = np.floor(need / every)
        end = whole * cycle + (need - whole * every)
        done = until >= end
        ended = done.any(axis=1)
        last = np.where(ended, done.argmax(axis=1), BLOCK)
        spent = until + _restarts(rng, until.size, reliability.restart, between).reshape(until.shape)
        wall[going] += np.where(np.arange(BLOCK) < last[:, None], spent, 0.0).sum(axis=1)
        wall[going[ended]] += end[ended, last[ended]]
        left[going] = need[:, -1] - kept[:, -1]
        going = going[~ended]
    return np.asarray(wall / 86400)


def _restarts(rng: np.random.Generator, n: int, restart: float, between: float) -> np.ndarray:
    """Seconds until ``n`` jobs run again [s]: a restart that a failure ends begins anew."""
    spent = np.full(n, restart)
    fails = -np.expm1(-restart / between)
    trying = np.flatnonzero(rng.random(n, dtype=np.float32) < fails)
    while len(trying):
        # the time of a failure that comes before the restart is done
        spent[trying] -= between * np.log1p(-fails * rng.random(len(trying)))
        trying = trying[rng.random(len(trying)) < fails]
    return spent
