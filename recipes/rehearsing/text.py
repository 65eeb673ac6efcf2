"""What a rehearsal says, as text and as JSON, and its files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from lehr.recipes.catalogue.encode import stated
from lehr.recipes.presenting.tables import short, text_table
from lehr.recipes.presenting.yaml import as_yaml
from lehr.recipes.projecting.schedules import as_fragment
from lehr.recipes.rehearsing.result import Forecast, Rehearsed
from lehr.recipes.rehearsing.training import log_name
from lehr.simulators.laws.curves.bands import basis_of
from lehr.simulators.numerics.adding import plain_sum


def as_text(found: Rehearsed) -> str:
    """What a person reads: the verdict first."""
    rows = [
        [f.stage, f.quantity, f"{f.began:.4g}", f"{f.measured:.4g}", _number(f.forecast), _interval(f), _mark(f)]
        for f in found.forecasts
    ]
    table = text_table(
        ["stage", "held out", "began at", "ended at", "forecast at half", "95 % interval", ""], rows, right={2, 3, 4}
    )
    parts = [
        verdict(found),
        f"{found.of} at scale {found.scale}: {short(found.parameters)} parameters of the recipe's "
        f"{short(found.of_parameters)}, rates times {found.small.factor:.3g}\n{found.corpus}",
        table + "\n" + "\n".join(f"  {f.stage}: {f.why}" for f in found.forecasts),
        stage_table(found),
        *_speed(found),
    ]
    if found.small.notes:
        parts.append("what differs from the recipe:\n" + "\n".join(f"  - {note}" for note in found.small.notes))
    return "\n\n".join(parts)


def verdict(found: Rehearsed) -> str:
    """The answer in one line."""
    told = [f for f in found.forecasts if f.inside is not None]
    inside = sum(bool(f.inside) for f in told)
    updates = sum(r.updates for r in found.rates)
    wrong = sum(r.other_rate for r in found.rates)
    rates = (
        f"all {updates} updates had the planned rate" if not wrong else f"{wrong} of {updates} updates had another rate"
    )
    stages = f"{len(found.logs)} stage{'s' if len(found.logs) > 1 else ''} trained"
    if not told:
        return f"{stages}; {rates}; no stage is long enough for a forecast at its half"
    return f"{stages}; {rates}; {inside} of {len(told)} ended inside the forecast's interval"


def stage_table(found: Rehearsed) -> str:
    """Length, rates, work and memory of each stage."""
    rows = []
    for rates, work, (_, stage) in zip(found.rates, found.work, found.small.recipe.ordered(), strict=True):
        assert stage.schedule is not None
        rows.append([
            rates.stage, str(rates.updates), short(stage.n_tokens), f"{stage.schedule.peak:.3g}",
            "equal" if not rates.other_rate else f"{rates.other_rate} apart, by {rates.worst:.2g}",
            f"{work.flops_apart:+.3%}", f"{work.kept_by_torch / work.kept_counted:.2f}",
        ])  # fmt: skip
    heads = ["stage", "updates", "tokens", "peak rate", "rates as planned", "FLOPs counted over torch's",
             "kept for backward, torch's over counted"]  # fmt: skip
    return text_table(heads, rows, right={1, 2, 3, 5, 6})


def _speed(found: Rehearsed) -> list[str]:
    speed = found.speed
    if speed is None:
        return []
    said = f"{speed.measured:,.0f} tokens/s"
    if speed.expected is not None and speed.low is not None and speed.high is not None:
        said += (
            f"; a layout on this machine ({speed.machine}) expects {speed.expected:,.0f} "
            f"({speed.low:,.0f} to {speed.high:,.0f}): it knows matrices, not what starting so small ones costs"
        )
    if speed.busy:
        busy = f"{speed.load:.1f} programs at once on {speed.cores} cores"
        said += f"; the machine was busy ({busy}): the speed is not its own"
    return [said]


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _interval(f: Forecast) -> str:
    return "–" if f.low is None else f"{f.low:.4g} to {f.high:.4g}"


def _mark(f: Forecast) -> str:
    return {True: "inside", False: "OUTSIDE", None: "no forecast"}[f.inside]


def as_json(found: Rehearsed) -> dict[str, Any]:
    """Everything but the updates, which stand in the logs."""
    return {
        "version": 1, "verdict": verdict(found), "name": found.name, "of": found.of, "scale": found.scale,
        "parameters": found.parameters, "of_parameters": found.of_parameters, "rate_factor": found.small.factor,
        "corpus": found.corpus, "torch": found.torch, "seconds": found.seconds,
        "forecasts": [{**msgspec.to_builtins(f), "inside": f.inside} for f in found.forecasts],
        "rates": msgspec.to_builtins(found.rates),
        "work": [{**msgspec.to_builtins(w), "flops_apart": w.flops_apart} for w in found.work],
        "speed": msgspec.to_builtins(found.speed), "notes": found.small.notes,
    }  # fmt: skip


def files(found: Rehearsed, command: str) -> dict[str, bytes]:
    """All files by relative path but logs and checkpoints, which stand there already."""
    from lehr.recipes.rehearsing.figures import draw

    body = json.dumps(as_json(found), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    return {
        "rehearsal.json": body.encode(),
        "runs.csv": runs(found),
        f"model/{found.name}.yaml": _file(found.small.model, command),
        f"recipe/{found.name}.yaml": _file(found.small.recipe, command),
        **schedules(found),
        **({} if found.law is None else {"law.yaml": _file(found.law, f"{command}\n# {basis_of(found.law)}")}),
        **draw(found),
    }


def runs(found: Rehearsed) -> bytes:
    """One row as ``lehr fit`` takes it: the network, its tokens of pre-training and the loss that they ended at."""
    done = [(f, s) for f, (_, s) in zip(found.forecasts, found.small.recipe.ordered(), strict=True)
            if f.quantity == "loss"]  # fmt: skip
    if not done:
        return b"name,parameters,tokens,loss\n"
    tokens = plain_sum(s.n_tokens or 0.0 for _, s in done)
    return (
        f"name,parameters,tokens,loss\n{found.name},{found.parameters},{tokens:.0f},{done[-1][0].measured!r}\n".encode()
    )


def schedules(found: Rehearsed) -> dict[str, bytes]:
    """Each stage's schedule as ``lehr track`` takes it beside the stage's log."""
    made = {}
    for number, (name, stage) in enumerate(found.small.recipe.ordered(), start=1):
        if stage.schedule is not None and stage.n_steps is not None:
            path = Path(log_name(number, name)).with_suffix(".schedule.yaml")
            made[path.name] = as_yaml(as_fragment(stage.n_steps, stage.schedule))
    return made


def _file(body: msgspec.Struct, head: str) -> bytes:
    return f"# {head}\n".encode() + as_yaml(stated(body))
