"""Learning from preferences in a trainer's words."""

from __future__ import annotations

from lehr.recipes.exporting.stage import Said
from lehr.simulators.objectives import Preference

PREFERENCE_BETA = 0.1
"""How strongly DPO is held to its reference: 0.1 in most of its first experiments (Rafailov et al., arXiv:2305.18290,
appendix B), and in every trainer that is exported to."""


def beta_of(objective: Preference) -> float:
    """The recipe's, else the one that every trainer has.

    >>> beta_of(Preference(method="dpo")), beta_of(Preference(method="dpo", beta=0.05))
    (0.1, 0.05)
    """
    return PREFERENCE_BETA if objective.beta is None else objective.beta


def beta_said(objective: Preference, where: str) -> Said:
    """The line about it."""
    how = "assumed: the recipe does not say it" if objective.beta is None else "exact"
    return Said(what="objective.beta", value=beta_of(objective), where=where, how=how)
