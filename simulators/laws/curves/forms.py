"""Curve laws: the loss at every step of a schedule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from lehr.simulators.laws.curves.base import CurveLaw, checked_rates, chosen, forward_power, without_warm_up
from lehr.simulators.laws.curves.kernels import drops, momentum_annealing, power_annealing
from lehr.simulators.quantities import Floats, NonNegative, Positive

Decay = Annotated[float, msgspec.Meta(ge=0.0, lt=1.0)]


class PowerOfSum(CurveLaw, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="power_of_sum"):
    """L(t) = L0 + A S1^-alpha, with S1 the sum of the learning rates so far: what the others refine.

    It knows nothing of annealing; its residuals on a decay show what annealing adds.

    >>> law = PowerOfSum(name="x", title="", L0=3.0, A=0.5, alpha=0.5)
    >>> round(float(law.loss(np.full(10000, 1e-4))[-1]), 6)
    3.5
    """

    constants_of_law: ClassVar[tuple[str, ...]] = ("L0", "A", "alpha")

    L0: float
    A: Positive
    alpha: Positive

    def loss(self, rates: ArrayLike, *, changed_at: int | None = None) -> Floats:
        """The loss at every step [loss_unit]; ``changed_at`` has no effect."""
        return self.L0 + forward_power(np.cumsum(checked_rates(rates)), self.A, self.alpha)


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

    L0: float
    A: Positive
    alpha: Positive
    C: NonNegative
    decay: Decay

    def loss(self, rates: ArrayLike, *, changed_at: int | None = None) -> Floats:
        """The loss at every step [loss_unit]; ``changed_at`` has no effect."""
        flat = without_warm_up(checked_rates(rates))
        change = drops(flat)
        change[0] = 0.0
        return (
            self.L0
            + forward_power(np.cumsum(flat), self.A, self.alpha)
            - self.C * momentum_annealing(change, self.decay)
        )


class MultiPower(CurveLaw, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="multi_power"):
    """L(t) = L0 + A S1^-alpha - B sum_(k <= t) (eta_(k-1) - eta_k) G(eta_k^-gamma S_k(t)).

    G(x) = 1 - (1 + C x)^-beta, S_k(t) = eta_k + ... + eta_t, S1 = S_1(t), warm-up included in both sums
    (Luo et al., arXiv:2503.12811, section 3). Before the first step the rate is zero. The paper's text lets the sum
    begin after warm-up; its authors' constants hold for the sum from the first step on, and the difference, B times
    the peak rate, is then part of L0.

    >>> law = MultiPower(name="x", title="", L0=3.04045406, A=0.52468604, alpha=0.50786857, B=363.78751622,
    ...                  C=2.06560812, beta=0.58279013, gamma=0.64142257)
    >>> t = np.arange(24001); rates = np.minimum(t / 2160, 1) * 3e-4
    >>> round(float(law.loss(rates)[-1]), 4)
    3.3458
    """

    constants_of_law: ClassVar[tuple[str, ...]] = ("L0", "A", "alpha", "B", "C", "beta", "gamma")

    L0: float
    A: Positive
    alpha: Positive
    B: NonNegative
    C: Positive
    beta: Positive
    gamma: NonNegative

    def loss(self, rates: ArrayLike, *, changed_at: int | None = None) -> Floats:
        """The loss at every step [loss_unit], to 1e-7 B sum |eta_(k-1) - eta_k|; ``changed_at`` has no effect."""
        array = checked_rates(rates)
        annealing = power_annealing(array, C=self.C, beta=self.beta, gamma=self.gamma)
        return self.L0 + forward_power(np.cumsum(array), self.A, self.alpha) - self.B * annealing

    def loss_at(
        self, rates: ArrayLike, steps: Sequence[int] | NDArray[np.int_], *, changed_at: int | None = None
    ) -> Floats:
        """The loss at chosen ``steps`` by the sum itself, exact to rounding [loss_unit]; shape of ``steps``."""
        array = checked_rates(rates)
        total, change = np.cumsum(array), drops(array)
        sources = np.flatnonzero(change)
        with np.errstate(divide="ignore"):
            steepness = self.C * array[sources] ** -self.gamma
        change, before = change[sources], (total - array)[sources]
        indices = chosen(steps, len(array))
        annealing = np.empty(indices.shape)
        for i, t in np.ndenumerate(indices):
            n = int(np.searchsorted(sources, t, side="right"))
            area = total[t] - before[:n]
            kernel = (1 + steepness[:n] * np.where(area > 0, area, np.nan)) ** -self.beta
            annealing[i] = np.sum(change[:n] * np.where(area > 0, 1 - kernel, 0.0))
        return self.L0 + forward_power(total[indices], self.A, self.alpha) - self.B * annealing


class CptShift(CurveLaw, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="cpt_shift"):
    """The momentum law over a change of data: pre-training, then continued pre-training from step ``changed_at``.

    L(t) = L0 + A (S1_pt + S1_cpt)^-alpha - C1 S2_pt - C2 S2_cpt + B (1 - (1 + E S1_cpt)^-beta) (Wang et al.,
    arXiv:2505.07796). The last term is the shift between the corpora: positive for the loss on the first corpus,
    negative for that on the second. The changes of the rate before ``changed_at`` make up S2_pt, later ones, a
    re-warming among them, S2_cpt; both keep their momentum. Warm-up of pre-training counts as if at its peak.

    >>> law = CptShift(name="x", title="", L0=2.0, A=0.5, alpha=0.5, C1=0.4, C2=0.4, decay=0.999,
    ...                B=-0.3, E=2.0, beta=0.5)
    >>> law.loss(np.full(20000, 1e-4), changed_at=10000)[[9999, 19999]].round(4)
    array([2.5   , 2.2268])
    """

    constants_of_law: ClassVar[tuple[str, ...]] = ("L0", "A", "alpha", "C1", "C2", "decay", "B", "E", "beta")

    L0: float
    A: Positive
    alpha: Positive
    C1: NonNegative
    C2: NonNegative
    decay: Decay
    B: float
    E: Positive
    beta: Positive

    def loss(self, rates: ArrayLike, *, changed_at: int | None = None) -> Floats:
        """The loss at every step [loss_unit]; without ``changed_at`` all of it is pre-training.

        Raises ``ValueError`` for a ``changed_at`` beyond the schedule.
        """
        flat = without_warm_up(checked_rates(rates))
        first = len(flat) if changed_at is None else changed_at
        if not 0 <= first <= len(flat):
            raise ValueError(f"changed_at is {first}; write a step between 0 and {len(flat)}")
        change = drops(flat)
        change[0] = 0.0
        on_second = np.arange(len(flat)) >= first
        total = np.cumsum(flat)
        since = np.cumsum(np.where(on_second, flat, 0.0))
        return (
            self.L0
            + forward_power(total, self.A, self.alpha)
            - self.C1 * momentum_annealing(np.where(on_second, 0.0, change), self.decay)
            - self.C2 * momentum_annealing(np.where(on_second, change, 0.0), self.decay)
            + self.B * (1 - (1 + self.E * since) ** -self.beta)
        )
