"""Parameters against work (Abnar et al. 2025, arXiv:2501.12370)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lehr.simulators.counting import NConvention
from lehr.simulators.laws.base import Answer, Law, LossUnit
from lehr.simulators.quantities import Floats


class SparsityLaw(Law, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="sparsity"):
    """L(N, D, S) = a / N**alpha + b / D**beta + c / (1 - S)**lambda + d / ((1 - S)**delta N**gamma) + e (equation 6).

    N counts every parameter, S is the share of experts that a token does not use: (E - K) / E. ``lambda_`` is the
    paper's lambda.

    >>> law = SparsityLaw(name="x", title="", n_convention="total", loss_unit="nats/token", a=16612.50, alpha=0.5962,
    ...     b=5455.67, beta=0.3954, c=0.4598, lambda_=-0.1666, d=17.26, delta=0.1603, gamma=0.1595, e=0.94)
    >>> law.loss(10e9, 100e9, [0.0, 0.9]).round(3).tolist()
    [2.101, 2.15]
    """

    n_convention: NConvention
    loss_unit: LossUnit
    a: float
    alpha: float
    b: float
    beta: float
    c: float
    lambda_: float
    d: float
    delta: float
    gamma: float
    e: float

    def loss(self, n: ArrayLike, tokens: ArrayLike, sparsity: ArrayLike = 0.0) -> Floats:
        """The loss at ``n`` total parameters after ``tokens``, broadcast [loss_unit].

        Raises ``ValueError`` for a sparsity outside [0, 1).
        """
        n, tokens, sparsity = (np.asarray(x, dtype=float) for x in (n, tokens, sparsity))
        if np.any((sparsity < 0) | (sparsity >= 1)):
            raise ValueError("sparsity is the share of experts that a token does not use; write 0 or more, below 1")
        used = 1 - sparsity
        return np.asarray(
            self.a * n**-self.alpha
            + self.b * tokens**-self.beta
            + self.c * used**-self.lambda_
            + self.d * used**-self.delta * n**-self.gamma
            + self.e
        )

    def answers(self) -> dict[str, Answer]:
        """The loss."""
        return {"loss": (self.loss, self.loss_unit)}
