"""How far from the rows before it may one healthy row lie? The rows themselves tell what tails their noise has.

A normal noise has hardly a row beyond five standard deviations, that of many training logs has. So a row is judged by a
mixture of distributions, from normal to tails heavier than logs have, whose weights are what the rows before it make of
the prior's (Bayes). Each side has its own, in the scale of its own rows. Beyond ``FAR`` it is only counted how many
rows lie there, and each part of the mixture has a share of ``EVENT`` of them: rows there again and again are tails, one
alone is an event.
"""

from __future__ import annotations

from functools import cache
from math import erfc, expm1, sqrt

import msgspec
import numpy as np

from lehr.simulators.quantities import Floats

DEGREES = (200.0, 10.0, 6.0, 4.0, 3.0, 2.0, 1.5)
SIGMAS = (0.4, 0.8)
APART = ((0.02, 10.0), (0.02, 40.0))
"""Parts of the mixture: Student's t with these degrees of freedom, the first as good as normal; log-normal with these
standard deviations of the logarithm; and normal but for a share of rows that are exponential with a mean [medians]."""
PRIOR = (0.795, 0.08, 0.04, 0.03, 0.015, 0.006, 0.002, 0.017, 0.01, 0.0025, 0.0025)
NEAR = 5
"""Rows to each side whose median a row is set beside."""
SOON = 2
"""Rows after one that is far off, which are of the same event where they are far off too."""
BLOCK, BLOCKS, MOST = 25, 1000, 100
"""Rows that are judged by the same weights, at least; such blocks of a run, at most; and rows of a block, its last,
that say something, at most."""
FAR, EVENT = (6.0, 12.0, 24.0, 48.0), 1e-3
"""Medians of a side, the first 4 standard deviations of a normal noise, that part the rows which are only counted; and
the probability, at least, that a row is there for a cause of its own."""
UNLIKELY = 0.05
"""The probability of a normal noise from which on down tails are told of."""
GRID = np.geomspace(1e-3, 1e9, 6000)
"""Of the medians of a side."""
MEDIAN = 0.674490
"""Of a normal variable without its sign."""


class Tails(msgspec.Struct, frozen=True, eq=False):
    """How far ``above_below`` the rows before it a healthy row may lie (2, rows) [log loss], 0 of the first rows; and
    the probability of a noise that is ``normal`` on both sides, by all rows."""

    above_below: Floats
    normal: float

    @property
    def above(self) -> float:
        """How far the next row may lie above [log loss]."""
        return float(self.above_below[0, -1]) if self.above_below.size else 0.0


def tail_words(tails: Tails, correlation: float) -> list[str]:
    """What tails make of a single row of the log, whose neighbours have ``correlation``.

    >>> tail_words(Tails(np.array([[0.0, 0.2], [0.0, 0.1]]), 1e-4), 0.5)[0]
    'the noise of the rows has tails: a row of its own up to 10.5% above those before it may be chance, and is no alarm'
    """
    if tails.normal > UNLIKELY:
        return []
    far = expm1(tails.above * (1 - correlation))
    return [
        f"the noise of the rows has tails: a row of its own up to {far:.1%} above those before it may be chance, and "
        "is no alarm"
    ]


def tails_of(e: Floats, *, rows: int, tail: float, reference: int, unit: float = 0.0) -> Tails:
    """Of residuals ``e`` (rows so far,), which may be no numbers, of a run that will have ``rows``: a healthy row lies
    beyond with probability ``tail``, on each side; the last ``reference`` rows say how far rows scatter. Of rows that
    are printed in steps of ``unit`` [log loss] each is taken to lie anywhere within its own, as equal ones have no
    scatter and others that of whole steps.

    >>> rng = np.random.default_rng(0)
    >>> settings = {"rows": 2000, "tail": 1e-5, "reference": 200}
    >>> normal, heavy = (
    ...     float(tails_of(noise, **settings).above_below[0, -1])
    ...     for noise in (rng.standard_normal(2000), rng.standard_t(3, 2000))
    ... )
    >>> 4 < normal < 8, 20 < heavy < 60
    (True, True)
    """
    n, block = len(e), max(BLOCK, rows // BLOCKS)
    blocks = n // block
    if not blocks:
        return Tails(np.zeros((2, n)), 1.0)
    within = unit * (np.random.default_rng(0).random(n) - 0.5) if unit else 0.0
    noise = _noise(e + within, block, blocks)
    which, sides, normal = np.minimum(np.arange(n) // block, blocks), [], 1.0
    for side in (noise, -noise):
        scale = _scales(side, max(reference // block, 2))
        weights = _weights(side / scale[:, None])
        sides.append(np.append(0.0, scale * _quantiles(weights[1:], tail))[which])
        normal = min(normal, float(weights[-1, 0]))
    return Tails(np.stack(sides), normal)


def _noise(e: Floats, block: int, blocks: int) -> Floats:
    """Of the last rows of each block what each is off the median of ``NEAR`` rows to each side, which have come by the
    block's end (blocks, rows); no number where one is missing."""
    count = min(block, MOST)
    ends = block * np.arange(1, blocks + 1) - NEAR
    at = ends[:, None] - count + np.arange(count)
    beside = np.delete(np.arange(-NEAR, NEAR + 1), NEAR)
    padded = np.concatenate([np.full(2 * NEAR, np.nan), e])
    with np.errstate(invalid="ignore"):
        return np.asarray(padded[at + 2 * NEAR] - np.median(padded[at[..., None] + beside + 2 * NEAR], axis=-1))


def _scales(noise: Floats, most: int) -> Floats:
    """The median of what is above nought in each block and those before it, ``most`` together (blocks,)."""
    out = np.full(len(noise), 1e-12)
    for i in range(len(noise)):
        last = noise[max(i - most + 1, 0) : i + 1]
        if (above := last[last > 0]).size:
            out[i] = max(float(np.median(above)), 1e-12)
    return out


def _weights(x: Floats) -> Floats:
    """Of each part of the mixture before each block and after the last (blocks + 1, parts), by rows ``x`` (blocks,
    rows) [medians]."""
    survival, density = _tables()
    every = x.ravel()
    far = every > FAR[0]
    # rows far off that come soon after one are of one event
    so_far, index = np.concatenate([[0], np.cumsum(far)]), np.arange(len(every))
    first = far & (so_far[index] == so_far[np.maximum(index - SOON, 0)])
    near = (every > 0) & ~far
    said = np.zeros((len(PRIOR), len(every)))
    said[:, near] = density[:, np.searchsorted(GRID, every[near])]
    beyond = np.stack([np.interp(FAR, GRID, one) for one in survival])
    odds = beyond - np.concatenate([beyond[:, 1:], np.zeros((len(PRIOR), 1))], axis=1)
    said[:, first] = np.log(np.maximum(odds, EVENT))[:, np.searchsorted(FAR, every[first]) - 1]
    blocks = said.reshape(len(PRIOR), *x.shape).sum(axis=2).T
    logs = np.log(PRIOR) + np.concatenate([np.zeros((1, len(PRIOR))), np.cumsum(blocks, axis=0)])
    weights = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _quantiles(weights: Floats, tail: float) -> Floats:
    """Where the mixture with ``weights`` (blocks, parts) is exceeded with probability ``tail`` (blocks,) [medians]."""
    survival, _ = _tables()
    out = np.empty(len(weights))
    for i, one in enumerate(weights):
        # half of all rows are on a side
        out[i] = GRID[min(int(np.searchsorted(-(one @ survival) / 2, -tail)), len(GRID) - 1)]
    return out


@cache
def _tables() -> tuple[Floats, Floats]:
    """Of each part the probability that a row of its side is beyond ``GRID`` medians, and the log of its density there
    (parts, grid)."""
    survival = []
    for degrees in DEGREES:
        density = (1 + GRID**2 / degrees) ** (-(degrees + 1) / 2)
        pieces = np.diff(np.log(GRID)) * (density[1:] * GRID[1:] + density[:-1] * GRID[:-1]) / 2
        beyond = np.append(np.cumsum(pieces[::-1])[::-1], 0.0) + density[-1] * GRID[-1] / degrees
        beyond /= beyond[0] + GRID[0]
        median = float(np.interp(-0.5, -beyond, GRID))
        survival.append(np.interp(GRID * median, np.append(0.0, GRID), np.append(1.0, beyond)))
    for sigma in SIGMAS:
        logs = np.log1p(GRID * expm1(sigma * MEDIAN)) / sigma
        survival.append(np.array([erfc(one / sqrt(2)) for one in logs.tolist()]))
    for share, mean in APART:
        survival.append((1 - share) * survival[0] + share * np.exp(-GRID / mean))
    every = np.stack(survival)
    return every, np.log(np.maximum(-np.gradient(every, GRID, axis=1), 1e-300))
