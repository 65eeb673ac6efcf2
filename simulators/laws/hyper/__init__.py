"""Laws of hyper-parameters: peak rate, batch, critical batch, weight decay, and transfer from small networks."""

from lehr.simulators.laws.hyper.base import HyperLaw, Powers
from lehr.simulators.laws.hyper.critical import CriticalBatch, LossCriticalBatch, overheads
from lehr.simulators.laws.hyper.rules import LogLinearRate, PowerRules, Regret, TokenHorizon
from lehr.simulators.laws.hyper.schedule_shape import best_peak
from lehr.simulators.laws.hyper.timescale import Timescale, timescale
from lehr.simulators.laws.hyper.transfer import Transferred, transfer

AnyHyperLaw = PowerRules | LogLinearRate | TokenHorizon | Timescale | LossCriticalBatch | CriticalBatch
"""Every form of a law of hyper-parameters that a file may name by its ``kind``."""

__all__ = [
    "AnyHyperLaw",
    "CriticalBatch",
    "HyperLaw",
    "LogLinearRate",
    "LossCriticalBatch",
    "PowerRules",
    "Powers",
    "Regret",
    "Timescale",
    "TokenHorizon",
    "Transferred",
    "best_peak",
    "overheads",
    "timescale",
    "transfer",
]
