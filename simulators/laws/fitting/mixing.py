"""Losses of two units in one table: a loss in bits is 1 / ln 2 = 1.44 times the same loss in nats."""

from __future__ import annotations

from math import log

import numpy as np
from numpy.typing import NDArray

from lehr.simulators.laws.surfaces.runs import Runs
from lehr.simulators.laws.units import convert_loss
from lehr.simulators.quantities import Floats

BITS = log(float(convert_loss(1.0, "nats/token", "bits/token")))
"""The log of 1 / ln 2."""
ROUNDS = 50
CLEARER = 3.0
"""Two units are named where they explain the losses this many times better than one."""
FEWEST = 12
"""Of fewer runs no plane tells."""
PLANE = 24
"""Up to so many runs a plane is fitted: a quadratic would bend to a dozen whatever their units."""
CLEAN = 0.05
"""And the losses must lie so near to it [log loss]: over decades of sizes losses bend away from a plane."""


def runs_in_bits(runs: Runs) -> NDArray[np.int64]:
    """Rows whose loss looks to be in bits among others in nats; none where one unit explains the runs as well.

    A quadratic in log N and log D, a plane where the runs are few, is fitted to the log losses, every run is given the
    unit that it lies nearer to, and so on until none changes. Of two halves that explain each other the larger losses
    are the bits.

    >>> import numpy as np
    >>> from lehr.simulators.laws.surfaces.runs import make_runs
    >>> n, d = (x.ravel() for x in np.meshgrid(np.geomspace(1e8, 1e10, 5), np.geomspace(1e9, 1e12, 5)))
    >>> loss = 1.8 + 480 * n**-0.35 + 2000 * d**-0.37
    >>> loss[[3, 7, 20]] /= np.log(2)
    >>> runs_in_bits(make_runs(n, d, loss))
    array([ 3,  7, 20])
    """
    x, y = (_standard(np.log(v)) for v in (runs.parameters, runs.tokens))
    design = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1)
    target = np.log(runs.loss)
    none = np.zeros(0, dtype=np.int64)
    if len(runs) < FEWEST:
        return none
    plane = len(runs) <= PLANE
    if plane:
        design = design[:, :3]
    one_unit = _spread(design, target)
    best, chosen = one_unit, none
    for first in (_robust_residual(design, target) > 0.5 * BITS, target > np.median(target)):
        bits = first
        for _ in range(ROUNDS):
            shifted = target - BITS * bits
            fitted = design @ np.linalg.lstsq(design, shifted, rcond=None)[0]
            again = target - fitted > 0.5 * BITS
            if np.array_equal(again, bits):
                break
            bits = again
        two_units = _spread(design, target - BITS * bits)
        if bits.any() and not bits.all() and two_units < best:
            best, chosen = two_units, np.flatnonzero(bits)
    clean = not plane or best < CLEAN
    return chosen if clean and best * CLEARER < one_unit else none


def _standard(values: Floats) -> Floats:
    return np.asarray((values - values.mean()) / max(float(values.std()), 1e-12))


def _spread(design: Floats, target: Floats) -> float:
    residual = target - design @ np.linalg.lstsq(design, target, rcond=None)[0]
    return float(np.sqrt(np.mean(residual**2)))


def _robust_residual(design: Floats, target: Floats) -> Floats:
    """Residuals of least absolute deviations, by reweighting."""
    weight = np.ones(len(target))
    residual = target
    for _ in range(30):
        root = np.sqrt(weight)
        residual = target - design @ np.linalg.lstsq(design * root[:, None], target * root, rcond=None)[0]
        weight = 1.0 / np.maximum(np.abs(residual), 1e-4)
    return np.asarray(residual)
