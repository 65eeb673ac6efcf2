"""Runs planted on a law, for the tests of fits."""

from __future__ import annotations

import msgspec
import numpy as np

from lehr.simulators.laws import Chinchilla, DataConstrained, Skaling
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


DATA_CONSTRAINED = DataConstrained(
    name="planted", title="", n_convention="total", loss_unit="nats/token",
    E=1.87, A=520.0, B=1490.0, alpha=0.34, beta=0.36, R_D_star=15.4, R_N_star=5.3,
)  # fmt: skip


def planted(law: Surface = CHINCHILLA, side: int = 6, noise: float = 0.0, seed: int = 0) -> Runs:
    """A square grid of ``side`` sizes and token counts on ``law``; ``noise`` is the spread of the log loss.
    For a law of repeated data the tokens are seen once, 5 times or 40 times."""
    n, d = (x.ravel() for x in np.meshgrid(np.geomspace(5e7, 5e9, side), np.geomspace(1e9, 2e11, side)))
    scatter = np.exp(noise * np.random.default_rng(seed).standard_normal(n.size))
    unique = None
    if isinstance(law, DataConstrained):
        n, d, scatter = (np.repeat(v, 3) for v in (n, d, scatter))
        unique = d / np.tile([1.0, 5.0, 40.0], n.size // 3)
    runs = make_runs(n, d, np.ones_like(n), unique=unique)
    return msgspec.structs.replace(runs, loss=law.at(runs) * scatter)
