"""How sure a choice is: by the replicas of the law, and by the error of the law of mixtures."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from lehr.simulators.laws.base import quantiles
from lehr.simulators.laws.moe import JointMoe
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
