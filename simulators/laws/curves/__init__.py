"""Curve laws: the loss at every step of a schedule, their fits, forecasts and the choice of a schedule."""

from lehr.simulators.laws.curves.base import CurveLaw, CurveRange, constant_values
from lehr.simulators.laws.curves.forms import CptShift, Momentum, MultiPower, PowerOfSum

AnyCurveLaw = PowerOfSum | Momentum | MultiPower | CptShift
"""Every form of a loss curve that a file may name by its ``kind``."""

CURVE_LAWS: dict[str, type[CurveLaw]] = {
    "power_of_sum": PowerOfSum,
    "momentum": Momentum,
    "multi_power": MultiPower,
    "cpt_shift": CptShift,
}
"""The forms by the ``kind`` that names them in a file."""

__all__ = [
    "CURVE_LAWS",
    "AnyCurveLaw",
    "CptShift",
    "CurveLaw",
    "CurveRange",
    "Momentum",
    "MultiPower",
    "PowerOfSum",
    "constant_values",
]
