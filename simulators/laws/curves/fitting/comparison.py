"""Which form of a curve law to trust: errors on runs that were each left out once."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from lehr.simulators.laws.curves.fitting.fit import STARTS, CurveFit, fit_curve
from lehr.simulators.laws.curves.runs import LoggedRun
from lehr.simulators.numerics.adding import plain_sum

COMPARED = ("multi_power", "momentum", "power_of_sum")
"""The forms that speak of one kind of data."""


class CurveScore(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One form: its fit to all runs, and the mean and the largest of the runs' mean relative errors [1]."""

    form: str
    fit: CurveFit
    mean: float
    worst: float

    @property
    def n_constants(self) -> int:
        """How many constants the form has."""
        return len(self.fit.coordinates)

    @property
    def fitted(self) -> float:
        """The mean relative error on the rows that were fitted [1]."""
        return float(np.mean(np.abs(np.expm1(np.concatenate(self.fit.residual)))))


class CurveComparison(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Forms on the same ``runs``, each left out once, the best first; which to use and why; why a form is missing."""

    scores: list[CurveScore]
    runs: list[str]
    use: str
    reason: str
    left_out: dict[str, str]


def compare_curves(
    runs: Sequence[LoggedRun],
    forms: Sequence[str] = COMPARED,
    *,
    starts: int = STARTS,
    name: str = "fitted",
    level: float = 0.95,
) -> CurveComparison:
    """Fit every form to ``runs`` and score it on those that all forms can do without: each left out once, its rows
    forecast by a fit to the others. The form of the least mean error is used.

    Raises ``ValueError`` where no form can be fitted, or no run can be left out.

    >>> from lehr.simulators.laws.curves import Momentum
    >>> from lehr.simulators.laws.curves.runs import make_run
    >>> law = Momentum(name="x", title="", L0=2.5, A=0.5, alpha=0.4, C=1.0, decay=0.99)
    >>> schedules = {f"to {end:g}": np.r_[np.full(2000, 3e-4), np.linspace(3e-4, end, 1000)] for end in (0, 1e-4, 2e-4)}
    >>> rows = np.arange(50, 3000, 50)
    >>> logs = [make_run(n, rows, law.loss(r)[rows], r) for n, r in schedules.items()]
    >>> compare_curves(logs, ("momentum", "power_of_sum")).use
    'momentum'
    """
    found: dict[str, CurveFit] = {}
    left_out: dict[str, str] = {}
    for form in dict.fromkeys(forms):
        try:
            fit = fit_curve(runs, form, starts=starts, name=name, level=level)
        except ValueError as error:
            left_out[form] = str(error)
            continue
        if fit.errors:
            found[form] = fit
        else:
            left_out[form] = (
                "no run can be left out" if len(runs) == 1 else "left out, no run leaves one whose rate falls"
            )
    if not found:
        raise ValueError(f"nothing says which form is best: {'; '.join(f'{f}: {w}' for f, w in left_out.items())}")
    common = [run.name for run in runs if all(run.name in fit.errors for fit in found.values())]
    if not common:
        raise ValueError("no run can be left out by every form; write law=<one form>")
    scores = [
        CurveScore(
            form=form,
            fit=fit,
            mean=plain_sum([fit.errors[name] for name in common]) / len(common),
            worst=max(fit.errors[name] for name in common),
        )
        for form, fit in found.items()
    ]
    scores.sort(key=lambda s: (s.mean, s.n_constants))
    return CurveComparison(scores=scores, runs=common, use=scores[0].form, reason=_reason(scores), left_out=left_out)


def _reason(scores: list[CurveScore]) -> str:
    best = scores[0]
    said = f"misses runs left out in turn by {best.mean:.2%} on average"
    if len(scores) == 1:
        return f"{best.form} is the only form that could be fitted; {said}"
    return f"{best.form} {said}, {scores[1].form}, the next, by {scores[1].mean:.2%}"
