"""Reinforcement learning: pass rates by compute, which saturate."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lehr.simulators.laws.base import Answer, Law, LossUnit
from lehr.simulators.quantities import Floats


class RlSigmoid(Law, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="rl_sigmoid"):
    """R(C) = R_0 + (A - R_0) / (1 + (C_mid / C)**B) (Khatri et al., arXiv:2510.13786, equation 1).

    C is compute [hours of ``accelerator``], A the pass rate that no compute exceeds, C_mid where half the gain
    is reached, B how steep. R_0, the pass rate before training, is the model's own: the share of the gain needs none.

    >>> law = RlSigmoid(name="x", title="", accelerator="gb200", A=0.61, B=1.92, C_mid=2542)
    >>> law.share_of_gain([2542, 16e3, 1e5]).round(3).tolist()
    [0.5, 0.972, 0.999]
    >>> float(law.pass_rate(16e3, start=0.3).round(3)), round(law.hours_for(0.9))
    (0.601, 7983)
    """

    accelerator: str
    A: float
    B: float
    C_mid: float

    def share_of_gain(self, hours: ArrayLike) -> Floats:
        """(R - R_0) / (A - R_0) after ``hours`` [1]."""
        hours = np.asarray(hours, dtype=float)
        return np.asarray(1 / (1 + (self.C_mid / hours) ** self.B))

    def pass_rate(self, hours: ArrayLike, start: float) -> Floats:
        """The pass rate after ``hours``, from ``start`` before training [1]."""
        return np.asarray(start + (self.A - start) * self.share_of_gain(hours))

    def hours_for(self, share: float) -> float:
        """The compute that reaches ``share`` of the gain [accelerator-hours].

        Raises ``ValueError`` unless 0 < ``share`` < 1.
        """
        if not 0 < share < 1:
            raise ValueError(f"share is {share:g}; the curve reaches every share between 0 and 1, neither end")
        return float(self.C_mid * (share / (1 - share)) ** (1 / self.B))

    def answers(self) -> dict[str, Answer]:
        """The share of the gain and the pass rate, by accelerator-hours."""
        return {
            "share_of_gain": (self.share_of_gain, "1"),
            "pass_rate": (self.pass_rate, "1"),
            "hours_for": (self.hours_for, "accelerator-hours"),
        }


class RlPower(Law, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="rl_power"):
    """log L(N, X) = E(N) - k(N) log X with k(N) = k_max N / (N + N_0) (Tan et al., arXiv:2509.25300).

    L is one less the pass rate, X training FLOP or training samples. Logarithms are to base 10, which the intercepts
    depend on and the slopes do not. E(N) is a number for each size that was trained, ``intercepts`` by parameters.

    >>> law = RlPower(name="x", title="", loss_unit="1 - pass rate", resource="samples", k_max=0.14, N_0=13e9,
    ...     intercepts={"7e9": 0.0713})
    >>> float(law.slope(7e9).round(3)), float(law.loss(7e9, 50000).round(3))
    (0.049, 0.694)
    """

    loss_unit: LossUnit
    resource: str
    k_max: float
    N_0: float
    intercepts: dict[str, float]

    def slope(self, n: ArrayLike) -> Floats:
        """k(N), the learning efficiency: what a tenfold X takes off log10 L [1]."""
        n = np.asarray(n, dtype=float)
        return np.asarray(self.k_max * n / (n + self.N_0))

    def loss(self, n: float, x: ArrayLike) -> Floats:
        """One less the pass rate of the model of ``n`` parameters after ``x`` FLOP or samples [1].

        Raises ``ValueError`` for a size that was not trained.
        """
        known = {float(size): value for size, value in self.intercepts.items()}
        if n not in known:
            raise ValueError(f"{self.name} has no model of {n:.3g} parameters; it has {', '.join(self.intercepts)}")
        return np.asarray(10 ** (known[n] - self.slope(n) * np.log10(np.asarray(x, dtype=float))))

    def answers(self) -> dict[str, Answer]:
        """The slope and the loss."""
        return {"slope": (self.slope, "1"), "loss": (self.loss, self.loss_unit)}


class RlPlateau(Law, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="rl_plateau"):
    """L(N, X) = ((N_0 / N)**beta + B_0(N) / (X + C_0(N)))**alpha: falls to a floor that the size sets (the repository
    of arXiv:2509.25300). B_0 and C_0 are numbers for each size that was trained.

    >>> law = RlPlateau(name="x", title="", loss_unit="1 - pass rate", resource="samples", N_0=5e8, beta=1.089,
    ...     alpha=0.198, B_0={"7e9": 4783.0}, C_0={"7e9": 27170.0})
    >>> law.loss(7e9, [0, 50000]).round(3).tolist(), float(law.floor(7e9).round(3))
    ([0.749, 0.655], 0.566)
    """

    loss_unit: LossUnit
    resource: str
    N_0: float
    beta: float
    alpha: float
    B_0: dict[str, float]
    C_0: dict[str, float]

    def floor(self, n: ArrayLike) -> Floats:
        """What no further training goes below [1]."""
        return np.asarray((self.N_0 / np.asarray(n, dtype=float)) ** (self.beta * self.alpha))

    def loss(self, n: float, x: ArrayLike) -> Floats:
        """One less the pass rate of the model of ``n`` parameters after ``x`` [1].

        Raises ``ValueError`` for a size that was not trained.
        """
        sizes = {float(size): (self.B_0[size], self.C_0[size]) for size in self.B_0}
        if n not in sizes:
            raise ValueError(f"{self.name} has no model of {n:.3g} parameters; it has {', '.join(self.B_0)}")
        b, c = sizes[n]
        return np.asarray(((self.N_0 / n) ** self.beta + b / (np.asarray(x, dtype=float) + c)) ** self.alpha)

    def answers(self) -> dict[str, Answer]:
        """The loss and its floor."""
        return {"loss": (self.loss, self.loss_unit), "floor": (self.floor, self.loss_unit)}


AnyRlLaw = RlSigmoid | RlPower | RlPlateau
"""Every form of a law of reinforcement learning that a file may name by its ``kind``."""
