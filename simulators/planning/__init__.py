"""From a budget to a recipe: a ladder of networks, what each would reach, and which to train."""

from simulators.planning.budget import Budget, work
from simulators.planning.choosing import Candidate, Plan, choose
from simulators.planning.ladder import dense, ladder, mixture

__all__ = ["Budget", "Candidate", "Plan", "choose", "dense", "ladder", "mixture", "work"]
