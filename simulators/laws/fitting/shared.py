"""Errors that all runs of one size share: a peak rate that suits it less, the first weights of one seed."""

from __future__ import annotations

from math import sqrt

import msgspec
import numpy as np
from numpy.typing import NDArray

from lehr.simulators.laws.fitting.fit import LawFit, free_of
from lehr.simulators.laws.surfaces.forms import form_called
from lehr.simulators.quantities import Floats

SAME_SIZE = 1.01
"""Ratio of parameters up to which runs are of one size [1]."""
CLEARLY = 1.28
"""Standard normal quantile of 90 %: residuals of independent runs lie together by size so clearly one time in ten."""
FEWEST_WITHIN = 4
"""Degrees of freedom within sizes that tell what single runs scatter by."""


class SharedErrors(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What runs of one size have in common: ``size`` of each run, the ``spread`` of sizes' own errors [log loss], and
    the degrees of freedom ``df`` that tell it."""

    size: NDArray[np.int64]
    spread: float
    df: int

    def said(self, *, resampled: bool) -> str:
        """What a reader is to know of it; ``resampled`` where intervals are those of draws, which have such errors."""
        sizes = int(self.size.max()) + 1
        so = "every draw has such errors too" if resampled else "the covariance does not know it; write bootstrap=200"
        return (
            f"the errors of one size lie together: {sizes} sizes lie {self.spread:.2%} of the loss off beyond what "
            f"single runs do, as where a peak rate or the first weights suit one less; {so}"
        )

    def shifts(self, draws: int, seed: int) -> Floats:
        """Errors of sizes for each of ``draws`` samples of the runs (draws, runs) [log loss]: normal, their spread as
        uncertain as so few sizes leave it (scaled inverse chi-squared)."""
        rng = np.random.default_rng(seed + 2)
        spread = self.spread * np.sqrt(self.df / rng.chisquare(self.df, size=(draws, 1)))
        return np.asarray((spread * rng.standard_normal((draws, int(self.size.max()) + 1)))[:, self.size])


def shared_errors(fit: LawFit) -> SharedErrors | None:
    """Whether residuals of one size lie together clearly more than those of independent runs would, and by how much;
    ``None`` where they do not, or where too few sizes or runs of a size tell.

    An analysis of variance by size: constants that move with the size, all but two, take degrees of freedom from the
    sizes, the others from the runs.
    """
    size, between, within = _told_by(fit)
    counts = np.bincount(size).astype(float)
    n, groups = len(size), len(counts)
    if between < 1 or within < FEWEST_WITHIN:
        return None
    means = np.bincount(size, fit.residual) / counts
    inside = float(((fit.residual - means[size]) ** 2).sum()) / within
    outside = float((counts * (means - fit.residual.mean()) ** 2).sum()) / between
    each = (n - float((counts**2).sum()) / n) / max(groups - 1, 1)
    if inside <= 0 or normal_of_ratio(outside / inside, between, within) < CLEARLY:
        return None
    return SharedErrors(size=size, spread=sqrt((outside - inside) / each), df=between)


def unseen(fit: LawFit) -> str | None:
    """That so few sizes, each with several runs, could not show whether these share an error; ``None`` of others.

    >>> from lehr.simulators.laws.fitting import fit_law, make_runs
    >>> n, d = np.meshgrid([1e8, 2e8, 4e8, 8e8], [2e9, 1e10, 5e10, 2e11])
    >>> unseen(fit_law(make_runs(n.ravel(), d.ravel(), (1.8 + 400 * n**-0.34 + 1500 * d**-0.36).ravel()), starts=20))
    '4 sizes cannot show whether the runs of one share an error: the intervals take runs for independent'
    """
    size, between, within = _told_by(fit)
    if between > 1 or within < FEWEST_WITHIN:
        return None
    groups = int(size.max()) + 1
    return f"{groups} sizes cannot show whether the runs of one share an error: the intervals take runs for independent"


def _told_by(fit: LawFit) -> tuple[NDArray[np.int64], int, int]:
    """The size of each run by number, and the degrees of freedom between and within sizes."""
    order = np.argsort(fit.runs.parameters, kind="stable")
    sizes = fit.runs.parameters[order]
    size = np.empty(len(order), dtype=np.int64)
    size[order] = np.concatenate([[0], np.cumsum(sizes[1:] > SAME_SIZE * sizes[:-1])])
    groups, constants = int(size.max()) + 1, int(free_of(form_called(fit.form), fit.held).sum())
    return size, groups - max(constants - 2, 1), len(size) - groups - min(2, constants)


def normal_of_ratio(ratio: float, above: int, below: int) -> float:
    """The standard normal quantile of a ratio of variances with so many degrees of freedom (Paulson 1942).

    >>> round(normal_of_ratio(3.81, 2, 13), 2)        # the 95 % quantile of F(2, 13), 1.645 exactly
    1.65
    """
    a, b, root = 2 / (9 * above), 2 / (9 * below), ratio ** (1 / 3)
    return float(((1 - b) * root - (1 - a)) / sqrt(b * root**2 + a))
