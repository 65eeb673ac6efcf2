"""L = L0 + A S1^-alpha - C S2: the sum of the rates, and the area of their fall with a momentum."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from lehr.simulators.laws.curves.base import (
    CurveLaw,
    Decay,
    Floats,
    NonNegative,
    Positive,
    checked_rates,
    forward_power,
    power_and_slope,
    without_warm_up,
)
from lehr.simulators.laws.curves.form import Constants, Coordinate, CurveForm, forward, slopes
from lehr.simulators.laws.curves.kernels import drops, momentum_annealing
from lehr.simulators.laws.curves.power_of_sum import ALPHA
from lehr.simulators.laws.curves.runs import LoggedRun

HORIZON = Coordinate(
    name="log horizon", low=0.0, high=12.0, tried=(log(100), log(1000)), centre=log(1000), spread=log(10)
)
"""Steps after which the momentum has decayed to 1/e: a thousand, ten times more or less (Tissue et al.: decay 0.99 to
0.999 [1])."""
STEP = 1e-4
"""Of the difference quotient by the logarithm of the momentum's horizon; its error is of the order of its square."""


class Momentum(CurveLaw, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="momentum"):
    """L(t) = L0 + A S1^-alpha - C S2 (Tissue et al., arXiv:2408.11029).

    S1 = eta_1 + ... + eta_t; S2 = m_1 + ... + m_t with m_i = decay m_(i-1) + (eta_(i-1) - eta_i), the annealing area
    [learning rate times steps]. Warm-up counts as if it stood at its peak. ``decay`` is the paper's lambda [1].

    >>> law = Momentum(name="x", title="", L0=3.0, A=0.5, alpha=0.5, C=0.4, decay=0.999)
    >>> rates = np.r_[np.full(9000, 1e-4), np.linspace(1e-4, 0, 1000)]
    >>> law.loss(rates)[[8999, 9999]].round(4)
    array([3.527 , 3.4983])
    """

    constants_of_law: ClassVar[tuple[str, ...]] = ("L0", "A", "alpha", "C", "decay")
    linear_in_drops: ClassVar[bool] = True

    L0: float
    A: Positive
    alpha: Positive
    C: NonNegative
    decay: Decay

    def parts(self, rates: ArrayLike, *, changed_at: int | None = None) -> tuple[Floats, Floats]:
        """A S1^-alpha and -C S2 at every step [loss_unit]; ``changed_at`` has no effect."""
        flat = without_warm_up(checked_rates(rates))
        change = drops(flat)
        change[0] = 0.0
        forward = forward_power(np.cumsum(flat), self.A, self.alpha)
        return forward, -self.C * momentum_annealing(change, self.decay)

    def final_slope(self, rates: ArrayLike, steps: Floats | None = None) -> tuple[float, Floats]:
        """The final loss and its derivative by each rate (pieces,) after warm-up, which counts as its peak."""
        loss, slope = momentum_final(
            checked_rates(rates), steps, A=self.A, alpha=self.alpha, C=self.C, decay=self.decay
        )
        return self.L0 + loss, slope


def momentum_final(
    rates: Floats,
    steps: Floats | None,
    *,
    A: float,  # noqa: N803
    alpha: float,
    C: float,  # noqa: N803
    decay: float,
) -> tuple[float, Floats]:
    """A S1^-alpha - C S2 after the last step and its derivative by each rate: linear in the drops.

    A drop with n steps left, its own among them, has brought 1 + decay + ... + decay^(n - 1).
    """
    flat = without_warm_up(rates)
    held = np.ones_like(flat) if steps is None else steps
    left = np.cumsum(held[::-1])[::-1]
    weight = -np.expm1(left * log(decay)) / (1 - decay) if decay > 0 else np.ones_like(left)
    change = drops(flat)
    change[0] = 0.0
    power, by_sum = power_and_slope(float((flat * held).sum()), A, alpha)
    slope = by_sum * held
    slope[1:] += C * weight[1:]
    slope[:-1] -= C * weight[1:]
    return power - C * float(change @ weight), slope


class MomentumDesign:
    """Columns: S1^-alpha and -S2. Shapes: alpha and log h, the horizon of the momentum: decay = e^(-1/h)."""

    def __init__(self, runs: Sequence[LoggedRun], _: float) -> None:
        flat = [without_warm_up(run.rates[: int(run.steps[-1]) + 1]) for run in runs]
        self.total = np.concatenate([np.cumsum(f)[run.steps] for f, run in zip(flat, runs, strict=True)])
        self.steps = [run.steps for run in runs]
        self.changes = [drops(f) for f in flat]
        for change in self.changes:
            change[0] = 0.0

    def area(self, log_horizon: float) -> Floats:
        """S2 of every logged row (rows,) [learning rate]."""
        decay = float(np.exp(-np.exp(-log_horizon)))
        both = zip(self.changes, self.steps, strict=True)
        return np.concatenate([momentum_annealing(change, decay)[steps] for change, steps in both])

    def columns(self, phi: Floats) -> tuple[Floats, Floats]:
        """X and dX/dphi."""
        power, slope = forward(self.total, float(phi[0]))
        low, high = self.area(float(phi[1]) - STEP), self.area(float(phi[1]) + STEP)
        nothing = np.zeros_like(power)
        return (
            np.stack([power, -(low + high) / 2], axis=1),
            np.stack([np.stack([slope, nothing], axis=1), np.stack([nothing, -(high - low) / (2 * STEP)], axis=1)]),
        )


def constants_of(theta: Floats, _: float) -> Constants:
    """The law's constants of the fit's coordinates."""
    level, log_a, log_c, alpha, log_h = theta.tolist()
    decay = exp(-exp(-log_h))
    return {
        "L0": (level, slopes(5, _0=1.0)),
        "log A": (exp(log_a), slopes(5, _1=1.0)),
        "alpha": (alpha, slopes(5, _3=1.0)),
        "log C": (exp(log_c), slopes(5, _2=1.0)),
        "decay": (decay, slopes(5, _4=decay * exp(-log_h))),
    }


def coordinates_of(law: Momentum, _: float) -> Floats:
    """The fit's coordinates of the law's constants."""
    return np.array([law.L0, log(law.A), log(max(law.C, 1e-300)), law.alpha, -log(-log(max(law.decay, 1e-300)))])


FORM = CurveForm(
    kind="momentum",
    linear=("A", "C"),
    shapes=(ALPHA, HORIZON),
    design=MomentumDesign,
    to_constants=constants_of,
    to_coordinates=coordinates_of,
)
