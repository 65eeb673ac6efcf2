"""Curve laws: the loss at every step of a schedule, their fits, forecasts and the choice of a schedule."""

from lehr.simulators.laws.curves import cpt_shift, momentum, multi_power, power_of_sum
from lehr.simulators.laws.curves.base import CurveLaw, CurveRange, constant_values
from lehr.simulators.laws.curves.cpt_shift import CptShift
from lehr.simulators.laws.curves.form import CurveForm
from lehr.simulators.laws.curves.momentum import Momentum
from lehr.simulators.laws.curves.multi_power import MultiPower
from lehr.simulators.laws.curves.power_of_sum import PowerOfSum

AnyCurveLaw = PowerOfSum | Momentum | MultiPower | CptShift
"""Every form of a loss curve that a file may name by its ``kind``."""

CURVE_LAWS: dict[str, type[CurveLaw]] = {
    "power_of_sum": PowerOfSum,
    "momentum": Momentum,
    "multi_power": MultiPower,
    "cpt_shift": CptShift,
}
"""The forms by the ``kind`` that names them in a file."""

CURVE_FORMS: dict[str, CurveForm] = {
    module.FORM.kind: module.FORM for module in (power_of_sum, momentum, multi_power, cpt_shift)
}
"""How each is fitted."""


def curve_form(kind: str) -> CurveForm:
    """The form of ``kind``. Raises ``ValueError`` with all of them where there is none.

    >>> curve_form("momentum").coordinates
    ('L0', 'log A', 'log C', 'alpha', 'log horizon')
    """
    if kind not in CURVE_FORMS:
        raise ValueError(f"no curve law is called {kind!r}; write one of {', '.join(CURVE_LAWS)}")
    return CURVE_FORMS[kind]


__all__ = [
    "CURVE_FORMS",
    "CURVE_LAWS",
    "AnyCurveLaw",
    "CptShift",
    "CurveForm",
    "CurveLaw",
    "CurveRange",
    "Momentum",
    "MultiPower",
    "PowerOfSum",
    "constant_values",
    "curve_form",
]
