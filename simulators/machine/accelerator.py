"""Accelerators: peak speed, memory, price, and the share of the peak that training runs reach."""

from __future__ import annotations

from typing import Annotated

import msgspec

Positive = Annotated[float, msgspec.Meta(gt=0.0)]
Utilisation = Annotated[float, msgspec.Meta(gt=0.0, le=1.0)]


class Price(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one accelerator costs an hour [USD/h], who asked it, and when."""

    usd_per_hour: Positive
    date: str
    source: str
    place: str


class Interval(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A central value and the bounds around it.

    Raises ``ValueError`` where they are not in order.
    """

    low: Utilisation
    central: Utilisation
    high: Utilisation

    def __post_init__(self) -> None:
        if not self.low <= self.central <= self.high:
            raise ValueError(f"low {self.low}, central {self.central}, high {self.high} are not in rising order")


class Accelerator(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One device. ``peak`` is the dense peak by precision [FLOP/s]; ``mfu`` the model FLOP utilisation that
    published runs reached, for dense and mixture-of-experts models, against that peak."""

    name: str
    title: str
    peak: dict[str, Positive]
    memory_bytes: Positive | None = None
    prices: list[Price] = []
    mfu: dict[str, Interval] = {}
