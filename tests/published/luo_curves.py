"""The public loss curves of the multi-power law's authors, with the schedule of every step."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tests.data import data_file

WARM_UP, PEAK = 2160, 3e-4
TRAINED_ON = ("cosine_24000", "constant_24000", "wsdcon_9")
HELD_OUT = ("constant_72000", "cosine_72000", "wsd_20000_24000", "wsdld_20000_24000", "wsdcon_3", "wsdcon_18")
PRINTED = {  # the README's table, means over the six held-out curves: R2, MAE, RMSE, PredE, WorstE
    "25": (0.9988, 0.00376, 0.00465, 0.00110, 0.00409),
    "100": (0.9983, 0.00435, 0.00592, 0.00142, 0.00583),
}


def schedule(name: str) -> NDArray[np.float64]:
    """The learning rate of every step; the data's own ``lr`` column confirms it at the logged ones."""
    kind, *numbers = name.split("_")
    last = 16000 if kind == "wsdcon" else int(numbers[-1])
    step = np.arange(last + 1.0)
    if kind == "cosine":
        rates = 3e-5 + (PEAK - 3e-5) / 2 * (1 + np.cos(np.pi * (step - WARM_UP) / (last - WARM_UP)))
    elif kind == "wsdcon":
        rates = np.where(step < 8000, PEAK, int(numbers[0]) * 1e-5)
    else:
        share = np.clip((step - float(numbers[0])) / max(last - float(numbers[0]), 1), 0, 1)
        rates = {"wsd": PEAK * 0.1**share, "wsdld": PEAK + (3e-5 - PEAK) * share}.get(kind, np.full(last + 1, PEAK))
    return np.where(step < WARM_UP, PEAK * step / WARM_UP, rates)


def rows(size: str, name: str) -> tuple[NDArray[np.int_], NDArray[np.float64], NDArray[np.float64]]:
    """Logged steps, losses and rates; the authors cut the runs of 24,000 steps to the steps below."""
    table = np.loadtxt(data_file(f"mpl_loss_curves/csv_{size}/{name}.csv"), delimiter=",", skiprows=1)
    table = table[(table[:, 0] < 24000) | ("24000" not in name)]
    return table[:, 0].astype(int), table[:, 2], table[:, 1]
