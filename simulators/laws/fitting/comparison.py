"""Which form to trust: errors on runs that the fit has not seen, the largest ones and others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from lehr.simulators.laws.fitting.fit import DELTA, LawFit, fit_law, problem_of
from lehr.simulators.laws.fitting.forms import form_called
from lehr.simulators.laws.fitting.resampling import starts_about
from lehr.simulators.laws.fitting.runs import Runs
from lehr.simulators.numerics.levenberg import settle_groups
from lehr.simulators.quantities import Floats

HoldOutBy = Literal["parameters", "tokens", "flops"]
HELD_OUT: dict[HoldOutBy, str] = {
    "parameters": "largest models",
    "tokens": "longest trainings",
    "flops": "largest budgets",
}
"""What is held out where runs are ordered so."""
SHARE = 0.1
"""At least this share of the runs is held out."""
FOLDS = 10
"""Parts of a cross-validation."""
STARTS_PER_FOLD = 6
TOO_FAR = 2.0
"""A form that misses the largest runs by so many times what the best one does is not used."""
HOLD_OUT_STARTS = 600
"""Starting points of a fit without the largest runs; on Besiroglu et al.'s runs one in three of Chinchilla's finds the
minimum."""


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
    """One form: its fit to all runs, its errors on every hold-out and those of a cross-validation, a run each."""

    form: str
    fit: LawFit
    held_out: list[HeldOut]
    cross_validated: Floats

    @property
    def n_constants(self) -> int:
        """How many constants the form has."""
        return len(self.fit.coordinates)

    @property
    def mean(self) -> float:
        """Mean of the absolute errors over the hold-outs, or of the cross-validation where there is none."""
        return float(np.mean([h.mean for h in self.held_out])) if self.held_out else self.cross_validated_mean

    @property
    def cross_validated_mean(self) -> float:
        """Mean of the absolute errors of the cross-validation."""
        return float(np.mean(np.abs(self.cross_validated)))


class Comparison(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Forms on the same hold-outs, the best first; which to use and why; why a form is missing.

    ``not_scored`` are runs that stand apart from most forms: no form is blamed for them.
    """

    scores: list[FormScore]
    use: str
    reason: str
    left_out: dict[str, str]
    not_scored: list[str]


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


def hold_out(
    runs: Runs,
    form: str,
    by: HoldOutBy = "parameters",
    *,
    delta: float = DELTA,
    scored: NDArray[np.bool_] | None = None,
) -> HeldOut:
    """Fit to all but the largest runs and predict those, of which the ``scored`` ones count.

    Raises ``ValueError`` where what is left cannot determine the form.
    """
    mask = largest(runs, by)
    held = runs.take(mask if scored is None or not (mask & scored).any() else mask & scored)
    left = runs.take(~mask)
    starts = min(HOLD_OUT_STARTS, len(form_called(form).starts(left)))
    law = fit_law(left, form, delta=delta, starts=starts).law
    error = law.loss(held.parameters, held.tokens) / held.loss - 1
    return HeldOut(form=form, by=by, above=float(getattr(held, by).min()), runs=held, error=error)


def cross_validate(fit: LawFit, folds: int = FOLDS, seed: int = 0) -> Floats:
    """Errors of each run predicted by a fit to the other folds: predicted over measured loss, less one [1].

    Rows of one label are in one fold. Raises ``ValueError`` where there are fewer labels than two.
    """
    runs, form = fit.runs, form_called(fit.form)
    _, group = np.unique(np.asarray(runs.label), return_inverse=True)
    n_groups = int(group.max()) + 1
    folds = min(folds, n_groups)
    if folds < 2:
        raise ValueError("all rows have one label; cross-validation needs two runs or more")
    fold = np.random.default_rng(seed).permutation(np.arange(n_groups) % folds)[group.reshape(-1)]
    starts = starts_about(fit, STARTS_PER_FOLD, seed)
    seen = (fold != np.arange(folds)[:, None]).astype(float)
    problem = problem_of(runs, form, fit.delta)
    chosen = settle_groups(msgspec.structs.replace(problem, weight=seen), starts, folds)
    predicted = problem.model(chosen)[0][fold, np.arange(len(runs))]
    return np.asarray(np.expm1(predicted - np.log(runs.loss)))


def compare_forms(
    runs: Runs,
    forms: Sequence[str] = ("chinchilla", "skaling", "farseer", "overtraining"),
    *,
    by: Sequence[HoldOutBy] = ("parameters", "tokens", "flops"),
    delta: float = DELTA,
    fits: Mapping[str, LawFit] | None = None,
) -> Comparison:
    """Fit every form without some of the runs and score it on those: each part of a cross-validation, and the largest
    models, the longest trainings and the largest budgets.

    The form of the least mean error in cross-validation is used, unless one with fewer constants comes within one
    standard error of the paired difference: then the simpler one. Forms that miss the largest runs by ``TOO_FAR`` times
    what the best one does are not used: a form that bends to the runs says nothing beyond them. Hold-outs that leave
    too few runs are skipped, and so are forms whose functions of N have nearly as many constants as there are sizes.
    ``fits`` are fits to all runs that are at hand already, by form.

    Raises ``ValueError`` where no form can be fitted.
    """
    splits: list[HoldOutBy] = []
    for kind in by:
        try:
            largest(runs, kind)
        except ValueError:
            continue
        splits.append(kind)
    scores: list[FormScore] = []
    left_out: dict[str, str] = {}
    found: dict[str, LawFit] = {}
    n_sizes = len(np.unique(runs.parameters))
    for form in dict.fromkeys(forms):
        if n_sizes < (needed := form_called(form).fewest_sizes):
            left_out[form] = f"its functions of N need {needed} sizes to be set beside other forms; there are {n_sizes}"
            continue
        try:
            found[form] = (fits or {}).get(form) or fit_law(runs, form, delta=delta)
        except ValueError as error:
            left_out[form] = str(error)
    named = [np.isin(np.arange(len(runs)) + 1, [outlier.row for outlier in fit.outliers]) for fit in found.values()]
    apart = np.mean(named, axis=0) > 0.5 if named else np.zeros(len(runs), dtype=bool)
    for form, fit in found.items():
        try:
            held = [hold_out(runs, form, kind, delta=delta, scored=~apart) for kind in splits]
            scores.append(FormScore(form=form, fit=fit, held_out=held, cross_validated=cross_validate(fit)[~apart]))
        except ValueError as error:
            left_out[form] = str(error)
    if not scores:
        raise ValueError(f"no form could be fitted: {'; '.join(left_out.values())}")
    least = min(s.mean for s in scores)
    scores.sort(key=lambda s: (s.mean > TOO_FAR * least, s.cross_validated_mean))
    use, reason = _choose(scores)
    return Comparison(
        scores=scores,
        use=use,
        reason=reason,
        left_out=left_out,
        not_scored=[runs.label[i] for i in np.flatnonzero(apart)],
    )


def _choose(scores: list[FormScore]) -> tuple[str, str]:
    best = scores[0]
    least = min(s.mean for s in scores)
    fit = [s for s in scores if s.mean <= TOO_FAR * least]
    simpler = best
    for other in fit[1:]:
        difference = np.abs(other.cross_validated) - np.abs(best.cross_validated)
        error = float(np.std(difference, ddof=1) / np.sqrt(len(difference))) if len(difference) > 1 else 0.0
        if other.n_constants < simpler.n_constants and float(np.mean(difference)) <= error:
            simpler = other
    misses = f"misses runs left out in turn by {simpler.cross_validated_mean:.2%} on average"
    if simpler is not best:
        return simpler.form, (
            f"{simpler.form} {misses}, {best.form} by {best.cross_validated_mean:.2%}: "
            f"within one standard error, and it has {simpler.n_constants} constants instead of {best.n_constants}"
        )
    if len(scores) == 1:
        return best.form, f"{best.form} is the only form that could be fitted; it {misses}"
    reason = f"{best.form} {misses}"
    if len(fit) > 1:
        reason += f", {fit[1].form}, the next, by {fit[1].cross_validated_mean:.2%}"
    if far := [s for s in scores if s not in fit and s.cross_validated_mean < best.cross_validated_mean]:
        reason += (
            f"; {far[0].form} by {far[0].cross_validated_mean:.2%}, "
            f"but it misses the largest runs by {far[0].mean:.2%} instead of {best.mean:.2%}"
        )
    return best.form, reason
