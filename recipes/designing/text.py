"""What a design says, as text and as JSON."""

from __future__ import annotations

import json
from importlib.metadata import version
from math import isfinite
from typing import Any

import msgspec

from lehr.recipes.designing.result import Designed
from lehr.recipes.presenting.tables import short, text_table
from lehr.simulators.designing import Sharpness


def as_text(found: Designed) -> str:
    """The design for a terminal: the answer, the runs, the plain grid beside them."""
    money = f", {found.usd.value:,.0f} USD" if found.usd else ""
    sizes = len({run.parameters for run in found.runs})
    best = found.sharpness
    lines = [
        f"{len(found.runs)} runs of {sizes} sizes, {short(found.runs[0].parameters)} to "
        f"{short(max(run.parameters for run in found.runs))}, for {found.spent:.3g} FLOP "
        f"({found.hours.value:,.0f} {found.accelerator.name} hours{money})",
        f"forecast at {short(found.parameters)} on {short(found.tokens)} tokens ({found.target_flops:.3g} FLOP): "
        f"{found.loss:.3f} {found.loss_unit} by {found.believed} now{_before(found)}; after these runs within "
        f"{best.loss:.1%}, of which the constants {best.constants:.1%} (95 %)",
        f"a size chosen by that forecast loses {_regret(best)} (95 %)",
    ]
    if found.grid is not None:
        other = found.grid.sharpness
        lines.append(
            f"a plain grid for the same money ({found.grid.runs} runs, 5 isoFLOP profiles of 7 sizes): within "
            f"{other.loss:.1%}, constants {other.constants:.1%}; its size loses {_regret(other)}"
            + (", so that it is the better one where only the size is wanted" if other.regret < best.regret else "")
        )
    if found.made:
        lines.append(f"with the {found.made} runs that exist already")
    rows = [
        [run.name, f"{run.architecture.d_model:,} x {run.architecture.n_layers}", short(run.parameters),
         short(run.tokens), f"{run.tokens / run.parameters:.3g}", f"{run.flops:.2e}",
         f"{run.flops / found.budget:.1%}", f"{run.stage.peak:.3g}",
         f"{run.stage.sequences:,} of {run.stage.sequence_length:,}", run.stage.schedule["kind"]]
        for run in found.runs
    ]  # fmt: skip
    headings = ["run", "network", "N", "D", "D/N", "FLOP", "share", "peak rate", "batch", "schedule"]
    worries = [f"worry: {one}" for one in found.worries]
    return "\n".join([*lines, "", text_table(headings, rows, right={2, 3, 4, 5, 6, 7}), *worries])


def _before(found: Designed) -> str:
    """How sure the belief is for a corpus of one's own, before any run."""
    return "" if found.before is None else f", which another corpus may miss by {found.before:.0%}"


def _regret(sharp: Sharpness) -> str:
    """What the choice of a size loses, in words."""
    return f"at most {sharp.regret:.1%} of the loss" if isfinite(sharp.regret) else "an unknown part of the loss"


def as_json(found: Designed) -> dict[str, Any]:
    """The design as data; keys are stable, and what is infinite is null."""
    return {
        "name": found.name,
        "budget": found.budget,
        "spent": found.spent,
        "target": {
            "parameters": found.parameters, "tokens": found.tokens, "flops": found.target_flops, "loss": found.loss,
        },
        "believed": found.believed,
        "n_convention": found.n_convention,
        "loss_unit": found.loss_unit,
        "noise": found.noise,
        "misfit": found.misfit,
        "made": found.made,
        "before": found.before,
        "expected": _sharpness(found.sharpness),
        "grid": None if found.grid is None else {
            "runs": found.grid.runs, "largest": found.grid.largest, "expected": _sharpness(found.grid.sharpness),
        },
        "accelerator": found.accelerator.name,
        "accelerator_hours": msgspec.to_builtins(found.hours),
        "usd": msgspec.to_builtins(found.usd),
        "runs": [
            {
                "name": run.name, "d_model": run.architecture.d_model, "layers": run.architecture.n_layers,
                "parameters": run.parameters, "tokens": run.tokens, "flops": run.flops,
                "settings": msgspec.to_builtins(run.stage),
            }
            for run in found.runs
        ],
        "worries": found.worries,
    }  # fmt: skip


def _sharpness(sharp: Sharpness) -> dict[str, float | None]:
    """What 95 % of the simulated worlds stay within."""
    return {
        "loss": sharp.loss, "constants": sharp.constants, "regret": sharp.regret if isfinite(sharp.regret) else None,
    }  # fmt: skip


def as_bytes(found: Designed) -> bytes:
    """The content of ``design.json``."""
    body = {"version": 1, "lehr": version("lehr"), **as_json(found)}
    return (json.dumps(body, indent=2, ensure_ascii=False) + "\n").encode()
