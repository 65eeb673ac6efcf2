"""Continued pre-training by the share of the new domain."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from lehr.simulators.counting import NConvention
from lehr.simulators.laws.base import Answer, Law, LossUnit
from lehr.simulators.numerics.search import bisect
from lehr.simulators.quantities import Floats


class DomainCpt(Law, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="domain_cpt"):
    """L(N, D, r) = E + A / N**alpha + B r**eta / D**beta + C / (r + eps)**gamma (Que et al., arXiv:2406.01375).

    r is the share of the corpus whose loss L is: the domain's for the loss on the domain, one less that for the loss
    on the general corpus. D are the tokens of continued pre-training.

    >>> law = DomainCpt(name="x", title="", n_convention="total", loss_unit="nats/token", E=1.0, A=100.0, alpha=0.25,
    ...     B=50.0, eta=0.1, beta=0.2, C=0.2, eps=0.01, gamma=0.3)
    >>> law.loss(1.8e9, 10e9, [0.05, 0.5]).round(3).tolist()
    [2.321, 2.197]
    """

    n_convention: NConvention
    loss_unit: LossUnit
    E: float
    A: float
    alpha: float
    B: float
    eta: float
    beta: float
    C: float
    eps: float
    gamma: float

    def loss(self, n: ArrayLike, d: ArrayLike, share: ArrayLike) -> Floats:
        """The loss at ``n`` parameters after ``d`` further tokens, ``share`` of them of the corpus, broadcast
        [loss_unit]."""
        n, d, share = (np.asarray(x, dtype=float) for x in (n, d, share))
        data = self.B * share**self.eta * d**-self.beta
        return np.asarray(self.E + self.A * n**-self.alpha + data + self.C * (share + self.eps) ** -self.gamma)

    def answers(self) -> dict[str, Answer]:
        """The loss."""
        return {"loss": (self.loss, self.loss_unit)}


def largest_domain_share(general_loss: Callable[[float], float], before: float, rise: float = 0.03) -> float | None:
    """The largest share of the new domain at which the general loss stays within ``rise`` of ``before`` [1].

    ``general_loss`` gives the loss on the general corpus by the domain's share, and grows with it. ``None`` where even
    a share of zero exceeds it; 1 where no replay is needed (usage 1 of arXiv:2406.01375).

    >>> round(largest_domain_share(lambda share: 2.0 + share**2, before=2.0, rise=0.03), 3)
    0.245
    """
    limit = before * (1 + rise)
    if general_loss(0.0) > limit:
        return None
    if general_loss(1.0) <= limit:
        return 1.0
    ends = np.array(0.0), np.array(1.0)
    return float(bisect(lambda share: np.asarray(general_loss(float(share)) <= limit), *ends, rounds=40))


class CriticalShare(Law, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="critical_share"):
    """R*(T) = a (T / tokens_unit)**s + b: the largest share of the domain with which the general loss recovers
    (Gu et al., arXiv:2407.17467), for one size of model.

    >>> law = CriticalShare(name="x", title="", parameters=460e6, tokens_unit=0.2e9, a=0.22524761, s=0.26944345,
    ...     b=-0.48139982)
    >>> float(law.share(20e9).round(3))
    0.298
    """

    parameters: float
    tokens_unit: float
    a: float
    s: float
    b: float

    def share(self, tokens: ArrayLike) -> Floats:
        """The critical share of the domain after ``tokens`` of continued pre-training, between 0 and 1 [1]."""
        raw = self.a * (np.asarray(tokens, dtype=float) / self.tokens_unit) ** self.s + self.b
        return np.asarray(np.clip(raw, 0.0, 1.0))

    def answers(self) -> dict[str, Answer]:
        """The critical share, in percent as the paper prints it."""
        return {"share": (self.share, "1"), "percent": (lambda tokens: 100 * self.share(tokens), "%")}


class ShareOfDomain(Law, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="share_of_domain"):
    """L(R) = a R**s + b: the loss on the domain by its share, for one size and length (arXiv:2407.17467, section 5).

    >>> law = ShareOfDomain(name="x", title="", loss_unit="nats/token", a=-0.5, s=0.1, b=2.0)
    >>> law.loss([1.0, 0.25]).round(3).tolist()
    [1.5, 1.565]
    """

    loss_unit: LossUnit
    a: float
    s: float
    b: float

    def loss(self, share: ArrayLike) -> Floats:
        """The loss on the domain with ``share`` of it in the data [loss_unit]."""
        return np.asarray(self.a * np.asarray(share, dtype=float) ** self.s + self.b)

    def answers(self) -> dict[str, Answer]:
        """The loss on the domain."""
        return {"loss": (self.loss, self.loss_unit)}

    @classmethod
    def fit(cls, shares: ArrayLike, losses: ArrayLike, **common: str) -> ShareOfDomain:
        """Least squares: for every exponent a straight line, then the best exponent.

        Raises ``ValueError`` for fewer than 3 points. ``common`` are the fields that are no constants.

        >>> law = ShareOfDomain.fit([1.0, 0.75, 0.5, 0.25], [1.0, 1.03, 1.07, 1.13], name="x", title="",
        ...     loss_unit="nats/token")
        >>> float(law.loss(0.33).round(2))
        1.11
        """
        x, y = np.asarray(shares, dtype=float), np.asarray(losses, dtype=float)
        if len(x) < 3:
            raise ValueError(f"{len(x)} points do not fix 3 constants; give 3 or more shares")

        def line(s: float) -> tuple[float, float, float]:
            # (R**s - 1) / s keeps the problem well posed where s passes zero
            z = np.log(x) if abs(s) < 1e-9 else np.expm1(s * np.log(x)) / s
            slope, at_one = np.polyfit(z, y, 1)
            return float(np.sum((slope * z + at_one - y) ** 2)), float(slope), float(at_one)

        low, high = -3.0, 3.0
        for _ in range(30):
            # each round keeps the two cells beside the best of 21 exponents
            grid = np.linspace(low, high, 21)
            best = int(np.argmin([line(s)[0] for s in grid]))
            low, high = float(grid[max(best - 1, 0)]), float(grid[min(best + 1, 20)])
        s = (low + high) / 2
        _, slope, at_one = line(s)
        return cls(a=slope / s, s=s, b=at_one - slope / s, **common)  # type: ignore[arg-type]
