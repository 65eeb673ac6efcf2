"""Learning from preferences in a trainer's words."""

from __future__ import annotations

from lehr.recipes.exporting.stage import Said

PREFERENCE_BETA = 0.1
"""How strongly DPO is held to its reference: 0.1 in most of its first experiments (Rafailov et al., arXiv:2305.18290,
appendix B), and in every trainer that is exported to."""


def beta_said(where: str) -> Said:
    """The line about it: a recipe has no word for it."""
    return Said(what="objective.beta", value=PREFERENCE_BETA, where=where, how="assumed: a recipe has no word for it")
