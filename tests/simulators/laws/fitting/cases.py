"""Runs planted on a law, for the tests of fits."""

from __future__ import annotations

import numpy as np

from lehr.simulators.laws import Chinchilla, Skaling
from lehr.simulators.laws.fitting import Runs, make_runs
from lehr.simulators.laws.surfaces import Surface

CHINCHILLA = Chinchilla(
    name="planted", title="", n_convention="total", loss_unit="nats/token",
    E=1.8, A=480.0, B=2000.0, alpha=0.35, beta=0.37,
)  # fmt: skip
SKALING = Skaling(
    name="planted", title="", n_convention="total", loss_unit="nats/token",
    E=0.45, A=60.0, B=160.0, alpha=0.4, beta=0.42, k=0.45,
)  # fmt: skip


def planted(law: Surface = CHINCHILLA, side: int = 6, noise: float = 0.0, seed: int = 0) -> Runs:
    """A square grid of ``side`` sizes and token counts on ``law``; ``noise`` is the spread of the log loss."""
    n, d = (x.ravel() for x in np.meshgrid(np.geomspace(5e7, 5e9, side), np.geomspace(1e9, 2e11, side)))
    scatter = np.exp(noise * np.random.default_rng(seed).standard_normal(n.size))
    return make_runs(n, d, law.loss(n, d) * scatter)
