"""Loss by the proportions of domains (Ye et al., arXiv:2403.16952)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from lehr.simulators.laws.base import Law, LossUnit
from lehr.simulators.quantities import Floats


class MixingLaw(Law, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="mixing"):
    """L_i = c_i + k_i exp(sum_j t_ij r_j) for the validation domain i by the shares r_j of the training domains j
    (equation 7), at one size and length.

    >>> law = MixingLaw(name="x", title="", loss_unit="nats/token", c={"code": 1.0}, k={"code": 1.0},
    ...     t={"code": {"code": -1.0, "text": 0.0}})
    >>> float(law.loss("code", {"code": 1.0, "text": 0.0}).round(4))
    1.3679

    Raises ``ValueError`` where the constants do not name the same domains.
    """

    loss_unit: LossUnit
    c: dict[str, float]
    k: dict[str, float]
    t: dict[str, dict[str, float]]

    def __post_init__(self) -> None:
        if not self.c.keys() == self.k.keys() == self.t.keys():
            raise ValueError("c, k and t must name the same validation domains")

    def loss(self, domain: str, shares: Mapping[str, ArrayLike]) -> Floats:
        """The loss on ``domain`` with ``shares`` of the training domains, broadcast [loss_unit].

        Raises ``ValueError`` for a domain that the law does not know.
        """
        if domain not in self.c:
            raise ValueError(f"{self.name} has no domain {domain!r}; it has {', '.join(self.c)}")
        if unknown := set(shares) - set(self.t[domain]):
            raise ValueError(f"{self.name} was not trained on {min(unknown)!r}; it has {', '.join(self.t[domain])}")
        total: Floats = np.asarray(0.0)
        for name, share in shares.items():
            total = np.asarray(total + self.t[domain][name] * np.asarray(share, dtype=float))
        return np.asarray(self.c[domain] + self.k[domain] * np.exp(total))
