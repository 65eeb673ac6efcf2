"""Laws of the loss as a surface over parameters and tokens."""

from simulators.laws.surfaces.base import Surface, ValidRange
from simulators.laws.surfaces.chinchilla import Chinchilla

__all__ = ["Chinchilla", "Surface", "ValidRange"]
