"""Losses in another unit: what a token, a byte and a character hold depends on the tokenizer and the text."""

from __future__ import annotations

from math import log

import numpy as np
from numpy.typing import ArrayLike

from lehr.simulators.laws.base import LossUnit
from lehr.simulators.quantities import Floats

PER = {"nats/token": "token", "bits/token": "token", "bits/byte": "byte", "bits/char": "char"}
"""What each unit of loss is counted by."""


def convert_loss(
    loss: ArrayLike,
    unit: LossUnit,
    to: LossUnit,
    *,
    bytes_per_token: float | None = None,
    chars_per_token: float | None = None,
) -> Floats:
    """``loss`` in ``to``, broadcast: nats are log(2) bits, and a token's loss is shared by its bytes or characters.

    Losses of two tokenizers compare only by byte or character, on the same text. Raises ``ValueError`` where the
    length of a token that is needed is missing or not above 0, or a unit is no cross-entropy.

    >>> round(float(convert_loss(2.0, "nats/token", "bits/byte", bytes_per_token=4.2)), 4)
    0.687
    >>> convert_loss(2.0, "nats/token", "bits/byte")
    Traceback (most recent call last):
    ValueError: from nats/token to bits/byte needs bytes_per_token of the text and the tokenizer; give it
    """
    for name in (unit, to):
        if name not in PER:
            raise ValueError(f"{name} is no cross-entropy; write one of {', '.join(PER)}")
    lengths = {"token": 1.0, "byte": bytes_per_token, "char": chars_per_token}

    def per_token(name: str) -> float:
        """How many of the unit's bits a token of one nat is."""
        by = PER[name]
        length = lengths[by]
        if length is None:
            raise ValueError(f"from {unit} to {to} needs {by}s_per_token of the text and the tokenizer; give it")
        if length <= 0:
            raise ValueError(f"{by}s_per_token is {length}; write a number above 0")
        return (1.0 if name.startswith("nats") else 1 / log(2)) / length

    if unit == to:
        return np.asarray(loss, dtype=float)
    return np.asarray(np.asarray(loss, dtype=float) * per_token(to) / per_token(unit))
