"""Scaling laws: one class a form; the published constants are files."""

from simulators.laws.surfaces import Chinchilla

ScalingLaw = Chinchilla
"""Every form of a loss surface that a file may name by its ``kind``."""

__all__ = ["Chinchilla", "ScalingLaw"]
