"""What a stage takes on the machine, and whether the network fits it: the one place that a plan asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from lehr.recipes.catalogue.entries import Model
from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.errors import LehrError
from lehr.simulators.architecture import Architecture
from lehr.simulators.counting import ParameterCount
from lehr.simulators.evidence import Fact, Provenance
from lehr.simulators.machine.accelerator import Accelerator
from lehr.simulators.machine.failures import uptime
from lehr.simulators.machine.layout import Layout
from lehr.simulators.projection.cost import accelerator_hours
from lehr.simulators.projection.stage_time import ELSEWHERE, STATE_BYTES, as_runs_reach, expected_mfu
from lehr.simulators.quantities import Amount, Interval

if TYPE_CHECKING:
    from lehr.recipes.laying_out.question import Question

GIB = 2.0**30
SHARE_FOR_STATE = 0.8
"""Of a device's memory; the rest is left to activations and buffers."""


HALF_OF_RUNS = "as half of the published runs reached"
RUNS_ELSEWHERE = f"as published runs on other accelerators reached {ELSEWHERE.central:.0%} of their fastest layout"


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """What the plan runs on: a device, its precision and utilisation, how many there are, what an hour costs."""

    device: Accelerator
    precision: str
    mfu: float | Interval
    devices: int | None = None
    usd_per_hour: float | None = None


class Time(msgspec.Struct, frozen=True, kw_only=True):
    """What work takes: accelerator-hours [h], calendar days [d] where the devices are known, money [USD] where the
    price is."""

    hours: Amount
    days: Amount | None
    usd: Amount | None


def time_of(machine: Machine, flops: float) -> Time:
    """Hours, days and money of ``flops`` of model work; days, and the money for them where the devices are known, have
    the share that failures and checkpoints take.

    >>> from lehr.recipes.catalogue.files import Catalogue
    >>> h100 = Catalogue().accelerators["h100_sxm"]
    >>> time = time_of(Machine(device=h100, precision="bf16", mfu=0.4, devices=1000, usd_per_hour=2.0), 1e23)
    >>> f"{time.hours.value:,.0f} h, {time.days.value:.1f} d, {time.usd.value:,.0f} USD"
    '70,188 h, 3.0 d, 145,334 USD'
    """
    return time_for(machine, accelerator_hours(flops, machine.device.peak[machine.precision], machine.mfu))


def time_for(machine: Machine, hours: Amount) -> Time:
    """The same of accelerator-hours [h]."""
    share = uptime(machine.devices).share.value if machine.devices else 1.0
    return Time(
        hours=hours,
        days=hours.scaled(1 / 24 / machine.devices / share, "d") if machine.devices else None,
        usd=hours.scaled(machine.usd_per_hour / share, "USD") if machine.usd_per_hour else None,
    )


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    """A network on the machine, in words; whether it fits, and what is ``tight`` of that where the memory that is left
    is less than its model errs by; and its fastest layout, where the model of layouts knows the device: what that
    ``reached``, and ``mfu`` to count with, no more than what half of the published runs reached [1]."""

    says: str
    fits: bool
    tight: str | None = None
    reached: Interval | None = None
    mfu: Interval | None = None
    layout: Layout | None = None


def place(
    catalogue: Catalogue, machine: Machine, architecture: Architecture, *, count: ParameterCount, sequences: int,
    length: int,
) -> Placed:  # fmt: skip
    """The network's fastest layout on the machine's devices with batches of ``sequences``; where their number, or the
    device's speed, is not known, whether its states leave room.

    >>> from lehr.recipes.catalogue.files import Catalogue
    >>> from lehr.simulators.counting import count_parameters
    >>> catalogue = Catalogue()
    >>> h100 = Machine(device=catalogue.accelerators["h100_sxm"], precision="bf16", mfu=0.4, devices=8)
    >>> shape = catalogue.model("llama_3_1_8b").shape()
    >>> placed = place(catalogue, h100, shape, count=count_parameters(shape), sequences=512, length=4096)
    >>> placed.fits, 0.3 < placed.mfu.central < 0.6
    (True, True)
    """
    states, room = fit_of(machine, count)
    if machine.devices is None or machine.device.memory_bytes is None:
        return Placed(says=states, fits=room)
    from lehr.recipes.laying_out.answer import MEMORY_ERROR, NoLayoutError, answer

    try:
        asked = _question(catalogue, machine, architecture, sequences=sequences, length=length)
        best = answer(asked, 1, advise=False).best
    except NoLayoutError as error:
        return Placed(says=str(error), fits=False)
    except LehrError as error:
        # a device or a layer that the model of layouts does not know
        return Placed(says=f"{states}; not laid out: {error}", fits=room)
    assert best is not None, "a layout fits"
    reached = best.reached
    mfu, basis = expected_mfu(machine.device, machine.precision, sparse=count.sparse, fastest=reached)
    why = RUNS_ELSEWHERE if basis == "elsewhere" else HALF_OF_RUNS
    sizes = {name: getattr(best.layout, name) for name in ("tp", "pp", "cp", "ep", "dp")}
    groups = ", ".join(f"{name} {size}" for name, size in sizes.items() if size > 1) or "one device"
    memory = f"{best.memory_bytes / GIB:.0f} of {machine.device.memory_bytes / GIB:.0f} GiB"
    tight = best.memory_bytes * (1 + MEMORY_ERROR) > machine.device.memory_bytes
    less = f"{memory} leave less free than the model of memory errs by, {MEMORY_ERROR:.0%}"
    return Placed(
        tight=less if tight else None,
        says=f"fits {machine.devices:,} devices at {memory} ({groups}, ZeRO {best.layout.zero}), "
        f"MFU {reached.central:.0%} ({reached.low:.0%} to {reached.high:.0%})"
        + ("" if basis == "fastest" else f"; counted with {mfu.central:.0%}, {why}"),
        fits=True,
        reached=reached,
        mfu=as_runs_reach(mfu),
        # the batch is each stage's own
        layout=msgspec.structs.replace(best.layout, global_batch=None),
    )


def _question(
    catalogue: Catalogue, machine: Machine, architecture: Architecture, *, sequences: int,
    length: int, layout: str | dict[str, Any] = "best",
) -> Question:  # fmt: skip
    from lehr.recipes.laying_out.question import question

    model = Model(
        name="the network", family="planned", kind="dense", open="dimensions", architecture=architecture,
        provenance=Provenance(default=Fact(origin="derived", note="a rung of the ladder")),
    )  # fmt: skip
    return question(
        catalogue, model, machine.device, devices=machine.devices, sequence_length=length, global_batch=sequences,
        precision=machine.precision, layout=layout,
    )  # fmt: skip


def shared_out(
    catalogue: Catalogue, machine: Machine, architecture: Architecture, *, sequences: int, length: int
) -> str | None:
    """What becomes of a laid-out mixture's step where a trainer is told no layout and shares out weights, gradients and
    moments over all devices; ``None`` where these do not share the batch.

    >>> from lehr.recipes.catalogue.files import Catalogue
    >>> catalogue = Catalogue()
    >>> h100 = Machine(device=catalogue.accelerators["h100_sxm"], precision="bf16", mfu=0.4, devices=64)
    >>> shape = catalogue.model("qwen3_30b_a3b").shape()
    >>> shared_out(catalogue, h100, shape, sequences=1024, length=4096)
    'a step takes 35.5 s, 5.3 times as long'
    """
    from lehr.recipes.laying_out.answer import answer

    if machine.devices is None or sequences % machine.devices:
        return None
    zero_3 = {"dp": machine.devices, "zero": 3, "micro_batch": 1, "recompute": "full"}
    asked = _question(catalogue, machine, architecture, sequences=sequences, length=length, layout=zero_3)
    found = answer(asked, 1, advise=False)
    best, given = found.best, found.given
    assert best is not None, "a layout fits"
    assert given is not None, "a layout was given"
    assert machine.device.memory_bytes is not None, "a layout fits"
    room = "" if given.fits else f", in {given.memory_bytes / GIB:.0f} of {machine.device.memory_bytes / GIB:.0f} GiB"
    return f"a step takes {given.seconds:.3g} s, {given.seconds / best.seconds:.2g} times as long{room}"


def fit_of(machine: Machine, count: ParameterCount) -> tuple[str, bool]:
    """Whether weights, gradients and Adam's state, split over all devices, leave room; in words, and whether they do.

    >>> from lehr.recipes.catalogue.files import Catalogue
    >>> from lehr.simulators.counting import count_parameters
    >>> h100 = Catalogue().accelerators["h100_sxm"]
    >>> llama = count_parameters(Catalogue().model("llama_3_1_8b").shape())
    >>> fit_of(Machine(device=h100, precision="bf16", mfu=0.4, devices=8), llama)
    ('states of 120 GiB in all, 15 GiB on each of 8 devices of 80 GiB', True)
    """
    state = STATE_BYTES * count.total
    memory = machine.device.memory_bytes
    if memory is None:
        return f"states of {state / GIB:,.0f} GiB in all; the device's memory is not known", True
    fewest = -(-state // (SHARE_FOR_STATE * memory))
    if machine.devices is None:
        return f"states of {state / GIB:,.0f} GiB need {fewest:,.0f} or more devices of {memory / GIB:.0f} GiB", True
    each = state / machine.devices
    words = f"{each / GIB:,.2g} GiB on each of {machine.devices:,} devices of {memory / GIB:.0f} GiB"
    return f"states of {state / GIB:,.0f} GiB in all, {words}", each <= SHARE_FOR_STATE * memory
