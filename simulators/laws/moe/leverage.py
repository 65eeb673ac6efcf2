"""Efficiency leverage: the work of a dense model over that of a mixture of equal loss (Tian et al. 2025,
arXiv:2507.17702)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lehr.simulators.laws.base import Answer, Law
from lehr.simulators.quantities import Floats


class EfficiencyLeverage(Law, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="efficiency_leverage"):
    """EL(A, G, C) = A_hat**(alpha + gamma (log2 G)**2 + beta log2 G) with alpha = a + d log10 C (equation 13).

    A is the share of experts that a token uses, shared experts included; G = 2 d_model / d_expert the granularity; C
    the training work [FLOP]; 1/A_hat = 1/(A + (1/A_start - 1/A_max)**-1) + 1/A_max. The paper prints no base of a
    logarithm: these two are the ones with which it reproduces its own claims; natural ones give a leverage of
    thousands.

    >>> law = EfficiencyLeverage(name="x", title="", a=1.23, d=-7.61e-2, gamma=1.67e-2, beta=-1.17e-1,
    ...     A_start=1.63e-2, A_max=5.28e16)
    >>> float(law.leverage(0.031, 12, 1e22).round(2)), round(law.best_granularity(), 1)    # more than 7; 8 to 12
    (7.24, 11.3)
    """

    a: float
    d: float
    gamma: float
    beta: float
    A_start: float
    A_max: float

    def leverage(self, activation: ArrayLike, granularity: ArrayLike, flops: ArrayLike) -> Floats:
        """C_dense / C_moe at equal loss, broadcast [1].

        Raises ``ValueError`` for an activation outside (0, 1].
        """
        activation, granularity, flops = (np.asarray(x, dtype=float) for x in (activation, granularity, flops))
        if np.any((activation <= 0) | (activation > 1)):
            raise ValueError("activation is the share of experts that a token uses; write above 0 and at most 1")
        log_g = np.log2(granularity)
        exponent = self.a + self.d * np.log10(flops) + self.gamma * log_g**2 + self.beta * log_g
        saturated = 1 / (1 / (activation + 1 / (1 / self.A_start - 1 / self.A_max)) + 1 / self.A_max)
        return np.asarray(saturated**exponent)

    def best_granularity(self) -> float:
        """The granularity of most leverage: log2 G = -beta / (2 gamma), at every activation and budget [1]."""
        return float(2 ** (-self.beta / (2 * self.gamma)))

    def answers(self) -> dict[str, Answer]:
        """The leverage and the best granularity."""
        return {"leverage": (self.leverage, "1"), "best_granularity": (self.best_granularity, "1")}
