"""Fits of which no law is written."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lehr.simulators.laws.fitting import LawFit, Runs
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


ON_A_LINE = 0.05
"""Runs whose tokens follow their parameters more closely than this, in the logarithm, are of one line: what either does
is then told by a twentieth of a factor alone, which is less than batches and rounding change [1]."""


def refuse_one_line(runs: Runs) -> None:
    """Raise ``ValueError`` where tokens follow parameters in every run, as at 20 tokens a parameter throughout or at
    one budget: two terms of the loss fall along one line, and no fit can tell which of them.

    >>> from lehr.simulators.laws.fitting import make_runs
    >>> n = np.array([1e8, 2e8, 4e8, 8e8])
    >>> refuse_one_line(make_runs(n, 20 * n, [3.4, 3.2, 3.0, 2.8]))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    ValueError: every run has 20 tokens a parameter, so that what parameters and what tokens do cannot be ...
    >>> refuse_one_line(make_runs(n, [1e9, 9e9, 2e9, 8e9], [3.4, 3.2, 3.0, 2.8]))
    """
    n, d = np.log(runs.parameters), np.log(runs.tokens)
    if len(np.unique(n)) < 3 or len(np.unique(d)) < 3:
        return
    slope, at = np.polyfit(n, d, 1)
    if np.max(np.abs(d - slope * n - at)) > ON_A_LINE:
        return
    ratio = np.exp(np.mean(d - n))
    said, more = f"in every run the tokens follow the parameters to the power {slope:.2g}", "off that line"
    if abs(slope - 1) < ON_A_LINE:
        said, more = f"every run has {ratio:.3g} tokens a parameter", f"at {ratio / 4:.3g} and {ratio * 4:.3g}"
    elif abs(slope + 1) < ON_A_LINE:
        work = 6 * float(np.exp(np.mean(d + n)))
        said, more = f"every run has the work 6 N D = {work:.3g} FLOP", "of other budgets"
    raise ValueError(
        f"{said}, so that what parameters and what tokens do cannot be told apart: add runs {more}, or hold one of the "
        "two terms, hold={A: 482, alpha: 0.348}"
    )


def refuse_two_values(fit: LawFit, *, repeats: bool) -> None:
    """Raise ``ValueError`` where the runs have two sizes, or two token counts, and a factor, an exponent and a floor
    that only three could tell apart: each value that a search ends at fits as well, and its interval is too narrow.
    ``repeats``: there are others, whose tokens repeat."""
    said = next((note.partition(f" {INSEPARABLE}")[0] for note in fit.notes if INSEPARABLE in note), None)
    for values, what, factor in ((fit.runs.parameters, "sizes", "A"), (fit.runs.tokens, "token counts", "B")):
        two = np.unique(values)
        if said is not None and len(two) == 2 and f"log {factor}" in said:
            mend = "add runs of a third, or hold what is known, hold={E: 1.7}"
            if repeats:
                mend = f"write law=data_constrained, which takes the runs whose tokens repeat too, or {mend}"
            raise ValueError(
                f"these runs have two {what}, {two[0]:.4g} and {two[1]:.4g}, by which {said} cannot be told apart: "
                f"{mend}"
            )
