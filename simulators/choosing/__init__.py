"""Choosing a schedule by a curve law: the best of each shape, the free form as a bound, and decaying from here."""

from simulators.choosing.candidates import Candidate, Search, search
from simulators.choosing.cooldown import CoolDown, cool_downs
from simulators.choosing.final import final_interval, final_loss, final_slope
from simulators.choosing.free import free_form
from simulators.choosing.stairs import stairs

__all__ = [
    "Candidate",
    "CoolDown",
    "Search",
    "cool_downs",
    "final_interval",
    "final_loss",
    "final_slope",
    "free_form",
    "search",
    "stairs",
]
