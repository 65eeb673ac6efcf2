"""Laws of hyper-parameters: peak rate, batch, critical batch, weight decay, and transfer from small networks."""

from simulators.laws.hyper.base import HyperLaw, Powers
from simulators.laws.hyper.critical import CriticalBatch, LossCriticalBatch, overheads
from simulators.laws.hyper.rules import LogLinearRate, PowerRules, TokenHorizon
from simulators.laws.hyper.timescale import Timescale, timescale
from simulators.laws.hyper.transfer import Transferred, transfer

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
    "Timescale",
    "TokenHorizon",
    "Transferred",
    "overheads",
    "timescale",
    "transfer",
]
