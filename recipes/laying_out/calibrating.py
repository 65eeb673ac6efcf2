"""Fitting the constants of the step-time model to tables of measured speeds, and the file that they are kept in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from lehr.recipes.catalogue.decode import decode
from lehr.recipes.catalogue.files import CONF
from lehr.recipes.catalogue.yaml import load_yaml
from lehr.recipes.laying_out.tables import Row
from lehr.simulators.machine.accelerator import Accelerator
from lehr.simulators.machine.calibration import (
    Band,
    Fit,
    Measured,
    Predicted,
    band,
    covariance,
    cross_validate,
    fit_constants,
    fold_by,
    predict,
    predicted_logs,
    spreads,
)
from lehr.simulators.machine.cluster import network_of
from lehr.simulators.machine.constants import NAMES, PRIORS
from lehr.simulators.machine.demand import demand_of, distinct_nodes, network_key, stack
from lehr.simulators.machine.layout import as_arrays
from lehr.simulators.machine.step_time import join_rates, rates_of

FILE = CONF / "calibration" / "step_time.yaml"
FOLDS = 8


class Constant(msgspec.Struct, frozen=True, kw_only=True):
    """A fitted constant: its value and the standard deviation of its logarithm."""

    value: float
    spread: float


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """What measurements say of one network beside the constants, on one accelerator or on any other.

    ``shift`` is added to the logarithm of a speed; ``explained`` is the variance that they take away.
    """

    shift: float
    explained: float


class NetworkEffect(msgspec.Struct, frozen=True, kw_only=True):
    """What measurements say of one network: ``other`` where it ran on none of ``accelerators``."""

    model: str
    other: Effect
    accelerators: dict[str, Effect]


class Errors(msgspec.Struct, frozen=True, kw_only=True):
    """Relative errors of tokens a second of rows that were left out [1]."""

    rows: int
    median: float
    mean: float
    quantile_90: float
    within_band: float
    half_width: float


class Calibration(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fitted constants with their covariance, bands, and what is known of networks that were measured.

    ``covariance`` is that of the constants' logarithms, its lower triangle row by row, as text.
    """

    rows: int
    constants: dict[str, Constant]
    covariance: str
    bands: dict[str, Band]
    errors: dict[str, Errors]
    networks: dict[str, NetworkEffect]

    def fit(self) -> Fit:
        """The constants as arrays."""
        size = len(NAMES)
        matrix = np.zeros((size, size))
        matrix[np.tril_indices(size)] = np.array(self.covariance.split(), dtype=float)
        matrix = matrix + np.tril(matrix, -1).T
        return Fit(np.log([self.constants[name].value for name in NAMES]), matrix)


def measured(rows: Sequence[Row], accelerators: Mapping[str, Accelerator]) -> Measured:
    """Rows as arrays; those without a speed have one of zero tokens, whose logarithm is ``nan``."""
    demands, rates, logs = [], [], []
    for row in rows:
        device = accelerators[row.accelerator]
        network = network_of(device, beyond=row.network)
        layouts = as_arrays([row.layout])
        demands.append(demand_of(row.work, layouts, network))
        rates.append(
            rates_of(
                device,
                row.software,
                row.layout.precision,
                n_layers=row.work.n_layers,
                mixture=row.work.sparse,
                recurrent=row.recurrent,
                trained=row.trained,
                mixing=row.mixing,
                distinct=distinct_nodes(row.work, layouts, network.domain),
            )
        )
        logs.append(np.log(row.tokens_per_second) if row.tokens_per_second else np.nan)
    return Measured(
        stack(demands),
        join_rates(rates),
        np.array(logs),
        np.array([row.source for row in rows]),
        np.array([network_key(row.work) for row in rows]),
        np.array([row.accelerator for row in rows]),
    )


def calibrate(rows: Sequence[Row], accelerators: Mapping[str, Accelerator]) -> Calibration:
    """Fit, and leave out groups in turn for the bands: sources seen (eight folds by source, network and device) and
    new ones (each left out whole)."""
    data = measured(rows, accelerators)
    fit = fit_constants(data)
    groups = ["|".join(key) for key in zip(data.source, data.network, data.device, strict=True)]
    seen = cross_validate(data, fold_by(groups, FOLDS), fit.logs)
    new = cross_validate(data, fold_by(list(data.source), len(data.source)), fit.logs)
    bands = band(data, seen, new)
    errors = {
        f"{kind}, {which}": errors_of(data, told, mask, getattr(bands[kind], which))
        for which, told in (("seen", seen), ("new", new))
        for kind, mask in (("dense", ~data.mixture), ("mixture", data.mixture))
        if mask.any()
    }
    deviations = np.sqrt(np.diag(fit.covariance))
    size = len(NAMES)
    return Calibration(
        rows=len(rows),
        constants={
            name: Constant(value=_digits(float(np.exp(x)), 5), spread=_digits(float(s), 3))
            for name, x, s in zip(NAMES, fit.logs, deviations, strict=True)
        },
        covariance=" ".join(f"{v:.2e}" for v in fit.covariance[np.tril_indices(size)]),
        bands={k: Band(seen=_digits(b.seen, 4), new=_digits(b.new, 4)) for k, b in bands.items()},
        errors=errors,
        networks=network_effects(data, fit, rows),
    )


def errors_of(data: Measured, told: Predicted, mask: np.ndarray, factor: float) -> Errors:
    """Errors of left-out rows under ``mask``, and how their intervals of ``factor`` deviations held."""
    off = np.abs(np.expm1(told.logs - data.logs))[mask]
    inside = (np.abs(told.logs - data.logs) <= factor * told.spread)[mask]
    return Errors(
        rows=int(mask.sum()),
        median=_digits(float(np.median(off)), 3),
        mean=_digits(float(off.mean()), 3),
        quantile_90=_digits(float(np.quantile(off, 0.9)), 3),
        within_band=_digits(float(inside.mean()), 3),
        half_width=_digits(float(np.median(np.sinh(factor * told.spread[mask]))), 3),
    )


def network_effects(data: Measured, fit: Fit, rows: Sequence[Row]) -> dict[str, NetworkEffect]:
    """What the residuals say of each network that was measured, for a source that was not."""
    matrix = covariance(data)
    off = data.logs - predicted_logs(data, fit.logs)
    limit = 3 * np.sqrt(np.diag(matrix))
    inverse = np.linalg.inv(matrix)
    solved = inverse @ np.clip(off, -limit, limit)
    out = {}
    for key in sorted(set(data.network.tolist())):
        same = data.network == key
        wide = np.where(same, spreads(data.mixture, "network") ** 2, 0.0)
        narrow = spreads(data.mixture, "network_device") ** 2
        vectors = {"": wide}
        for device in sorted(set(data.device[same].tolist())):
            vectors[device] = wide + np.where(same & (data.device == device), narrow, 0.0)
        effects = {
            device: Effect(shift=_digits(float(k @ solved), 4), explained=_digits(float(k @ inverse @ k), 4))
            for device, k in vectors.items()
        }
        first = int(np.flatnonzero(same)[0])
        out[key] = NetworkEffect(model=rows[first].model, other=effects.pop(""), accelerators=effects)
    return out


def load(path: Any = FILE) -> Calibration:
    """The calibration in a file."""
    return decode(load_yaml(path), Calibration, str(path))


def _digits(value: float, digits: int) -> float:
    return float(f"{value:.{digits}g}")


def as_yaml(calibration: Calibration) -> str:
    """The file of a calibration, each constant beside what it is.

    Written by hand and not by a library: a comment stands behind each constant.
    """
    lines = [
        "# Constants of the step-time model, fitted by `lehr calibrate table=catalogue`; do not edit.",
        f"rows: {calibration.rows}",
        "constants:",
    ]
    for name, constant in calibration.constants.items():
        says = PRIORS[name].says
        lines.append(f"  {name}: {{value: {constant.value:g}, spread: {constant.spread:g}}}  # {says}")
    lines += ["bands:  # standard deviations that hold 90 % of rows left out"]
    lines += [f"  {k}: {{seen: {b.seen:g}, new: {b.new:g}}}" for k, b in calibration.bands.items()]
    lines += ["errors:  # of tokens a second, rows left out"]
    for kind, e in calibration.errors.items():
        fields = ", ".join(f"{f}: {getattr(e, f):g}" for f in e.__struct_fields__)
        lines.append(f'  "{kind}": {{{fields}}}')
    lines += ["networks:  # what residuals say of networks that were measured, as logarithms"]
    for key, network in calibration.networks.items():
        lines.append(f'  "{key}":')
        lines.append(f'    model: "{network.model}"')
        lines.append(f"    other: {{shift: {network.other.shift:g}, explained: {network.other.explained:g}}}")
        devices = ", ".join(
            f"{name}: {{shift: {e.shift:g}, explained: {e.explained:g}}}" for name, e in network.accelerators.items()
        )
        lines.append(f"    accelerators: {{{devices}}}")
    numbers = calibration.covariance.split()
    rows, at = [], 0
    for size in range(1, len(NAMES) + 1):
        rows.append("  " + " ".join(numbers[at : at + size]))
        at += size
    return "\n".join([*lines, "covariance: >-", *rows]) + "\n"


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One row of a table: tokens a second and device as measured and as the constants say, with the interval."""

    source: str
    model: str
    accelerator: str
    layout: str
    measured: float | None
    told: float
    low: float
    high: float


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """A table beside the constants, none of them fitted to it."""

    rows: list[Told]
    errors: dict[str, Errors]

    def text(self, left: Sequence[str]) -> str:
        """The errors, then row by row."""
        from lehr.recipes.presenting.tables import text_table

        lines = [_line(kind, e) for kind, e in self.errors.items()]
        cells = [
            [
                r.model,
                r.accelerator,
                r.layout,
                f"{r.measured:,.0f}" if r.measured else "–",
                f"{r.told:,.0f}",
                f"{r.low:,.0f} to {r.high:,.0f}",
                f"{100 * (r.told / r.measured - 1):+.1f} %" if r.measured else "",
            ]
            for r in self.rows
        ]
        head = ["model", "accelerator", "layout", "measured", "told", "interval", "off"]
        table = text_table(head, cells, right={3, 4, 5, 6})
        return "\n".join([*lines, "", table, *(f"left out: {line}" for line in left)])


def compared(rows: Sequence[Row], accelerators: Mapping[str, Accelerator], calibration: Calibration) -> Compared:
    """What the constants say of rows whose sources they do not know; networks that were measured tell of themselves."""
    data = measured(rows, accelerators)
    told = predict(data, calibration.fit())
    shifts, explained = [], []
    for row in rows:
        network = calibration.networks.get(network_key(row.work))
        effect = network.accelerators.get(row.accelerator, network.other) if network else Effect(shift=0, explained=0)
        shifts.append(effect.shift)
        explained.append(effect.explained)
    least = spreads(data.mixture, "row") ** 2
    spread = np.sqrt(np.maximum(told.spread**2 - np.array(explained), least))
    logs = told.logs + np.array(shifts)
    factor = np.array([calibration.bands["mixture" if m else "dense"].new for m in data.mixture])
    known = ~np.isnan(data.logs)
    errors = {
        kind: errors_of(data, Predicted(logs, spread * factor), mask & known, 1.0)
        for kind, mask in (("dense", ~data.mixture), ("mixture", data.mixture))
        if (mask & known).any()
    }
    return Compared(
        rows=[
            Told(
                source=row.source,
                model=row.model,
                accelerator=row.accelerator,
                layout=row.layout.short(),
                measured=row.tokens_per_second,
                told=float(np.exp(x)),
                low=float(np.exp(x - f * s)),
                high=float(np.exp(x + f * s)),
            )
            for row, x, f, s in zip(rows, logs, factor, spread, strict=True)
        ],
        errors=errors,
    )


def errors_text(calibration: Calibration) -> str:
    """The errors of rows left out, a line a kind."""
    lines = [f"{calibration.rows} rows; of rows left out of the fit:"]
    return "\n".join([*lines, *(_line(kind, e) for kind, e in calibration.errors.items())])


def _line(kind: str, e: Errors) -> str:
    return (
        f"{kind}: {e.rows} rows, {100 * e.median:.1f} % off (median), {100 * e.mean:.1f} % (mean), "
        f"{100 * e.quantile_90:.1f} % (90 % quantile); the interval of half-width {100 * e.half_width:.0f} % holds "
        f"{100 * e.within_band:.0f} %"
    )
