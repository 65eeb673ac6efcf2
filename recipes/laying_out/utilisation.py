"""The utilisation that published runs reached on each accelerator, from the tables of measurements.

``conf/measurement/step_time.csv`` has speeds with their layouts, ``utilisation.csv`` what was printed without one. A
model of a source counts once, by the median of its settings; the interval is the 10, 50 and 90 % quantiles over models,
each against the peak of the device that it ran on.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.laying_out.tables import MEASUREMENT, read_networks
from lehr.simulators.counting import FLOP_CONVENTIONS, count_parameters, training_flops_per_token
from lehr.simulators.machine.accelerator import Accelerator
from lehr.simulators.quantities import Interval

CONVENTION = FLOP_CONVENTIONS["causal"]
LONGEST = 32_768
"""Sequences of pre-training; beyond it attention outweighs everything else [tokens]."""
EIGHT_BITS = ("fp8", "mxfp8")


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """One published measurement on an accelerator: the table's own ``row``, which ``key`` of ``mfu`` it belongs to and
    whether it counts there, and by each convention the speed of the model's work [FLOP/s] over the device's ``peak``.

    ``figures`` are what can be set beside a printed figure, by quantity: its convention and its value.
    """

    row: dict[str, str]
    accelerator: str
    key: str
    counts: bool
    mfu: float
    figures: dict[str, list[tuple[str, float]]]


class Utilisation(msgspec.Struct, frozen=True, kw_only=True):
    """The quantiles over ``models``, of so many ``measurements`` by these ``sources``."""

    interval: Interval
    models: int
    measurements: int
    sources: list[str]


def measured(catalogue: Catalogue) -> list[Measured]:
    """Every measurement in 16, 8 and 4 bits; FLOPs by the causal convention from a speed or from the hours of a whole
    run, else the utilisation or speed that was printed. Pre-training at sequences of up to ``LONGEST`` counts."""
    return [*_speeds(catalogue), *_printed(catalogue)]


def _speeds(catalogue: Catalogue) -> Iterator[Measured]:
    for row, architecture in read_networks(MEASUREMENT / "step_time.csv", catalogue):
        length, devices = int(float(row["sequence_length"])), int(row["devices"])
        said = "tokens_per_second" if row["tokens_per_second"] else "step_seconds"
        printed = float(row[said])
        speed = printed if said == "tokens_per_second" else float(row["global_batch"]) * length / printed / devices
        device = catalogue.accelerators[row["accelerator"]]
        bits = _bits(row["precision"], device)
        work = {
            name: speed * training_flops_per_token(architecture, length, FLOP_CONVENTIONS[name])
            for name in ("causal", "full")
        }
        yield Measured(
            row=row,
            accelerator=device.name,
            key=_key(count_parameters(architecture).sparse, bits),
            counts=not row["trains"] and length <= LONGEST,
            mfu=work["causal"] / device.peak[bits],
            figures={said: [("as measured", printed)], **_figures(work, device.peak[bits])},
        )


def _printed(catalogue: Catalogue) -> Iterator[Measured]:
    with (MEASUREMENT / "utilisation.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            device = catalogue.accelerators[row["accelerator"]]
            peak = device.peak[row["precision"]]
            figures: dict[str, list[tuple[str, float]]] = {}
            if row["mfu"]:
                work = float(row["mfu"]) * peak
            elif row["tflops"]:
                work = float(row["tflops"]) * 1e12
            else:
                shape = catalogue.model(row["network"]).shape()
                per_token = training_flops_per_token(shape, int(row["sequence_length"]), CONVENTION)
                hours = float(row["hours"])
                figures["accelerator_hours"] = [("as published", hours)]
                work = per_token * float(row["tokens"]) / hours / 3600
            yield Measured(
                row=row,
                accelerator=device.name,
                key=_key(row["kind"] == "moe", row["precision"]),
                counts=True,
                mfu=work / peak,
                figures={**figures, **_figures({"as published": work}, peak, device.peak.get("bf16"))},
            )


def _figures(work: dict[str, float], *peaks: float | None) -> dict[str, list[tuple[str, float]]]:
    """Utilisation [%] against each peak and speed [TFLOP/s] of work [FLOP/s] by convention."""
    return {
        "mfu": [(name, 100 * speed / peak) for name, speed in work.items() for peak in peaks if peak],
        "tflops": [(name, speed / 1e12) for name, speed in work.items()],
    }


def _bits(precision: str, device: Accelerator) -> str:
    """The peak that a run in ``precision`` is set against."""
    if precision in EIGHT_BITS:
        return "fp8"
    if precision == "nvfp4":
        return "fp4"
    return "bf16" if "bf16" in device.peak else "fp16"


def _key(sparse: bool, bits: str) -> str:
    suffix = "" if bits in ("bf16", "fp16") else f"_{bits}"
    return ("moe" if sparse else "dense") + suffix


def utilisations(catalogue: Catalogue, rows: Sequence[Measured]) -> dict[tuple[str, str], Utilisation]:
    """By accelerator and key of its ``mfu`` what its file should say, of each whose file has one.

    An accelerator takes what was measured on devices of its generation, a TPU what was measured on itself.
    """
    found = {}
    for name, device in catalogue.accelerators.items():
        alike = {
            other.name
            for other in catalogue.accelerators.values()
            if other.name == name or (other.generation == device.generation and device.generation != "tpu")
        }
        for key in device.mfu:
            own = [row for row in rows if row.counts and row.accelerator in alike and row.key == key]
            if own:
                found[name, key] = _quantiles(own)
    return found


def _quantiles(rows: list[Measured]) -> Utilisation:
    models: dict[tuple[str, str], list[float]] = defaultdict(list)
    for row in rows:
        models[row.row["source"], row.row["model"]].append(row.mfu)
    low, central, high = np.quantile([np.median(values) for values in models.values()], [0.1, 0.5, 0.9]).round(3)
    return Utilisation(
        interval=Interval(low=float(low), central=float(central), high=float(high)),
        models=len(models),
        measurements=len(rows),
        sources=list(dict.fromkeys(row.row["source"] for row in rows)),
    )
