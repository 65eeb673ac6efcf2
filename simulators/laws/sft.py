"""Fine-tuning: the loss by the number of examples (Lin et al. 2024, arXiv:2402.02314)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lehr.simulators.laws.base import Answer, Law, LossUnit
from lehr.simulators.numerics.levenberg import Problem, race
from lehr.simulators.quantities import Floats


class RectifiedLaw(Law, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="rectified"):
    """L(D) = B / (D_l + D**beta) + E (equation 5), for one model and task; D counts examples.

    D_l is what the pre-trained model already knows of the task, in examples to the power beta: until D**beta passes
    it, data help little; beyond it the loss falls as a power. With D_l = 0 it is the plain power law.

    >>> law = RectifiedLaw(name="x", title="", loss_unit="nats/token", B=30.0, D_l=10.0, beta=0.5, E=1.0)
    >>> law.loss([0, 100, 1e6]).round(3).tolist(), law.turning_point()
    ([4.0, 2.5, 1.03], 100.0)
    """

    loss_unit: LossUnit
    B: float
    D_l: float
    beta: float
    E: float

    def loss(self, examples: ArrayLike) -> Floats:
        """The loss after fine-tuning on ``examples`` [loss_unit]."""
        return np.asarray(self.B / (self.D_l + np.asarray(examples, dtype=float) ** self.beta) + self.E)

    def turning_point(self) -> float:
        """Where D**beta equals D_l: the pre-power phase ends and the power phase begins [examples]."""
        return float(self.D_l ** (1 / self.beta))

    def answers(self) -> dict[str, Answer]:
        """The loss, and where the power phase begins."""
        return {"loss": (self.loss, self.loss_unit), "turning_point": (self.turning_point, "examples")}


def fit_rectified(examples: ArrayLike, losses: ArrayLike, *, vanilla: bool = False) -> tuple[RectifiedLaw, float]:
    """Fit one curve by least squares of the log loss; the law and the root mean square of what is left [nats].

    ``vanilla`` holds D_l at zero. For a grid of beta and D_l the rest is linear; every grid point is a start.
    Raises ``ValueError`` for fewer points than constants, or a loss that is not positive.

    >>> d = 200 * 2.0 ** np.arange(14)
    >>> law, error = fit_rectified(d, 30 / (50 + d**0.6) + 1)
    >>> round(law.beta, 2), round(law.D_l, 1), error < 1e-6
    (0.6, 50.0, True)
    """
    d, y = np.asarray(examples, dtype=float), np.asarray(losses, dtype=float)
    if len(d) < 4:
        raise ValueError(f"{len(d)} points do not fix 4 constants; give 4 or more amounts of data")
    if not np.all(y > 0):
        raise ValueError("a loss is zero or negative; write cross-entropies above 0")
    log_d = np.log(np.where(d > 0, d, 1.0))
    grown = d > 0

    def model(theta: Floats) -> tuple[Floats, Floats]:
        log_b, log_onset, beta, log_e = (column[:, None] for column in theta.T)
        power = np.where(grown, np.exp(beta * log_d), 0.0)
        onset = np.exp(log_onset)
        below = onset + power
        reducible, level = np.exp(log_b) / below, np.exp(log_e) + 0 * power
        loss = reducible + level
        slopes = (reducible, -reducible * onset / below, -reducible * power * log_d / below, level)
        return np.log(loss), np.stack(slopes, axis=1) / loss[:, None]

    problem = Problem(
        model=model,
        target=np.log(y),
        # so far from every residual that the objective is the sum of squares
        delta=1e6,
        low=np.array([-50.0, _NO_ONSET, 1e-3, -20.0]),
        high=np.array([100.0, 60.0, 3.0, 10.0]),
        free=np.array([1.0, 0.0 if vanilla else 1.0, 1.0, 1.0]),
    )
    theta, value = race(problem, _starts(d, y, vanilla=vanilla))
    log_b, log_onset, beta, log_e = theta[0]
    law = RectifiedLaw(
        name="fit",
        title="fit",
        loss_unit="nats/token",
        B=float(np.exp(log_b)),
        D_l=0.0 if vanilla else float(np.exp(log_onset)),
        beta=float(beta),
        E=float(np.exp(log_e)),
    )
    return law, float(np.sqrt(2 * value[0] / len(y)))


_NO_ONSET = -40.0
"""The logarithm of a D_l that no amount of data notices."""


def _starts(d: Floats, y: Floats, *, vanilla: bool) -> Floats:
    first = float(np.min(d[d > 0]))
    rows = []
    for beta in np.linspace(0.05, 1.4, 28):
        for onset in [0.0] if vanilla else first * 4.0 ** np.arange(-2, 9):
            shape = 1 / (np.maximum(onset, 1e-9) ** beta + d**beta)
            # weights 1 / y make the residual relative, as that of the logarithm is
            slope, level = np.polyfit(shape, y, 1, w=1 / y)
            if slope > 0:
                level = max(level, 1e-3 * float(np.min(y)))
                rows.append([np.log(slope), beta * np.log(onset) if onset else _NO_ONSET, beta, np.log(level)])
    if not rows:
        raise ValueError("the loss does not fall with more examples; there is no curve to fit")
    return np.array(rows)
