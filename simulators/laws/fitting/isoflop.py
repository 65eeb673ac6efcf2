"""Approach 2 of Hoffmann et al. (2022): parabolas through isoFLOP profiles, and how far they mislead."""

from __future__ import annotations

import msgspec
import numpy as np

from lehr.simulators.laws.surfaces import Surface
from lehr.simulators.laws.surfaces.runs import Runs
from lehr.simulators.quantities import Floats

SAME_BUDGET = 0.05
"""Budgets whose logarithms differ by less are one profile: sizes come in steps, tokens make up for it only nearly."""

NO_PARABOLA = "the profile is not a parabola: it rises as D**-beta on one side and as N**-alpha on the other"


class Allocation(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Optimal sizes found on profiles, and the power laws through them: N* = exp(log_n0) C**a, D* = C / (6 N*).

    ``left_out`` says of each budget that was not used why.
    """

    flops: Floats
    parameters: Floats
    a: float
    log_n0: float
    left_out: list[str] = []

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

    A budget of fewer than three sizes, or without a minimum among its sizes, is left out.
    Raises ``ValueError`` where fewer than two budgets are left.
    """
    log_c = np.log(runs.flops)
    order = np.argsort(log_c)
    breaks = np.flatnonzero(np.diff(log_c[order]) > SAME_BUDGET) + 1
    budgets, vertices, left_out = [], [], []
    for rows in np.split(order, breaks):
        flops = float(np.exp(log_c[rows].mean()))
        log_n = np.log(runs.parameters[rows])
        if (sizes := len(np.unique(log_n))) < 3:
            left_out.append(f"{flops:.3g} FLOP has {sizes} sizes; a parabola needs three or more")
            continue
        centre = log_n.mean()
        curvature, slope, _ = np.polyfit(log_n - centre, runs.loss[rows], 2)
        vertex = centre - slope / (2 * curvature) if curvature > 0 else np.inf
        if not log_n.min() <= vertex <= log_n.max():
            left_out.append(f"{flops:.3g} FLOP has no minimum among its sizes; add sizes on both sides of it")
            continue
        budgets.append(flops)
        vertices.append(np.exp(vertex))
    if len(budgets) < 2:
        raise ValueError(
            f"approach 2 needs two budgets with three sizes or more about their minimum; found {len(budgets)}"
            + (f" ({left_out[0]})" if left_out else "")
        )
    a, log_n0 = np.polyfit(np.log(budgets), np.log(vertices), 1)
    return Allocation(
        flops=np.array(budgets), parameters=np.array(vertices), a=float(a), log_n0=float(log_n0), left_out=left_out
    )


def bias_on_grid(law: Surface, runs: Runs, flops: float) -> ParabolaBias:
    """The error of approach 2 at ``flops`` if runs of these sizes and tokens lay on ``law`` exactly
    (Czech et al. 2026, arXiv:2603.22339).

    A profile is no parabola: its sides fall as N**-alpha and D**-beta. The vertex is right only where both exponents
    are equal and the grid is centred on the optimum; the wider the grid, the worse.

    Raises ``ValueError`` where the runs are no isoFLOP profiles, as ``fit_parabolas`` does.

    >>> from lehr.simulators.laws import Chinchilla
    >>> from lehr.simulators.laws.surfaces.runs import make_runs
    >>> law = Chinchilla(name="printed", title="", n_convention="total", loss_unit="nats/token",
    ...     E=1.69, A=406.4, B=410.7, alpha=0.34, beta=0.28)
    >>> flops = np.geomspace(1e17, 1e21, 5)[:, None]
    >>> n = law.optimum(flops)[0] * 8.0 ** np.linspace(-1, 1, 15)
    >>> runs = make_runs(n.ravel(), (flops / 6 / n).ravel(), law.loss(n, flops / 6 / n).ravel())
    >>> bias = bias_on_grid(law, runs, 1e24)
    >>> f"{bias.found:.3g} tokens instead of {bias.tokens:.3g}: {bias.relative:.1%}"
    '3.92e+12 tokens instead of 4.04e+12: -2.9%'
    """
    exact = msgspec.structs.replace(runs, loss=law.loss(runs.parameters, runs.tokens))
    return ParabolaBias(
        flops=flops,
        tokens=float(law.optimum(flops)[1]),
        found=fit_parabolas(exact).optimum(flops)[1],
        reason=f"{NO_PARABOLA}, and where the sizes lie off centre the vertex moves. "
        "The surface itself (approach 3) has no such error.",
    )
