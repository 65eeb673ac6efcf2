"""The loss by vocabulary, and the vocabulary that a budget wants (Tao et al. 2024, arXiv:2407.13623)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lehr.simulators.laws.base import Answer, Law
from lehr.simulators.laws.surfaces.base import positive
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

    def answers(self) -> dict[str, Answer]:
        """The loss, and the best vocabulary."""
        return {"loss": (self.loss, "nats/token"), "best": (self.best, "entries")}
