"""Both steps of a ladder of tasks, and the law of a score alone, from small models that were evaluated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lehr.simulators.laws.base import Draws
from lehr.simulators.laws.downstream import SigmoidForm, TaskLadder
from lehr.simulators.laws.fitting.fit import fit_law
from lehr.simulators.laws.fitting.points import fit_points
from lehr.simulators.laws.fitting.resampling import resample
from lehr.simulators.laws.fitting.shared import shared_errors
from lehr.simulators.laws.surfaces.chinchilla import Chinchilla
from lehr.simulators.laws.surfaces.runs import make_runs
from lehr.simulators.quantities import Floats

STEPS = ("E", "A", "B", "alpha", "beta")
CURVE = ("sigmoid.a", "sigmoid.b", "sigmoid.k", "sigmoid.x0")


def fit_ladder(
    at: Mapping[str, Floats], accuracy: Floats, *, delta: float, draws: int = 0, label: Sequence[str] | None = None
) -> TaskLadder:
    """The task's loss by ``parameters`` and ``tokens``, then ``accuracy`` by that ``loss`` (points,), each fitted to
    what was measured (Bhagia et al. 2024, arXiv:2412.04403, section 3).

    Of ``draws`` samples of the runs both steps are fitted, so that a forecast carries the errors of both, and what they
    have in common. Raises ``ValueError`` where the points do not determine a step.
    """
    runs = make_runs(at["parameters"], at["tokens"], at["loss"], label=label, n_convention="non_embedding")
    first = fit_law(runs, "chinchilla", delta=delta)
    second = fit_points(SigmoidForm(), at, accuracy, delta=delta, draws=draws, label=runs.label)
    surface = first.law
    assert isinstance(surface, Chinchilla)
    uncertainty = None
    if draws:
        many = resample(first, draws, shared=shared_errors(first)).law.uncertainty
        assert isinstance(many, Draws)
        # the same samples of the runs in both, a row each
        assert second.draws is not None
        fall, top, steep, middle = second.draws.T
        curve = np.stack([-np.exp(fall), top, np.exp(steep), middle], axis=1)
        scatter = float(np.sqrt(np.mean(second.residual**2)))
        uncertainty = Draws.of([*STEPS, *CURVE], np.concatenate([many.table(), curve], axis=1), scatter)
    numbers: dict[str, Any] = {name: float(getattr(surface, name)) for name in STEPS}
    return TaskLadder(
        name="fit", title="fit", metric="accuracy", benchmark="", n_convention="non_embedding", loss_unit="nats/token",
        **numbers, sigmoid=SigmoidForm().sigmoid(second.theta), uncertainty=uncertainty,
    )  # fmt: skip
