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
USUAL = 0.5
"""What sizes share over what single runs of one scatter by, in the median of 21 splits of public tables with sizes
enough to tell (.48; half of them .36 to .64, the largest 1.3: ``benchmarks/laws.py ratios``) [1]."""
FAR = 3.0
"""Spreads of the runs beyond which a residual counts as so far: one outlier is no scatter of all."""
RATIOS = USUAL * np.tan(np.linspace(0, np.pi / 2, 402)[1:-1])
"""Of equal weight before a table is seen: a half-Cauchy, whose median is the usual one (Gelman 2006)."""


class SharedErrors(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What residuals say of the errors that runs of one size have in common: ``size`` of each run, sums of squares
    ``between`` and ``within`` sizes [log loss squared] with their degrees of freedom, and the runs of an ``each``."""

    size: NDArray[np.int64]
    between: float
    within: float
    df_between: int
    df_within: int
    each: float

    @property
    def ratio(self) -> float:
        """The spread of sizes' own errors over that of single runs, by analysis of variance; 0 where sizes lie no
        further apart than their runs say [1]."""
        if self.df_between < 1:
            return 0.0
        excess = self.between / self.df_between / (self.within / self.df_within) - 1
        return sqrt(max(excess, 0.0) / self.each)

    @property
    def clear(self) -> bool:
        """Whether sizes lie apart so clearly as those of independent runs would one time in ten."""
        above, below = self.df_between, self.df_within
        if above < 1:
            return False
        return normal_of_ratio(self.between / above / (self.within / below), above, below) > CLEARLY

    def said(self, *, resampled: bool) -> str | None:
        """What a reader is to know of it; ``resampled`` where intervals are those of draws, which have such errors."""
        sizes = int(self.size.max()) + 1
        so = "every draw has such errors too" if resampled else "the covariance does not know it; write bootstrap=200"
        if self.clear:
            spread = self.ratio * sqrt(self.within / self.df_within)
            return (
                f"the errors of one size lie together: {sizes} sizes lie {spread:.2%} of the loss off beyond what "
                f"single runs do, as where a peak rate or the first weights suit one less; {so}"
            )
        if self.df_between > 1:
            return None
        taken = "every draw takes what public tables have" if resampled else "the covariance takes runs for independent"
        return f"{sizes} sizes hardly show whether the runs of one share an error, and {taken}; more sizes narrow it"

    def shifts(self, draws: int, seed: int) -> Floats:
        """Errors of sizes for each of ``draws`` samples of the runs (draws, runs) [log loss].

        Normal; their spread is drawn from what is believed once the residuals are seen: a half-Cauchy of its ratio to
        the runs' own, whose spread has no scale before, times the likelihood of both sums of squares.
        """
        rng = np.random.default_rng(seed + 2)
        inflated = 1 + self.each * RATIOS**2
        squares = self.within + self.between / inflated
        df = self.df_between + self.df_within
        log_likelihood = -0.5 * (self.df_between * np.log(inflated) + df * np.log(squares))
        likelihood = np.exp(log_likelihood - log_likelihood.max())
        # at even shares of what is believed, not at random ones: its tail is long, and draws are few
        below = np.cumsum(likelihood) / likelihood.sum()
        drawn = rng.permutation(np.searchsorted(below, (np.arange(draws) + 0.5) / draws))
        spread = RATIOS[drawn] * np.sqrt(squares[drawn] / rng.chisquare(df, draws))
        return np.asarray((spread[:, None] * rng.standard_normal((draws, int(self.size.max()) + 1)))[:, self.size])


def shared_errors(fit: LawFit) -> SharedErrors | None:
    """What the residuals of a fit say of errors that runs of one size share; ``None`` where too few sizes have several
    runs to tell these from the runs' own, or where runs have none.

    An analysis of variance by size: constants that move with the size, all but two, take degrees of freedom from the
    sizes, the others from the runs.

    >>> from lehr.simulators.laws.fitting import fit_law, make_runs
    >>> n, d = np.meshgrid([1e8, 2e8, 4e8, 8e8], [2e9, 1e10, 5e10, 2e11])
    >>> loss = (1.8 + 400 * n**-0.34 + 1500 * d**-0.36) * np.exp(0.001 * (-1.0) ** np.add.outer(range(4), range(4)))
    >>> shared = shared_errors(fit_law(make_runs(n.ravel(), d.ravel(), loss.ravel()), starts=20))
    >>> shared.df_between, shared.df_within, round(shared.ratio, 2), shared.clear
    (1, 10, 0.0, False)
    >>> shared.said(resampled=True)[:66]
    '4 sizes hardly show whether the runs of one share an error, and ev'
    """
    order = np.argsort(fit.runs.parameters, kind="stable")
    sizes = fit.runs.parameters[order]
    size = np.empty(len(order), dtype=np.int64)
    size[order] = np.concatenate([[0], np.cumsum(sizes[1:] > SAME_SIZE * sizes[:-1])])
    counts = np.bincount(size).astype(float)
    n, groups = len(size), len(counts)
    constants = int(free_of(form_called(fit.form), fit.held).sum())
    df_within = n - groups - min(2, constants)
    if groups < 2 or df_within < FEWEST_WITHIN:
        return None
    residual = np.clip(fit.residual, -FAR * fit.scale, FAR * fit.scale)
    means = np.bincount(size, residual) / counts
    within = float(((residual - means[size]) ** 2).sum())
    if within <= 0:
        return None
    df_between = max(groups - max(constants - 2, 1), 0)
    between = float((counts * (means - residual.mean()) ** 2).sum()) if df_between else 0.0
    each = (n - float((counts**2).sum()) / n) / (groups - 1)
    return SharedErrors(
        size=size, between=between, within=within, df_between=df_between, df_within=df_within, each=each
    )


def normal_of_ratio(ratio: float, above: int, below: int) -> float:
    """The standard normal quantile of a ratio of variances with so many degrees of freedom (Paulson 1942).

    >>> round(normal_of_ratio(3.81, 2, 13), 2)        # the 95 % quantile of F(2, 13), 1.645 exactly
    1.65
    """
    a, b, root = 2 / (9 * above), 2 / (9 * below), ratio ** (1 / 3)
    return float(((1 - b) * root - (1 - a)) / sqrt(b * root**2 + a))
