"""Approach 2 of Hoffmann et al. (2022): parabolas through isoFLOP profiles, and how far they mislead."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from simulators.laws.base import Floats
from simulators.laws.fitting.runs import Runs, make_runs
from simulators.laws.surfaces import Surface

SAME_BUDGET = 0.05
"""Budgets whose logarithms differ by less are one profile: sizes come in steps, tokens make up for it only nearly."""


class Allocation(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Optimal sizes found on profiles, and the power laws through them: N* = exp(log_n0) C**a, D* = C / (6 N*)."""

    flops: Floats
    parameters: Floats
    a: float
    log_n0: float

    def optimum(self, flops: float) -> tuple[float, float]:
        """The extrapolated optimum [parameters], [tokens]."""
        n = float(np.exp(self.log_n0) * flops**self.a)
        return n, flops / 6 / n


class ParabolaBias(msgspec.Struct, frozen=True, kw_only=True):
    """What approach 2 makes of a law without any noise: optima at a budget, true and found, and why they differ."""

    flops: float
    tokens: float
    found: float
    reason: str

    @property
    def relative(self) -> float:
        """Error of the tokens found."""
        return self.found / self.tokens - 1


def fit_parabolas(runs: Runs) -> Allocation:
    """A parabola in log N through the losses of each budget, its vertex the optimum; a line through the vertices.

    Raises ``ValueError`` where a budget has fewer than three sizes, a profile has no minimum, or one budget is all.
    """
    log_c = np.log(runs.flops)
    order = np.argsort(log_c)
    breaks = np.flatnonzero(np.diff(log_c[order]) > SAME_BUDGET) + 1
    budgets, vertices = [], []
    for rows in np.split(order, breaks):
        flops = float(np.exp(log_c[rows].mean()))
        log_n = np.log(runs.parameters[rows])
        if len(np.unique(log_n)) < 3:
            raise ValueError(f"the budget of {flops:.3g} FLOP has {len(rows)} sizes; a parabola needs three or more")
        centre = log_n.mean()
        curvature, slope, _ = np.polyfit(log_n - centre, runs.loss[rows], 2)
        if curvature <= 0:
            raise ValueError(f"the losses at {flops:.3g} FLOP have no minimum; add sizes on both sides of it")
        budgets.append(flops)
        vertices.append(np.exp(centre - slope / (2 * curvature)))
    if len(budgets) < 2:
        raise ValueError("all runs have one budget; a power law needs two or more")
    a, log_n0 = np.polyfit(np.log(budgets), np.log(vertices), 1)
    return Allocation(flops=np.array(budgets), parameters=np.array(vertices), a=float(a), log_n0=float(log_n0))


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


def parabola_bias(
    law: Surface,
    flops: float,
    *,
    budgets: ArrayLike = (1e17, 1e18, 1e19, 1e20, 1e21),
    width: float = 8.0,
    points: int = 15,
    centre: float = 1.0,
) -> ParabolaBias:
    """The error of approach 2 at ``flops`` if its runs lay on ``law`` exactly (Czech et al. 2026, arXiv:2603.22339).

    A profile is no parabola: its sides fall as N**-alpha and D**-beta. The vertex is right only where both exponents
    are equal and the grid is centred on the optimum; the wider the grid, the worse.

    >>> from simulators.laws import Chinchilla
    >>> law = Chinchilla(name="printed", title="", n_convention="total", loss_unit="nats/token",
    ...     E=1.69, A=406.4, B=410.7, alpha=0.34, beta=0.28)
    >>> bias = parabola_bias(law, 1e24)
    >>> f"{bias.found:.3g} tokens instead of {bias.tokens:.3g}: {bias.relative:.1%}"
    '3.92e+12 tokens instead of 4.04e+12: -2.9%'
    """
    tokens = float(law.optimum(flops)[1])
    found = fit_parabolas(isoflop_profiles(law, budgets, width=width, points=points, centre=centre)).optimum(flops)[1]
    off = f", its grid is off centre by a factor of {centre:g}" if centre != 1 else ""
    return ParabolaBias(
        flops=flops,
        tokens=tokens,
        found=found,
        reason=f"the profile is not a parabola: it rises as D**-beta on one side and as N**-alpha on the other{off}; "
        f"sizes span a factor of {width:g} to each side. Fit the surface itself (approach 3) instead.",
    )
