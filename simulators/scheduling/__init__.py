"""Choosing a schedule by a curve law: the best of each shape, the free form as a bound, and decaying from here."""

from lehr.simulators.scheduling.candidates import Candidate, Search, search
from lehr.simulators.scheduling.cooldown import CoolDown, cool_downs
from lehr.simulators.scheduling.final import final_interval, final_loss, final_slope
from lehr.simulators.scheduling.free import free_form
from lehr.simulators.scheduling.stairs import stairs

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
