"""How long the work of a stage keeps accelerators busy, and what that costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import ceil
from typing import Any, TypeVar

import msgspec

from lehr.simulators.machine.accelerator import Accelerator, Price
from lehr.simulators.projection.cost import UtilisationBasis, accelerator_hours, days_of, implied_mfu, utilisation
from lehr.simulators.quantities import Amount, Interval
from lehr.simulators.training import Hardware, Stage

A = TypeVar("A", bound=Amount)


class Assumptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the planner says where a recipe does not, or instead of it.

    ``accelerator`` replaces the published hardware where it is given; ``fallback`` stands in where none was
    published. ``mfu`` and ``usd_per_hour`` replace the accelerator's own figures.
    """

    fallback: str
    accelerator: str | None = None
    precision: str | None = None
    devices: int | None = None
    mfu: float | None = None
    usd_per_hour: float | None = None


class Time(msgspec.Struct, frozen=True, kw_only=True):
    """How long a stage's work keeps accelerators busy, and on what that rests."""

    accelerator: str
    precision: str
    peak: float
    mfu: Amount
    basis: UtilisationBasis
    hours: Amount
    days: Amount | None
    devices: int | None
    assumed_hardware: bool
    cost: Amount | None
    price: Price | None
    published_hours: float | None = None
    implied_mfu: float | None = None
    fastest: Interval | None = None
    """The utilisation of the fastest layout, where that was asked for [1]."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a stage runs: on what, at which precision, on how many devices. ``published`` is its own hardware where no
    other was named."""

    device: Accelerator
    precision: str
    devices: int | None
    published: Hardware | None


def place_of(stage: Stage, accelerators: Mapping[str, Accelerator], assumptions: Assumptions) -> Place:
    """Where ``stage`` runs. Raises ``ValueError`` where the accelerator is not known or has no peak for the precision.

    >>> from lehr.simulators.objectives import NextToken
    >>> h800 = Accelerator(name="h800", title="H800", peak={"bf16": 989.4e12})
    >>> plan = Assumptions(fallback="h800", devices=8)
    >>> place_of(Stage(kind="PT", objective=NextToken()), {"h800": h800}, plan).devices
    8
    """
    published = None if assumptions.accelerator is not None else stage.hardware
    name = published.accelerator if published else assumptions.accelerator or assumptions.fallback
    if name not in accelerators:
        raise ValueError(f"no accelerator is called {name!r}; there are {', '.join(sorted(accelerators))}")
    device = accelerators[name]
    stated: str | None = published.precision if published else None
    precision = assumptions.precision or stated or ("bf16" if "bf16" in device.peak else next(iter(device.peak)))
    if precision not in device.peak:
        raise ValueError(f"{name} has no peak for {precision}; it has {', '.join(device.peak)}")
    devices = assumptions.devices or (published.count if published else None)
    return Place(device=device, precision=precision, devices=devices, published=published)


def project_time(
    flops: float,
    stage: Stage,
    *,
    sparse: bool,
    accelerators: Mapping[str, Accelerator],
    assumptions: Assumptions,
    laid_out: Interval | None = None,
    fastest: Callable[[], Interval | None] = lambda: None,
    unpacking: Callable[[], Interval | None] = lambda: None,
) -> Time:
    """Hours and cost of ``flops`` on the stage's accelerator, or on the one that the planner names; ``laid_out`` is the
    utilisation of the stage's own layout, ``fastest`` asks for that of the fastest one, where nothing else is known,
    and ``unpacking`` how many times as long that takes beside weights in four bits [1].

    Raises ``ValueError`` where the accelerator is not known or has no peak for the precision.

    >>> h800 = Accelerator(name="h800", title="H800", peak={"bf16": 989.4e12},
    ...     mfu={"dense": Interval(low=0.3, central=0.4, high=0.5)})
    >>> from lehr.simulators.objectives import NextToken
    >>> stage = Stage(kind="PT", objective=NextToken(), tokens=15e12)
    >>> plan = Assumptions(fallback="h800", devices=2048)
    >>> time = project_time(7.2e23, stage, sparse=False, accelerators={"h800": h800}, assumptions=plan)
    >>> f"{time.hours.value:,.0f} h in {time.days.value:.1f} days ({time.days.low:.1f} to {time.days.high:.1f})"
    '505,357 h in 10.3 days (7.7 to 25.7)'
    """
    place = place_of(stage, accelerators, assumptions)
    device, precision, devices, published = place.device, place.precision, place.devices, place.published
    peak = device.peak[precision]
    mfu: float | Interval
    basis: UtilisationBasis
    reaches: Interval | None = None
    if assumptions.mfu is not None:
        mfu, basis = assumptions.mfu, "given"
    elif published is not None and published.mfu is not None:
        mfu, basis = published.mfu, "published"
    elif published is not None and laid_out is not None:
        mfu, basis = laid_out, "layout"
    else:
        reaches = fastest()
        mfu, basis = expected_mfu(device, precision, sparse=sparse, fastest=reaches)
    four_bits = stage.adapter is not None and stage.adapter.kind == "qlora"
    if four_bits and basis in AS_PRINTED and isinstance(mfu, Interval):
        mfu = packed(mfu, unpacking() or FOUR_BITS)
    hours = accelerator_hours(flops, peak, mfu)
    if basis in AS_PRINTED:
        hours = as_runs_print(hours)
    price = device.price
    rate = hourly_rate(device, assumptions)
    published_hours = published.own_hours if published else None
    return Time(
        accelerator=device.name,
        precision=precision,
        peak=peak,
        mfu=utilisation(mfu),
        basis=basis,
        hours=hours,
        days=days_of(hours, devices) if devices else None,
        devices=devices,
        assumed_hardware=published is None and assumptions.accelerator is None,
        cost=hours.scaled(rate, "USD") if rate else None,
        price=None if assumptions.usd_per_hour else price,
        published_hours=published_hours,
        implied_mfu=implied_mfu(flops, peak, published_hours) if published_hours else None,
        fastest=reaches,
    )


ELSEWHERE = Interval(low=0.53, central=0.82, high=1.0)
"""What published runs of dense networks reached in 16 bits over the fastest layout of such a network, and no more than
it: the least, the median and the most of seven kinds of accelerators, V100, MI250X, A100, H100 to GB200, TPU v4, v5e
and v5p, all in view (tests/published/test_expected_elsewhere.py) [1]."""


AS_PRINTED: tuple[UtilisationBasis, ...] = ("assumed", "fastest", "elsewhere")
"""What a utilisation rests on where a run's own is not known."""
PRINTED = (0.75, 2.5)
"""Hours that runs of pre-training printed, over those of their work at the utilisation that is expected of them: the
shortest interval that holds nine in ten of 27. In them are lost time, evaluation, younger software and tokens that were
never printed, which a utilisation of measured steps does not know (tests/published/test_printed_hours.py) [1]."""


FOUR_BITS = Interval(low=1.07, central=1.51, high=2.06)
"""Time of a step of adapters beside weights in four bits over that of the same beside 16: the least, the median and the
largest of 17 published pairs on A100 and A10G, micro-batches of one to eight short sequences
(conf/measurement/four_bits.csv; tests/catalogue/test_four_bits.py) [1]."""


def packed(mfu: Interval, slower: Interval) -> Interval:
    """A utilisation where frozen weights are unpacked in every pass, so that a step takes so many times as long [1].

    >>> round(packed(Interval(low=0.35, central=0.42, high=0.47), FOUR_BITS).central, 3)
    0.278
    """
    return Interval(low=mfu.low / slower.high, central=mfu.central / slower.central, high=mfu.high / slower.low)


def as_runs_print(hours: A, least: Callable[..., Any] = min, most: Callable[..., Any] = max) -> A:
    """Hours with the interval of what runs printed, where a run's own utilisation is not known; of an array of hours
    ``least`` and ``most`` take two arrays.

    >>> as_runs_print(Amount(value=100.0, unit="h", low=80.0, high=130.0)).high
    250.0
    """
    low, high = (hours.value * share for share in PRINTED)
    return msgspec.structs.replace(
        hours,
        low=low if hours.low is None else least(low, hours.low),
        high=high if hours.high is None else most(high, hours.high),
    )


def as_runs_reach(mfu: Interval) -> Interval:
    """A utilisation with the interval that printed hours imply, where a run's own is not known [1].

    >>> as_runs_reach(Interval(low=0.3, central=0.4, high=0.45))
    Interval(low=0.16, central=0.4, high=0.5333333333333333)
    """
    least, most = (mfu.central / share for share in reversed(PRINTED))
    return Interval(low=min(mfu.low, least), central=mfu.central, high=min(1.0, max(mfu.high, most)))


STATE_BYTES = 16
"""Of a parameter that is trained in mixed precision: it and its gradient in 2 bytes each, and in 4 each its master copy
and Adam's two moments (Rajbhandari et al., arXiv:1910.02054, section 3.1) [byte]."""


def beyond_memory(parameters: int, devices: int | None, device: Accelerator) -> str | None:
    """What is to be said where the states of so many ``parameters`` exceed the memory of all devices together; ``None``
    where they do not, or where either is not known.

    >>> h100 = Accelerator(name="h100_sxm", title="H100", peak={"bf16": 989.4e12}, memory_bytes=80e9)
    >>> beyond_memory(671_026_404_352, 64, h100)
    'does not fit: 16 bytes of states a parameter are 10.7 TB, 64 × h100_sxm have 5.12 TB; write at least devices=135'
    >>> beyond_memory(671_026_404_352, 2048, h100)
    """
    states = STATE_BYTES * parameters
    if devices is None or device.memory_bytes is None or states <= devices * device.memory_bytes:
        return None
    return (
        f"does not fit: {STATE_BYTES} bytes of states a parameter are {states / 1e12:.3g} TB, {devices:,} × "
        f"{device.name} have {devices * device.memory_bytes / 1e12:.3g} TB; write at least "
        f"devices={ceil(states / device.memory_bytes)}"
    )


def hourly_rate(device: Accelerator, assumptions: Assumptions) -> float | None:
    """What an hour of ``device`` costs [USD/h]: what the planner says, or its first price; ``None`` without either.

    >>> hourly_rate(Accelerator(name="h800", title="H800", peak={"bf16": 989.4e12}), Assumptions(fallback="h800"))
    >>> hourly_rate(Accelerator(name="h800", title="H800", peak={"bf16": 989.4e12}),
    ...     Assumptions(fallback="h800", usd_per_hour=2.0))
    2.0
    """
    return assumptions.usd_per_hour or (device.price.usd_per_hour if device.price else None)


def cost_of_published_hours(
    stage: Stage, *, accelerators: Mapping[str, Accelerator], assumptions: Assumptions
) -> float | None:
    """What the accelerator-hours that a stage states cost [USD], whether or not its work is known.

    ``None`` where no hours were published, the accelerator has no price, or the planner names another one.

    >>> from lehr.simulators.objectives import PolicyGradient
    >>> from lehr.simulators.training import Hardware
    >>> h800 = Accelerator(name="h800", title="H800", peak={"bf16": 989.4e12})
    >>> stage = Stage(kind="RL", objective=PolicyGradient(method="grpo"),
    ...     hardware=Hardware(accelerator="h800", hours=258_048))
    >>> plan = Assumptions(fallback="h800", usd_per_hour=2.0)
    >>> cost_of_published_hours(stage, accelerators={"h800": h800}, assumptions=plan)
    516096.0
    """
    hardware = stage.hardware
    if hardware is None or hardware.stated_hours is None or assumptions.accelerator is not None:
        return None
    device = accelerators.get(hardware.accelerator)
    rate = hourly_rate(device, assumptions) if device else None
    return hardware.stated_hours * rate if rate else None


def assumed_mfu(device: Accelerator, precision: str, *, sparse: bool) -> Interval:
    """The utilisation that published runs reached on ``device``; a key without a precision is for 16 bits.

    Raises ``ValueError`` where the accelerator carries none for the precision.

    >>> h800 = Accelerator(name="h800", title="H800", peak={"bf16": 989.4e12},
    ...     mfu={"dense": Interval(low=0.3, central=0.4, high=0.5)})
    >>> assumed_mfu(h800, "bf16", sparse=True).central       # of dense models, where it has none of mixtures
    0.4
    """
    suffix = "" if precision in ("bf16", "fp16") else f"_{precision}"
    for kind in ("moe", "dense") if sparse else ("dense",):
        if f"{kind}{suffix}" in device.mfu:
            return device.mfu[f"{kind}{suffix}"]
    raise ValueError(
        f"{device.name} has no published utilisation in {precision}; write mfu=, such as lehr layout says of it, or "
        "another accelerator"
    )


def expected_mfu(
    device: Accelerator, precision: str, *, sparse: bool, fastest: Interval | None
) -> tuple[Interval, UtilisationBasis]:
    """What is expected of a run of which nothing was measured or printed, and on what that rests: the utilisation of
    the ``fastest`` layout on its devices, or what half of the published runs on such devices reached, where that is
    less. Where no run was published on such devices a dense network is expected to fall short of its fastest layout as
    runs ``ELSEWHERE`` did; of mixtures too little was published to say. Of 17 stages with printed hours or
    utilisation the lower of the two misses these least (docs/decisions.md).

    Raises ``ValueError`` where neither is known.

    >>> h100 = Accelerator(name="h100_sxm", title="H100", peak={"bf16": 989.4e12},
    ...     mfu={"dense": Interval(low=0.35, central=0.42, high=0.47)})
    >>> slow, fast = Interval(low=0.15, central=0.2, high=0.3), Interval(low=0.5, central=0.55, high=0.6)
    >>> [expected_mfu(h100, "bf16", sparse=False, fastest=one)[0].central for one in (slow, fast, None)]
    [0.2, 0.42, 0.42]
    >>> trainium2 = Accelerator(name="trainium2", title="Trainium2", peak={"bf16": 667e12})
    >>> round(expected_mfu(trainium2, "bf16", sparse=False, fastest=fast)[0].central, 3)
    0.451
    """
    suffix = "" if precision in ("bf16", "fp16") else f"_{precision}"
    known = any(f"{kind}{suffix}" in device.mfu for kind in (("moe", "dense") if sparse else ("dense",)))
    if fastest is None or known:
        published = assumed_mfu(device, precision, sparse=sparse)
        if fastest is None or published.central < fastest.central:
            return published, "assumed"
    if known or sparse:
        return fastest, "fastest"
    low, central, high = ELSEWHERE.low, ELSEWHERE.central, ELSEWHERE.high
    return Interval(low=fastest.low * low, central=fastest.central * central, high=fastest.high * high), "elsewhere"
