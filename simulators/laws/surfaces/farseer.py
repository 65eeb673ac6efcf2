"""Farseer: the exponent and the prefactor of the data term depend on the size (arXiv:2506.10972)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from simulators.laws.surfaces.base import Floats, Surface, least_loss, positive


class Farseer(Surface, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="farseer"):
    """L(N, D) = exp(s N**q + S) + exp(B N**b + Q) * D**(-exp(A N**a + E)); N without embeddings.

    Names of constants are the paper's; E is no irreducible loss here. The optimum is searched.

    >>> law = Farseer(name="x", title="", n_convention="non_embedding", loss_unit="bits/char",
    ...     s=-0.0625, q=0.13, S=0.128, B=230.7, b=-0.1729, Q=-1.544, A=-1.6656, a=0.0459, E=3.1333)
    >>> round(float(law.loss(1e9, 20e9)), 3)
    0.539
    """

    s: float
    q: float
    S: float
    B: float
    b: float
    Q: float
    A: float
    a: float
    E: float

    def loss(self, n: ArrayLike, d: ArrayLike) -> Floats:
        """The loss at ``n`` parameters after ``d`` tokens, broadcast [loss_unit]."""
        n, d = np.asarray(n, dtype=float), np.asarray(d, dtype=float)
        exponent = np.exp(self.A * n**self.a + self.E)
        data = np.exp(self.B * n**self.b + self.Q - exponent * np.log(d))
        return np.asarray(np.exp(self.s * n**self.q + self.S) + data)

    def optimum(self, flops: float) -> tuple[float, float]:
        """The parameters and tokens of least loss at 6 N D = ``flops``, at a token or more for each parameter
        [parameters], [tokens].

        Nearer to no data the exponent of the data vanishes and the form falls without end; no run was ever there.
        """
        n = least_loss(self._fed, positive(flops, "flops", "FLOP"))
        d = np.asarray(flops) / 6 / n
        return (float(n), float(d)) if np.ndim(n) == 0 else (n, d)  # type: ignore[return-value]

    def _fed(self, n: Floats, d: Floats) -> Floats:
        return np.where(d < n, np.inf, self.loss(n, d))
