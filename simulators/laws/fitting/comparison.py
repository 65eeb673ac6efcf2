"""Which form to trust: errors on runs that the fit has not seen, the largest ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
import numpy as np

from simulators.laws.base import Floats
from simulators.laws.fitting.fit import DELTA, LawFit, fit_law
from simulators.laws.fitting.forms import form_called
from simulators.laws.fitting.runs import Runs

HoldOutBy = Literal["parameters", "tokens", "flops"]
SHARE = 0.1
"""At least this share of the runs is held out."""


class HeldOut(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A fit's errors on runs that it has not seen: predicted over measured loss, less one [1].

    ``by`` says of what they are the largest, ``above`` from where on.
    """

    form: str
    by: HoldOutBy
    above: float
    runs: Runs
    error: Floats

    @property
    def mean(self) -> float:
        """Mean of the absolute errors."""
        return float(np.mean(np.abs(self.error)))

    @property
    def worst(self) -> float:
        """Largest of the absolute errors."""
        return float(np.max(np.abs(self.error)))

    @property
    def bias(self) -> float:
        """Mean error; above zero the law predicts too high a loss."""
        return float(np.mean(self.error))


class FormScore(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One form: its fit to all runs and its errors on every hold-out."""

    form: str
    fit: LawFit
    held_out: list[HeldOut]

    @property
    def n_constants(self) -> int:
        """How many constants the form has."""
        return len(self.fit.coordinates)

    @property
    def errors(self) -> Floats:
        """Absolute errors on all hold-outs, in the same order for every form."""
        return np.asarray(np.abs(np.concatenate([h.error for h in self.held_out])))

    @property
    def mean(self) -> float:
        """Mean of the absolute errors over the hold-outs."""
        return float(np.mean([h.mean for h in self.held_out]))


class Comparison(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Forms on the same hold-outs, the best first; which to use and why; why a form is missing."""

    scores: list[FormScore]
    use: str
    reason: str
    left_out: dict[str, str]


def largest(runs: Runs, by: HoldOutBy, share: float = SHARE) -> np.ndarray:
    """A mask of the largest runs: whole groups of one size (or one token count, or budget), the fewest that make up
    ``share`` of the runs.

    Raises ``ValueError`` where fewer than three sizes would be left to fit.
    """
    values: Floats = getattr(runs, by)
    # budgets of one isoFLOP profile differ by rounding
    groups = np.round(np.log(values), 1) if by == "flops" else values
    for threshold in np.unique(groups)[::-1]:
        mask = groups >= threshold
        if mask.mean() >= share:
            break
    left = runs.take(~mask)
    if len(np.unique(left.parameters)) < 3 or len(np.unique(left.tokens)) < 3:
        raise ValueError(
            f"too few runs to hold out the largest by {by}: what is left needs three sizes and three token counts"
        )
    return np.asarray(mask)


def hold_out(runs: Runs, form: str, by: HoldOutBy = "parameters", *, delta: float = DELTA) -> HeldOut:
    """Fit to all but the largest runs and predict those.

    Raises ``ValueError`` where what is left cannot determine the form.
    """
    mask = largest(runs, by)
    held = runs.take(mask)
    law = fit_law(runs.take(~mask), form, delta=delta).law
    error = law.loss(held.parameters, held.tokens) / held.loss - 1
    return HeldOut(form=form, by=by, above=float(getattr(held, by).min()), runs=held, error=error)


def compare_forms(
    runs: Runs,
    forms: Sequence[str] = ("chinchilla", "skaling", "farseer", "overtraining"),
    *,
    by: Sequence[HoldOutBy] = ("parameters", "tokens", "flops"),
    delta: float = DELTA,
) -> Comparison:
    """Fit every form without the largest models, without the longest trainings and without the largest budgets, and
    score it on those.

    The form of the least mean error is used, unless one with fewer constants comes within one standard error of the
    paired difference: then the simpler one. Hold-outs that leave too few runs are skipped.

    Raises ``ValueError`` where no form can be held against anything.
    """
    splits: list[HoldOutBy] = []
    for kind in by:
        try:
            largest(runs, kind)
        except ValueError:
            continue
        splits.append(kind)
    if not splits:
        raise ValueError("too few runs to hold any out; give three sizes and three token counts besides the largest")
    scores: list[FormScore] = []
    left_out: dict[str, str] = {}
    for form in dict.fromkeys(forms):
        form_called(form)
        try:
            scores.append(
                FormScore(
                    form=form,
                    fit=fit_law(runs, form, delta=delta),
                    held_out=[hold_out(runs, form, kind, delta=delta) for kind in splits],
                )
            )
        except ValueError as error:
            left_out[form] = str(error)
    if not scores:
        raise ValueError(f"no form could be fitted: {'; '.join(left_out.values())}")
    scores.sort(key=lambda s: s.mean)
    use, reason = _choose(scores)
    return Comparison(scores=scores, use=use, reason=reason, left_out=left_out)


def _choose(scores: list[FormScore]) -> tuple[str, str]:
    best = scores[0]
    simpler = best
    for other in scores[1:]:
        difference = other.errors - best.errors
        error = float(np.std(difference, ddof=1) / np.sqrt(len(difference))) if len(difference) > 1 else 0.0
        if other.n_constants < simpler.n_constants and float(np.mean(difference)) <= error:
            simpler = other
    if simpler is not best:
        return simpler.form, (
            f"{simpler.form} misses the largest runs by {simpler.mean:.2%} on average, {best.form} by {best.mean:.2%}: "
            f"within one standard error, and it has {simpler.n_constants} constants instead of {best.n_constants}"
        )
    if len(scores) == 1:
        return (
            best.form,
            f"{best.form} is the only form that could be fitted; it misses the largest runs by {best.mean:.2%}",
        )
    return best.form, (
        f"{best.form} misses the largest runs by {best.mean:.2%} on average, "
        f"{scores[1].form}, the next, by {scores[1].mean:.2%}"
    )
