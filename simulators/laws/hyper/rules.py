"""Laws of the best learning rate and batch by size, tokens or compute."""

from __future__ import annotations

from math import exp, log
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from lehr.simulators.laws.base import Answer, Bounds
from lehr.simulators.laws.hyper.base import HyperLaw, Powers
from lehr.simulators.laws.surfaces.base import positive
from lehr.simulators.quantities import Floats
from lehr.simulators.schedules import Schedule


class Regret(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What another rate than the best costs: the relative rise of the loss at ``half`` and at ``double`` of it [1]."""

    half: float
    double: float


class PowerRules(HyperLaw, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="power_rules"):
    """Peak rate and batch as products of powers, either of which may be missing.

    Step Law (arXiv:2503.04715), DeepSeek LLM (arXiv:2401.02954), Porian et al. (arXiv:2406.19146), token horizons
    (arXiv:2409.19913), joint MoE laws (arXiv:2502.05172). Where the batch is counted in sequences, ``sequence_length``
    says how long they were: a batch is compared in tokens.

    ``schedule`` is the shape that the rates were tuned under, with a peak of 1. ``rate_covariance`` is that of the log
    coefficient and the exponents of n and d, ``rate_spread`` the standard deviation of a best measured log rate about
    the rule [1].

    >>> law = PowerRules(name="x", title="", rate=Powers(coefficient=1.79, n=-0.713, d=0.307),
    ...     batch=Powers(coefficient=0.58, d=0.571))
    >>> f"{float(law.peak_rate(n=1e9, d=100e9)):.2e}, {float(law.batch_tokens(d=100e9)):,.0f} tokens"
    '1.63e-03, 1,107,715 tokens'
    """

    rate: Powers | None = None
    batch: Powers | None = None
    batch_unit: Literal["tokens", "sequences"] = "tokens"
    sequence_length: int | None = None
    schedule: Schedule | None = None
    rate_covariance: list[list[float]] | None = None
    rate_spread: float | None = None
    regret: Regret | None = None

    def __post_init__(self) -> None:
        if self.rate is None and self.batch is None:
            raise ValueError("power_rules needs `rate` or `batch`: {coefficient: ..., n: ..., d: ...}")
        if self.batch_unit == "sequences" and self.sequence_length is None:
            raise ValueError("a batch in sequences needs `sequence_length`: the tokens of one")

    def peak_rate(self, **inputs: ArrayLike | None) -> Floats:
        """The best peak learning rate, broadcast [1]. Raises ``ValueError`` where the law has none."""
        return self.rate.at(**inputs) if self.rate else super().peak_rate(**inputs)

    def rate_interval(self, *, n: float, d: float) -> Bounds | None:
        """Where 95 % of best measured rates would lie, by the normal distribution of their logarithms [1]; ``None``
        where the law does not say how sure it is."""
        if self.rate is None or self.rate_covariance is None or self.rate_spread is None:
            return None
        at = np.array([1.0, log(n), log(d)])
        wide = 1.96 * float(np.sqrt(at @ np.array(self.rate_covariance) @ at + self.rate_spread**2))
        rate = float(self.rate.at(n=n, d=d))
        return rate * exp(-wide), rate * exp(wide)

    def batch_tokens(self, **inputs: ArrayLike | None) -> Floats:
        """The best batch, broadcast [tokens]. Raises ``ValueError`` where the law has none."""
        if self.batch is None:
            return super().batch_tokens(**inputs)
        length = self.sequence_length or 1 if self.batch_unit == "sequences" else 1
        return np.asarray(self.batch.at(**inputs) * length)


class LogLinearRate(HyperLaw, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="log_linear_rate"):
    """eta = intercept - slope ln N, natural logarithm, N without embeddings (Kaplan et al. 2020, arXiv:2001.08361,
    appendix D.6).

    It falls to zero at N = exp(intercept / slope), which for the published constants is 1.2e10.

    >>> law = LogLinearRate(name="x", title="", intercept=0.003239, slope=0.0001395)
    >>> f"{float(law.peak_rate(n=1e9)):.2e}"
    '3.48e-04'
    >>> law.peak_rate(n=2e10)
    Traceback (most recent call last):
    ValueError: x gives no positive rate above 1.21e+10 parameters
    """

    intercept: float
    slope: float

    def peak_rate(self, **inputs: ArrayLike | None) -> Floats:
        """The best peak learning rate, broadcast [1]. Raises ``ValueError`` where it would not be positive."""
        if inputs.get("n") is None:
            raise ValueError("the rule needs n [parameters]; give it")
        rate = self.intercept - self.slope * np.log(positive(inputs["n"], "n", "parameters"))  # type: ignore[arg-type]
        if not np.all(rate > 0):
            largest = np.exp(self.intercept / self.slope)
            raise ValueError(f"{self.name} gives no positive rate above {largest:.3g} parameters")
        return np.asarray(rate)


class TokenHorizon(HyperLaw, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="token_horizon"):
    """eta*(D') = eta*(D) (D' / D)**-exponent at one size and one batch: the longer the run, the lower the best peak
    (Bjorck et al. 2024, arXiv:2409.19913, section 4).

    Step Law's rate rises with D because its batch does; this one is for a batch that stays.

    >>> law = TokenHorizon(name="x", title="", exponent=0.32)
    >>> f"{float(law.rate_at(rate=1e-3, d=25e9, new_d=100e9)):.2e}"
    '6.42e-04'
    """

    exponent: float

    def rate_at(self, *, rate: ArrayLike, d: ArrayLike, new_d: ArrayLike) -> Floats:
        """The best peak for ``new_d`` tokens where ``rate`` is the best for ``d``, broadcast [1]."""
        ratio = positive(new_d, "new_d", "tokens") / positive(d, "d", "tokens")
        return np.asarray(positive(rate, "rate", "1") * ratio**-self.exponent)

    def answers(self) -> dict[str, Answer]:
        """The peak rate of a longer or shorter run."""
        return {"peak_rate": (self.rate_at, "")}
