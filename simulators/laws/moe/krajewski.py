"""Fine-grained experts (Krajewski et al. 2024, arXiv:2402.07871)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lehr.simulators.counting import NConvention
from lehr.simulators.laws.base import Answer, Law, LossUnit
from lehr.simulators.quantities import Floats

ROUTER_FLOPS = 14.0
"""Work of routing a token, per expert and unit of width, forward and backward [FLOP]: with 14 the FLOPs of the paper's
Table 2 follow."""


class GranularMoe(Law, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="granular_moe"):
    """L(N, D, G) = c + (g / G**gamma + a) / N**alpha + b / D**beta (equation 9), for a fixed expansion rate E.

    N counts every parameter without embeddings: (8 E + 4) d_model**2 n_blocks, which is not E times the active
    12 d_model**2 n_blocks. The granularity G says how many times smaller an expert is than a dense feed-forward.

    >>> law = GranularMoe(name="x", title="", n_convention="non_embedding", loss_unit="nats/token", expansion=64,
    ...     a=18.1, alpha=0.115, b=30.8, beta=0.147, g=2.1, gamma=0.58, c=0.47)
    >>> float(law.loss(law.total(7e9), 137.6e9, 32).round(2))              # the paper prints 2.076 in Table 2
    2.06
    """

    n_convention: NConvention
    loss_unit: LossUnit
    expansion: float
    a: float
    alpha: float
    b: float
    beta: float
    g: float
    gamma: float
    c: float

    def loss(self, n: ArrayLike, d: ArrayLike, granularity: ArrayLike = 1.0) -> Floats:
        """The loss at ``n`` total parameters after ``d`` tokens, broadcast [loss_unit]."""
        n, d, granularity = (np.asarray(x, dtype=float) for x in (n, d, granularity))
        return np.asarray(
            self.c + (self.g * granularity**-self.gamma + self.a) * n**-self.alpha + self.b * d**-self.beta
        )

    def total(self, active: ArrayLike) -> Floats:
        """All parameters of a model with ``active`` ones, both without embeddings: (8 E + 4) / 12 times [parameters].

        With 64 experts 43 times, and not the 64 times that a name such as "64 x 7B" suggests.
        """
        return np.asarray(active, dtype=float) * (8 * self.expansion + 4) / 12

    def training_flops(self, d_model: ArrayLike, n_blocks: ArrayLike, d: ArrayLike, granularity: ArrayLike) -> Floats:
        """(12 d_model**2 x 6 + d_model E G x 14) D n_blocks: the active parameters and the router [FLOP].

        >>> law = GranularMoe(name="x", title="", n_convention="non_embedding", loss_unit="nats/token", expansion=64,
        ...     a=18.1, alpha=0.115, b=30.8, beta=0.147, g=2.1, gamma=0.58, c=0.47)
        >>> f"{law.training_flops(3342, 3342 / 64, 137.6e9, 32):.3g}"       # 64 x 7B of Table 2: 6.46e21
        '6.47e+21'
        """
        width, depth, d, granularity = (np.asarray(x, dtype=float) for x in (d_model, n_blocks, d, granularity))
        router = width * self.expansion * granularity * ROUTER_FLOPS
        return np.asarray((12 * width**2 * 6 + router) * d * depth)

    def answers(self) -> dict[str, Answer]:
        """The loss at all parameters or at the active ones, and the FLOPs of a model of the paper's shape."""
        return {
            "loss": (self.loss, self.loss_unit),
            "loss_at_active": (
                lambda active, d, granularity: self.loss(self.total(active), d, granularity),
                "nats/token",
            ),
        }
