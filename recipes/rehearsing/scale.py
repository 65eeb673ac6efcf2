"""How small a rehearsal is: the sizes that have a name, and what a person sets otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from lehr.simulators.quantities import Positive, Size

ScaleName = Literal["tiny", "small", "medium", "own"]
SCALES: dict[ScaleName, str] = {
    "tiny": "some 300,000 parameters and 800,000 bytes: five stages in about 3 minutes on two quiet cores",
    "small": "some 3 million parameters and 12 million bytes: an hour and a half on eight cores, minutes on a GPU",
    "own": "model and recipe as they stand, where they are small already: a run of lehr design",
    "medium": "some 25 million parameters and 250 million bytes: for a GPU",
}
"""What each size is for."""
MOST_PARAMETERS = 1e9
"""Of a network that is trained at its own size [parameters]; each takes 16 bytes."""

VOCABULARY = 256
"""Bytes. Those from 0xF8 on are in no UTF-8 text and mark ends [tokens]."""


class Scale(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes of a rehearsal. ``updates`` are those of all stages of pre-training together, of which each has
    ``least_updates`` or more; ``batch_tokens`` those of one update; ``peak`` is the highest rate of pre-training.

    A width has a rate of its own (Yang et al., arXiv:2203.03466), so that a recipe's is not kept: all of its rates are
    multiplied by one factor.
    """

    d_model: Size
    n_layers: Size
    sequence_length: Size
    batch_tokens: Size
    updates: Size
    least_updates: Size
    tuning_updates: Size
    peak: Positive


OF_NAME: Mapping[str, Scale] = {
    "tiny": Scale(d_model=96, n_layers=3, sequence_length=128, batch_tokens=2048, updates=260, least_updates=30,
                  tuning_updates=80, peak=4e-3),
    "small": Scale(d_model=256, n_layers=4, sequence_length=256, batch_tokens=8192, updates=1500, least_updates=100,
                   tuning_updates=150, peak=2e-3),
    "medium": Scale(d_model=512, n_layers=8, sequence_length=512, batch_tokens=65536, updates=4000, least_updates=200,
                    tuning_updates=300, peak=1e-3),
}  # fmt: skip
