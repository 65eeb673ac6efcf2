"""Accelerators: speed, memory, links, power, price, and the share of the peak that training runs reach."""

from __future__ import annotations

from typing import Literal

import msgspec

from lehr.simulators.quantities import HourlyPrice, Interval, Positive, Size

UNMEASURED = 0.82
"""Share of the peak that large products are taken to reach where nobody published one: the measured shares of
accelerators of the catalogue lie between 0.51 and 0.87, those of NVIDIA's between 0.73 and 0.87."""


class Price(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one accelerator costs an hour [USD/h], who asked it, when, and on what terms: a large cloud's list is not
    the price of a small one."""

    usd_per_hour: HourlyPrice
    date: str
    source: str
    place: str
    terms: Literal["on_demand", "reserved", "spot"] = "on_demand"
    seller: str = ""


def months_before(date: str, edition: str) -> int:
    """Months from ``date`` to ``edition``, both as year and month; a day is not counted, a month that is left out is
    January.

    >>> months_before("2024-12", "2026.11"), months_before("2026-05-17", "2026.11")
    (23, 6)
    """
    (y, m), (year, month) = (
        [int(part) for part in [*text.replace(".", "-").split("-"), "1"][:2]] for text in (date, edition)
    )
    return 12 * (year - y) + month - m


class Link(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What joins the accelerators of a scale-up domain: bandwidth of each, one way [byte/s], and how many it joins."""

    name: str
    bandwidth: Positive
    domain: Size


class Accelerator(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One device. ``peak`` is the dense peak by precision [FLOP/s]; ``mfu`` the model FLOP utilisation that
    published runs reached, for dense and mixture-of-experts models, against that peak.

    ``achieved`` are the largest speeds of a matrix product that were measured [FLOP/s], ``bandwidth`` that of its
    memory [byte/s], ``network`` that of its card to other domains, one way [byte/s], ``power`` its largest draw [W].
    ``generation`` tells devices whose kernels are alike.
    """

    name: str
    title: str
    peak: dict[str, Positive]
    memory_bytes: Positive | None = None
    prices: list[Price] = []
    mfu: dict[str, Interval] = {}
    achieved: dict[str, Positive] = {}
    bandwidth: Positive | None = None
    link: Link | None = None
    network: Positive | None = None
    power: Positive | None = None
    generation: str | None = None

    @property
    def price(self) -> Price | None:
        """The newest price on demand, or of any terms where there is none; ``None`` without prices.

        >>> old = Price(usd_per_hour=4.0, date="2024-12", source="s", place="p")
        >>> new = Price(usd_per_hour=2.5, date="2026-01", source="s", place="p")
        >>> Accelerator(name="x", title="X", peak={"bf16": 1e12}, prices=[new, old]).price.date
        '2026-01'
        """
        asked = [price for price in self.prices if price.terms == "on_demand"] or self.prices
        return max(asked, key=lambda price: price.date, default=None)

    def matrix_rate(self, precision: str) -> float:
        """Speed of large matrix products: measured, or the measured share of another precision's peak, or of no
        precision ``UNMEASURED`` [FLOP/s]. Raises ``ValueError`` where it has no peak of that precision.

        >>> h100 = Accelerator(name="h100", title="H100", peak={"bf16": 989e12, "fp8": 1979e12},
        ...                    achieved={"bf16": 794.5e12})
        >>> h100.matrix_rate("bf16"), round(h100.matrix_rate("fp8") / 1979e12, 3)
        (794500000000000.0, 0.803)
        """
        if precision in self.achieved:
            return self.achieved[precision]
        if precision not in self.peak:
            raise ValueError(f"{self.name} has no peak for {precision}; it has {', '.join(self.peak)}")
        shares = [self.achieved[p] / self.peak[p] for p in self.achieved if p in self.peak]
        return self.peak[precision] * (min(shares) if shares else UNMEASURED)
