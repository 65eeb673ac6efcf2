"""Farseer: the exponent and the prefactor of the data term depend on the size (arXiv:2506.10972)."""

from __future__ import annotations

from itertools import product
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from lehr.simulators.laws.surfaces.base import Surface, positive
from lehr.simulators.laws.surfaces.form import Form, centre
from lehr.simulators.laws.surfaces.runs import Runs
from lehr.simulators.numerics.levenberg import Model
from lehr.simulators.numerics.search import golden_section
from lehr.simulators.quantities import Floats


class Farseer(Surface, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="farseer"):
    """L(N, D) = exp(s N**q + S) + exp(B N**b + Q) * D**(-exp(A N**a + E)); N without embeddings.

    Names of constants are the paper's; E is no irreducible loss here. The optimum is searched.

    >>> law = Farseer(name="x", title="", n_convention="non_embedding", loss_unit="bits/char",
    ...     s=-0.0625, q=0.13, S=0.128, B=230.7, b=-0.1729, Q=-1.544, A=-1.6656, a=0.0459, E=3.1333)
    >>> round(float(law.loss(1e9, 20e9)), 3)
    0.539
    """

    fewest_tokens_per_parameter: ClassVar[float] = 1.0

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
        with np.errstate(over="ignore"):  # far below its range the loss is infinite
            data = np.exp(self.B * n**self.b + self.Q - exponent * np.log(d))
        return np.asarray(np.exp(self.s * n**self.q + self.S) + data)

    def optimum(self, flops: float) -> tuple[float, float]:
        """The parameters and tokens of least loss at 6 N D = ``flops`` [parameters], [tokens]: the best hollow of the
        loss between 1 and 10**5 tokens per parameter, or the best end where there is none.

        Towards no data the exponent of the data vanishes and the form falls without end, where no run was ever.
        """
        work = np.atleast_1d(positive(flops, "flops", "FLOP")) / 6
        lowest = np.log(self.fewest_tokens_per_parameter)
        log_ratio = np.linspace(lowest, np.log(1e5), 400)[:, None] + np.zeros_like(work)

        def at(log_ratio: Floats) -> Floats:
            n = np.sqrt(work / np.exp(log_ratio))
            return self.loss(n, work / n)

        losses = at(log_ratio)
        hollow = np.zeros(losses.shape, dtype=bool)
        hollow[1:-1] = (losses[1:-1] <= losses[:-2]) & (losses[1:-1] <= losses[2:])
        hollow |= ~hollow.any(axis=0)
        best = np.argmin(np.where(hollow, losses, np.inf), axis=0)
        columns = np.arange(work.size)
        low, high = log_ratio[np.maximum(best - 1, 0), columns], log_ratio[np.minimum(best + 1, 399), columns]
        n = np.sqrt(work / np.exp(golden_section(at, low, high))).reshape(np.shape(flops))
        d = np.asarray(flops) / 6 / n
        return (float(n), float(d)) if np.ndim(flops) == 0 else (n, d)  # type: ignore[return-value]


class FarseerForm(Form):
    """log(exp(h1(N)) + exp(h2(N) - exp(h3(N)) log D)), each h a Box-Cox function of x = log(N / N0):
    h = centre + slope (exp(bend x) - 1) / bend, which tends to a straight line where the paper's constants diverge."""

    law_class = Farseer
    coordinates = (
        "floor centre", "floor slope", "floor bend", "data centre", "data slope", "data bend",
        "exponent centre", "exponent slope", "exponent bend",
    )  # fmt: skip
    low = (-50.0, -3.0, -1.0, -50.0, -10.0, -1.0, -6.0, -3.0, -1.0)
    high = (50.0, 3.0, 1.0, 100.0, 10.0, 1.0, 2.0, 3.0, 1.0)
    fewest_sizes = 6
    """Twice the three constants of each function. From five sizes of Clark et al.'s dense runs (arXiv:2202.01169) the
    largest one's loss came out 65 % off, where the other forms were within 1 %."""

    def starts(self, runs: Runs) -> Floats:
        """Floor and exponent at the mean run, and the slopes of all three functions."""
        _, log_d, log_l = centre(runs)
        rows = []
        for share, falls, exponent, steeper, less in product(
            (0.5, 0.7, 0.85), (-0.05, -0.15), (0.2, 0.35, 0.5), (-0.1, 0.0, 0.1), (-0.4, 0.0, 0.4)
        ):
            data = np.log1p(-share) + log_l + exponent * log_d
            rows.append([np.log(share) + log_l, falls, 0.1, data, less, -0.1, np.log(exponent), steeper, 0.05])
        return np.array(rows)

    def model(self, runs: Runs) -> Model:
        """The chain rule through the three functions."""
        log_n, log_d = np.log(runs.parameters), np.log(runs.tokens)
        x = log_n - log_n.mean()

        def predict(theta: Floats) -> tuple[Floats, Floats]:
            floor, floor_slopes = box_cox(theta[:, 0:3], x)
            data, data_slopes = box_cox(theta[:, 3:6], x)
            exponent, exponent_slopes = box_cox(theta[:, 6:9], x)
            power = np.exp(np.minimum(exponent, 3.0))
            reducible = data - power * log_d
            log_loss = np.logaddexp(floor, reducible)
            share = np.exp(reducible - log_loss)[:, None]
            slopes = np.empty((len(theta), 9, len(x)))
            slopes[:, 0:3] = (1 - share) * floor_slopes
            slopes[:, 3:6] = share * data_slopes
            slopes[:, 6:9] = -share * (power * log_d)[:, None] * exponent_slopes
            return log_loss, slopes

        return predict

    def constants(self, theta: Floats, runs: Runs) -> dict[str, Floats]:
        """centre + slope (exp(bend x) - 1) / bend is s N**q + S with q = bend, s = slope / (q N0**q), S = centre -
        slope / q; a straight line (q = 0) is taken at q = 1e-6."""
        log_n0 = np.log(runs.parameters).mean()
        values: dict[str, Floats] = {}
        for i, (scale, bend, offset) in enumerate((("s", "q", "S"), ("B", "b", "Q"), ("A", "a", "E"))):
            centre, slope, q = (np.asarray(theta[..., 3 * i + j]) for j in range(3))
            q = np.where(np.abs(q) < 1e-6, 1e-6, q)
            values |= {scale: slope / q * np.exp(-q * log_n0), bend: q, offset: centre - slope / q}
        return values


def box_cox(theta: Floats, x: Floats) -> tuple[Floats, Floats]:
    """centre + slope (exp(bend x) - 1) / bend and its derivatives (starts, 3, n)."""
    centre, slope, bend = (theta[:, i, None] for i in range(3))
    # below this the function is its straight line to within a double's rounding of the third digit of its bend
    bend = np.where(np.abs(bend) < 1e-6, 1e-6, bend)
    grown = np.exp(bend * x)
    shape = np.expm1(bend * x) / bend
    slopes = np.empty((len(theta), 3, len(x)))
    slopes[:, 0] = 1.0
    slopes[:, 1] = shape
    slopes[:, 2] = slope * (x * grown - shape) / bend
    return centre + slope * shape, slopes
