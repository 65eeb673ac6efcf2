"""Accelerators: peak speed, memory, price, and the share of the peak that training runs reach."""

from __future__ import annotations

import msgspec

from lehr.simulators.quantities import Interval, Positive


class Price(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one accelerator costs an hour [USD/h], who asked it, and when."""

    usd_per_hour: Positive
    date: str
    source: str
    place: str


class Accelerator(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One device. ``peak`` is the dense peak by precision [FLOP/s]; ``mfu`` the model FLOP utilisation that
    published runs reached, for dense and mixture-of-experts models, against that peak."""

    name: str
    title: str
    peak: dict[str, Positive]
    memory_bytes: Positive | None = None
    prices: list[Price] = []
    mfu: dict[str, Interval] = {}
