"""From loss or compute to what a benchmark scores."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from lehr.simulators.counting import NConvention
from lehr.simulators.laws.base import Answer, Law, LossUnit
from lehr.simulators.laws.points import PointForm
from lehr.simulators.laws.surfaces.base import positive
from lehr.simulators.laws.surfaces.form import power
from lehr.simulators.numerics.levenberg import Model
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


class ErrorForm(PointForm):
    """epsilon - k exp(-gamma L) itself."""

    law_class = ExponentialError
    inputs = ("loss",)
    varied = ("loss",)
    coordinates = ("epsilon", "log k", "gamma")
    low = (0.0, -20.0, 0.01)
    high = (1.5, 30.0, 10.0)
    logarithmic = False

    def starts(self, at: Mapping[str, Floats], target: Floats) -> Floats:
        """For each gamma the straight line through the errors."""
        rows = []
        for gamma in np.geomspace(0.05, 5, 25):
            slope, level = np.polyfit(np.exp(-gamma * (at["loss"] - at["loss"].mean())), target, 1)
            if slope < 0:
                rows.append([level, np.log(-slope) + gamma * at["loss"].mean(), gamma])
        if not rows:
            raise ValueError("the error does not fall with the loss; is the score an accuracy, or the loss another's?")
        return np.array(rows)

    def model(self, at: Mapping[str, Floats]) -> Model:
        """Linear in epsilon; the rest is its own derivative."""
        loss = at["loss"]

        def predict(theta: Floats) -> tuple[Floats, Floats]:
            right = power(theta[:, 1], theta[:, 2], loss)
            slopes = np.stack([np.ones_like(right), -right, right * loss], axis=1)
            return theta[:, :1] - right, slopes

        return predict

    def law(self, theta: Floats, **common: Any) -> ExponentialError:
        """The law at one set of coordinates."""
        numbers: dict[str, Any] = {name: float(value) for name, value in self.constants(theta).items()}
        said = {"name": "fit", "title": "fit", "metric": "error", "benchmark": "", "loss_unit": "nats/token"}
        return ExponentialError(**{**said, **numbers, **common})


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


class SigmoidForm(PointForm):
    """b + a / (1 + exp(-k (L - x0))) itself with a < 0 < k: b is the best score, b + a that of guesses."""

    law_class = SigmoidScore
    inputs = ("loss",)
    varied = ("loss",)
    coordinates = ("log -a", "b", "log k", "x0")
    low = (-7.0, 0.0, -4.0, -5.0)
    high = (0.0, 1.0, 5.0, 20.0)
    logarithmic = False

    def starts(self, at: Mapping[str, Floats], target: Floats) -> Floats:
        """Ends of the scores, steepness and middle."""
        loss = at["loss"]
        wide = float(np.ptp(loss))
        return np.array(
            [
                [np.log(max(top - bottom, 0.02)), top, np.log(steep / wide), middle]
                for top, bottom in product(
                    (min(1.0, float(target.max()) + more) for more in (0.02, 0.2, 0.5)),
                    (float(target.min()) - less for less in (0.0, 0.1)),
                )
                for steep in (2.0, 6.0, 15.0)
                for middle in np.quantile(loss, (0.0, 0.25, 0.5, 0.75))
            ]
        )

    def model(self, at: Mapping[str, Floats]) -> Model:
        """With s the logistic function, ds = s (1 - s) times the slope of its argument."""
        loss = at["loss"]

        def predict(theta: Floats) -> tuple[Floats, Floats]:
            fall, top, steep, middle = (theta[:, i : i + 1] for i in range(4))
            fall, steep = np.exp(fall), np.exp(steep)
            argument = np.clip(steep * (loss - middle), -700, 700)
            share = 1 / (1 + np.exp(-argument))
            moves = -fall * share * (1 - share)
            slopes = np.stack([-fall * share, np.ones_like(share), moves * argument, -moves * steep], axis=1)
            return top - fall * share, slopes

        return predict

    def law(self, theta: Floats, **common: Any) -> SigmoidScore:
        """The law at one set of coordinates."""
        said = {"name": "fit", "title": "fit", "metric": "accuracy", "benchmark": "", "loss_unit": "nats/token"}
        return SigmoidScore(**{**said, "sigmoid": self.sigmoid(theta), **common})

    def sigmoid(self, theta: Floats) -> Sigmoid:
        """The curve at one set of coordinates."""
        fall, top, steep, middle = (float(v) for v in theta)
        return Sigmoid(a=-float(np.exp(fall)), b=top, k=float(np.exp(steep)), x0=middle)


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
