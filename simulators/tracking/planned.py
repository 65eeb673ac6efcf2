"""The forecast of a run: its rates, the loss by a law, and by what ways and how far a run may stray from it."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist

import msgspec
import numpy as np
from numpy.typing import NDArray

from lehr.simulators.laws.base import Covariance
from lehr.simulators.laws.curves import CurveLaw
from lehr.simulators.laws.curves.bands import (
    DEGREES,
    basis_of,
    fallen_and_level,
    modes_of,
    spread_of_modes,
    straying_of,
    strays,
)
from lehr.simulators.laws.curves.base import constant_values
from lehr.simulators.laws.curves.batches import Batches
from lehr.simulators.numerics.student import t_quantile
from lehr.simulators.quantities import Floats

EARLY, FADES = 0.05, 2.0
"""What warm-up leaves in the loss at its end, that no law describes [log loss], and how many times its length pass
while it falls by a factor e."""
N_BAND = 400
"""Steps at which a law's modes are read; between them they are straight."""
RISES, RESTARTED = 1e-6, 2.5
"""Of the peak rate, by which a rate rises in a step that rises; times that what rates make of a loss is unsure then."""
WIDER = 1.8
"""Of the modes over those of a band: a band is asked row by row, a run at all its rows together."""
WANDER = 0.0015
"""What a run strays by from one block of rows to another beside the modes [log loss]."""


class Plan(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A forecast: the learning rate of every step (steps,), the loss there [law.loss_unit], and the law's error.

    ``modes`` (knots, modes) say how a run may stray from the law at steps ``knots`` (knots,), without the noise of its
    rows [log loss], each with a coefficient of its own that is one standard number for the run, with so many
    ``degrees`` of freedom (``None``: normal); ``wander`` is what it strays by within a part of the run beside that.
    ``basis`` says where that comes from. ``noise`` is that of the rows that the law was fitted to, ``batches`` what of
    it they have in common. ``first`` is the first step after warm-up, where the law begins to hold.
    """

    rates: Floats
    loss: Floats
    knots: NDArray[np.int_]
    modes: Floats
    basis: str
    first: int
    wander: float = 0.0
    degrees: int | None = None
    noise: float | None = None
    batches: Batches | None = None
    constant: Floats | None = None

    def times(self, level: float) -> float:
        """Standard deviations that hold ``level`` of all runs: Student's t, or normal."""
        if self.degrees is None:
            return NormalDist().inv_cdf((1 + level) / 2)
        return t_quantile((1 - level) / 2, self.degrees)

    def modes_at(self, steps: NDArray[np.int_]) -> Floats:
        """The modes at ``steps`` (steps, modes) [log loss]."""
        found = np.empty((len(steps), self.modes.shape[1]))
        for at, mode in enumerate(self.modes.T):
            found[:, at] = np.interp(steps, self.knots, mode)
        return found

    def spread_at(self, steps: NDArray[np.int_]) -> Floats:
        """The standard deviation of a run about the law at ``steps`` (steps,) [log loss]."""
        return spread_of_modes(self.modes_at(steps))

    @property
    def restart(self) -> int | None:
        """The step from which on the rate rises again after warm-up, which no law was fitted to; ``None`` without."""
        return restart_of(self.rates)

    def turned(self, steps: NDArray[np.int_]) -> Floats | None:
        """What the height and the fall of the rates make of the log of the loss at ``steps`` (rows,); from a restart on
        so many times more as the law may then miss of it."""
        if self.constant is None:
            return None
        every = np.log(self.loss[steps] / self.constant[steps])
        if self.restart is None:
            return every
        before = float(np.log(self.loss[self.restart] / self.constant[self.restart]))
        return every + np.where(steps >= self.restart, (RESTARTED - 1) * (every - before), 0.0)

    @property
    def n_steps(self) -> int:
        """Steps of the whole run."""
        return len(self.rates)


class ModesAt(msgspec.Struct, frozen=True, eq=False):
    """So many ``times`` the modes of ``planned`` at ``steps`` (rows,), made when they are asked for: those of all rows
    of a long log would be the largest part of a look."""

    planned: Plan
    steps: NDArray[np.int_]
    times: float

    def __getitem__(self, rows: slice | NDArray[np.int_], /) -> Floats:
        """(rows, modes) [log loss]."""
        return self.planned.modes_at(self.steps[rows]) * self.times


def first_of(rates: Floats) -> int:
    """The first step at the peak of ``rates`` (steps,), after warm-up."""
    return int(np.argmax(rates >= float(rates.max()) * (1 - 1e-9)))


def restart_of(rates: Floats) -> int | None:
    """The step from which on ``rates`` (steps,) rise again after warm-up; ``None`` without.

    >>> restart_of(np.array([0.0, 1.0, 0.5, 0.5, 0.8])), restart_of(np.array([0.0, 1.0, 0.5]))
    (3, None)
    """
    first = first_of(rates)
    rises = np.flatnonzero(np.diff(rates[first:]) > RISES * float(rates.max()))
    return first + int(rises[0]) if len(rises) else None


def plan(law: CurveLaw, rates: Floats, *, until: int | None = None) -> Plan:
    """The forecast of a run with ``rates`` (steps,) by ``law``; warm-up ends before step ``until``.

    The law's error is what the band of a run about it allows, without the noise of rows, where its fit has a
    covariance; else two thirds of the worst relative error on curves that were held out, an average of their worst
    rows, on average over the run and along the parts that a law adds up; else nothing.

    >>> from lehr.simulators.laws.curves import PowerOfSum
    >>> law = PowerOfSum(name="x", title="", L0=3.0, A=0.5, alpha=0.5, worst_relative_error=0.004)
    >>> planned = plan(law, np.r_[np.linspace(0.0, 1e-3, 101), np.full(900, 1e-3)])
    >>> planned.n_steps, planned.first, round(float(planned.loss[-1]), 4)
    (1001, 100, 3.5129)
    >>> planned.spread_at(np.array([1000])).round(4).tolist()
    [0.0027]
    """
    n = len(rates)
    peak = first_of(rates[:until])
    begin = min(max(peak, 1), n - 1)
    knots = np.unique(np.concatenate([np.linspace(begin, n - 1, N_BAND), np.geomspace(begin, n - 1, 40)]).round())
    knots = knots.astype(int)
    parts = law.parts(rates)
    loss = constant_values(law)["L0"] + parts[0] + parts[1]
    degrees, noise, wander = None, None, 0.0
    if isinstance(law.uncertainty, Covariance):
        modes = WIDER * modes_of(law, rates, knots, parts)
        degrees, noise = DEGREES + (law.uncertainty.left_out or 0), law.uncertainty.residual
        wander = WANDER * sqrt(1.0 if law.uncertainty.strays is None else law.uncertainty.strays)
        end = float(spread_of_modes(modes[-1:])[0])
        basis = f"{basis_of(law)}; a run strays by {end:.2%} (standard deviation) at its end, and its rows scatter"
    elif law.worst_relative_error is not None:
        forward, fallen, level = (part[knots] / loss[knots] for part in (parts[0], *fallen_and_level(parts[1])))
        nothing = np.zeros(len(knots))
        modes = strays(
            straying_of(law),
            forward,
            fallen,
            level,
            earlier=nothing,
            longer=nothing,
            warmed=nothing,
            apart=0.0,
            alone=False,
        )
        # the last knots are spread evenly; those before make the beginning denser
        modes *= law.worst_relative_error * 2 / 3 / float(np.sqrt(np.mean(spread_of_modes(modes)[-N_BAND // 2 :] ** 2)))
        wander = WANDER
        basis = f"{law.worst_relative_error:.2%}, the law's worst relative error on curves that were held out"
    else:
        modes, basis = np.zeros((len(knots), 1)), "nothing: the law states no error and is taken as exact"
    if peak and modes.any():
        fading = EARLY * np.exp(-np.maximum(knots - peak, 0) / (FADES * peak))
        modes = np.concatenate([modes, fading[:, None]], axis=1)
    return Plan(
        rates=rates, loss=loss, knots=knots, modes=modes, basis=basis, first=peak, wander=wander, degrees=degrees,
        noise=noise, batches=law.batches, constant=loss - parts[1],
    )  # fmt: skip
