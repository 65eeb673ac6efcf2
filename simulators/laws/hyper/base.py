"""What every law of hyper-parameters answers: peak learning rate, batch or weight decay for a run that is planned."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from lehr.simulators.counting import NConvention
from lehr.simulators.laws.base import Answer, Law
from lehr.simulators.laws.surfaces.base import positive
from lehr.simulators.quantities import Floats

INPUTS = {
    "n": "parameters",
    "d": "tokens",
    "flops": "FLOP",
    "experts": "experts",
    "loss": "nats/token",
    "batch": "tokens",
}
"""What a rule may ask for, and its unit."""


class Powers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """coefficient times powers of inputs: each field is the exponent of the input of its name; logarithms are never
    taken of a base, so that none can be mistaken.

    >>> rule = Powers(coefficient=1.79, n=-0.713, d=0.307)
    >>> f"{float(rule.at(n=1e9, d=100e9)):.2e}"
    '1.63e-03'
    >>> rule.at(n=1e9)
    Traceback (most recent call last):
    ValueError: the rule needs d [tokens]; give it
    """

    coefficient: float
    n: float = 0.0
    d: float = 0.0
    flops: float = 0.0
    experts: float = 0.0
    loss: float = 0.0
    batch: float = 0.0

    def needs(self) -> list[str]:
        """The inputs that it depends on."""
        return [name for name in INPUTS if getattr(self, name)]

    def at(self, **inputs: ArrayLike | None) -> Floats:
        """The value, broadcast; 6 n d stands in for ``flops``. Raises ``ValueError`` for an input that is missing."""
        if inputs.get("flops") is None and inputs.get("n") is not None and inputs.get("d") is not None:
            inputs["flops"] = 6 * np.asarray(inputs["n"], dtype=float) * np.asarray(inputs["d"], dtype=float)
        value: Floats = np.asarray(self.coefficient)
        for name in self.needs():
            given = inputs.get(name)
            if given is None:
                raise ValueError(f"the rule needs {name} [{INPUTS[name]}]; give it")
            value = value * positive(given, name, INPUTS[name]) ** getattr(self, name)
        return np.asarray(value)


class HyperLaw(Law, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The base of the laws of hyper-parameters. ``n_convention`` says which parameters N counts; of a mixture those of
    one token, or with ``every_expert`` all.

    A law answers what it was fitted for, and raises ``ValueError`` for the rest.
    """

    n_convention: NConvention = "total"
    every_expert: bool = False

    def peak_rate(self, **inputs: ArrayLike | None) -> Floats:
        """The best peak learning rate of AdamW, broadcast [1]; inputs by name as in ``INPUTS``.

        Raises ``ValueError`` where the law says nothing about it.
        """
        raise ValueError(f"{self.name} says nothing about the learning rate")

    def batch_tokens(self, **inputs: ArrayLike | None) -> Floats:
        """The best, or for a critical batch the largest useful, tokens of a step, broadcast [tokens].

        Raises ``ValueError`` where the law says nothing about it.
        """
        raise ValueError(f"{self.name} says nothing about the batch")

    def answers(self) -> dict[str, Answer]:
        """Peak rate and batch."""
        return {"peak_rate": (self.peak_rate, ""), "batch_tokens": (self.batch_tokens, "tokens")}

    def warnings(self, **inputs: float) -> list[str]:
        """One line for each input that lies outside the runs that the law was fitted on."""
        names = {"n": "parameters", "d": "tokens", "flops": "flops", "experts": "experts", "batch": "batch_tokens"}
        known = {names[name]: value for name, value in inputs.items() if name in names}
        if "n" in inputs and "d" in inputs:
            known["tokens_per_parameter"] = inputs["d"] / inputs["n"]
        return self.range.warnings(**known)
