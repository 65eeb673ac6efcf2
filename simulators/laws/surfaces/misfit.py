"""What is known of a loss that a surface gives: of its constants, and of a form that may be wrong there."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from lehr.simulators.laws.base import Misfit, StandardErrors, ValidRange, quantiles
from lehr.simulators.laws.surfaces.base import Surface
from lehr.simulators.quantities import Floats

MISFIT = 0.006
"""How far a form misses runs that it has not seen [log loss], where its law does not say: the median of 28 fits to
public tables, as is its growth with each e-fold beyond (benchmarks/extrapolation.py)."""
DEGREES = 3
"""Of freedom of a misfit that was measured on hold-outs by size, tokens and budget."""


def loss_bounds(
    law: Surface,
    n: ArrayLike,
    d: ArrayLike,
    *,
    unique: float | None = None,
    moved: Floats | None = None,
) -> tuple[Floats, Floats] | None:
    """Bounds of the loss at N and D, broadcast, of whose tokens ``unique`` differ (95 %): of the constants, of the form
    itself, by the law's own misfit or that of public tables, and of what else moves it (replicas,); ``None`` where the
    law does not say how sure its constants are [loss_unit].

    >>> from lehr.simulators.laws import Chinchilla
    >>> from lehr.simulators.laws.base import Covariance, ValidRange
    >>> law = Chinchilla(name="x", title="", n_convention="total", loss_unit="nats/token",
    ...     E=1.8172, A=482.01, B=2085.43, alpha=0.3478, beta=0.3658, range=ValidRange(flops=(1e18, 1e22)),
    ...     uncertainty=Covariance(parameters=["alpha"], covariance=[[1e-6]], residual=0.0))
    >>> [round(float(bound), 2) for bound in loss_bounds(law, 1e10, 1e12)]
    [1.95, 2.17]
    """
    if law.uncertainty is None or isinstance(law.uncertainty, StandardErrors):
        return None
    if law.misfit is None:
        law = msgspec.structs.replace(law, misfit=Misfit(size=MISFIT, flops=most_work(law.range), degrees=DEGREES))
    draws = law.draws(n, d, unique=unique)
    if moved is not None and np.isfinite(moved).all():
        draws = draws + moved[np.random.default_rng(5).integers(len(moved), size=len(draws))]
    return quantiles(draws, 0.95)


def most_work(runs: ValidRange) -> float:
    """The largest budget of a law's runs, or what its largest size and tokens would have taken; infinite where it does
    not say [FLOP]."""
    if runs.flops is not None:
        return runs.flops[1]
    if runs.parameters is not None and runs.tokens is not None:
        return 6 * runs.parameters[1] * runs.tokens[1]
    return float("inf")
