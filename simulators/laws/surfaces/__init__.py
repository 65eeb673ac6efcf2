"""Laws of the loss as a surface over parameters and tokens."""

from simulators.laws.base import ValidRange
from simulators.laws.surfaces.base import Surface
from simulators.laws.surfaces.chinchilla import Chinchilla
from simulators.laws.surfaces.data_constrained import DataConstrained
from simulators.laws.surfaces.farseer import Farseer
from simulators.laws.surfaces.kaplan import Kaplan
from simulators.laws.surfaces.overtraining import Overtraining
from simulators.laws.surfaces.skaling import Skaling

__all__ = ["Chinchilla", "DataConstrained", "Farseer", "Kaplan", "Overtraining", "Skaling", "Surface", "ValidRange"]
