"""Laws of mixtures of experts: what routing adds at equal work."""

from lehr.simulators.laws.moe.clark import RoutedLaw
from lehr.simulators.laws.moe.joint import JointMoe
from lehr.simulators.laws.moe.krajewski import GranularMoe
from lehr.simulators.laws.moe.leverage import EfficiencyLeverage
from lehr.simulators.laws.moe.memory import MemoryChoice, best_under_memory
from lehr.simulators.laws.moe.sparsity import SparsityLaw

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
