"""Laws of the optimum alone: how many parameters and tokens a budget should buy, without the loss they reach."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from lehr.simulators.counting import NConvention
from lehr.simulators.laws.base import Answer, Bounds, Law, Outside
from lehr.simulators.laws.surfaces.base import positive
from lehr.simulators.quantities import Floats


class PowerOfCompute(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """coefficient (C / unit)**exponent; ``unit`` is what C was counted in [FLOP].

    >>> f"{float(PowerOfCompute(coefficient=5.8316, exponent=0.4757).at(4.5e23)):.3e}"
    '1.041e+12'
    """

    coefficient: float
    exponent: float
    unit: float = 1.0
    exponent_interval: Bounds | None = None

    def at(self, flops: ArrayLike) -> Floats:
        """The value at ``flops``, broadcast [parameters or tokens]."""
        return np.asarray(self.coefficient * (np.asarray(flops, dtype=float) / self.unit) ** self.exponent)

    def inverse(self, value: ArrayLike) -> Floats:
        """The FLOPs that give ``value``, broadcast [FLOP]."""
        return np.asarray(self.unit * (np.asarray(value, dtype=float) / self.coefficient) ** (1 / self.exponent))


class Frontier(Law, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="frontier"):
    """N*(C) and D*(C) as power laws of compute; where only one is published the other is what the budget leaves.

    C = ``flops_per_nd`` N D: 6 by the usual count, 1 where ``n_convention`` is flops_per_token, so that N stands for
    M, the FLOPs of a token (DeepSeek LLM, arXiv:2401.02954). Raises ``ValueError`` where neither is given.

    >>> law = Frontier(name="x", title="", n_convention="total",
    ...     tokens=PowerOfCompute(coefficient=0.299, exponent=0.537))
    >>> n, d = law.optimum(3.8e25)
    >>> f"{n:.3g} parameters, {d:.3g} tokens"
    '3.89e+11 parameters, 1.63e+13 tokens'
    """

    n_convention: NConvention
    parameters: PowerOfCompute | None = None
    tokens: PowerOfCompute | None = None
    flops_per_nd: float = 6.0

    def __post_init__(self) -> None:
        if self.parameters is None and self.tokens is None:
            raise ValueError("a frontier needs `parameters` or `tokens`: {coefficient: ..., exponent: ...}")

    def optimum(self, flops: float) -> tuple[float, float]:
        """The parameters (FLOPs per token where N counts those) and tokens to choose at ``flops``, broadcast
        [parameters], [tokens].

        Raises ``ValueError`` where ``flops`` is not positive.
        """
        work = positive(flops, "flops", "FLOP") / self.flops_per_nd
        n = self.parameters.at(flops) if self.parameters else None
        d = self.tokens.at(flops) if self.tokens else None
        if n is None:
            assert d is not None
            n = work / d
        if d is None:
            d = work / n
        return (float(n), float(d)) if np.ndim(n) == 0 else (n, d)  # type: ignore[return-value]

    def flops_for(self, n: ArrayLike) -> Floats:
        """The budget whose optimal size is ``n``, broadcast [FLOP]."""
        if self.parameters is not None:
            return self.parameters.inverse(n)
        assert self.tokens is not None
        # n = C / (k d(C)), again a power of C
        exponent = 1 - self.tokens.exponent
        coefficient = self.tokens.unit**self.tokens.exponent / (self.flops_per_nd * self.tokens.coefficient)
        return PowerOfCompute(coefficient=coefficient, exponent=exponent).inverse(n)

    def size_exponent(self) -> float:
        """The exponent with which the optimal size grows with compute [1]."""
        if self.parameters is not None:
            return self.parameters.exponent
        assert self.tokens is not None
        return 1 - self.tokens.exponent

    def answers(self) -> dict[str, Answer]:
        """The optimum at a budget, the budget of an optimal size, and the exponent of the size."""
        size = "FLOP/token" if self.n_convention == "flops_per_token" else "parameters"
        return {
            "optimum.parameters": (lambda flops: self.optimum(flops)[0], size),
            "optimum.tokens": (lambda flops: self.optimum(flops)[1], "tokens"),
            "optimum.exponent": (self.size_exponent, ""),
            "flops_for": (self.flops_for, "FLOP"),
        }

    def outside(self, flops: float) -> list[Outside]:
        """``flops`` where it lies outside the budgets that the law was fitted on."""
        return self.range.outside(flops=flops)

    def warnings(self, flops: float) -> list[str]:
        """As ``outside``, a line each."""
        return [str(one) for one in self.outside(flops)]


class SinglePower(Law, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="single_power"):
    """L(x) = (x_c / x)**alpha, the loss where only x is short: parameters, tokens or compute
    (Kaplan et al. 2020, arXiv:2001.08361, equations 1.1 to 1.3).

    ``of`` says what x is; ``unit`` is what it is counted in (a PF-day is 8.64e19 FLOP).

    >>> law = SinglePower(name="x", title="", of="parameters", n_convention="non_embedding", x_c=8.8e13, alpha=0.076)
    >>> round(float(law.loss(1e9)), 3)
    2.376
    """

    of: str
    x_c: float
    alpha: float
    unit: float = 1.0
    n_convention: NConvention | None = None
    loss_unit: str = "nats/token"

    def __post_init__(self) -> None:
        if self.of not in ("parameters", "tokens", "flops"):
            raise ValueError(f"of is {self.of!r}; write parameters, tokens or flops")

    def loss(self, x: ArrayLike) -> Floats:
        """The loss at ``x``, broadcast [loss_unit]. Raises ``ValueError`` where ``x`` is not positive."""
        return np.asarray((self.x_c * self.unit / positive(x, self.of, self.of)) ** self.alpha)

    def answers(self) -> dict[str, Answer]:
        """The loss."""
        return {"loss": (self.loss, self.loss_unit)}

    def warnings(self, x: float) -> list[str]:
        """One line where ``x`` lies outside the runs that the law was fitted on."""
        return self.range.warnings(**{self.of: x})
