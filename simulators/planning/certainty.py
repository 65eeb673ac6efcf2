"""How sure a choice is: by the replicas of the law, and by the error of the law of mixtures."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from lehr.simulators.laws.base import Bounds, Misfit, StandardErrors, ValidRange, quantiles
from lehr.simulators.laws.moe import JointMoe
from lehr.simulators.laws.surfaces.base import Surface
from lehr.simulators.planning.reading import Key
from lehr.simulators.quantities import Floats


class Certainty(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Bounds of the regret (95 %) [loss_unit], and the share of the replicas in which each rung wins [1]."""

    regret_low: Floats
    regret_high: Floats
    wins: Floats


def certainty(
    losses: Floats, best: int, keys: Sequence[Key] = (), joint_error: Floats | None = None
) -> Certainty | None:
    """Regret and wins over ``losses`` by each replica of a law (replicas, rungs), infinite where it says nothing;
    ``None`` where there is one replica and no ``joint_error``, so that nothing says how sure the law is.

    ``joint_error`` is the standard deviation of the loss that the law of mixtures leaves each rung [loss_unit]. Rungs
    of one expansion err alike, dense ones not at all.

    >>> losses = np.array([[2.00, 2.01], [2.00, 1.99], [2.00, 2.02], [2.00, 2.01]])
    >>> certainty(losses, 0).wins.tolist()
    [0.75, 0.25]
    """
    if len(losses) == 1 and (joint_error is None or not np.any(joint_error)):
        return None
    if joint_error is not None and np.any(joint_error):
        rng = np.random.default_rng(2)
        rows = max(len(losses), 1000)
        losses = losses[np.arange(rows) % len(losses)].copy()
        for expansion in sorted({e for _, e in keys if e > 1}):
            mine = np.array([e == expansion for _, e in keys])
            losses[:, mine] += rng.standard_normal(rows)[:, None] * joint_error[mine]
    with np.errstate(invalid="ignore"):
        regret = np.where(np.isfinite(losses[:1]), losses - losses[:, [best]], np.inf)
    low, high = quantiles(regret, 0.95)
    wins = np.bincount(np.argmin(losses, axis=1), minlength=losses.shape[1]) / len(losses)
    return Certainty(regret_low=low, regret_high=high, wins=wins)


MISFIT = 0.006
"""How far a form misses runs that it has not seen [log loss], where its law does not say: the median of 28 fits to
public tables, as is its growth with each e-fold beyond (benchmarks/extrapolation.py)."""
DEGREES = 3
"""Of freedom of a misfit that was measured on hold-outs by size, tokens and budget."""


def loss_interval(
    law: Surface,
    read_at: tuple[float, float],
    loss: float,
    *,
    unique: float | None = None,
    moved: Floats | None = None,
) -> Bounds | None:
    """Bounds of a loss that was read at N and D, of whose tokens ``unique`` differ (95 %): of the constants, of the
    form itself, by the law's own misfit or that of public tables, and of what else moves it (replicas,); ``None`` where
    the law does not say how sure its constants are [loss_unit].

    >>> from lehr.simulators.laws import Chinchilla
    >>> from lehr.simulators.laws.base import Covariance, ValidRange
    >>> law = Chinchilla(name="x", title="", n_convention="total", loss_unit="nats/token",
    ...     E=1.8172, A=482.01, B=2085.43, alpha=0.3478, beta=0.3658, range=ValidRange(flops=(1e18, 1e22)),
    ...     uncertainty=Covariance(parameters=["alpha"], covariance=[[1e-6]], residual=0.0))
    >>> [round(bound, 2) for bound in loss_interval(law, (1e10, 1e12), float(law.loss(1e10, 1e12)))]
    [1.95, 2.17]
    """
    if law.uncertainty is None or isinstance(law.uncertainty, StandardErrors):
        return None
    if law.misfit is None:
        law = msgspec.structs.replace(law, misfit=Misfit(size=MISFIT, flops=most_work(law.range), degrees=DEGREES))
    here = float(law.loss(*read_at) if unique is None else law.loss(*read_at, unique=unique))  # type: ignore[call-arg]
    draws = law.draws(*read_at, unique=unique)
    if moved is not None and np.isfinite(moved).all():
        draws = draws + moved[np.random.default_rng(5).integers(len(moved), size=len(draws))]
    low, high = quantiles(draws, 0.95)
    # another vocabulary shifts the loss, and not what is known of it
    return float(low) + loss - here, float(high) + loss - here


def most_work(runs: ValidRange) -> float:
    """The largest budget of a law's runs, or what its largest size and tokens would have taken; infinite where it does
    not say [FLOP]."""
    if runs.flops is not None:
        return runs.flops[1]
    if runs.parameters is not None and runs.tokens is not None:
        return 6 * runs.parameters[1] * runs.tokens[1]
    return float("inf")


def joint_errors(joint: JointMoe, keys: Sequence[Key], active: Floats, tokens: Floats) -> Floats:
    """The standard deviation of each rung's loss by the law of mixtures [loss_unit]: its published error, and as much
    again for each e-fold that the rung lies beyond the sizes and tokens of its runs, as an exponent that is off does;
    zero for dense rungs, and where the error is not published.

    >>> from lehr.simulators.laws.base import ValidRange
    >>> joint = JointMoe(name="x", title="", n_convention="active", loss_unit="nats/token", a=35.91, alpha=-0.1889,
    ...     delta=-0.2285, gamma=0.0098, b=35.98, beta=-0.1775, omega=0.5529, zeta=-0.0259, c=1.3637,
    ...     E_start=2.0732, E_max=290.4521, rmse=0.0062, range=ValidRange(parameters=(79e6, 2.7e9)))
    >>> joint_errors(joint, [(1, 1), (1, 8), (1, 8)], np.array([1e9, 1e9, 2.7e9 * np.e]), np.full(3, 5e10)).tolist()
    [0.0, 0.0062, 0.0124]
    """
    beyond = np.zeros(len(keys))
    for values, bounds in ((active, joint.range.parameters), (tokens, joint.range.tokens)):
        if bounds is not None:
            beyond += np.maximum(0.0, np.log(values / bounds[1])) + np.maximum(0.0, np.log(bounds[0] / values))
    mixture = np.array([expansion > 1 for _, expansion in keys])
    return np.where(mixture, (joint.rmse or 0.0) * (1 + beyond), 0.0)
