"""Data seen again: the noise of the last rows is that of rows long before, since it is the batches' own."""

from __future__ import annotations

from math import atanh, sqrt
from statistics import NormalDist

import numpy as np

from lehr.simulators.quantities import Floats

WINDOWS = (16, 24, 48, 96)
"""Last rows that are set beside all earlier ones."""
AROUND = 8
"""Rows about a row whose mean is taken off, so that noise alone is compared."""
ROUGH = 0.5
"""Correlation of the second differences, at least."""
SCORES = 999
"""Quantiles of the normal distribution between which scores are straight."""
MOST_ROWS = 1 << 14
"""Rows, of the last, among which the earlier ones are looked for."""


def repeated(e: Floats, *, rows: int, false_alarms: float) -> tuple[int, int, float] | None:
    """The first row of those that repeat earlier ones, how many rows before these stand, and their correlation.

    ``e`` (rows,) are residuals. The correlation of the last rows with any rows before is tested by Fisher's
    transformation at ``false_alarms`` over all ``rows`` of the run and all places.

    >>> noise = np.random.default_rng(0).standard_normal(300)
    >>> noise[200:] = noise[20:120] - 0.5
    >>> first, lag, correlation = repeated(noise, rows=1000, false_alarms=0.01)
    >>> (abs(first - 200) <= AROUND, lag, round(correlation, 2))
    (True, 180, 0.99)
    >>> repeated(noise[:200], rows=1000, false_alarms=0.01) is None
    True
    """
    begin = max(len(e) - MOST_ROWS, 0)
    n = len(e) - begin
    if n < 3 * WINDOWS[0]:
        return None
    u = _noise(e[begin:])
    for window in WINDOWS:
        if n < 3 * window:
            break
        last = u[-window:]
        sums = np.correlate(u[: n - window], last, mode="valid")
        squares = np.concatenate([[0.0], np.cumsum(u**2)])
        sizes = np.sqrt(np.maximum(squares[window : n - window + 1] - squares[: n - 2 * window + 1], 1e-300))
        correlations = sums / (sizes * np.sqrt(float(last @ last)) + 1e-300)
        best = int(np.argmax(correlations))
        found = min(float(correlations[best]), 1 - 1e-12)
        tail = false_alarms / (rows * len(correlations) * len(WINDOWS))
        # rows whose neighbours are alike say less; so does each row once means are taken off
        alike = max(float(last[1:] @ last[:-1]) / max(float(last @ last), 1e-300), 0.0)
        freedom = window * (1 - 1 / (2 * AROUND + 1)) * (1 - alike**2) / (1 + alike**2) - 3
        then = u[best : best + window]
        # what is smooth is the run's own: the bends of the noise must be the same too
        rough = float(np.corrcoef(np.diff(last, n=2), np.diff(then, n=2))[0, 1]) if found > 0 else 0.0
        if rough > ROUGH and freedom > 1 and atanh(found) * sqrt(freedom) > NormalDist().inv_cdf(1 - tail):
            lag = n - window - best
            return begin + _since(u, lag, window), lag, found
    return None


def _noise(e: Floats) -> Floats:
    """Rows less the mean of those about them, as normal scores: of a noise with tails a few rows would be all."""
    ones = np.ones(2 * AROUND + 1)
    known = np.convolve(np.ones(len(e)), ones, mode="same")
    ranks = np.argsort(np.argsort(e - np.convolve(e, ones, mode="same") / known, kind="stable"), kind="stable")
    levels = np.linspace(0.0, 1.0, SCORES + 2)[1:-1]
    return np.interp((ranks + 0.5) / len(e), levels, [NormalDist().inv_cdf(one) for one in levels])


def _since(u: Floats, lag: int, window: int) -> int:
    """From which row on the rows are those ``lag`` before: back while most of a window's noise is the same."""
    first = len(u) - window
    half = window // 2
    while first - half >= lag:
        here, then = u[first - half : first], u[first - half - lag : first - lag]
        if float(here @ then) < 0.5 * sqrt(float(here @ here) * float(then @ then)):
            break
        first -= half
    return first
