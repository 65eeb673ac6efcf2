"""Scaling laws: one class a form; the published constants are files."""

from lehr.simulators.laws.base import Law
from lehr.simulators.laws.curves import AnyCurveLaw
from lehr.simulators.laws.downstream import AnyDownstreamLaw
from lehr.simulators.laws.frontier import Frontier, SinglePower
from lehr.simulators.laws.hyper import AnyHyperLaw
from lehr.simulators.laws.mixture import AnyMixtureLaw
from lehr.simulators.laws.moe import AnyMoeLaw
from lehr.simulators.laws.precision import PrecisionLaw
from lehr.simulators.laws.rl import AnyRlLaw
from lehr.simulators.laws.sft import RectifiedLaw
from lehr.simulators.laws.steps import StepsLaw
from lehr.simulators.laws.surfaces import Chinchilla, DataConstrained, Farseer, Kaplan, Overtraining, Skaling
from lehr.simulators.laws.vocabulary import VocabularyLaw

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
    | VocabularyLaw
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
    "VocabularyLaw",
]
