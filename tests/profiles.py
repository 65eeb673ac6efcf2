"""Runs without noise on a law, at a few budgets, as approach 2 of Hoffmann et al. wants them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lehr.simulators.laws.fitting.isoflop import ParabolaBias, bias_on_grid
from lehr.simulators.laws.surfaces import Surface
from lehr.simulators.laws.surfaces.runs import Runs, make_runs

BUDGETS = (1e17, 1e18, 1e19, 1e20, 1e21)


def isoflop_profiles(
    law: Surface, budgets: ArrayLike, *, width: float = 8.0, points: int = 15, centre: float = 1.0
) -> Runs:
    """Noise-free runs on a law: at each budget ``points`` sizes from 1/``width`` to ``width`` times ``centre`` N*."""
    flops = np.asarray(budgets, dtype=float)
    best = np.asarray(law.optimum(flops)[0])  # type: ignore[arg-type]
    n = (best * centre)[:, None] * width ** np.linspace(-1, 1, points)
    d = flops[:, None] / 6 / n
    return make_runs(
        n.ravel(), d.ravel(), law.loss(n, d).ravel(), n_convention=law.n_convention, loss_unit=law.loss_unit
    )


def parabola_bias(law: Surface, flops: float, *, width: float = 8.0, centre: float = 1.0) -> ParabolaBias:
    """The error of approach 2 at ``flops`` from profiles of one width."""
    return bias_on_grid(law, isoflop_profiles(law, BUDGETS, width=width, centre=centre), flops)
