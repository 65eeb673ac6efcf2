"""Synthetic logs: a law's own curve with noise whose rows follow one another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lehr.simulators.laws.curves import CptShift, CurveLaw, Momentum, MultiPower, PowerOfSum
from lehr.simulators.laws.curves.fitting import LoggedRun, make_run

PEAK, WARM_UP, LENGTH = 3e-4, 200, 4000

LAWS: dict[str, CurveLaw] = {
    "power_of_sum": PowerOfSum(name="x", title="", L0=2.9, A=0.5, alpha=0.5),
    "momentum": Momentum(name="x", title="", L0=3.1, A=0.3, alpha=0.5, C=0.8, decay=0.995),
    "multi_power": MultiPower(
        name="x",
        title="",
        L0=3.0,
        A=3.2,
        alpha=0.5,
        B=7.0,
        C=0.09,
        beta=0.85,
        gamma=0.45,
        weight_decay=0.3,
        start=6e-5,
        p=1.03,
    ),
    "cpt_shift": CptShift(
        name="x", title="", L0=2.2, A=0.3, alpha=0.5, C1=0.8, C2=0.6, decay=0.995, B=-0.3, E=6.0, beta=0.8
    ),
}


def schedules() -> dict[str, NDArray[np.float64]]:
    """Warm-up, then a cosine, a constant, a step down and a cool-down of the last fifth."""
    t = np.arange(LENGTH + 1.0)
    after = np.clip((t - WARM_UP) / (LENGTH - WARM_UP), 0, 1)
    shapes = {
        "cosine": 0.1 + 0.45 * (1 + np.cos(np.pi * after)),
        "constant": np.ones_like(t),
        "step": np.where(t < LENGTH / 2, 1.0, 0.3),
        "wsd": np.clip((LENGTH - t) / (LENGTH / 5), 0.05, 1.0),
    }
    return {name: PEAK * np.minimum(shape, t / WARM_UP) for name, shape in shapes.items()}


def noise(generator: np.random.Generator, n: int, correlation: float, size: float) -> NDArray[np.float64]:
    """An autoregressive series of standard deviation ``size``."""
    draws = generator.standard_normal(n)
    out = np.empty(n)
    out[0] = draws[0]
    for i in range(1, n):
        out[i] = correlation * out[i - 1] + np.sqrt(1 - correlation**2) * draws[i]
    return size * out


def planted(
    kind: str,
    names: tuple[str, ...] = ("cosine", "constant", "step"),
    *,
    seed: int = 0,
    size: float = 1e-3,
    correlation: float = 0.5,
    every: int = 20,
) -> list[LoggedRun]:
    """Logs of the law of ``kind`` on the schedules called ``names``."""
    generator = np.random.default_rng(seed)
    runs = []
    for name in names:
        rates = schedules()[name]
        changed_at = 2000 if kind == "cpt_shift" else None
        rows = np.arange(WARM_UP, LENGTH + 1, every)
        clean = LAWS[kind].loss(rates, changed_at=changed_at)[rows]
        loss = clean * np.exp(noise(generator, len(rows), correlation, size))
        runs.append(make_run(name, rows, loss, rates, changed_at=changed_at))
    return runs
