"""Measured speeds of generation (``conf/measurement/decode.csv``, a source a row): read, fitted, kept as constants."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import msgspec
import numpy as np

from lehr.recipes.catalogue.accelerators import accelerator_called
from lehr.recipes.catalogue.decode import decode
from lehr.recipes.catalogue.files import CONF, Catalogue
from lehr.recipes.catalogue.yaml import load_yaml
from lehr.recipes.errors import LehrError, nearest
from lehr.simulators.machine.generation import (
    GENERATION_NAMES,
    GENERATION_PRIORS,
    Load,
    load_of,
    stack_loads,
)
from lehr.simulators.machine.generation_fit import GenerationFit, Measured
from lehr.simulators.machine.rollout import ROLLOUT_NAMES, ROLLOUT_PRIORS, RolloutConstants, RolloutFit
from lehr.simulators.rollouts import SERVING_PRECISIONS, ServingPrecision

TABLE = CONF / "measurement" / "decode.csv"
FILE = CONF / "calibration" / "generation.yaml"
ROLLOUT_FILE = CONF / "calibration" / "rollout.yaml"


class Constant(msgspec.Struct, frozen=True, kw_only=True):
    """A fitted constant and the standard deviation of its logarithm."""

    value: float
    spread: float


class RolloutCalibration(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fitted constants of a step of reinforcement learning, by ``rows`` measured steps."""

    rows: int
    constants: dict[str, Constant]


class GenerationCalibration(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fitted constants; ``covariance`` is that of their logarithms, its lower triangle row by row, as text."""

    rows: int
    constants: dict[str, Constant]
    covariance: str

    def fit(self) -> GenerationFit:
        """The constants as arrays."""
        size = len(GENERATION_NAMES)
        matrix = np.zeros((size, size))
        matrix[np.tril_indices(size)] = np.array(self.covariance.split(), dtype=float)
        logs = np.log([self.constants[name].value for name in GENERATION_NAMES])
        return GenerationFit(logs, matrix + np.tril(matrix, -1).T)


def read_generation(catalogue: Catalogue, path: Path = TABLE) -> Measured:
    """The rows of a table under the columns of the catalogue's.

    ``concurrency`` empty is as many sequences as fit; ``prefills`` is no where other devices read the prompts;
    ``counts`` says which tokens ``tokens_per_second`` of all ``devices`` are: ``output``, or ``prompt and output``.
    Raises ``LehrError`` with the line of a row that cannot be read.
    """
    loads, logs, source, case = [], [], [], []
    with path.open(newline="", encoding="utf-8") as file:
        for line, row in enumerate(csv.DictReader(file), 2):
            try:
                load, rate = _row(catalogue, row)
            except (KeyError, ValueError) as error:
                raise LehrError(f"{path.name}, line {line}: {error}") from error
            loads.append(load)
            logs.append(np.log(rate))
            source.append(row["source"])
            case.append(f"{row['model']} on {row['accelerator']}")
    return Measured(stack_loads(loads), np.array(logs), np.array(source), np.array(case))


def _row(catalogue: Catalogue, row: Mapping[str, str]) -> tuple[Load, float]:
    name = accelerator_called(row["accelerator"], catalogue.accelerators)
    if name is None:
        raise ValueError(f"no accelerator is called {row['accelerator']!r}")
    if row["precision"] not in SERVING_PRECISIONS:
        raise ValueError(f"precision: {nearest(row['precision'], SERVING_PRECISIONS)}")
    precision: ServingPrecision = row["precision"]
    devices, prompt, response = int(row["devices"]), float(row["prompt"]), float(row["response"])
    load = load_of(
        catalogue.model(row["model"]).shape(),
        catalogue.accelerators[name],
        devices=devices,
        tensor=int(row["tp"]),
        precision=precision,
        cache_bytes=1.0 if row["cache"] == "fp8" else 2.0,
        prompt=prompt,
        output=response,
        asked=float(row["concurrency"] or "inf"),
        prefills=row["prefills"] == "yes",
    )
    written = response / (prompt + response) if row["counts"] == "prompt and output" else 1.0
    return load, float(row["tokens_per_second"]) * written / devices


def as_yaml(fit: GenerationFit, rows: int) -> str:
    """The file of a fit, each constant beside what it is."""
    lines = ["# Constants of the speed of generation, fitted by `python -m benchmarks.generation write`; do not edit."]
    lines += [f"rows: {rows}", "constants:"]
    spreads = np.sqrt(np.diag(fit.covariance))
    for name, log, spread in zip(GENERATION_NAMES, fit.logs, spreads, strict=True):
        lines.append(f"  {name}: {{value: {np.exp(log):.5g}, spread: {spread:.3g}}}  # {GENERATION_PRIORS[name].says}")
    triangle = fit.covariance[np.tril_indices(len(GENERATION_NAMES))]
    lines.append(f'covariance: "{" ".join(f"{v:.4g}" for v in triangle)}"')
    return "\n".join(lines) + "\n"


@cache
def generation_fit(path: Path = FILE) -> GenerationFit:
    """The catalogue's constants, read once."""
    return decode(load_yaml(path), GenerationCalibration, path.name).fit()


def rollout_yaml(fit: RolloutFit, rows: int) -> str:
    """The file of the constants of a step, each beside what it is."""
    lines = ["# Constants of a step of RL, fitted by `python -m benchmarks.rollouts write`; do not edit."]
    lines += [f"rows: {rows}", "constants:"]
    for name, log, spread in zip(ROLLOUT_NAMES, fit.logs, fit.spreads, strict=True):
        lines.append(f"  {name}: {{value: {np.exp(log):.5g}, spread: {spread:.3g}}}  # {ROLLOUT_PRIORS[name].says}")
    return "\n".join(lines) + "\n"


@cache
def rollout_constants(path: Path = ROLLOUT_FILE) -> RolloutConstants:
    """The catalogue's constants of generation and of a step of it, read once."""
    found = decode(load_yaml(path), RolloutCalibration, path.name).constants
    ordered = [found[name] for name in ROLLOUT_NAMES]
    fit = RolloutFit(tuple(float(np.log(one.value)) for one in ordered), tuple(one.spread for one in ordered))
    return RolloutConstants(tuple(float(log) for log in generation_fit().logs), fit)
