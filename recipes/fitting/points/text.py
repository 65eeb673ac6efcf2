"""What a fit to a few points says, as text and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from lehr.recipes.fitting.law_file import finite
from lehr.recipes.fitting.points.result import FittedPoints
from lehr.recipes.presenting.numbers import quantity
from lehr.recipes.presenting.tables import text_table
from lehr.simulators.laws.base import constants
from lehr.simulators.laws.sft import RectifiedLaw

LEAST_LEVEL = 1e-3
"""Of the least loss: a level below it was not found, but left at its bound."""


def as_text(fitted: FittedPoints, folder: Path) -> str:
    """What a person reads."""
    law, loss = fitted.law, fitted.inputs["loss"]
    spans = ", ".join(
        f"{n} {quantity(v.min())} to {quantity(v.max())}" for n, v in fitted.inputs.items() if n != "loss"
    )
    rows = [[name, f"{value:.5g}"] for name, value in constants(law).items()]
    parts = [
        f"{law.title}\n{spans}, loss {loss.min():.4g} to {loss.max():.4g} {law.loss_unit}",
        text_table(["constant", "value"], rows, right={1}),
        f"error {fitted.error:.4f} (root mean square of the log loss over {len(loss)} points)",
        _extrapolated(fitted),
    ]
    for name, (answer, unit) in law.answers().items():
        if name in ("turning_point", "cutoff"):
            value, said = float(answer()), name.replace("_", " ")
            first = next(iter(fitted.inputs.values()))
            if value < first[first > 0].min():
                parts.append(f"{said}: below all of these points")
            else:
                parts.append(f"{said}: {quantity(value)} {unit}")
    if isinstance(law, RectifiedLaw) and LEAST_LEVEL * loss.min() > law.E:
        parts.append("E went to zero: these points do not say where the loss ends; do not read the law far beyond them")
    return "\n\n".join([*parts, f"{folder / 'fit.yaml'}"])


def _extrapolated(fitted: FittedPoints) -> str:
    first = next(iter(fitted.inputs))
    if fitted.held_out is None:
        return f"without the largest {first} the points do not determine the form: how it extrapolates is not known"
    said = f"the {fitted.n_held_out} points of the largest {first}, by a fit without them"
    return f"error {fitted.held_out:.4f} on {said}"


def as_json(fitted: FittedPoints) -> bytes:
    """The content of ``fit.json``."""
    data = {
        "version": 1,
        "law": {k: v for k, v in msgspec.to_builtins(fitted.law).items() if k not in ("uncertainty", "provenance")},
        "points": len(fitted.inputs["loss"]),
        "error": fitted.error,
        "held_out": {"points": fitted.n_held_out, "error": fitted.held_out},
    }
    return (json.dumps(finite(data), indent=2, ensure_ascii=False) + "\n").encode()
