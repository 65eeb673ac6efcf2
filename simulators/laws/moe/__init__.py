"""Laws of mixtures of experts: what routing adds at equal work."""

from simulators.laws.moe.clark import RoutedLaw
from simulators.laws.moe.joint import JointMoe
from simulators.laws.moe.krajewski import GranularMoe
from simulators.laws.moe.leverage import EfficiencyLeverage
from simulators.laws.moe.memory import MemoryChoice, best_under_memory
from simulators.laws.moe.sparsity import SparsityLaw

AnyMoeLaw = RoutedLaw | GranularMoe | JointMoe | SparsityLaw | EfficiencyLeverage
"""Every form of a law of mixtures of experts that a file may name by its ``kind``."""

__all__ = [
    "AnyMoeLaw",
    "EfficiencyLeverage",
    "GranularMoe",
    "JointMoe",
    "MemoryChoice",
    "RoutedLaw",
    "SparsityLaw",
    "best_under_memory",
]
