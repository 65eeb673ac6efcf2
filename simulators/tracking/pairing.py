"""The noise that a log shares with the runs that its law was fitted to, taken off: they saw the same batches.

A training loss scatters by what its batches hold, and runs that read the same data in the same order scatter alike: to
a correlation of 0.998 in the 124M runs of Schaipp et al. (arXiv:2501.18965), whose difference has a seventeenth of the
noise. So a law keeps the noise of its own rows where its runs share it, and a log is set beside it: a control variate,
whose weight is that of the rows before each row.
"""

from __future__ import annotations

from math import sqrt

import msgspec
import numpy as np
from numpy.typing import NDArray

from lehr.simulators.laws.curves.batches import SHARED, Batches
from lehr.simulators.quantities import Floats

MATCHED = 0.9
"""Of a log's rows, that stand at steps of the fitted rows, at least."""
FEWEST = 24
"""Rows by which the correlation is told, at least."""
WINDOW, APART = 12, 0.7
"""Rows of which more than half have other bends, by so many of their standard deviations, are of other batches."""
LAST = 1000
"""Rows whose scatter is told."""
MOST = 4.0
"""Standard deviations beyond which a bend of the rows counts no more: a spike says nothing of what is shared."""


class Paired(msgspec.Struct, frozen=True, eq=False):
    """Residuals (rows,) without the noise that the fitted runs have too, and the least noise that is left [log loss].
    ``correlation`` is that of the noise, ``None`` where nothing was set beside the rows; ``since`` is the row from
    which on the batches are others, ``None`` where they are the same to the end."""

    residuals: Floats
    floor: float
    correlation: float | None
    since: int | None

    def after(self, row: int) -> Paired:
        """The same without the rows before ``row``."""
        since = None if self.since is None else max(self.since - row, 0)
        return Paired(self.residuals[row:], self.floor, self.correlation, since)

    def words(self, steps: NDArray[np.int_], before: Floats) -> list[str]:
        """What was taken off the residuals ``before`` at ``steps`` (rows,)."""
        if self.correlation is None:
            return []
        if self.since is not None:
            return [f"from step {int(steps[self.since]):,} on the batches are no more those of the fitted runs"]
        noise = [_scale(np.diff(e[np.isfinite(e)][-LAST:], n=2)) / sqrt(6) for e in (self.residuals, before)]
        return [
            f"the rows have the noise of the fitted runs' batches (correlation {self.correlation:.3f}), which is taken "
            f"off: they scatter by {noise[0]:.2%} beside it, {noise[1]:.2%} with it"
        ]


def paired(residuals: Floats, steps: NDArray[np.int_], batches: Batches | None) -> Paired:
    """``residuals`` at ``steps`` (rows,) beside the noise of the law's own rows.

    Where the batches become others nothing is taken off at all.

    >>> noise = 0.04 * np.random.default_rng(0).standard_normal(200)
    >>> own = 0.002 * np.random.default_rng(1).standard_normal(200)
    >>> words = " ".join(str(round(1e5 * one)) for one in noise)
    >>> batches = Batches(first=0, every=10, noise=words, own=0.002)
    >>> found = paired(noise + own, np.arange(0, 2000, 10), batches)
    >>> round(float(found.residuals.std()), 3), found.since
    (0.002, None)
    >>> other = paired(np.r_[noise[:100], noise[:100]], np.arange(0, 2000, 10), batches).since
    >>> other is not None and abs(other - 100) <= 8
    True
    """
    alone = Paired(residuals, 0.0, None, None)
    if batches is None or len(steps) < FEWEST:
        return alone
    noise = batches.at(steps)
    known = np.isfinite(noise) & np.isfinite(residuals)
    if known.mean() < MATCHED or known.sum() < FEWEST:
        return alone
    e, c = residuals[known], noise[known]
    u, v = (np.diff(values, n=2) for values in (e, c))
    u, v = (np.clip(d, -MOST * _scale(d), MOST * _scale(d)) for d in (u, v))
    uv, uu, vv = (np.concatenate([[0.0], np.cumsum(p)]) for p in (u * v, u * u, v * v))
    size = _scale(v)
    apart = np.concatenate([[0], np.cumsum(np.abs(u - v) > APART * size)])
    # windows of the second differences of rows 0 to WINDOW + 1, and so on
    broken = np.flatnonzero(2 * (apart[WINDOW:] - apart[:-WINDOW]) > WINDOW)
    until = len(u) if not len(broken) else int(broken[0])
    if until < FEWEST - 2:
        return alone
    correlation = float(uv[until] / np.sqrt(uu[until] * vv[until]))
    if correlation < SHARED:
        return alone
    if len(broken):
        return Paired(residuals, 0.0, correlation, int(np.flatnonzero(known)[until + 2]))
    # by the rows before each row, and at first by the first ones
    before = np.maximum(np.arange(len(e)) - 2, FEWEST - 2)
    weight = uv[np.minimum(before, len(u))] / vv[np.minimum(before, len(u))]
    out = residuals.copy()
    out[known] -= weight * c
    return Paired(out, batches.own, correlation, None)


def _scale(bends: Floats) -> float:
    """Their standard deviation, robustly."""
    return 1.4826 * float(np.median(np.abs(bends)))
