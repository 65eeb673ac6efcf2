"""The loss by vocabulary, and the vocabulary that a budget wants (Tao et al. 2024, arXiv:2407.13623)."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lehr.simulators.laws.base import Answer, Bounds, Law, quantiles, replicate
from lehr.simulators.laws.points import PointForm
from lehr.simulators.laws.surfaces.base import positive
from lehr.simulators.laws.surfaces.form import power
from lehr.simulators.numerics.levenberg import Model
from lehr.simulators.numerics.search import golden_section
from lehr.simulators.quantities import Floats

SMALLEST, LARGEST = 256.0, 4e6
"""Entries between which the best vocabulary is sought: bytes, and more than any tokenizer has."""


class VocabularyLaw(Law, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="vocabulary"):
    """L_u(N_nv, N_v, D) = -E + A1 / N_nv**alpha1 + A2 / N_v**alpha2 + B / D**beta (equation 6), less the loss of a
    unigram model with the same vocabulary, so that losses of different vocabularies compare [nats/token].

    N_nv are the parameters without the vocabulary, N_v = V d those of one table; D counts tokens of that vocabulary.
    ``parameter_unit`` and ``token_unit`` are what the constants count in.

    >>> law = VocabularyLaw(name="x", title="", E=5.5328, A1=1.83139, A2=0.195842, B=2.12411, alpha1=0.446606,
    ...     alpha2=0.670737, beta=0.446606, parameter_unit=1e6, token_unit=1e9)
    >>> round(float(law.best(70e9, 8192, 7.05e23)), -3)     # Llama 2 70B: "at least 216K" (abstract)
    218000.0
    """

    E: float
    A1: float
    A2: float
    B: float
    alpha1: float
    alpha2: float
    beta: float
    parameter_unit: float = 1.0
    token_unit: float = 1.0

    def loss(self, n: ArrayLike, table: ArrayLike, d: ArrayLike) -> Floats:
        """The normalised loss at ``n`` parameters beside the vocabulary, ``table`` in one table of it, after ``d``
        tokens, broadcast [nats/token]."""
        n, table = positive(n, "n", "parameters"), positive(table, "table", "parameters")
        d = positive(d, "d", "tokens")
        return np.asarray(
            -self.E
            + self.A1 * (n / self.parameter_unit) ** -self.alpha1
            + self.A2 * (table / self.parameter_unit) ** -self.alpha2
            + self.B * (d / self.token_unit) ** -self.beta
        )

    def at_budget(self, n: ArrayLike, width: ArrayLike, vocabulary: ArrayLike, flops: ArrayLike) -> Floats:
        """The loss where ``flops`` = 6 (N_nv + V d) D buy the tokens, broadcast [nats/token]."""
        table = np.asarray(vocabulary, dtype=float) * np.asarray(width, dtype=float)
        return self.loss(n, table, np.asarray(flops, dtype=float) / 6 / (np.asarray(n, dtype=float) + table))

    def best(self, n: float, width: float, flops: float) -> float:
        """The vocabulary of least loss for a network and a budget [entries]. Raises ``ValueError`` where one is not
        positive."""
        positive(flops, "flops", "FLOP")
        low, high = np.log(np.array([SMALLEST])), np.log(np.array([LARGEST]))
        found = golden_section(lambda x: self.at_budget(n, width, np.exp(x), flops), low, high)
        return float(np.exp(found[0]))

    def best_interval(self, n: float, width: float, flops: float, level: float = 0.95) -> Bounds | None:
        """Bounds of the same by fits to other runs of the kind, ``None`` where the law does not say how sure it is
        [entries]."""
        many = replicate(self, 1)
        if many is None:
            return None
        # a valley of each set of constants on one grid of vocabularies, a hundredth apart
        grid = np.geomspace(SMALLEST, LARGEST, 970)
        low, high = quantiles(grid[np.argmin(many.at_budget(n, width, grid, flops), axis=1)], level)
        return float(low), float(high)

    def answers(self) -> dict[str, Answer]:
        """The loss, and the best vocabulary."""
        return {"loss": (self.loss, "nats/token"), "best": (self.best, "entries")}


PARAMETER_UNIT, TOKEN_UNIT = 1e6, 1e9
"""What the constants of a fit count in, as those of the paper do."""


class VocabularyForm(PointForm):
    """-E + A1 / N_nv**beta + A2 / N_v**alpha2 + B / D**beta itself: a loss below that of unigrams has no logarithm. One
    exponent for the network and its tokens, as the paper's fit has it: six networks hardly tell two apart."""

    law_class = VocabularyLaw
    inputs = ("parameters", "table", "tokens")
    varied = ("parameters", "table", "tokens")
    coordinates = ("log E", "log A1", "log A2", "log B", "alpha2", "beta")
    low = (-5.0, -50.0, -50.0, -50.0, 0.01, 0.01)
    high = (5.0, 50.0, 50.0, 50.0, 3.0, 3.0)
    logarithmic = False

    def starts(self, at: Mapping[str, Floats], target: Floats) -> Floats:
        """Exponents; the level, and what each term adds to it at the mean point."""
        means = [
            float(np.log(at[name] / unit).mean())
            for name, unit in (("parameters", PARAMETER_UNIT), ("table", PARAMETER_UNIT), ("tokens", TOKEN_UNIT))
        ]
        rows = []
        for alpha, beta in product((0.3, 0.7), (0.2, 0.4, 0.6)):
            exponents = (beta, alpha, beta)
            for above, parts in product((0.3, 1.0), ((0.5, 0.1), (0.3, 0.3), (0.2, 0.1))):
                level = -float(target.min()) + above
                if level <= 0:
                    continue
                rest = float(target.mean()) + level
                shares = (*parts, 1 - sum(parts))
                scales = [np.log(s * rest) + e * m for s, e, m in zip(shares, exponents, means, strict=True)]
                rows.append([np.log(level), *scales, alpha, beta])
        if not rows:
            raise ValueError(
                "the losses are not below those of a unigram model; write them less that model's loss (Tao et al. 2024)"
            )
        return np.array(rows)

    def model(self, at: Mapping[str, Floats]) -> Model:
        """Each term is its own derivative by the logarithm of its scale, and times -log x by its exponent."""
        logs = [np.log(at["parameters"] / PARAMETER_UNIT), np.log(at["table"] / PARAMETER_UNIT),
                np.log(at["tokens"] / TOKEN_UNIT)]  # fmt: skip

        def predict(theta: Floats) -> tuple[Floats, Floats]:
            level = np.exp(theta[:, 0])[:, None]
            size, table, data = (power(theta[:, 1 + i], theta[:, e], logs[i]) for i, e in enumerate((5, 4, 5)))
            slopes = np.empty((len(theta), 6, len(logs[0])))
            slopes[:, 0], slopes[:, 1], slopes[:, 2], slopes[:, 3] = -level, size, table, data
            slopes[:, 4] = -table * logs[1]
            slopes[:, 5] = -size * logs[0] - data * logs[2]
            return size + table + data - level, slopes

        return predict

    def constants(self, theta: Floats) -> dict[str, Floats]:
        """One exponent twice."""
        found = super().constants(theta)
        return {**found, "alpha1": found["beta"]}

    def law(self, theta: Floats, **common: Any) -> VocabularyLaw:
        """The law that counts in millions of parameters and billions of tokens."""
        numbers: dict[str, Any] = {name: float(value) for name, value in self.constants(theta).items()}
        units = {"parameter_unit": PARAMETER_UNIT, "token_unit": TOKEN_UNIT}
        return VocabularyLaw(**{"name": "fit", "title": "fit", **numbers, **units, **common})
