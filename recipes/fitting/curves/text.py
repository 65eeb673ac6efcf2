"""What a curve's fit says, as text and as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from lehr.recipes.fitting.arguments import BEST
from lehr.recipes.fitting.curves.result import FittedCurves, Judged
from lehr.recipes.fitting.law_file import bullets, finite
from lehr.recipes.presenting.tables import text_table
from lehr.simulators.laws.curves.bands import basis_of
from lehr.simulators.laws.curves.base import constant_values
from lehr.simulators.laws.curves.fitting import mean_score


def as_text(fitted: FittedCurves, folder: Path) -> str:
    """What a person reads."""
    fit, law = fitted.fit, fitted.law
    constants = constant_values(law)
    rows = [[name, f"{value:.5g}", _between(fit.intervals[name])] for name, value in constants.items()]
    residual = law.uncertainty.residual if law.uncertainty is not None else None  # type: ignore[union-attr]
    left_out = "" if fit.misfit is None else f"; runs that were each left out strayed by {fit.misfit:.3%}"
    parts = [
        f"{law.title}\n{law.loss_unit}; steps {_number(law.range.steps)}, peak rate {_number(law.range.peak_rate)}",
        text_table(["constant", "value", f"{fitted.settings.level:.0%} interval"], rows, right={1}),
        f"of {fit.n_starts} starts {fit.followed} were followed to their end, {fit.agreeing} of them to this minimum\n"
        f"residuals: {fit.scale:.3%} of the loss; about {fit.repeated:.0f} neighbouring rows say the same\n"
        f"rows scatter about the law by {residual or 0.0:.3%} (standard deviation){left_out}\n"
        f"band: {basis_of(law)}",
        _scores(fitted),
    ]
    parts += [_comparison(fitted)] if fitted.comparison else []
    if fit.notes:
        parts.append("what these runs do not say:\n" + bullets(fit.notes))
    warnings = [f"{one.run.name}: {line}" for one in fitted.runs for line in one.warnings]
    if warnings:
        parts.append("beyond the fitted runs:\n" + bullets(warnings))
    parts.append("read:\n" + bullets([f"{name}: {line}" for name, lines in fitted.read.items() for line in lines]))
    parts.append(f"{folder / 'fit.yaml'}   take it with law={folder / 'fit.yaml'}")
    return "\n\n".join(parts)


def _scores(fitted: FittedCurves) -> str:
    rows = []
    for held_out in (False, True):
        chosen = fitted.of(held_out=held_out)
        rows += [_row(one.run.name, "held out" if held_out else "fitted", one) for one in chosen]
        if len(chosen) > 1:
            mean = mean_score([one.score for one in chosen])
            covered = sum(one.covered for one in chosen) / len(chosen)
            rows.append(_cells("mean of these", "held out" if held_out else "fitted", mean, covered))
    headings = ["run", "", "rows", "R2", "MAE", "mean error", "worst error", f"in the {fitted.settings.level:.0%} band"]
    return text_table(headings, rows, right=set(range(2, 8)))


def _comparison(fitted: FittedCurves) -> str:
    comparison = fitted.comparison
    assert comparison is not None
    rows = [
        [score.form, str(score.n_constants), f"{score.mean:.3%}", f"{score.worst:.3%}", f"{score.fitted:.3%}"]
        for score in comparison.scores
    ]
    headings = ["form", "constants", "runs left out", "worst of them", "fitted runs"]
    text = "mean error of each form on runs that it has not seen, and on those that it has\n"
    text += text_table(headings, rows, right=set(range(1, len(headings))))
    text += f"\nleft out in turn: {', '.join(comparison.runs)}"
    for form, why in comparison.left_out.items():
        text += f"\n{form}: not fitted ({why})"
    text += f"\nuse {comparison.use}: {comparison.reason}"
    if comparison.use != fitted.fit.kind:
        text += f"\nthis fit has the form {fitted.fit.kind}; write law={comparison.use}, or law={BEST}, for the other"
    return text


def _comparison_json(fitted: FittedCurves) -> dict[str, Any] | None:
    comparison = fitted.comparison
    if comparison is None:
        return None
    return {
        "use": comparison.use,
        "reason": comparison.reason,
        "left_out": comparison.left_out,
        "runs": comparison.runs,
        "forms": {
            score.form: {
                "constants": score.n_constants,
                "mean": score.mean,
                "worst": score.worst,
                "fitted": score.fitted,
                "errors": score.fit.errors,
            }
            for score in comparison.scores
        },
    }


def _row(name: str, role: str, one: Judged) -> list[str]:
    return _cells(name, role, one.score, one.covered)


def _cells(name: str, role: str, figures: Any, covered: float) -> list[str]:
    return [
        name, role, str(figures.rows), f"{figures.r2:.4f}", f"{figures.mae:.5f}",
        f"{figures.mean_relative_error:.3%}", f"{figures.worst_relative_error:.2%}", f"{covered:.0%}",
    ]  # fmt: skip


def as_json(fitted: FittedCurves) -> bytes:
    """Everything, each number at full precision; what is not finite is null."""
    fit, law = fitted.fit, fitted.law
    data = {
        "version": 1,
        "name": fitted.settings.name,
        "kind": fit.kind,
        "law": {k: v for k, v in msgspec.to_builtins(law).items() if k not in ("uncertainty", "provenance")},
        "level": fitted.settings.level,
        "constants": {
            name: {"value": value, "interval": fit.intervals[name]} for name, value in constant_values(law).items()
        },
        "residual": {
            "scale": fit.scale,
            "rows_alike": fit.repeated,
            "misfit": fit.misfit,
            "of_a_run": law.uncertainty.residual if law.uncertainty is not None else None,  # type: ignore[union-attr]
        },
        "starts": {"all": fit.n_starts, "followed": fit.followed, "agreeing": fit.agreeing},
        "runs": [_run(one) for one in fitted.runs],
        "mean": {
            role: msgspec.to_builtins(mean_score([one.score for one in chosen]))
            for role, held_out in (("fitted", False), ("held_out", True))
            if (chosen := fitted.of(held_out=held_out))
        },
        "comparison": _comparison_json(fitted),
        "not_identified": fit.notes,
        "read": fitted.read,
    }
    return (json.dumps(finite(data), indent=2, ensure_ascii=False) + "\n").encode()


def _run(one: Judged) -> dict[str, Any]:
    return {
        "run": one.run.name,
        "held_out": one.held_out,
        **msgspec.to_builtins(one.score),
        "in_band": one.covered,
        "warnings": one.warnings,
        "steps": one.run.steps.tolist(),
        "loss": one.run.loss.tolist(),
        "predicted": one.predicted.tolist(),
        "low": one.low.tolist(),
        "high": one.high.tolist(),
    }


def _between(bounds: tuple[float, float]) -> str:
    return f"{bounds[0]:.4g} to {bounds[1]:.4g}"


def _number(bounds: tuple[float, float] | None) -> str:
    if bounds is None:
        return "not known"
    low, high = (f"{bound:g}" for bound in bounds)
    return low if low == high else f"{low} to {high}"
