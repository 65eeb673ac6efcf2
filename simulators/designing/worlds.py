"""How sharp a design is: worlds that the belief allows, the runs made in each of them, and the fit's error."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from lehr.simulators.designing.belief import FORM, Belief
from lehr.simulators.designing.choosing import Design, Pool, Target, propose
from lehr.simulators.laws.fitting.fit import DELTA, problem_of
from lehr.simulators.laws.surfaces.forms import form_called
from lehr.simulators.laws.surfaces.misfit import DEGREES, MISFIT
from lehr.simulators.laws.surfaces.runs import make_runs
from lehr.simulators.numerics.levenberg import settle
from lehr.simulators.quantities import Floats

WORLDS = 300
"""A 95 % quantile then has a standard error of 0.1 of its standard deviations."""
TRIED = 100
"""Where designs are set beside each other."""
NEAR = 3
"""Starts of each fit: what is believed, the world's own constants, and between them."""


class Sharpness(msgspec.Struct, frozen=True, kw_only=True):
    """What 95 % of the worlds stay within: the error of the forecast loss [1], with and without what the form misses,
    and what is lost above the best at the target's budget when the size is chosen by the fit [1]; infinite where too
    many fits have no optimum."""

    loss: float
    constants: float
    regret: float


def sharpness(belief: Belief, design: Design, target: Target, *, worlds: int = WORLDS, seed: int = 1) -> Sharpness:
    """Make the runs of ``design`` in ``worlds`` worlds and fit each, as ``lehr fit`` would, without what was believed.

    The same worlds for every design of as many, so that designs compare.
    """
    truth = belief.draw(worlds, seed)
    rng = np.random.default_rng(seed)
    strays = rng.standard_normal(worlds) / np.sqrt(rng.chisquare(DEGREES, worlds) / DEGREES)
    n, d = design.pool.n[design.rows], design.pool.d[design.rows]
    if belief.made is not None:
        n, d = np.concatenate([belief.made.parameters, n]), np.concatenate([belief.made.tokens, d])
    noise = belief.noise * rng.standard_normal((worlds, len(n)))
    logs = belief.at(truth, n, d)[0] + noise
    fitted = _fit(belief, truth, n, d, logs)
    error = (belief.at(fitted, target.n, target.d)[0] - belief.at(truth, target.n, target.d)[0])[:, 0]
    return Sharpness(
        loss=_within(error + design.misfit * strays), constants=_within(error),
        regret=_within(_regret(belief, truth, fitted, float(target.flops[0]))),
    )  # fmt: skip


def doubt_before(belief: Belief, target: Target, *, worlds: int = WORLDS, seed: int = 1) -> float:
    """What 95 % of the worlds lie within of the loss that is believed at ``target``, before any run [1]."""
    at = belief.at(belief.draw(worlds, seed), target.n, target.d)[0][:, 0]
    return _within(at - at[0])


def sharpest(
    belief: Belief, pool: Pool, target: Target, *, budget: float, most: int = 24, misfit: float = MISFIT
) -> Design:
    """Of the designs that ``propose`` finds the one whose fits err least in simulated worlds: the forecast with what
    the form misses, and the loss of the size that is chosen by it.

    Raises ``ValueError`` where the budget pays for too few runs.
    """

    def score(design: Design) -> float:
        sharp = sharpness(belief, design, target, worlds=TRIED, seed=0)
        return sharp.loss + sharp.regret

    return min(propose(belief, pool, target, budget=budget, most=most, misfit=misfit), key=score)


def _regret(belief: Belief, truth: Floats, fitted: Floats, flops: float) -> Floats:
    """The log loss of each world at the size that its fit calls best, above the least."""
    budget: Any = np.full(len(truth), flops)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        n = np.asarray(belief.law(fitted).optimum(budget)[0])
        known = np.isfinite(n) & (n > 0) & (n < flops / 6)
        world = belief.law(truth)
        at = np.log(world.loss(np.where(known, n, 1e9), flops / 6 / np.where(known, n, 1e9)))
        least = np.log(world.loss(*world.optimum(budget)))
    return np.where(known & np.isfinite(at), at - least, np.inf)


def _fit(belief: Belief, truth: Floats, n: Floats, d: Floats, logs: Floats) -> Floats:
    """The constants fitted in each world (worlds, p)."""
    problem = problem_of(make_runs(n, d, np.ones(len(n))), form_called(FORM), DELTA)
    shares = np.linspace(0, 1, NEAR)[:, None, None]
    starts = (shares * belief.theta + (1 - shares) * truth).reshape(-1, truth.shape[1])
    theta, value = settle(msgspec.structs.replace(problem, target=np.tile(logs, (NEAR, 1))), starts, rounds=20)
    best = value.reshape(NEAR, -1).argmin(axis=0)
    return np.asarray(theta.reshape(NEAR, len(truth), -1)[best, np.arange(len(truth))])


def _within(logs: Floats) -> float:
    """What 95 % of the absolute values stay below, as a share."""
    # of infinite neighbours no quantile lies between
    return float(np.expm1(np.quantile(np.abs(logs), 0.95, method="higher")))
