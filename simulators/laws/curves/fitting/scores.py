"""How well a law's curve follows a logged one."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from lehr.simulators.laws.curves.base import CurveLaw
from lehr.simulators.laws.curves.runs import LoggedRun
from lehr.simulators.quantities import Floats


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """One run, or the mean over several: R², errors [loss unit] and errors relative to the measured loss [1]."""

    r2: float
    mae: float
    rmse: float
    mean_relative_error: float
    worst_relative_error: float
    rows: int


def predict(law: CurveLaw, run: LoggedRun) -> Floats:
    """The law's loss at the logged steps of ``run`` [loss_unit].

    >>> from lehr.simulators.laws.curves import PowerOfSum
    >>> from lehr.simulators.laws.curves.runs import make_run
    >>> law = PowerOfSum(name="x", title="", L0=3.0, A=0.5, alpha=0.5)
    >>> predict(law, make_run("a", [9, 99], [8.0, 4.6], np.full(100, 1e-3))).round(3).tolist()
    [8.0, 4.581]
    """
    return law.loss(run.rates[: int(run.steps[-1]) + 1], changed_at=run.changed_at)[run.steps]


def score(law: CurveLaw, run: LoggedRun) -> Score:
    """How well ``law`` follows the rows of ``run``; rows where it has no finite value do not count.

    Raises ``ValueError`` where it has none at any row.

    >>> import numpy as np
    >>> from lehr.simulators.laws.curves import PowerOfSum
    >>> from lehr.simulators.laws.curves.runs import make_run
    >>> law = PowerOfSum(name="x", title="", L0=3.0, A=0.5, alpha=0.5)
    >>> rates = np.full(1000, 1e-3)
    >>> run = make_run("a", [9, 99, 999], law.loss(rates)[[9, 99, 999]] + [0.01, -0.01, 0.01], rates)
    >>> round(score(law, run).mae, 6), round(score(law, run).r2, 4) > 0.9999
    (0.01, True)
    """
    return score_of(run, predict(law, run))


def score_of(run: LoggedRun, predicted: Floats) -> Score:
    """How well ``predicted`` (rows,) follows the rows of ``run``, as ``score`` has it.

    >>> from lehr.simulators.laws.curves.runs import make_run
    >>> score_of(make_run("a", [1, 2], [2.0, 1.0], [1.0] * 3), np.array([2.0, 1.5])).mae
    0.25
    """
    finite = np.isfinite(predicted)
    if not finite.any():
        raise ValueError(f"{run.name}: no row stands after the first step whose rate is not zero")
    loss, error = run.loss[finite], np.abs(predicted - run.loss)[finite]
    spread = float(np.sum((loss - loss.mean()) ** 2))
    return Score(
        r2=1 - float(np.sum(error**2)) / spread if spread else float("nan"),
        mae=float(error.mean()),
        rmse=float(np.sqrt(np.mean(error**2))),
        mean_relative_error=float(np.mean(error / loss)),
        worst_relative_error=float(np.max(error / loss)),
        rows=int(finite.sum()),
    )


def mean_score(scores: Sequence[Score]) -> Score:
    """The mean of each figure over the runs, as the multi-power law's authors print it; rows are added up.

    >>> one, two = (Score(r2=r, mae=0.1, rmse=0.1, mean_relative_error=0.02, worst_relative_error=0.05, rows=10)
    ...     for r in (0.98, 0.99))
    >>> mean_score([one, two]).r2, mean_score([one, two]).rows
    (0.985, 20)
    """
    return Score(
        **{
            name: float(np.mean([getattr(s, name) for s in scores]))
            for name in ("r2", "mae", "rmse", "mean_relative_error", "worst_relative_error")
        },
        rows=sum(s.rows for s in scores),
    )
