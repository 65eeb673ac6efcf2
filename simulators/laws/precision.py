"""Training and quantising in few bits (Kumar et al. 2024, arXiv:2411.04330)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lehr.simulators.counting import NConvention
from lehr.simulators.laws.base import Answer, Law, LossUnit
from lehr.simulators.quantities import Floats


class PrecisionLaw(Law, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="precision"):
    """L = A N_eff**-alpha + B D**-beta + E, with N_eff = N prod_i (1 - exp(-P_i / gamma_i)) over weights, activations
    and the key-value cache (equations 3 and 4), and delta = C_T D**gamma_D / N**gamma_N exp(-P / gamma_post) more
    after quantising the weights to P bits (equation 2). N counts no embeddings.

    >>> law = PrecisionLaw(name="x", title="", n_convention="non_embedding", loss_unit="nats/token", A=4299.0,
    ...     alpha=0.4965, B=18060.0, beta=0.4965, E=2.7648, gamma_w=2.6745, gamma_a=2.2102, gamma_kv=0.9578, C_T=0.0598,
    ...     gamma_D=0.5068, gamma_N=0.3439, gamma_post=0.5907)
    >>> (law.effective_parameters(1e9, weights=[4, 8, 16]) / 1e9).round(3).tolist()
    [0.776, 0.95, 0.997]
    """

    n_convention: NConvention
    loss_unit: LossUnit
    A: float
    alpha: float
    B: float
    beta: float
    E: float
    gamma_w: float
    gamma_a: float
    gamma_kv: float
    C_T: float
    gamma_D: float  # noqa: N815  (the paper's name)
    gamma_N: float  # noqa: N815
    gamma_post: float

    def effective_parameters(
        self, n: ArrayLike, weights: ArrayLike = np.inf, activations: ArrayLike = np.inf, kv: ArrayLike = np.inf
    ) -> Floats:
        """The size in full precision that ``n`` parameters in so many bits are worth, broadcast [parameters]."""
        kept = np.asarray(n, dtype=float)
        for bits, gamma in ((weights, self.gamma_w), (activations, self.gamma_a), (kv, self.gamma_kv)):
            kept = kept * -np.expm1(-np.asarray(bits, dtype=float) / gamma)
        return np.asarray(kept)

    def loss(
        self,
        n: ArrayLike,
        d: ArrayLike,
        weights: ArrayLike = np.inf,
        activations: ArrayLike = np.inf,
        kv: ArrayLike = np.inf,
    ) -> Floats:
        """The loss at ``n`` parameters after ``d`` tokens, trained in so many bits, broadcast [loss_unit]."""
        size = self.effective_parameters(n, weights, activations, kv)
        return np.asarray(self.A * size**-self.alpha + self.B * np.asarray(d, dtype=float) ** -self.beta + self.E)

    def after_quantising(self, n: ArrayLike, d: ArrayLike, bits: ArrayLike) -> Floats:
        """What quantising the weights to ``bits`` after training adds to the loss, broadcast [loss_unit].

        It grows with the tokens that the model has seen.
        """
        n, d, bits = (np.asarray(x, dtype=float) for x in (n, d, bits))
        return np.asarray(self.C_T * d**self.gamma_D * n**-self.gamma_N * np.exp(-bits / self.gamma_post))

    def best_bits(self) -> float:
        """The precision of least loss where work is N D P and weights, activations and cache share it, each as
        sensitive as the weights: 3 x = exp(x) - 1 for x = P / gamma_w [bits].

        The paper finds 7 to 8 bits; with its printed constants it is 5.

        >>> round(PrecisionLaw(name="x", title="", n_convention="non_embedding", loss_unit="nats/token", A=4299.0,
        ...     alpha=0.4965, B=18060.0, beta=0.4965, E=2.7648, gamma_w=2.6745, gamma_a=2.2102, gamma_kv=0.9578,
        ...     C_T=0.0598, gamma_D=0.5068, gamma_N=0.3439, gamma_post=0.5907).best_bits(), 1)
        5.1
        """
        x = 2.0
        for _ in range(50):
            x -= (np.expm1(x) - 3 * x) / (np.exp(x) - 3)
        return float(x * self.gamma_w)

    def answers(self) -> dict[str, Answer]:
        """The loss, what so many bits are worth, and what quantising adds."""
        return {
            "loss": (self.loss, self.loss_unit),
            "effective_parameters": (self.effective_parameters, "parameters"),
            "after_quantising": (self.after_quantising, self.loss_unit),
            "best_bits": (self.best_bits, "bits"),
        }
