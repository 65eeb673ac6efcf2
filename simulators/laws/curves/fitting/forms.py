"""The curve laws that can be fitted: their coordinates, where a search begins, and what is assumed without data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import exp, inf, log

import msgspec
import numpy as np

from lehr.simulators.laws.curves import CURVE_LAWS
from lehr.simulators.laws.curves.fitting.designs import (
    CptShiftDesign,
    Design,
    MomentumDesign,
    MultiPowerDesign,
    PowerOfSumDesign,
)
from lehr.simulators.laws.curves.fitting.runs import LoggedRun
from lehr.simulators.quantities import Floats


class Coordinate(msgspec.Struct, frozen=True, kw_only=True):
    """A shape constant as the search sees it: its limits, the values tried first, and a normal prior.

    ``spread`` infinite means that nothing is assumed.
    """

    name: str
    low: float
    high: float
    tried: tuple[float, ...]
    centre: float = 0.0
    spread: float = inf


class CurveForm(msgspec.Struct, frozen=True, kw_only=True):
    """How one ``kind`` of law is fitted.

    ``linear`` names the constants that multiply the design's columns; those in ``signed`` may be negative, the others
    are searched by their logarithm. ``to_constants`` turns coordinates and the peak rate into (parameter, value,
    derivative by the coordinates) of the law's own constants. A row at step s weighs s^-weight_power: 0 is each row
    the same, 1 each doubling of the steps.
    """

    kind: str
    linear: tuple[str, ...]
    shapes: tuple[Coordinate, ...]
    design: Callable[[Sequence[LoggedRun], float], Design]
    to_constants: Callable[[Floats, float], Mapping[str, tuple[float, Floats]]]
    signed: tuple[str, ...] = ()
    weight_power: float = 0.0

    @property
    def coordinates(self) -> tuple[str, ...]:
        """L0, the linear constants, the shapes."""
        linear = tuple(name if name in self.signed else f"log {name}" for name in self.linear)
        return ("L0", *linear, *(shape.name for shape in self.shapes))

    @property
    def anneals(self) -> bool:
        """Has the form a term that only a falling rate can tell?"""
        return len(self.linear) > 1


ALPHA = Coordinate(name="alpha", low=0.02, high=3.0, tried=(0.3, 0.6))
HORIZON = Coordinate(
    name="log horizon", low=0.0, high=12.0, tried=(log(100), log(1000)), centre=log(1000), spread=log(10)
)
"""Steps after which the momentum has decayed to 1/e: a thousand, ten times more or less (Tissue et al.: decay 0.99 to
0.999 [1])."""
LOG_N = Coordinate(name="log n", low=-3.0, high=12.0, tried=(2.0, 4.5), centre=4.0, spread=3.0)
"""Steps at the peak rate over which a drop takes effect: fifty, twenty times more or less."""
LOG_BETA = Coordinate(name="log beta", low=-3.0, high=3.0, tried=(0.0,), spread=0.3)
"""The kernel's exponent: of the order of one. The runs rarely tell it apart from n: without an assumption the minimum
follows the law's own misfit to kernels that nothing else supports."""
GAMMA = Coordinate(name="gamma", low=0.0, high=2.0, tried=(0.5,), centre=0.5, spread=0.2)
"""Between 0, where the effect of a drop builds up with the sum of the rates, and 1, where it does so with the steps:
nearly all of the prior lies between the two."""
LOG_E = Coordinate(name="log E", low=-8.0, high=12.0, tried=(0.0, 2.0), centre=0.0, spread=3.0)


def _row(size: int, **slopes: float) -> Floats:
    row = np.zeros(size)
    for place, slope in slopes.items():
        row[int(place[1:])] = slope
    return row


def _momentum(theta: Floats, peak: float) -> dict[str, tuple[float, Floats]]:
    level, log_a, log_c, alpha, log_h = theta.tolist()
    decay = exp(-exp(-log_h))
    return {
        "L0": (level, _row(5, _0=1.0)),
        "log A": (exp(log_a), _row(5, _1=1.0)),
        "alpha": (alpha, _row(5, _3=1.0)),
        "log C": (exp(log_c), _row(5, _2=1.0)),
        "decay": (decay, _row(5, _4=decay * exp(-log_h))),
    }


def _power_of_sum(theta: Floats, peak: float) -> dict[str, tuple[float, Floats]]:
    level, log_a, alpha = theta.tolist()
    return {
        "L0": (level, _row(3, _0=1.0)),
        "log A": (exp(log_a), _row(3, _1=1.0)),
        "alpha": (alpha, _row(3, _2=1.0)),
    }


def _multi_power(theta: Floats, peak: float) -> dict[str, tuple[float, Floats]]:
    level, log_a, log_b, alpha, log_n, log_beta, gamma = theta.tolist()
    return {
        "L0": (level, _row(7, _0=1.0)),
        "log A": (exp(log_a), _row(7, _1=1.0)),
        "alpha": (alpha, _row(7, _3=1.0)),
        "log B": (exp(log_b) / peak, _row(7, _2=1.0)),
        "log C": (exp(-log_n + (gamma - 1) * log(peak)), _row(7, _4=-1.0, _6=log(peak))),
        "log beta": (exp(log_beta), _row(7, _5=1.0)),
        "gamma": (gamma, _row(7, _6=1.0)),
    }


def _cpt_shift(theta: Floats, peak: float) -> dict[str, tuple[float, Floats]]:
    level, log_a, log_c1, log_c2, shift, alpha, log_h, log_e, log_beta = theta.tolist()
    decay = exp(-exp(-log_h))
    return {
        "L0": (level, _row(9, _0=1.0)),
        "log A": (exp(log_a), _row(9, _1=1.0)),
        "alpha": (alpha, _row(9, _5=1.0)),
        "log C1": (exp(log_c1), _row(9, _2=1.0)),
        "log C2": (exp(log_c2), _row(9, _3=1.0)),
        "decay": (decay, _row(9, _6=decay * exp(-log_h))),
        "B": (shift, _row(9, _4=1.0)),
        "log E": (exp(log_e), _row(9, _7=1.0)),
        "log beta": (exp(log_beta), _row(9, _8=1.0)),
    }


CURVE_FORMS: dict[str, CurveForm] = {
    form.kind: form
    for form in (
        CurveForm(
            kind="power_of_sum",
            linear=("A",),
            shapes=(ALPHA,),
            design=lambda runs, _: PowerOfSumDesign(runs),
            to_constants=_power_of_sum,
        ),
        CurveForm(
            kind="momentum",
            linear=("A", "C"),
            shapes=(ALPHA, HORIZON),
            design=lambda runs, _: MomentumDesign(runs),
            to_constants=_momentum,
        ),
        CurveForm(
            kind="multi_power",
            linear=("A", "B P"),
            shapes=(ALPHA, LOG_N, LOG_BETA, GAMMA),
            design=MultiPowerDesign,
            to_constants=_multi_power,
            # it counts warm-up as it was, so that its early rows may speak too; half-way between rows and doublings
            weight_power=0.5,
        ),
        CurveForm(
            kind="cpt_shift",
            linear=("A", "C1", "C2", "B"),
            signed=("B",),
            shapes=(ALPHA, HORIZON, LOG_E, msgspec.structs.replace(LOG_BETA, spread=1.0)),
            design=lambda runs, _: CptShiftDesign(runs),
            to_constants=_cpt_shift,
        ),
    )
}
"""The forms by the ``kind`` of their law."""


def curve_form(kind: str) -> CurveForm:
    """The form of ``kind``. Raises ``ValueError`` with all of them where there is none.

    >>> curve_form("momentum").coordinates
    ('L0', 'log A', 'log C', 'alpha', 'log horizon')
    """
    if kind not in CURVE_FORMS:
        raise ValueError(f"no curve law is called {kind!r}; write one of {', '.join(CURVE_LAWS)}")
    return CURVE_FORMS[kind]
