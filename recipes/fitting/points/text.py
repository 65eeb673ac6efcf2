"""What a fit to a few points says, as text and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import numpy as np

from lehr.recipes.fitting.law_file import bullets, finite
from lehr.recipes.fitting.points.forms import KINDS
from lehr.recipes.fitting.points.result import FittedPoints
from lehr.recipes.presenting.numbers import quantity
from lehr.recipes.presenting.tables import text_table
from lehr.simulators.laws.base import Bounds
from lehr.simulators.laws.moe import JointMoe, RoutedLaw
from lehr.simulators.laws.sft import RectifiedLaw
from lehr.simulators.laws.vocabulary import VocabularyLaw

WIDTH = 1000.0
"""Of a network whose table is told in parameters: a law seeks its entries within bounds."""
LEAST_LEVEL = 1e-3
"""Of the least loss: a level below it was not found, but left at its bound."""


def as_text(fitted: FittedPoints, folder: Path) -> str:
    """What a person reads."""
    law, settings = fitted.law, fitted.settings
    target = fitted.inputs[KINDS[settings.kind].target]
    *names, last = fitted.inputs
    spans = ", ".join(f"{n} {quantity(fitted.inputs[n].min())} to {quantity(fitted.inputs[n].max())}" for n in names)
    known = any(bounds is not None for _, bounds in fitted.constants.values())
    rows = [
        [name, f"{value:.5g}", *([_between(bounds)] if known else [])]
        for name, (value, bounds) in fitted.constants.items()
    ]
    unit = getattr(law, "loss_unit", "nats/token") if last == "loss" else ""
    parts = [
        f"{law.title}\n{spans}, {last} {target.min():.4g} to {target.max():.4g} {unit}".rstrip(),
        text_table(["constant", "value", *([f"{settings.level:.0%} interval"] if known else [])], rows, right={1})
        + (f"\nintervals: {settings.bootstrap} draws of the runs" if known else ""),
        f"error {fitted.error:.4f} (root mean square of {_measure(settings.kind)} over {len(target)} points)",
        _extrapolated(fitted),
        *_answers(fitted),
    ]
    if isinstance(law, RectifiedLaw) and LEAST_LEVEL * target.min() > law.E:
        parts.append("E went to zero: these points do not say where the loss ends; do not read the law far beyond them")
    if fitted.notes:
        parts.append("read:\n" + bullets(fitted.notes))
    return "\n\n".join([*parts, f"{folder / 'fit.yaml'}   {_taken(settings.kind, folder)}"])


def _taken(kind: str, folder: Path) -> str:
    """Which setting of which verb takes the law."""
    taken = {"joint_moe": "moe_law", "vocabulary": "vocabulary_law", "exponential_error": "score_law",
             "task_ladder": "score_law"}  # fmt: skip
    return f"lehr plan takes it with {taken[kind]}={folder / 'fit.yaml'}" if kind in taken else ""


def _measure(kind: str) -> str:
    target = KINDS[kind].target
    return "the log loss" if target == "loss" and kind != "vocabulary" else f"the {target}"


def _between(bounds: Bounds | None) -> str:
    return "–" if bounds is None else f"{bounds[0]:.4g} to {bounds[1]:.4g}"


def _answers(fitted: FittedPoints) -> list[str]:
    """What the law says of the questions that it is for."""
    law, parts = fitted.law, []
    first = next(iter(fitted.inputs.values()))
    if isinstance(law, (RectifiedLaw, RoutedLaw)):
        for name, (answer, unit) in law.answers().items():
            if name in ("turning_point", "cutoff"):
                value, said = float(answer()), name.replace("_", " ")
                below = value < first[first > 0].min()
                parts.append(f"{said}: below all of these points" if below else f"{said}: {quantity(value)} {unit}")
    if isinstance(law, JointMoe):
        flops = 6 * float(np.max(fitted.inputs["parameters"] * fitted.inputs["tokens"]))
        rows = []
        for experts in np.unique(fitted.inputs["experts"]):
            n, d = law.optimum(flops, float(experts))
            rows.append([f"{experts:g}", quantity(n), quantity(d), f"{float(law.loss(n, d, experts)):.4f}"])
        parts.append(
            f"the best size and tokens at the largest budget, {flops:.3g} FLOP\n"
            + text_table(["experts", "active N", "D", "loss"], rows, right={0, 3})
        )
    if isinstance(law, VocabularyLaw):
        sizes, tables, tokens = (fitted.inputs[name] for name in ("parameters", "table", "tokens"))
        at = int(np.argmax(sizes * tokens))
        flops = 6 * float((sizes[at] + tables[at]) * tokens[at])
        best = WIDTH * law.best(float(sizes[at]), WIDTH, flops)
        bounds = law.best_interval(float(sizes[at]), WIDTH, flops, fitted.settings.level)
        parts.append(
            f"the best table of {quantity(sizes[at])} parameters at {flops:.3g} FLOP: {quantity(best)} parameters"
            + (f" ({quantity(WIDTH * bounds[0])} to {quantity(WIDTH * bounds[1])})" if bounds else "")
        )
    return parts


def _extrapolated(fitted: FittedPoints) -> str:
    kind = KINDS[fitted.settings.kind]
    what = kind.furthest
    if fitted.held_out is None:
        return f"without the {what} the points do not determine the form: how it extrapolates is not known"
    inside = "" if fitted.covered is None else f"; {fitted.covered:.0%} of them lie in its band"
    held = f"error {fitted.held_out:.4f} on the {fitted.n_held_out} points of the {what}, by a fit without them{inside}"
    return f"{held}; a forecast by the law counts on it" if fitted.law.uncertainty or fitted.covered else held


def as_json(fitted: FittedPoints) -> bytes:
    """The content of ``fit.json``."""
    data = {
        "version": 1,
        "law": {k: v for k, v in msgspec.to_builtins(fitted.law).items() if k not in ("uncertainty", "provenance")},
        "points": len(next(iter(fitted.inputs.values()))),
        "constants": {name: {"value": value, "interval": bounds} for name, (value, bounds) in fitted.constants.items()},
        "error": fitted.error,
        "held_out": {"points": fitted.n_held_out, "error": fitted.held_out, "covered": fitted.covered},
    }
    return (json.dumps(finite(data), indent=2, ensure_ascii=False) + "\n").encode()
