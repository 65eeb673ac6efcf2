"""What a fit says, as text and as JSON."""

from __future__ import annotations

import json
from math import isfinite
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from lehr.recipes.fitting.arguments import BEST
from lehr.recipes.fitting.law_file import bullets, finite
from lehr.recipes.fitting.surfaces.result import Approach2, Constant, Fitted
from lehr.recipes.presenting.tables import short, text_table
from lehr.simulators.laws.base import Bounds
from lehr.simulators.laws.fitting import HeldOut, Runs

NAMED = 8
"""Outliers and held-out runs that the text names; fit.json has all."""


def as_text(fitted: Fitted, folder: Path) -> str:
    """What a person reads."""
    fit, settings = fitted.fit, fitted.settings
    runs, level = fit.runs, f"{settings.level:.0%}"
    bootstrap = f"{settings.bootstrap} draws of the runs" if settings.bootstrap else "the covariance"
    delta = f"Huber's loss, delta {fit.delta:g}" if isfinite(fit.delta) else "least squares"
    parts = [
        *([_outliers_first(fitted)] if fitted.without else []),
        f"{fitted.law.title}\n"
        f"N ({runs.n_convention}) {_range(runs.parameters)}, D {_range(runs.tokens)} tokens, {_unique(runs)}"
        f"loss {runs.loss.min():.4g} to {runs.loss.max():.4g} {runs.loss_unit}",
        text_table(
            ["constant", "value", f"{level} interval", *(["profile"] if settings.profiles else [])],
            [
                [c.name, f"{c.value:.5g}", "held" if c.name in fit.held else _between(c.interval),
                 *([_between(c.profile)] if settings.profiles else [])]
                for c in fitted.constants
            ],
            right={1},
        )
        + f"\nintervals: {bootstrap}"
        + ("; profile: where the objective stays near its minimum" if settings.profiles else ""),
        f"objective {fit.objective:.9g} ({delta} on the log loss); of {fit.n_starts} starts {fit.followed} were "
        f"followed to their end, {fit.agreeing} of them to this minimum\n"
        f"R2 {fitted.r_squared:.4f}; spread of a run about the law {fit.scale:.2%} of its loss; "
        f"mean error {np.mean(np.abs(np.expm1(fit.residual))):.2%}, worst {np.max(np.abs(np.expm1(fit.residual))):.2%}",
        text_table(
            ["budget", "best N", "", "best D", "", "D/N"],
            [
                [f"{o.flops:.3g} FLOP", short(o.parameters), _between(o.parameters_interval, 3), short(o.tokens),
                 _between(o.tokens_interval, 3), f"{o.tokens / o.parameters:.3g}"]
                for o in fitted.optima
            ],
        ),
    ]  # fmt: skip
    parts += [_comparison(fitted)] if fitted.comparison else []
    if fitted.largest:
        parts.append("left out the largest models: " + _held_out(fitted.largest))
    if fitted.test:
        parts.append("test runs: " + _held_out(fitted.test))
    if fitted.approach_2:
        parts.append(_approach_2(fitted.approach_2))
    if fit.outliers:
        more = f"\n  and {len(fit.outliers) - NAMED} more (fit.json)" if len(fit.outliers) > NAMED else ""
        parts.append("outliers:\n" + bullets([str(o) for o in fit.outliers[:NAMED]]) + more)
    if fitted.notes:
        parts.append("what these runs do not say:\n" + bullets(fitted.notes))
    parts.append("read:\n" + bullets(fitted.read.notes))
    parts.append(f"{folder / 'fit.yaml'}   take it with law={folder / 'fit.yaml'}")
    return "\n\n".join(parts)


def _outliers_first(fitted: Fitted) -> str:
    """The optimum without the runs that stand far apart, and with them."""
    without = fitted.without
    assert without is not None
    named = ", ".join(without.labels[:NAMED]) + (", ..." if len(without.labels) > NAMED else "")
    lines = [
        f"Without {len(without.labels)} of {len(fitted.fit.runs)} runs that stand far apart ({named}) the optimum at "
        f"{o.flops:.3g} FLOP is {short(o.parameters)} on {short(o.tokens)} tokens, {o.tokens / o.parameters:.3g} a "
        f"parameter; with them {w.tokens / w.parameters:.3g}."
        for o, w in list(zip(without.optima, without.with_them, strict=True))[:1]
    ]
    return "\n".join([*lines, "The law that is written has them; outliers=drop leaves them out."])


def _comparison(fitted: Fitted) -> str:
    comparison = fitted.comparison
    assert comparison is not None
    kinds = list(dict.fromkeys(h.by for score in comparison.scores for h in score.held_out))
    rows = []
    for score in comparison.scores:
        by = {kind: np.mean([h.mean for h in score.held_out if h.by == kind]) for kind in kinds}
        rows.append([
            score.form, str(score.n_constants), *(f"{error:.2%}" for error in by.values()),
            f"{score.mean:.2%}", f"{np.mean(np.abs(np.expm1(score.fit.residual))):.2%}",
        ])  # fmt: skip
    headings = ["form", "constants", *(f"largest {k}" for k in kinds), "all of these", "fitted runs"]
    text = "mean error of each form on runs that it has not seen, and on those that it has\n"
    text += text_table(headings, rows, right=set(range(1, len(headings))))
    for form, why in comparison.left_out.items():
        text += f"\n{form}: not fitted ({why})"
    if comparison.not_scored:
        text += f"\nnot counted, as most forms miss them far: {', '.join(comparison.not_scored[:NAMED])}"
    text += f"\nuse {comparison.use}: {comparison.reason}"
    if comparison.use != fitted.fit.form:
        text += f"\nthis fit has the form {fitted.fit.form}; write law={comparison.use}, or law={BEST}, for the other"
    return text


def _held_out(held: HeldOut) -> str:
    largest = np.argsort(-np.abs(held.error))[: min(NAMED, len(held.error))]
    lines = [
        f"{held.runs.label[i]}: N {short(held.runs.parameters[i])}, D {short(held.runs.tokens[i])}, "
        f"measured {held.runs.loss[i]:.4f}, predicted {held.runs.loss[i] * (1 + held.error[i]):.4f} "
        f"({held.error[i]:+.2%})" + _band(held, i)
        for i in largest[:3]
    ]
    covered = f"; {held.covered:.0%} of them lie in their band" if held.covered is not None else ""
    return (
        f"{len(held.error)} runs of {short(held.above)} parameters or more, mean error {held.mean:.2%}, "
        f"worst {held.worst:.2%}, {'too high' if held.bias > 0 else 'too low'} by {abs(held.bias):.2%} on average"
        f"{covered}\n" + bullets(lines)
    )


def _band(held: HeldOut, i: int) -> str:
    if held.low is None or held.high is None:
        return ""
    return f", band {held.low[i]:.4f} to {held.high[i]:.4f}"


def _approach_2(found: Approach2) -> str:
    allocation, bias = found.allocation, found.bias
    rows = [
        [f"{c:.3g} FLOP", short(n), short(c / 6 / n)]
        for c, n in zip(allocation.flops, allocation.parameters, strict=True)
    ]
    text = "approach 2: the minimum of a parabola through the runs of each budget\n"
    text += text_table(["budget", "best N", "best D"], rows)
    text += f"\nbest N grows as C**{allocation.a:.4f}; by the fitted surface as C**{found.exponent:.4f}"
    text += (
        f"\nits error on these sizes, were the fitted surface exact and the runs without noise: "
        f"{short(bias.found)} tokens instead of {short(bias.tokens)} at {bias.flops:.3g} FLOP ({bias.relative:+.1%})\n"
        f"why: {bias.reason}"
    )
    if allocation.left_out:
        text += "\nbudgets left out:\n" + bullets(allocation.left_out[:NAMED])
    return text


def as_json(fitted: Fitted) -> bytes:
    """Everything, each number at full precision; what is infinite is null."""
    fit, settings = fitted.fit, fitted.settings
    runs = fit.runs
    data = {
        "version": 1,
        "name": settings.name,
        "kind": fit.form,
        "law": {k: v for k, v in msgspec.to_builtins(fitted.law).items() if k not in ("uncertainty", "provenance")},
        "level": settings.level,
        "constants": {c.name: _constant(c) for c in fitted.constants},
        "objective": fit.objective,
        "delta": fit.delta,
        "r_squared": fitted.r_squared,
        "spread": fit.scale,
        "starts": {"all": fit.n_starts, "followed": fit.followed, "agreeing": fit.agreeing},
        "optima": [msgspec.to_builtins(o) for o in fitted.optima],
        "runs": [
            {"run": label, "parameters": n, "tokens": d, "loss": loss, "residual": residual}
            for label, n, d, loss, residual in zip(
                runs.label, runs.parameters.tolist(), runs.tokens.tolist(), runs.loss.tolist(), fit.residual.tolist(),
                strict=True,
            )
        ],
        "without_outliers": None if fitted.without is None else {
            "runs": fitted.without.labels, "optima": [msgspec.to_builtins(o) for o in fitted.without.optima],
        },
        "outliers": [msgspec.to_builtins(o) for o in fit.outliers],
        "largest_left_out": _held_out_json(fitted.largest),
        "test": _held_out_json(fitted.test),
        "comparison": _comparison_json(fitted),
        "approach_2": _approach_2_json(fitted.approach_2),
        "not_identified": fitted.notes,
        "read": fitted.read.notes,
    }  # fmt: skip
    return (json.dumps(finite(data), indent=2, ensure_ascii=False) + "\n").encode()


def _constant(constant: Constant) -> dict[str, Any]:
    return {"value": constant.value, "interval": constant.interval, "profile": constant.profile}


def _held_out_json(held: HeldOut | None) -> dict[str, Any] | None:
    if held is None:
        return None
    return {
        "by": held.by, "above": held.above, "mean": held.mean, "worst": held.worst, "bias": held.bias,
        "covered": held.covered,
        "runs": [
            {"run": label, "parameters": n, "tokens": d, "loss": loss, "error": error, "low": low, "high": high}
            for label, n, d, loss, error, low, high in zip(
                held.runs.label, held.runs.parameters.tolist(), held.runs.tokens.tolist(), held.runs.loss.tolist(),
                held.error.tolist(), _list(held.low, len(held.error)), _list(held.high, len(held.error)), strict=True,
            )
        ],
    }  # fmt: skip


def _list(values: Any, length: int) -> list[float | None]:
    return [None] * length if values is None else [float(v) for v in values]


def _comparison_json(fitted: Fitted) -> dict[str, Any] | None:
    comparison = fitted.comparison
    if comparison is None:
        return None
    return {
        "use": comparison.use,
        "reason": comparison.reason,
        "left_out": comparison.left_out,
        "not_scored": comparison.not_scored,
        "forms": {
            score.form: {
                "constants": score.n_constants,
                "objective": score.fit.objective,
                "mean": score.mean,
                "held_out": [
                    {
                        "by": h.by,
                        "share": h.share,
                        "above": h.above,
                        "runs": len(h.error),
                        "mean": h.mean,
                        "worst": h.worst,
                        "bias": h.bias,
                    }
                    for h in score.held_out
                ],
            }
            for score in comparison.scores
        },
    }


def _approach_2_json(found: Approach2 | None) -> dict[str, Any] | None:
    if found is None:
        return None
    allocation, bias = found.allocation, found.bias
    return {
        "flops": allocation.flops.tolist(),
        "parameters": allocation.parameters.tolist(),
        "exponent": allocation.a,
        "exponent_of_surface": found.exponent,
        "left_out": allocation.left_out,
        "bias": {
            "flops": bias.flops, "tokens": bias.tokens, "found": bias.found, "relative": bias.relative,
            "reason": bias.reason,
        },
    }  # fmt: skip


def _unique(runs: Runs) -> str:
    if runs.unique is None or not runs.repeated.any():
        return ""
    return f"{_range(runs.unique)} of them unique (they repeat in {runs.repeated.sum()} of {len(runs)} runs), "


def _range(values: Any) -> str:
    return f"{short(float(values.min()))} to {short(float(values.max()))}"


def _between(bounds: Bounds | None, digits: int = 5) -> str:
    if bounds is None:
        return "–"
    low, high = (f"{b:.{digits}g}" if isfinite(b) else "no limit" for b in bounds)
    return f"{low} to {high}"
