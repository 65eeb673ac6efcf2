"""Constants of the step-time model from measurements: fitted robustly under their priors, and what stays unexplained.

A row's residual is the sum of what its source, its network, its network on its device and itself add, each normal with
a spread of its own; the constants minimise the residuals whitened by that covariance, so that forty rows of one source
count for little more than a few. What a source or a network adds is estimated afterwards from its residuals, shrunk
towards zero, and is unknown, hence zero with its spread, of anything that was not measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from lehr.simulators.machine.constants import NAMES, PRIORS
from lehr.simulators.machine.demand import Demand
from lehr.simulators.machine.step_time import Rates, tokens_per_second
from lehr.simulators.numerics.priors import derivatives, fit_under_priors

CENTRES = np.log([PRIORS[name].centre for name in NAMES])
SPREADS = np.array([PRIORS[name].spread for name in NAMES])

EFFECTS = ("source", "network", "network_device", "row")
SPREAD = {
    "dense": {"source": 0.04, "network": 0.02, "network_device": 0.05, "row": 0.045},
    "mixture": {"source": 0.08, "network": 0.08, "network_device": 0.08, "row": 0.10},
}
"""Standard deviations of what each adds to the logarithm of a speed."""

HUBER = 2.0
"""Whitened residuals beyond which a row pulls no harder [1]."""


class Measured(NamedTuple):
    """Measured rows: what they ask of their machine, its speeds, and the logarithm of tokens a second and device."""

    demand: Demand
    rates: Rates
    logs: np.ndarray
    source: np.ndarray
    network: np.ndarray
    device: np.ndarray

    @property
    def mixture(self) -> np.ndarray:
        """Which rows are of mixtures of experts."""
        flags: np.ndarray = self.rates.mixture.astype(bool)
        return flags

    def take(self, index: np.ndarray) -> Measured:
        """The rows at ``index``."""
        return Measured(
            Demand(*(a[index] for a in self.demand)),
            Rates(*(a[index] for a in self.rates)),
            self.logs[index],
            self.source[index],
            self.network[index],
            self.device[index],
        )


class Fit(NamedTuple):
    """Logarithms of the constants, and their covariance."""

    logs: np.ndarray
    covariance: np.ndarray


def spreads(mixture: np.ndarray, effect: str) -> np.ndarray:
    """The spread of ``effect`` for each row."""
    return np.where(mixture, SPREAD["mixture"][effect], SPREAD["dense"][effect])


def shared(a: Measured, b: Measured) -> np.ndarray:
    """Covariance of the rows of ``a`` with those of ``b`` that their effects make, rows' own left out."""
    keys = {
        "source": (a.source, b.source),
        "network": (a.network, b.network),
        "network_device": (np.char.add(a.network, a.device), np.char.add(b.network, b.device)),
    }
    covered: np.ndarray = sum(
        (of[:, None] == to[None]) * np.outer(spreads(a.mixture, effect), spreads(b.mixture, effect))
        for effect, (of, to) in keys.items()
    )
    return covered


def covariance(rows: Measured) -> np.ndarray:
    """Covariance of the rows' residuals."""
    return shared(rows, rows) + np.diag(spreads(rows.mixture, "row") ** 2)


def fit_constants(rows: Measured, start: np.ndarray | None = None, most_steps: int = 30) -> Fit:
    """The constants that explain ``rows`` best, by Levenberg and Marquardt's steps on a pseudo-Huber loss with priors.

    The covariance is the inverse of the Gauss-Newton matrix at the end.
    """
    whitening = np.linalg.inv(np.linalg.cholesky(covariance(rows)))

    def residuals(x: np.ndarray) -> np.ndarray:
        white: np.ndarray = whitening @ (predicted_logs(rows, x) - rows.logs)
        return white

    return Fit(
        *fit_under_priors(residuals, CENTRES, SPREADS, huber=HUBER, start=start, most_steps=most_steps, tolerance=1e-7)
    )


def predicted_logs(rows: Measured, x: np.ndarray) -> np.ndarray:
    """Logarithms of tokens a second and device by the constants ``x`` alone."""
    logs: np.ndarray = np.log(tokens_per_second(rows.demand, rows.rates, x))
    return logs


class Predicted(NamedTuple):
    """Logarithm of tokens a second and device: its centre and standard deviation."""

    logs: np.ndarray
    spread: np.ndarray


def predict(rows: Measured, fit: Fit, known: Measured | None = None) -> Predicted:
    """What ``fit`` says of ``rows``, beside ``known`` rows that tell of their sources and networks.

    The spread has the constants' share by their covariance, what the rows' effects leave open, and each row's own.
    """
    centre = predicted_logs(rows, fit.logs)
    slopes = derivatives(lambda x: predicted_logs(rows, x), fit.logs, centre)
    constants = np.einsum("ij,jk,ik->i", slopes, fit.covariance, slopes)
    effects = sum(spreads(rows.mixture, e) ** 2 for e in EFFECTS)
    if known is None or len(known.logs) == 0:
        return Predicted(centre, np.sqrt(constants + effects))
    k = shared(rows, known)
    matrix = covariance(known)
    off = known.logs - predicted_logs(known, fit.logs)
    # a row far out says nothing of its neighbours
    limit = 3 * np.sqrt(np.diag(matrix))
    solved = np.linalg.solve(matrix, np.stack([np.clip(off, -limit, limit), *k], axis=1))
    explained = np.einsum("ij,ji->i", k, solved[:, 1:])
    return Predicted(centre + k @ solved[:, 0], np.sqrt(constants + np.maximum(effects - explained, 0.0)))


def cross_validate(rows: Measured, folds: np.ndarray, start: np.ndarray) -> Predicted:
    """Each fold's rows as predicted by constants and neighbours of the others alone."""
    logs, spread = np.zeros(len(rows.logs)), np.zeros(len(rows.logs))
    for fold in np.unique(folds):
        inside = folds == fold
        known = rows.take(np.flatnonzero(~inside))
        told = predict(rows.take(np.flatnonzero(inside)), fit_constants(known, start), known)
        logs[inside], spread[inside] = told.logs, told.spread
    return Predicted(logs, spread)


def fold_by(labels: Sequence[str], most: int, seed: int = 0) -> np.ndarray:
    """Folds of whole groups of ``labels``, ``most`` of them, or one for each group where there are fewer.

    >>> fold_by(["a", "a", "b", "c"], 3, seed=1).tolist()[:2]
    [0, 0]
    """
    groups = sorted(set(labels))
    order = np.random.default_rng(seed).permutation(len(groups)) % most
    of = dict(zip(groups, order, strict=True))
    return np.array([of[label] for label in labels])


class Band(msgspec.Struct, frozen=True, kw_only=True):
    """How many standard deviations hold 90 % of rows that were left out, of sources seen and of new ones."""

    seen: float
    new: float


def band(rows: Measured, seen: Predicted, new: Predicted, level: float = 0.9) -> dict[str, Band]:
    """Bands of dense networks and mixtures: the quantile of left-out errors over their spread, folds being whole
    groups."""
    out = {}
    for kind, mask in (("dense", ~rows.mixture), ("mixture", rows.mixture)):
        factors = []
        for told in (seen, new):
            scores = np.abs(rows.logs - told.logs)[mask] / told.spread[mask]
            factors.append(float(np.quantile(scores, level)) if len(scores) else 1.645)
        out[kind] = Band(seen=factors[0], new=factors[1])
    return out
