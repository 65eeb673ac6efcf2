"""The critical batch: beyond it more data buys hardly fewer steps (McCandlish et al. 2018, arXiv:1812.06162)."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from lehr.simulators.laws.hyper.base import HyperLaw
from lehr.simulators.laws.surfaces.base import positive
from lehr.simulators.quantities import Floats


def overheads(batch: ArrayLike, critical: ArrayLike) -> tuple[Floats, Floats]:
    """S / S_min and E / E_min: how many times the fewest steps, and the least data, a batch needs for a loss.

    (S / S_min - 1)(E / E_min - 1) = 1 with E = B S gives S / S_min = 1 + B_crit / B and E / E_min = 1 + B / B_crit
    (equation 2.11; Kaplan et al. 2020, equation 5.1), broadcast. Raises ``ValueError`` where one is not positive.

    >>> steps, data = overheads(1e6, 4e6)
    >>> float(steps), float(data)
    (5.0, 1.25)
    """
    ratio = positive(batch, "batch", "tokens") / positive(critical, "critical", "tokens")
    return np.asarray(1 + 1 / ratio), np.asarray(1 + ratio)


class LossCriticalBatch(HyperLaw, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="loss_critical_batch"):
    """B_crit(L) = B* / L**(1 / alpha_B): twice as large for each 13 % of loss (Kaplan et al. 2020, equation 1.4).

    >>> law = LossCriticalBatch(name="x", title="", B_star=2e8, alpha_B=0.21)
    >>> f"{float(law.batch_tokens(loss=2.5)):.2e}"
    '2.55e+06'
    """

    B_star: float
    alpha_B: float  # noqa: N815  (the paper's name)

    def batch_tokens(self, **inputs: ArrayLike | None) -> Floats:
        """The critical batch at ``loss`` [tokens]. Raises ``ValueError`` where it is missing."""
        if inputs.get("loss") is None:
            raise ValueError("the rule needs loss [nats/token]; give it")
        loss = positive(inputs["loss"], "loss", "nats/token")  # type: ignore[arg-type]
        return np.asarray(self.B_star / loss ** (1 / self.alpha_B))


class CriticalBatch(HyperLaw, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="critical_batch"):
    """B* = coefficient (x / unit)**exponent sequences, x being parameters or tokens; beyond B* the run needs
    ``overhead`` more data than a small batch (Zhang et al. 2024, arXiv:2410.21676, section 3).

    >>> law = CriticalBatch(name="x", title="", of="parameters", unit=1e6, coefficient=93.20, exponent=0.47,
    ...     sequence_length=512, overhead=0.2)
    >>> round(float(law.batch_tokens(n=151e6)) / 512)
    985
    """

    of: Literal["parameters", "tokens"]
    coefficient: float
    exponent: float
    sequence_length: int
    overhead: float
    unit: float = 1.0

    def batch_tokens(self, **inputs: ArrayLike | None) -> Floats:
        """The critical batch [tokens]. Raises ``ValueError`` where ``n`` or ``d`` is missing."""
        name = "n" if self.of == "parameters" else "d"
        given = inputs.get(name)
        if given is None:
            raise ValueError(f"the rule needs {name} [{self.of}]; give it")
        size = positive(given, name, self.of) / self.unit
        return np.asarray(self.coefficient * size**self.exponent * self.sequence_length)
