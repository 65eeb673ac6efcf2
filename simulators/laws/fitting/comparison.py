"""Which form to trust: errors on the largest runs, which the fit has not seen, and how they grow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from lehr.simulators.laws.base import Misfit
from lehr.simulators.laws.fitting.fit import DELTA, LawFit, fit_law, problem_of, some_starts
from lehr.simulators.laws.fitting.resampling import groups_of, starts_about
from lehr.simulators.laws.surfaces.base import Surface
from lehr.simulators.laws.surfaces.forms import form_called
from lehr.simulators.laws.surfaces.runs import Runs
from lehr.simulators.numerics.levenberg import settle_groups
from lehr.simulators.quantities import Floats

HoldOutBy = Literal["parameters", "tokens", "flops"]
HELD_OUT: dict[HoldOutBy, str] = {
    "parameters": "largest models",
    "tokens": "longest trainings",
    "flops": "largest budgets",
}
"""What is held out where runs are ordered so."""
SHARES = (0.1, 0.2)
"""At least these shares of the runs are held out, one after the other, where a form is chosen."""
FURTHEST = 1 / 3
"""And this share too, where the misfit of the chosen form is measured."""
FOLDS = 10
"""Parts of a cross-validation."""
STARTS_PER_FOLD = 6
STARTS_ABOUT = 12
STARTS_ANEW = 60
"""Starting points of a fit without the largest runs: about the fit to all, and the form's own."""
FOLLOWED = 8
"""Of them, to the end."""
BEYOND, GRID = 10.0, 9
"""How far beyond the runs a form is held to fall, in size and in tokens, and at how many places of each."""


class HeldOut(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A fit's errors on runs that it has not seen: predicted over measured loss, less one [1].

    ``by`` says of what they are the largest, ``above`` from where on, ``share`` the least share that was held out;
    ``flops`` is the largest budget that was left to fit [FLOP]. ``low`` and ``high`` bound each run where a band is
    known [loss_unit].
    """

    form: str
    by: HoldOutBy
    above: float
    runs: Runs
    error: Floats
    share: float = SHARES[0]
    flops: float | None = None
    low: Floats | None = None
    high: Floats | None = None

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

    @property
    def covered(self) -> float | None:
        """The share of the runs that lie in their band; ``None`` where no band is known."""
        if self.low is None or self.high is None:
            return None
        return float(np.mean((self.runs.loss >= self.low) & (self.runs.loss <= self.high)))


class FormScore(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One form: its fit to all runs and its errors on every hold-out; where none could be made, those of a
    cross-validation, a run each."""

    form: str
    fit: LawFit
    held_out: list[HeldOut]
    cross_validated: Floats | None = None

    @property
    def n_constants(self) -> int:
        """How many constants the form has."""
        return len(self.fit.coordinates)

    @property
    def mean(self) -> float:
        """Mean of the mean absolute errors of the hold-outs, each counting alike, or of the cross-validation."""
        if self.held_out:
            return float(np.mean([h.mean for h in self.held_out]))
        assert self.cross_validated is not None
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


def largest(runs: Runs, by: HoldOutBy, share: float = SHARES[0]) -> np.ndarray:
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


def splits_of(
    runs: Runs, by: Sequence[HoldOutBy] = ("parameters", "tokens", "flops"), shares: Sequence[float] = SHARES
) -> list[tuple[HoldOutBy, float]]:
    """The hold-outs that leave enough runs to fit; one that is the same as another counts once."""
    found: list[tuple[HoldOutBy, float]] = []
    seen = set()
    for kind in by:
        for share in shares:
            try:
                mask = largest(runs, kind, share)
            except ValueError:
                continue
            if (kind, mask.tobytes()) not in seen:
                seen.add((kind, mask.tobytes()))
                found.append((kind, share))
    return found


def hold_out(
    runs: Runs,
    form: str,
    by: HoldOutBy = "parameters",
    *,
    share: float = SHARES[0],
    delta: float = DELTA,
    scored: NDArray[np.bool_] | None = None,
    fit: LawFit | None = None,
) -> HeldOut:
    """Fit to all but the largest runs and predict those, of which the ``scored`` ones count. ``fit`` to all runs gives
    further points to start from.

    Raises ``ValueError`` where what is left cannot determine the form.
    """
    mask = largest(runs, by, share)
    held = runs.take(mask if scored is None or not (mask & scored).any() else mask & scored)
    left = runs.take(~mask)
    own = form_called(form).starts(left)
    starts: Floats = some_starts(form_called(form), left, min(STARTS_ANEW, len(own)))
    if fit is not None:
        starts = np.concatenate([starts_about(fit, STARTS_ABOUT, 0), starts])
    law = fit_law(left, form, delta=delta, starts=starts, followed=FOLLOWED, held=fit.held if fit else None).law
    error = law.at(held) / held.loss - 1
    return HeldOut(
        form=form, by=by, above=float(getattr(held, by).min()), runs=held, error=error, share=share,
        flops=float(left.flops.max()),
    )  # fmt: skip


def cross_validate(fit: LawFit, folds: int = FOLDS, seed: int = 0) -> Floats:
    """Errors of each run predicted by a fit to the other folds: predicted over measured loss, less one [1].

    Rows of one label are in one fold. Raises ``ValueError`` where there are fewer labels than two.
    """
    runs, form = fit.runs, form_called(fit.form)
    group = groups_of(runs.label)
    n_groups = int(group.max()) + 1
    folds = min(folds, n_groups)
    if folds < 2:
        raise ValueError("all rows have one label; cross-validation needs two runs or more")
    fold = np.random.default_rng(seed).permutation(np.arange(n_groups) % folds)[group]
    starts = starts_about(fit, STARTS_PER_FOLD, seed)
    seen = (fold != np.arange(folds)[:, None]).astype(float)
    problem = problem_of(runs, form, fit.delta, fit.held)
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
    """Fit every form without the largest models, the longest trainings and the largest budgets, a tenth and a fifth of
    the runs, and score it on those: the direction in which a law is asked.

    The form of the least mean error is used. A hold-out takes whole sizes (token counts, budgets), so that neither the
    order of the rows nor their labels matter. Hold-outs that leave too few runs are skipped, and so are forms whose
    functions of N have nearly as many constants as there are sizes; where no hold-out is left, a cross-validation
    decides. ``fits`` are fits to all runs that are at hand already, by form.

    Raises ``ValueError`` where no form can be fitted.
    """
    runs = runs.in_order()
    splits = splits_of(runs, by)
    scores: list[FormScore] = []
    left_out: dict[str, str] = {}
    found: dict[str, LawFit] = {}
    n_sizes = len(np.unique(runs.parameters))
    for form in dict.fromkeys(forms):
        if n_sizes < (needed := form_called(form).fewest_sizes):
            left_out[form] = f"its functions of N need {needed} sizes to be set beside other forms; there are {n_sizes}"
            continue
        try:
            found[form] = (fits or {}).get(form) or fit_law(runs, form, delta=delta, starts=form_starts(form, runs))
        except ValueError as error:
            left_out[form] = str(error)
    # by label and numbers: a fit at hand may have seen the rows in another order
    named = [
        {(float(f.runs.parameters[o.row - 1]), float(f.runs.tokens[o.row - 1]), float(f.runs.loss[o.row - 1]))
         for o in f.outliers}
        for f in found.values()
    ]  # fmt: skip
    rows = list(zip(runs.parameters.tolist(), runs.tokens.tolist(), runs.loss.tolist(), strict=True))
    apart = np.array([sum(row in one for one in named) > 0.5 * len(named) for row in rows], dtype=bool)
    for form, fit in found.items():
        try:
            held = [
                hold_out(runs, form, kind, share=share, delta=delta, scored=~apart, fit=fit) for kind, share in splits
            ]
            validated = None if held else cross_validate(fit)
            scores.append(FormScore(form=form, fit=fit, held_out=held, cross_validated=validated))
        except ValueError as error:
            left_out[form] = str(error)
    if not scores:
        raise ValueError(f"no form could be fitted: {'; '.join(left_out.values())}")
    scores.sort(key=lambda s: (s.mean, s.n_constants))
    absurd = {s.form: said for s in scores if (said := rises(s.fit.law, runs, s.mean)) is not None}
    if len(absurd) < len(scores):
        scores = [s for s in scores if s.form not in absurd]
        left_out |= absurd
    return Comparison(
        scores=scores,
        use=scores[0].form,
        reason=_reason(scores),
        left_out=left_out,
        not_scored=[runs.label[i] for i in np.flatnonzero(apart)],
    )


def rises(law: Surface, runs: Runs, by: float) -> str | None:
    """Where the loss rises by more than ``by`` [1] from one size, or one number of new tokens, to another that is up to
    ten times beyond those of ``runs``; ``None`` where it falls. No published run got worse so; a form that does is
    bent by its constants there, and a plan by it would flee to small models.

    >>> from lehr.simulators.laws.surfaces import Farseer
    >>> from lehr.simulators.laws.surfaces.runs import make_runs
    >>> runs = make_runs([1e8, 1e9], [1e10, 1e11], [3.0, 2.5])
    >>> said = {"name": "x", "title": "", "n_convention": "non_embedding", "loss_unit": "nats/token"}
    >>> known = {"s": -0.0625, "q": 0.13, "S": 0.128, "B": 230.7, "b": -0.1729, "Q": -1.544, "a": 0.0459, "E": 3.1333}
    >>> laws = [Farseer(**said, **known, A=A) for A in (-1.6656, -1.8)]
    >>> [rises(law, runs, 1e-3) for law in laws]
    [None, 'its loss rises with the size of the model, ten times beyond the runs']
    """
    n, d = (np.geomspace(x.min(), BEYOND * x.max(), GRID) for x in (runs.parameters, runs.tokens))
    with np.errstate(all="ignore"):
        loss = np.log(np.asarray(law.loss(*np.meshgrid(n, d, indexing="ij"))))
    for axis, what in enumerate(("the size of the model", "its tokens")):
        least = np.minimum.accumulate(loss, axis=axis)
        if not (loss - least <= by).all():
            return f"its loss rises with {what}, ten times beyond the runs"
    return None


def form_starts(form: str, runs: Runs) -> int:
    """How many of a form's starts a comparison follows: the half of its own, at most 600."""
    return min(600, max(1, len(form_called(form).starts(runs)) // 2))


def _reason(scores: list[FormScore]) -> str:
    best = scores[0]
    what = f"the largest runs, held out in {len(best.held_out)} ways," if best.held_out else "runs left out in turn"
    said = f"{best.form} misses {what} by {best.mean:.2%} on average"
    if len(scores) == 1:
        return f"{best.form} is the only form that could be fitted; {said.removeprefix(best.form).strip()}"
    return f"{said}, {scores[1].form}, the next, by {scores[1].mean:.2%}"


def misfit_of(fit: LawFit, held: Sequence[HeldOut] = ()) -> Misfit | None:
    """How far the form misses runs beyond those that it was fitted to, by hold-outs of the largest models, trainings
    and budgets: a tenth, a fifth and a third of the runs. ``held`` are those at hand already.

    With delta = max(0, ln(C / C_fitted)) for each held-out run, the size is the root mean square of its log error over
    1 + delta, less the scatter of single runs, each hold-out counting alike; as an exponent that is off errs in
    proportion to the e-folds beyond. Shares of one kind are nested, so that the degrees of freedom are the kinds of
    hold-outs. ``None`` where fewer than two hold-outs can be made.
    """
    runs = fit.runs
    known = {(h.by, h.share): h for h in held}
    squares, kinds = [], set()
    for kind, share in splits_of(runs, shares=(*SHARES, FURTHEST)):
        try:
            one = known.get((kind, share)) or hold_out(runs, fit.form, kind, share=share, delta=fit.delta, fit=fit)
        except ValueError:
            # what is left cannot determine the form: this hold-out says nothing
            continue
        assert one.flops is not None
        beyond = np.maximum(0.0, np.log(one.runs.flops / one.flops))
        kinds.add(kind)
        squares.append(float(np.mean((np.log1p(one.error) / (1 + beyond)) ** 2)))
    if len(squares) < 2:
        return None
    size = max(float(np.mean(squares)) - fit.scale**2, 0.0) ** 0.5
    return Misfit(size=size, flops=float(runs.flops.max()), degrees=len(kinds))
