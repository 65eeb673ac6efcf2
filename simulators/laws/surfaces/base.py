"""What every law of the loss as a surface over parameters and tokens can be asked."""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulators.evidence import Provenance, Reported

Floats = NDArray[np.float64]
NConvention = Literal["total", "non_embedding", "with_head", "active", "flops_per_token"]
LossUnit = Literal["nats/token", "bits/byte", "bits/char"]


class ValidRange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The runs that a law was fitted on: from and to [parameters], [tokens]."""

    parameters: tuple[float, float]
    tokens: tuple[float, float]


class Surface(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """A law L(N, D) with the conventions that its numbers depend on.

    ``n_convention`` says which parameters N counts, ``loss_unit`` what the loss is measured in.
    """

    name: str
    title: str
    n_convention: NConvention
    loss_unit: LossUnit
    range: ValidRange
    provenance: Provenance | None = None
    reported: list[Reported] = []

    def loss(self, n: ArrayLike, d: ArrayLike) -> Floats:
        """The loss at ``n`` parameters after ``d`` tokens, broadcast [loss_unit]."""
        raise NotImplementedError

    def optimum(self, flops: float) -> tuple[float, float]:
        """The parameters and tokens of least loss at 6 N D = ``flops`` [parameters], [tokens]."""
        raise NotImplementedError

    def interval(self, n: float, d: float, level: float = 0.95) -> tuple[float, float] | None:
        """Bounds of the loss at ``level``, or ``None`` where the fit's covariance is not known."""
        return None

    def warnings(self, n: float, d: float) -> list[str]:
        """One line for each input that lies outside the runs that the law was fitted on."""
        lines = []
        for value, (low, high), what in ((n, self.range.parameters, "parameters"), (d, self.range.tokens, "tokens")):
            if not low <= value <= high:
                lines.append(f"{value:.3g} {what} lie outside the fitted range, {low:.3g} to {high:.3g}")
        return lines
