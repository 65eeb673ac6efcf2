"""The first law of routed models (Clark et al. 2022, arXiv:2202.01169)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lehr.simulators.counting import NConvention
from lehr.simulators.laws.base import Answer, Law, LossUnit
from lehr.simulators.laws.moe.base import saturating
from lehr.simulators.quantities import Floats


class RoutedLaw(Law, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="clark_routed"):
    """log L(N, E) = a log N + b log E_hat + c log N log E_hat + d (equation 1), logarithms to base 10.

    N is the size of the dense model that is routed, without embeddings; E the experts of a routed layer; E_hat
    saturates from ``E_start`` to ``E_max`` (equation 2). Every run saw 130e9 tokens: the law says nothing of data.

    >>> law = RoutedLaw(name="x", title="", n_convention="non_embedding", loss_unit="nats/token", tokens=130e9,
    ...     a=-0.082, b=-0.108, c=0.009, d=1.104, E_start=1.847, E_max=314.478)
    >>> law.loss(1.3e9, [1, 128]).round(3).tolist()
    [2.237, 2.022]
    """

    n_convention: NConvention
    loss_unit: LossUnit
    tokens: float
    a: float
    b: float
    c: float
    d: float
    E_start: float
    E_max: float

    def loss(self, n: ArrayLike, experts: ArrayLike) -> Floats:
        """The loss of a model of dense size ``n`` with ``experts`` experts, broadcast [loss_unit]."""
        log_n = np.log10(np.asarray(n, dtype=float))
        log_e = np.log10(saturating(experts, self.E_start, self.E_max))
        return np.asarray(10 ** (self.a * log_n + self.b * log_e + self.c * log_n * log_e + self.d))

    def effective_parameters(self, n: ArrayLike, experts: ArrayLike) -> Floats:
        """The dense size of equal loss (equation 11), broadcast [parameters].

        >>> law = RoutedLaw(name="x", title="", n_convention="non_embedding", loss_unit="nats/token", tokens=130e9,
        ...     a=-0.082, b=-0.108, c=0.009, d=1.104, E_start=1.847, E_max=314.478)
        >>> float((law.effective_parameters(5e6, 128) / 1e6).round())     # the paper, before rounding: 55
        52.0
        """
        log_start = np.log10(self.E_start)
        log_l = np.log10(self.loss(n, experts))
        return np.asarray(10 ** ((log_l - self.d - self.b * log_start) / (self.a + self.c * log_start)))

    def cutoff(self) -> float:
        """The size from which more experts help no more: log N = -b / c (section 5) [parameters]."""
        return float(10 ** (-self.b / self.c))

    def answers(self) -> dict[str, Answer]:
        """The loss, the dense size of equal loss and the size from which routing helps no more."""
        return {
            "loss": (self.loss, self.loss_unit),
            "effective_parameters": (self.effective_parameters, "parameters"),
            "cutoff": (self.cutoff, "parameters"),
        }


def fit_routed(n: ArrayLike, experts: ArrayLike, losses: ArrayLike) -> RoutedLaw:
    """Fit the law to runs of one router, dense ones with one expert among them: least squares of log10 L.

    For given E_start and E_max the rest is linear; the two are searched on a grid that is narrowed nine times.
    Raises ``ValueError`` for fewer than 7 runs, or sizes or experts that do not vary.

    >>> law = RoutedLaw(name="x", title="", n_convention="non_embedding", loss_unit="nats/token", tokens=130e9,
    ...     a=-0.08, b=-0.11, c=0.01, d=1.1, E_start=1.9, E_max=300.0)
    >>> n, experts = (x.ravel() for x in np.meshgrid([25e6, 130e6, 1.3e9], [1, 8, 64, 512]))
    >>> found = fit_routed(n, experts, law.loss(n, experts))
    >>> round(found.a, 4), round(found.c, 4), round(found.E_start, 2), round(found.E_max)
    (-0.08, 0.01, 1.9, 300)
    """
    n, experts, losses = (np.asarray(x, dtype=float) for x in (n, experts, losses))
    if len(n) < 7:
        raise ValueError(f"{len(n)} runs do not fix 6 constants; give 7 or more")
    if np.ptp(n) == 0 or np.ptp(experts) == 0:
        raise ValueError("sizes and numbers of experts must both vary; add runs of another size or of one expert")
    log_n, target = np.log10(n), np.log10(losses)

    def linear(start: float, most: float) -> tuple[float, Floats]:
        log_e = np.log10(saturating(experts, start, most))
        columns = np.stack([log_n, log_e, log_n * log_e, np.ones_like(log_n)], axis=1)
        solution = np.linalg.lstsq(columns, target, rcond=None)[0]
        return float(np.sum((columns @ solution - target) ** 2)), solution

    centre, width = np.log([2.5, 400.0]), np.log([10.0, 30.0])
    for _ in range(10):
        starts, mosts = (np.exp(c + w * np.linspace(-1, 1, 13)) for c, w in zip(centre, width, strict=True))
        tried = [(linear(s, m)[0], s, m) for s in starts if s > 1 for m in mosts if m > s]
        _, start, most = min(tried)
        centre, width = np.log([start, most]), width / 2.5
    a, b, c, d = linear(start, most)[1]
    return RoutedLaw(
        name="fit",
        title="fit",
        n_convention="non_embedding",
        loss_unit="nats/token",
        tokens=130e9,
        a=float(a),
        b=float(b),
        c=float(c),
        d=float(d),
        E_start=float(start),
        E_max=float(most),
    )
