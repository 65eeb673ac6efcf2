"""From a budget to a recipe: a ladder of networks, what each would reach, and which to train."""

from lehr.simulators.planning.budget import Budget, work
from lehr.simulators.planning.choosing import Candidate, Plan, choose
from lehr.simulators.planning.ladder import dense, ladder, mixture

__all__ = ["Budget", "Candidate", "Plan", "choose", "dense", "ladder", "mixture", "work"]
