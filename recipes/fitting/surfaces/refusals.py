"""Fits of which no law is written."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lehr.simulators.laws.fitting import LawFit
from lehr.simulators.laws.fitting.limits import INSEPARABLE


def refuse_rising(values: Mapping[str, float]) -> None:
    """Raise ``ValueError`` where the loss rises with parameters or tokens: there is no optimum to tell.

    >>> refuse_rising({"alpha": 0.34, "beta": -0.1})  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    ValueError: beta is -0.1, not above 0: the loss of these runs does not fall with tokens, so that ...
    """
    for name, what in (("alpha", "parameters"), ("beta", "tokens"), ("eta", "parameters and tokens")):
        if name in values and values[name] <= 0:
            raise ValueError(
                f"{name} is {values[name]:.3g}, not above 0: the loss of these runs does not fall with {what}, so that "
                "there is no optimum; check the columns, or keep the best run of each size (repeats=best)"
            )


def refuse_two_values(fit: LawFit) -> None:
    """Raise ``ValueError`` where the runs have two sizes, or two token counts, and a factor, an exponent and a floor
    that only three could tell apart: each value that a search ends at fits as well, and its interval is too narrow."""
    said = next((note.partition(f" {INSEPARABLE}")[0] for note in fit.notes if INSEPARABLE in note), None)
    for values, what, factor in ((fit.runs.parameters, "sizes", "A"), (fit.runs.tokens, "token counts", "B")):
        two = np.unique(values)
        if said is not None and len(two) == 2 and f"log {factor}" in said:
            raise ValueError(
                f"these runs have two {what}, {two[0]:.4g} and {two[1]:.4g}, by which {said} cannot be told apart: add "
                "runs of a third, or hold what is known, hold={E: 1.7}"
            )
