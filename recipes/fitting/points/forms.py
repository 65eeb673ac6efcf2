"""The forms that are fitted to points of other inputs than parameters and tokens: their columns, and how to fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import numpy as np

from lehr.simulators.laws.downstream import ErrorForm, ExponentialError, TaskLadder
from lehr.simulators.laws.fitting.ladder import fit_ladder
from lehr.simulators.laws.fitting.points import fit_points
from lehr.simulators.laws.moe import JointMoe, RoutedLaw
from lehr.simulators.laws.moe.clark import fit_routed
from lehr.simulators.laws.moe.joint import JointForm
from lehr.simulators.laws.points import PointForm
from lehr.simulators.laws.sft import RectifiedLaw, fit_rectified
from lehr.simulators.laws.vocabulary import VocabularyForm, VocabularyLaw
from lehr.simulators.quantities import Floats

PointLaw = RectifiedLaw | RoutedLaw | JointMoe | VocabularyLaw | ExponentialError | TaskLadder
Table = Mapping[str, Floats]


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """How a fit is made: Huber's ``delta``, ``draws`` of the points for the intervals, the run of each point."""

    delta: float
    draws: int
    label: list[str] | None = None


class PointKind(msgspec.Struct, frozen=True, kw_only=True):
    """A form: its ``inputs`` and its ``target``, columns by name; the ``fit`` of points; what the law says of them;
    and values whose largest lie in the direction that the law is asked in: those points, ``furthest`` in words, are
    left out."""

    inputs: tuple[str, ...]
    target: str = "loss"
    fit: Callable[[Table, Floats, Asked], PointLaw]
    says: Callable[[Any, Table], Floats]
    beyond: Callable[[Table], Floats]
    furthest: str


def _of(form: PointForm) -> Callable[[Table, Floats, Asked], PointLaw]:
    def fit(at: Table, target: Floats, asked: Asked) -> PointLaw:
        found = fit_points(form, at, target, delta=asked.delta, draws=asked.draws, label=asked.label)
        return found.law  # type: ignore[return-value]

    return fit


def _budgets(at: Table) -> Floats:
    """Budgets of one size as one: those of a sweep differ by rounding."""
    return np.asarray(np.round(np.log(at["parameters"] * at["tokens"]), 1), dtype=float)


def _ladder(at: Table, target: Floats, asked: Asked) -> TaskLadder:
    return fit_ladder(at, target, delta=asked.delta, draws=asked.draws, label=asked.label)


KINDS: dict[str, PointKind] = {
    "rectified": PointKind(
        inputs=("examples",),
        fit=lambda at, target, _: fit_rectified(at["examples"], target)[0],
        says=lambda law, at: law.loss(at["examples"]),
        beyond=lambda at: at["examples"],
        furthest="largest examples",
    ),
    "clark_routed": PointKind(
        inputs=("parameters", "experts"),
        fit=lambda at, target, _: fit_routed(at["parameters"], at["experts"], target),
        says=lambda law, at: law.loss(at["parameters"], at["experts"]),
        beyond=lambda at: at["parameters"],
        furthest="largest parameters",
    ),
    "joint_moe": PointKind(
        inputs=("parameters", "tokens", "experts"),
        fit=_of(JointForm()),
        says=lambda law, at: law.loss(at["parameters"], at["tokens"], at["experts"]),
        beyond=_budgets,
        furthest="largest budgets",
    ),
    "vocabulary": PointKind(
        inputs=("parameters", "table", "tokens"),
        fit=_of(VocabularyForm()),
        says=lambda law, at: law.loss(at["parameters"], at["table"], at["tokens"]),
        beyond=lambda at: at["parameters"],
        furthest="largest parameters",
    ),
    "exponential_error": PointKind(
        inputs=("loss",),
        target="error",
        fit=_of(ErrorForm()),
        says=lambda law, at: law.score(at["loss"]),
        beyond=lambda at: -at["loss"],
        furthest="least loss",
    ),
    "task_ladder": PointKind(
        inputs=("parameters", "tokens", "loss"),
        target="accuracy",
        fit=_ladder,
        says=lambda law, at: law.score(at["parameters"], at["tokens"]),
        beyond=_budgets,
        furthest="largest budgets",
    ),
}
"""Every form of points, by the ``kind`` of its law."""

NAMES: dict[str, tuple[str, ...]] = {
    "examples": ("examples", "nexamples", "samples"),
    "experts": ("experts", "numexperts", "nexperts", "e", "expansion"),
    "table": ("table", "vocabparams", "vocabparameters", "vocabularyparameters", "embeddingparameters", "nv"),
    "vocabulary": ("vocabulary", "vocab", "vocabsize", "vocabularysize", "v"),
    "width": ("width", "dmodel", "embeddim", "hiddensize", "embeddingdim", "embeddingdimension"),
    "accuracy": ("accuracy", "acc", "score", "passrate"),
    "error": ("error", "err", "top1error", "errorrate"),
}
"""Headings of what only these forms ask for, in lower case without anything but letters and digits."""
MORE: dict[str, dict[str, tuple[str, ...]]] = {
    "clark_routed": {"parameters": ("denseparametercount", "denseparameters")},
    "joint_moe": {"parameters": ("activeparams", "activeparameters", "na", "nactive")},
    "vocabulary": {
        "parameters": ("nonvocabparameters", "nonvocabularyparameters", "nnv"),
        "loss": ("lossu", "unigramnormalizedloss", "unigramnormalisedloss", "normalizedloss", "normalisedloss"),
    },
    "task_ladder": {"loss": ("taskloss", "bpb", "answerloss")},
}
"""Those that one form has before the ones that all have."""
