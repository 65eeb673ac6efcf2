"""What is believed of a loss before the runs that are to tell it: a form, its constants, and how sure they are."""

from __future__ import annotations

import msgspec
import numpy as np

from lehr.simulators.counting import NConvention
from lehr.simulators.laws.base import LossUnit, ValidRange
from lehr.simulators.laws.fitting.fit import fit_law
from lehr.simulators.laws.surfaces import Surface
from lehr.simulators.laws.surfaces.forms import form_called
from lehr.simulators.laws.surfaces.runs import Runs, make_runs
from lehr.simulators.quantities import Floats

FORM = "skaling"
"""Chinchilla's sum raised to a power: it holds Chinchilla's form, and says what of the forecast hangs on that."""
SPREAD = {"log E": 0.45, "size": 0.3, "data": 0.3, "alpha": 0.08, "beta": 0.18, "k": 0.25}
"""Standard deviations of a new corpus and family about a published law: of log E, of the logs of the size and the data
term at ``CENTRE`` and of the exponents. They are those of the published laws of general text in nats a token among each
other (tests/catalogue/test_design_prior.py); that of k covers what the form was fitted at, 0.77 to 1 on public runs of
Chinchilla's kind (Videau et al. 2026, arXiv:2608.07222)."""
CENTRE = (1e9, 2e10)
"""Where the terms are compared [parameters], [tokens]: within the runs of every published law of general text. A law
of one's own runs, which may be much smaller, is compared as near to it as its runs lie."""
FEWEST_K = 0.3
"""Below it Farseer's runs would be told apart from none that was published."""
VIEWS = 12
"""Constants drawn from the belief, over which a choice of runs is averaged."""
STARTS = 120


class Belief(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """``theta`` are the coordinates of ``FORM``, ``covariance`` theirs before any run; ``noise`` is the standard
    deviation of a run about the law [log loss]; ``made`` are the runs that exist already."""

    theta: Floats
    covariance: Floats
    noise: float
    n_convention: NConvention
    loss_unit: LossUnit
    made: Runs | None = None

    def draw(self, count: int, seed: int = 0) -> Floats:
        """The constants and ``count`` - 1 more that the belief allows (count, p)."""
        values, vectors = np.linalg.eigh(self.covariance)
        half = vectors * np.sqrt(np.maximum(values, 0.0))
        steps = np.random.default_rng(seed).standard_normal((count - 1, len(self.theta))) @ half.T
        drawn = np.concatenate([self.theta[None], self.theta + steps])
        form = form_called(FORM)
        drawn[:, 3:5] = np.maximum(drawn[:, 3:5], 0.02)
        drawn[:, 5] = np.clip(drawn[:, 5], FEWEST_K, form.high[5])
        return drawn

    def at(self, theta: Floats, n: Floats, d: Floats) -> tuple[Floats, Floats]:
        """The log losses (rows, runs) of constants (rows, p) and their derivatives (rows, p, runs)."""
        return form_called(FORM).model(make_runs(n, d, np.ones(len(n))))(theta)

    def law(self, theta: Floats, name: str = "believed") -> Surface:
        """The law of one row of constants, or of all of them with arrays for constants."""
        blank = make_runs([1e9], [1e9], [1.0], n_convention=self.n_convention, loss_unit=self.loss_unit)
        if np.ndim(theta) == 1:
            return form_called(FORM).law(theta, blank, name=name, title="")
        first = form_called(FORM).law(theta[0], blank, name=name, title="")
        return msgspec.structs.replace(first, **form_called(FORM).constants(theta, blank))


def belief_about(law: Surface, n: Floats, d: Floats, noise: float) -> Belief:
    """The belief before any run: ``FORM`` laid through ``law`` at ``n`` [parameters] and ``d`` [tokens], as sure as
    published laws are of each other (``SPREAD``).

    >>> from lehr.simulators.laws import Chinchilla
    >>> law = Chinchilla(name="x", title="", n_convention="total", loss_unit="nats/token",
    ...     E=1.8172, A=482.01, B=2085.43, alpha=0.3478, beta=0.3658)
    >>> n, d = (x.ravel() for x in np.meshgrid(np.geomspace(1e8, 1e10, 6), np.geomspace(1e9, 1e12, 6)))
    >>> belief_about(law, n, d, 0.005).theta[3:].round(2).tolist()
    [0.35, 0.37, 1.0]
    """
    runs = make_runs(n, d, law.loss(n, d), n_convention=law.n_convention, loss_unit=law.loss_unit)
    # without scatter there is nothing to be robust against
    theta = fit_law(runs, FORM, delta=np.inf, starts=STARTS).theta
    return Belief(
        theta=theta, covariance=prior_covariance(theta, within(law.range)), noise=noise,
        n_convention=law.n_convention, loss_unit=law.loss_unit,
    )  # fmt: skip


def belief_after(runs: Runs, noise: float | None = None) -> Belief:
    """The belief after ``runs``: ``FORM`` fitted to them. What they do not determine is as sure as ``SPREAD``.

    Raises ``ValueError`` where they are too few.
    """
    fit = fit_law(runs, FORM)
    prior = prior_covariance(fit.theta)
    spread = max(fit.scale, 1e-4) if noise is None else noise
    return Belief(
        theta=fit.theta, covariance=prior, noise=spread, n_convention=runs.n_convention, loss_unit=runs.loss_unit,
        made=runs,
    )  # fmt: skip


def within(bounds: ValidRange) -> tuple[float, float]:
    """``CENTRE``, or the nearest place within ``bounds`` [parameters], [tokens].

    >>> within(ValidRange(parameters=(4e4, 2e5), tokens=(1e5, 2e6)))
    (200000.0, 2000000.0)
    """
    kept = [
        centre if known is None else min(max(centre, known[0]), known[1])
        for centre, known in zip(CENTRE, (bounds.parameters, bounds.tokens), strict=True)
    ]
    return kept[0], kept[1]


def prior_covariance(theta: Floats, centre: tuple[float, float] = CENTRE) -> Floats:
    """``SPREAD`` in the coordinates of ``FORM`` at ``theta``: a term's log at ``centre`` is log A - alpha log N."""
    turn = np.eye(len(theta))
    turn[1, 3], turn[2, 4] = np.log(centre[0]), np.log(centre[1])
    return np.asarray(turn @ np.diag(np.array(list(SPREAD.values())) ** 2) @ turn.T)
