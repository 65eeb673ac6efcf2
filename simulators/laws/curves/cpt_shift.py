"""The momentum law over a change of data."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log
from typing import ClassVar

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from lehr.simulators.laws.curves.base import (
    CurveLaw,
    Decay,
    Floats,
    NonNegative,
    Positive,
    checked_rates,
    forward_power,
    without_warm_up,
)
from lehr.simulators.laws.curves.form import Constants, Coordinate, CurveForm, forward, slopes
from lehr.simulators.laws.curves.kernels import drops, momentum_annealing
from lehr.simulators.laws.curves.momentum import HORIZON, STEP, momentum_final
from lehr.simulators.laws.curves.multi_power import LOG_BETA
from lehr.simulators.laws.curves.power_of_sum import ALPHA
from lehr.simulators.laws.curves.runs import LoggedRun

LOG_E = Coordinate(name="log E", low=-8.0, high=12.0, tried=(0.0, 2.0), centre=0.0, spread=3.0)


class CptShift(CurveLaw, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="cpt_shift"):
    """The momentum law over a change of data: pre-training, then continued pre-training from step ``changed_at``.

    L(t) = L0 + A (S1_pt + S1_cpt)^-alpha - C1 S2_pt - C2 S2_cpt + B (1 - (1 + E S1_cpt)^-beta) (Wang et al.,
    arXiv:2505.07796). The last term is the shift between the corpora: positive for the loss on the first corpus,
    negative for that on the second. The changes of the rate before ``changed_at`` make up S2_pt, later ones, a
    re-warming among them, S2_cpt; both keep their momentum. Warm-up of pre-training counts as if at its peak.

    >>> law = CptShift(name="x", title="", L0=2.0, A=0.5, alpha=0.5, C1=0.4, C2=0.4, decay=0.999,
    ...                B=-0.3, E=2.0, beta=0.5)
    >>> law.loss(np.full(20000, 1e-4), changed_at=10000)[[9999, 19999]].round(4)
    array([2.5   , 2.2268])
    """

    constants_of_law: ClassVar[tuple[str, ...]] = ("L0", "A", "alpha", "C1", "C2", "decay", "B", "E", "beta")
    needs_change_of_data: ClassVar[bool] = True

    L0: float
    A: Positive
    alpha: Positive
    C1: NonNegative
    C2: NonNegative
    decay: Decay
    B: float
    E: Positive
    beta: Positive

    def parts(self, rates: ArrayLike, *, changed_at: int | None = None) -> tuple[Floats, Floats]:
        """A S1^-alpha and the other terms at every step [loss_unit]; without ``changed_at`` all is pre-training.

        Raises ``ValueError`` for a ``changed_at`` beyond the schedule.
        """
        flat = without_warm_up(checked_rates(rates))
        first = len(flat) if changed_at is None else changed_at
        if not 0 <= first <= len(flat):
            raise ValueError(f"changed_at is {first}; write a step between 0 and {len(flat)}")
        change = drops(flat)
        change[0] = 0.0
        on_second = np.arange(len(flat)) >= first
        total = np.cumsum(flat)
        since = np.cumsum(np.where(on_second, flat, 0.0))
        return forward_power(total, self.A, self.alpha), (
            -self.C1 * momentum_annealing(np.where(on_second, 0.0, change), self.decay)
            - self.C2 * momentum_annealing(np.where(on_second, change, 0.0), self.decay)
            + self.B * (1 - (1 + self.E * since) ** -self.beta)
        )

    def final_slope(self, rates: ArrayLike, steps: Floats | None = None) -> tuple[float, Floats]:
        """As the momentum law of its pre-training: without a change of data."""
        loss, slope = momentum_final(
            checked_rates(rates), steps, A=self.A, alpha=self.alpha, C=self.C1, decay=self.decay
        )
        return self.L0 + loss, slope


class CptShiftDesign:
    """Columns: S1^-alpha, -S2 before and after the change of data, and 1 - (1 + E S1_cpt)^-beta.

    Shapes: alpha, log h as of ``MomentumDesign``, log E and log beta.
    """

    def __init__(self, runs: Sequence[LoggedRun], _: float) -> None:
        self.parts = []
        for run in runs:
            flat = without_warm_up(run.rates[: int(run.steps[-1]) + 1])
            change = drops(flat)
            change[0] = 0.0
            second = np.arange(len(flat)) >= (len(flat) if run.changed_at is None else run.changed_at)
            self.parts.append((run.steps, np.where(second, 0, change), np.where(second, change, 0)))
        flats = [without_warm_up(run.rates[: int(run.steps[-1]) + 1]) for run in runs]
        self.total = np.concatenate([np.cumsum(f)[run.steps] for f, run in zip(flats, runs, strict=True)])
        self.since = np.concatenate(
            [
                np.cumsum(
                    np.where(np.arange(len(f)) >= (len(f) if run.changed_at is None else run.changed_at), f, 0.0)
                )[run.steps]
                for f, run in zip(flats, runs, strict=True)
            ]
        )

    def areas(self, log_horizon: float) -> tuple[Floats, Floats]:
        """S2 before and after the change of every logged row."""
        decay = float(np.exp(-np.exp(-log_horizon)))
        first = np.concatenate([momentum_annealing(one, decay)[steps] for steps, one, _ in self.parts])
        return first, np.concatenate([momentum_annealing(two, decay)[steps] for steps, _, two in self.parts])

    def columns(self, phi: Floats) -> tuple[Floats, Floats]:
        """X and dX/dphi."""
        alpha, log_horizon, log_e, log_beta = phi.tolist()
        beta = float(np.exp(log_beta))
        power, slope = forward(self.total, alpha)
        low, high = self.areas(log_horizon - STEP), self.areas(log_horizon + STEP)
        x = np.exp(log_e) * self.since
        kernel = (1 + x) ** -beta
        columns = np.stack([power, -(low[0] + high[0]) / 2, -(low[1] + high[1]) / 2, 1 - kernel], axis=1)
        slopes = np.zeros((4, *columns.shape))
        slopes[0, :, 0] = slope
        slopes[1, :, 1] = -(high[0] - low[0]) / (2 * STEP)
        slopes[1, :, 2] = -(high[1] - low[1]) / (2 * STEP)
        slopes[2, :, 3] = beta * kernel * x / (1 + x)
        slopes[3, :, 3] = beta * kernel * np.log1p(x)
        return columns, slopes


def constants_of(theta: Floats, _: float) -> Constants:
    """The law's constants of the fit's coordinates."""
    level, log_a, log_c1, log_c2, shift, alpha, log_h, log_e, log_beta = theta.tolist()
    decay = exp(-exp(-log_h))
    return {
        "L0": (level, slopes(9, _0=1.0)),
        "log A": (exp(log_a), slopes(9, _1=1.0)),
        "alpha": (alpha, slopes(9, _5=1.0)),
        "log C1": (exp(log_c1), slopes(9, _2=1.0)),
        "log C2": (exp(log_c2), slopes(9, _3=1.0)),
        "decay": (decay, slopes(9, _6=decay * exp(-log_h))),
        "B": (shift, slopes(9, _4=1.0)),
        "log E": (exp(log_e), slopes(9, _7=1.0)),
        "log beta": (exp(log_beta), slopes(9, _8=1.0)),
    }


def coordinates_of(law: CptShift, _: float) -> Floats:
    """The fit's coordinates of the law's constants."""
    logs = [log(max(value, 1e-300)) for value in (law.A, law.C1, law.C2)]
    horizon = -log(-log(max(law.decay, 1e-300)))
    return np.array([law.L0, *logs, law.B, law.alpha, horizon, log(law.E), log(law.beta)])


FORM = CurveForm(
    kind="cpt_shift",
    linear=("A", "C1", "C2", "B"),
    signed=("B",),
    shapes=(ALPHA, HORIZON, LOG_E, msgspec.structs.replace(LOG_BETA, spread=1.0)),
    design=CptShiftDesign,
    to_constants=constants_of,
    to_coordinates=coordinates_of,
)
