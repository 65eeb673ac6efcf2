"""What runs that are each left out once say of a fit: how far a run strays from a law fitted to the others."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from lehr.simulators.laws.curves import CurveForm
from lehr.simulators.laws.curves.bands import (
    FEWEST,
    MOST_STRAY,
    alike,
    annealed,
    beyond,
    fallen_and_level,
    strays,
    warmed,
)
from lehr.simulators.laws.curves.fitting.minimum import Settled, problem_of, settle
from lehr.simulators.laws.curves.runs import LoggedRun, shared_rows
from lehr.simulators.numerics.adding import plain_sum


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """What runs that were each left out once say: they strayed by ``misfit`` [log loss, root mean square]; no
    ``misfit`` where none could be left out. ``strays`` and ``strays_annealed`` are how much of the variance that a band
    allows without them that is, of rows before annealing and of those that it brought down, ``errors`` their mean
    relative errors by name [1]."""

    strays: float
    strays_annealed: float
    misfit: float | None
    errors: dict[str, float]

    @property
    def runs(self) -> int:
        """How many."""
        return len(self.errors)


def left_out(
    used: Sequence[LoggedRun], whole: Sequence[LoggedRun], form: CurveForm, peak: float, best: Settled
) -> LeftOut:
    """Each run beside a law fitted to the others: how far its rows stray that none of these has too (of the ``whole``
    runs, not summed up), and how far a band would have let them."""
    squares, errors = [], {}
    # of rows before annealing and of those that it brought down: how much of either a run has, and what that says
    said: list[tuple[float, float, float, float]] = []
    for i, run in enumerate(used):
        others = [one for one in used if one is not run]
        if not others or (form.anneals and not any(one.anneals for one in others)):
            continue
        new = ~shared_rows(whole[i], [one for one in whole if one is not whole[i]])
        new = new[np.minimum(np.searchsorted(whole[i].steps, run.steps), len(new) - 1)]
        if not new.any() or sum(map(len, others)) <= len(form.coordinates):
            continue
        held = settle(problem_of(others, form, peak), best.theta, others, rounds=2)
        alone = problem_of([run], form, peak)
        predicted, jacobian = alone.model(held.theta)
        explained = np.einsum("ti,ij,tj->t", jacobian, held.covariance, jacobian)
        # the derivatives by the logarithms of the first constants are the parts of the loss
        forward = jacobian[:, 1]
        loss = np.exp(predicted)
        annealing = jacobian[:, 2 : 2 + form.annealing].sum(axis=1) * loss
        fallen, noise = (part / loss for part in fallen_and_level(annealing))
        peaks = [float(one.rates.max()) for one in others]
        straying = strays(
            form.straying,
            forward,
            fallen,
            noise,
            **beyond(run.steps, (min(o.steps[0] for o in others), max(o.steps[-1] for o in others))),
            warmed=warmed(run.steps, run.warm_up_end),
            apart=min(abs(float(np.log(run.rates.max() / p))) for p in (min(peaks), max(peaks))),
            alone=alike(peaks),
        )
        constants = form.straying.constants * form.straying.few(len(others) if len(others) > 1 else 0)
        allowed = constants * explained + np.sum(straying**2, axis=1) + held.spread**2
        error = (predicted - alone.log_loss)[new]
        square = error**2
        ratio, share = np.minimum(square / allowed[new], MOST_STRAY), annealed(fallen, noise)[new]
        plain = 1 - share
        said.append((float(np.mean(plain)), float(plain @ ratio) / len(plain), float(np.mean(share)),
                     float(share @ ratio) / len(share)))  # fmt: skip
        squares.append(float(np.mean(square)))
        errors[run.name] = float(np.mean(np.abs(np.expm1(error))))
    if not errors:
        return LeftOut(strays=1.0, strays_annealed=1.0, misfit=None, errors={})
    prior = form.straying.runs
    plain_runs, plain_ratios, annealed_runs, annealed_ratios = map(plain_sum, zip(*said, strict=True))
    return LeftOut(
        strays=max((prior + plain_ratios) / (prior + plain_runs), FEWEST),
        strays_annealed=max((prior + annealed_ratios) / (prior + annealed_runs), FEWEST),
        misfit=float(np.sqrt(np.mean(squares))),
        errors=errors,
    )
