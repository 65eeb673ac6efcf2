"""From loss or compute to what a benchmark scores."""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from lehr.simulators.counting import NConvention
from lehr.simulators.laws.base import Answer, Law, LossUnit
from lehr.simulators.laws.surfaces.base import positive
from lehr.simulators.quantities import Floats

Metric = Literal["error", "accuracy", "pass rate"]
METRICS: dict[Metric, str] = {
    "error": "share of the questions that are answered wrongly",
    "accuracy": "share of the questions that are answered rightly",
    "pass rate": "share of the problems whose tests a written program passes",
}
"""What a score counts [1]."""


class DownstreamLaw(Law, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The base of these laws. ``metric`` says what is predicted, ``benchmark`` of what."""

    metric: Metric
    benchmark: str


class ExponentialError(DownstreamLaw, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="exponential_error"):
    """Err(L) = epsilon - k exp(-gamma L): average top-1 error by validation loss (Gadre et al. 2024,
    arXiv:2403.08540, equation 5); a power law of perplexity.

    >>> law = ExponentialError(name="x", title="", metric="error", benchmark="17 tasks", loss_unit="nats/token",
    ...     epsilon=0.85, k=2.08, gamma=0.756)
    >>> round(float(law.score(2.5)), 3)
    0.536
    """

    loss_unit: LossUnit
    epsilon: float
    k: float
    gamma: float

    def score(self, loss: ArrayLike) -> Floats:
        """The error at ``loss``, broadcast [1]."""
        return np.asarray(self.epsilon - self.k * np.exp(-self.gamma * np.asarray(loss, dtype=float)))

    def answers(self) -> dict[str, Answer]:
        """The error at a loss."""
        return {"score": (self.score, "error")}


class Sigmoid(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """b + a / (1 + exp(-k (x - x0))); k < 0 where a smaller x is better.

    >>> round(float(Sigmoid(a=-0.7, b=1.0, k=2.0, x0=1.2).at(1.2)), 2)
    0.65
    """

    a: float
    b: float
    k: float
    x0: float

    def at(self, x: ArrayLike) -> Floats:
        """The value at ``x``, broadcast [1]."""
        # beyond 700 the exponential overflows where the sigmoid is 0 to rounding
        exponent = np.clip(-self.k * (np.asarray(x, dtype=float) - self.x0), -700, 700)
        return np.asarray(self.b + self.a / (1 + np.exp(exponent)))

    def inverse(self, value: ArrayLike) -> Floats:
        """The x that gives ``value``, broadcast [of x]; NaN where none does."""
        with np.errstate(invalid="ignore", divide="ignore"):
            share = (np.asarray(value, dtype=float) - self.b) / self.a
            return np.asarray(self.x0 + np.log(share / (1 - share)) / self.k)


class SigmoidScore(DownstreamLaw, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="sigmoid_score"):
    """The score as a sigmoid of the loss on the right answers (Llama 3, arXiv:2407.21783, section 3.2.1).

    >>> law = SigmoidScore(name="x", title="", metric="accuracy", benchmark="ARC", loss_unit="nats/token",
    ...     sigmoid=Sigmoid(a=0.75, b=0.25, k=-8.0, x0=1.0))
    >>> round(float(law.score(1.0)), 3)
    0.625
    """

    loss_unit: LossUnit
    sigmoid: Sigmoid

    def score(self, loss: ArrayLike) -> Floats:
        """The score at ``loss``, broadcast [1]."""
        return self.sigmoid.at(loss)

    def answers(self) -> dict[str, Answer]:
        """The score at a loss."""
        return {"score": (self.score, self.metric)}


class TaskLadder(DownstreamLaw, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="task_ladder"):
    """Two steps: the loss on a task's right answers as E + A / N**alpha + B / D**beta, then accuracy as a sigmoid of
    it (Bhagia et al. 2024, arXiv:2412.04403, equations 1 and 2).

    >>> law = TaskLadder(name="x", title="", metric="accuracy", benchmark="ARC", n_convention="non_embedding",
    ...     loss_unit="bits/byte", E=0.3, A=60.0, B=100.0, alpha=0.25, beta=0.25,
    ...     sigmoid=Sigmoid(a=-0.7, b=1.0, k=4.0, x0=0.8))
    >>> round(float(law.loss(7e9, 4e12)), 3), round(float(law.score(7e9, 4e12)), 3)
    (0.578, 0.796)
    """

    n_convention: NConvention
    loss_unit: LossUnit
    E: float
    A: float
    B: float
    alpha: float
    beta: float
    sigmoid: Sigmoid

    def loss(self, n: ArrayLike, d: ArrayLike) -> Floats:
        """The task's loss, broadcast [loss_unit]."""
        n, d = np.asarray(n, dtype=float), np.asarray(d, dtype=float)
        return np.asarray(self.E + self.A * n**-self.alpha + self.B * d**-self.beta)

    def score(self, n: ArrayLike, d: ArrayLike) -> Floats:
        """The accuracy, broadcast [1]."""
        return self.sigmoid.at(self.loss(n, d))

    def answers(self) -> dict[str, Answer]:
        """The task's loss and its score."""
        return {"loss": (self.loss, self.loss_unit), "score": (self.score, self.metric)}


class PassRatePower(DownstreamLaw, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="pass_rate_power"):
    """-E[log pass rate] = alpha C**-k over problems that are passed at all (GPT-4, arXiv:2303.08774, section 3.2);
    C in FLOP over ``unit``, natural logarithm. Averaged over problems, so that exp of it is a geometric mean.

    >>> law = PassRatePower(name="x", title="", metric="pass rate", benchmark="HumanEval", alpha=1.0, k=0.1, unit=1e21)
    >>> round(float(law.score(1e25)), 3)
    0.672
    """

    alpha: float
    k: float
    unit: float = 1.0

    def score(self, flops: ArrayLike) -> Floats:
        """The geometric mean of the pass rates at ``flops``, broadcast [1]."""
        return np.asarray(np.exp(-self.alpha * (positive(flops, "flops", "FLOP") / self.unit) ** -self.k))

    def answers(self) -> dict[str, Answer]:
        """The mean pass rate at a budget."""
        return {"score": (self.score, self.metric)}


class DifficultyCluster(DownstreamLaw, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="difficulty_cluster"):
    """E[accuracy] = g + (1 - g) exp(-a C**-b - c) for problems of one difficulty, g being the rate of guessing
    (Xu et al. 2025, arXiv:2502.17262).

    >>> law = DifficultyCluster(name="x", title="", metric="accuracy", benchmark="one cluster", g=0.25, a=2.0, b=0.2,
    ...     c=0.01, unit=1e21)
    >>> round(float(law.score(1e25)), 3)
    0.791
    """

    g: float
    a: float
    b: float
    c: float
    unit: float = 1.0

    def score(self, flops: ArrayLike) -> Floats:
        """The expected accuracy at ``flops``, broadcast [1]."""
        compute = positive(flops, "flops", "FLOP") / self.unit
        return np.asarray(self.g + (1 - self.g) * np.exp(-self.a * compute**-self.b - self.c))

    def answers(self) -> dict[str, Answer]:
        """The expected accuracy at a budget."""
        return {"score": (self.score, self.metric)}


class Observational(DownstreamLaw, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="observational"):
    """E = h / (1 + exp(-(beta . S + alpha))) with capabilities S, the principal components of public benchmarks, each
    linear in the logarithm of compute within a family (Ruan et al. 2024, arXiv:2405.10938, equations 3 and 7).

    >>> law = Observational(name="x", title="", metric="error", benchmark="one", h=1.0, alpha=0.5, beta=[-2.0, 0.1])
    >>> round(float(law.score([0.5, 1.0])), 3)
    0.401
    """

    h: float
    alpha: float
    beta: list[float]

    def score(self, capabilities: ArrayLike) -> Floats:
        """The score at ``capabilities`` (..., components) [1]. Raises ``ValueError`` where their number differs."""
        s = np.asarray(capabilities, dtype=float)
        if s.shape[-1:] != (len(self.beta),):
            raise ValueError(f"capabilities have shape {s.shape}; the law was fitted with {len(self.beta)} components")
        return np.asarray(self.h / (1 + np.exp(-(s @ np.asarray(self.beta) + self.alpha))))


AnyDownstreamLaw = ExponentialError | SigmoidScore | TaskLadder | PassRatePower | DifficultyCluster | Observational
"""Every form of a law of benchmark scores that a file may name by its ``kind``."""
