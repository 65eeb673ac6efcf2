"""Many layouts at once: their times, by the constants and by what measurements say of a network, and their memory."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import msgspec
import numpy as np

from lehr.recipes.errors import LehrError
from lehr.recipes.laying_out.calibrating import Calibration, load
from lehr.recipes.laying_out.question import Question
from lehr.simulators.machine.calibration import SPREAD, Measured, predict
from lehr.simulators.machine.demand import demand_of, distinct_nodes, network_key
from lehr.simulators.machine.layout import Layouts, as_arrays
from lehr.simulators.machine.memory import HOLDINGS, MEGATRON, NVIDIA_SMI, Holding, Memory, Terms, memory_of
from lehr.simulators.machine.step_time import Parts, Rates, rates_of, step_parts

FAR = 2.0
"""Standard deviations beyond which a measured speed may be an accident: of its layout, or of how it was read [1]."""


class Evaluated(NamedTuple):
    """Layouts with their times and memory."""

    layouts: Layouts
    parts: Parts
    seconds: np.ndarray
    memory: Memory
    rates: Rates


def evaluate(question: Question, layouts: Layouts, logs: np.ndarray, terms: Terms | None = None) -> Evaluated:
    """Time and memory of layouts by the constants whose logarithms are ``logs``; ``terms`` replace the question's."""
    demand = demand_of(question.work, layouts, question.network)
    rates = rates_for(question, layouts)
    parts = step_parts(demand, rates, logs)
    memory = memory_of(question.work, layouts, _holding(question), terms or question.terms)
    seconds = parts.total * np.exp(-shift_of(question, logs))
    return Evaluated(layouts, parts, seconds, memory, rates)


DRIVER = 0.51 * 2**30
"""What a process holds of a device beside its allocator: of 79.27 GiB in use on an A800 78.76 were the allocator's
(github.com/hahnyuan/PB-LLM, issue 3) [byte]."""


def counted_by(question: Question) -> str:
    """Whose allocator tells the question's memory: one of ``HOLDINGS``."""
    trainer = question.software.name.partition("_")[0]
    if trainer in ("torchtitan", "litgpt", "transformers"):
        return trainer
    return "megatron" if question.memory == "allocated" else "megatron, nvidia-smi"


def _holding(question: Question) -> Holding:
    """What the question's trainer holds, as its allocator counts or as the driver shows."""
    own = HOLDINGS[counted_by(question)]
    alone = question.memory == "allocated" or own in (MEGATRON, NVIDIA_SMI)
    return own if alone else msgspec.structs.replace(own, context=own.context + DRIVER)


def effect_of(question: Question, calibration: Calibration) -> tuple[float, float]:
    """What measurements of the same network add to the logarithm of a speed, and the variance that they take away."""
    network = calibration.networks.get(network_key(question.work))
    if network is None:
        return 0.0, 0.0
    effect = network.accelerators.get(question.accelerator.name, network.other)
    return effect.shift, effect.explained


def shift_of(question: Question, logs: np.ndarray) -> float:
    """What is added to the logarithm of every layout's speed: the network's own, and what a measured step says."""
    calibration = load_once()
    return effect_of(question, calibration)[0] + measured_shift(question, calibration, logs)[0]


def measured_shift(question: Question, calibration: Calibration, logs: np.ndarray) -> tuple[float, float | None]:
    """What a measured step adds to the logarithm of every layout's speed, and how many of its standard deviations it
    lies from what was expected; ``None`` where none is given.

    It tells of the machine as far as layouts have their errors in common.
    """
    if question.measured is None or question.given is None:
        return 0.0, None
    shift, explained = effect_of(question, calibration)
    demand = demand_of(question.work, as_arrays([question.given]), question.network)
    rates = _rates_of_given(question)
    own = float(np.log(demand.tokens_step / step_parts(demand, rates, logs).total / demand.devices)[0]) + shift
    row = SPREAD["mixture" if question.work.sparse else "dense"]["row"] ** 2
    common = max(variance(question, calibration, demand, rates) - explained - row, 0.0)
    told = float(np.log(question.measured)) - own
    far = abs(told) / float(np.sqrt(common + row))
    return told * common / (common + row), far


@cache
def load_once() -> Calibration:
    """The catalogue's calibration, read once."""
    return load()


def _rates_of_given(question: Question) -> Rates:
    assert question.given is not None
    return rates_for(question, as_arrays([question.given]))


def rates_for(question: Question, layouts: Layouts) -> Rates:
    """What ``layouts`` compute and send at on the question's machine. Raises ``LehrError`` for a machine that has not
    what they take."""
    try:
        return rates_of(
            question.accelerator,
            question.software,
            question.precision,
            n_layers=question.work.n_layers,
            mixture=question.work.sparse,
            recurrent=question.recurrent,
            trained=question.trained,
            packed=question.terms.quantized,
            distinct=distinct_nodes(question.work, layouts, question.network.domain),
        )
    except ValueError as error:
        raise LehrError(str(error)) from error


def variance(question: Question, calibration: Calibration, demand: object, rates: Rates) -> float:
    """Variance of the logarithm of one layout's speed: the constants' and every effect's."""
    one = Measured(demand, _columns(rates), np.zeros(1), *(np.array([""]),) * 3)  # type: ignore[arg-type]
    return float(predict(one, calibration.fit()).spread[0] ** 2)


def _columns(rates: Rates) -> Rates:
    return Rates(*(np.atleast_1d(column) for column in rates))
