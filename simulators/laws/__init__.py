"""Scaling laws: one class a form; the published constants are files."""

from simulators.laws.base import Law
from simulators.laws.curves import AnyCurveLaw
from simulators.laws.downstream import AnyDownstreamLaw
from simulators.laws.frontier import Frontier, SinglePower
from simulators.laws.hyper import AnyHyperLaw
from simulators.laws.mixture import AnyMixtureLaw
from simulators.laws.moe import AnyMoeLaw
from simulators.laws.precision import PrecisionLaw
from simulators.laws.rl import AnyRlLaw
from simulators.laws.sft import RectifiedLaw
from simulators.laws.steps import StepsLaw
from simulators.laws.surfaces import Chinchilla, DataConstrained, Farseer, Kaplan, Overtraining, Skaling

ScalingLaw = Chinchilla | Skaling | Farseer | Overtraining | Kaplan | DataConstrained
"""Every form of a loss surface over parameters and tokens that a file may name by its ``kind``."""

AnyLaw = (
    ScalingLaw
    | AnyCurveLaw
    | AnyMoeLaw
    | AnyMixtureLaw
    | AnyRlLaw
    | RectifiedLaw
    | PrecisionLaw
    | AnyHyperLaw
    | AnyDownstreamLaw
    | Frontier
    | SinglePower
    | StepsLaw
)
"""Every form that a law file may name: surfaces, and laws of other inputs."""

__all__ = [
    "AnyLaw",
    "Chinchilla",
    "DataConstrained",
    "Farseer",
    "Frontier",
    "Kaplan",
    "Law",
    "Overtraining",
    "ScalingLaw",
    "SinglePower",
    "Skaling",
]
