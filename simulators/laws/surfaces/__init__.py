"""Laws of the loss as a surface over parameters and tokens."""

from lehr.simulators.laws.base import ValidRange
from lehr.simulators.laws.surfaces.base import Surface
from lehr.simulators.laws.surfaces.chinchilla import Chinchilla
from lehr.simulators.laws.surfaces.data_constrained import DataConstrained
from lehr.simulators.laws.surfaces.farseer import Farseer
from lehr.simulators.laws.surfaces.kaplan import Kaplan
from lehr.simulators.laws.surfaces.overtraining import Overtraining
from lehr.simulators.laws.surfaces.skaling import Skaling

__all__ = ["Chinchilla", "DataConstrained", "Farseer", "Kaplan", "Overtraining", "Skaling", "Surface", "ValidRange"]
