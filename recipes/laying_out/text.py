"""An answer as text and as data."""

from __future__ import annotations

from typing import Any

import msgspec

from lehr.recipes.laying_out.answer import SAID, Answer, Found, Other
from lehr.recipes.laying_out.evaluating import FAR
from lehr.recipes.presenting.numbers import estimate, percent
from lehr.recipes.presenting.tables import text_table
from lehr.simulators.machine.step_time import UNPACKING
from lehr.simulators.projection.stage_time import FOUR_BITS

GIB = 2.0**30
HELD = {
    "weights": "weights",
    "gradients": "gradients",
    "optimizer": "optimiser states",
    "activations": "activations",
    "logits": "logits and loss",
    "transient": "gradient of the largest matrix",
    "context": "runtime and buffers",
}
"""What each part of the memory is called."""


def as_text(answer: Answer) -> str:
    """The answer first, then what it rests on."""
    said = as_lines(answer)
    lines = [line for part in said[:-1] for line in (part, "")] + [said[-1]]
    lines += [f"  {note}" for note in answer.question.notes]
    shown = [("best", answer.best)] if answer.best else []
    shown += [("given", answer.given)] if answer.given else []
    lines += ["", _breakdown([f for _, f in shown], [name for name, _ in shown])]
    lines += ["", _memory([f for _, f in shown], [name for name, _ in shown])]
    if answer.others:
        lines += ["", _table("next best of another kind", answer.others)]
    if answer.frontier:
        lines += ["", _table("from the fastest to the leanest", answer.frontier)]
    lines += ["", rests_on(answer)]
    return "\n".join(lines)


def as_lines(answer: Answer) -> list[str]:
    """The answer in sentences: the best, the one given, and what was asked."""
    q = answer.question
    lines = [] if answer.best is None else [_best_sentence(answer, answer.best)]
    lines += [] if answer.given is None else [_given_sentence(answer, answer.given)]
    return [
        *lines,
        f"{q.name} on {q.devices:,} {q.accelerator.name}: {q.global_batch:,} sequences of {q.work.seq_len:,} tokens a "
        f"step, {q.precision}; {answer.fitting:,} of {answer.tried:,} legal layouts fit",
    ]


def _sentence(answer: Answer, found: Found, what: str) -> str:
    q = answer.question
    days = time_of_stage(answer, found)
    said = (
        f"{what}: {found.layout.short()}. A step takes {seconds(found.seconds)} "
        f"({seconds(found.low)} to {seconds(found.high)}), {found.tokens_per_second:,.0f} tokens/s a device, "
        f"{found.tflops:,.0f} TFLOP/s, MFU {percent(found.mfu['causal'])} (causal; {percent(found.mfu['full'])} with "
        f"full attention), and {found.memory_bytes / GIB:.1f} GiB of {answer.capacity / GIB:.1f} on pipeline rank "
        f"{found.rank}."
    )
    if days is not None and not beyond(answer, found):
        said += (
            f" Stage {q.stage_name} takes {_days(days['days'])} days ({_days(days['low'])} to {_days(days['high'])}), "
            f"{estimate(days['hours'])} accelerator-hours"
        )
        said += f"; published {estimate(days['published'])}." if days.get("published") else "."
    return said


def _best_sentence(answer: Answer, found: Found) -> str:
    """The best, and what it is worth where its memory, or its utilisation, is more than was ever measured."""
    said = _sentence(answer, found, "The best layout")
    free = 1 - found.memory_bytes / answer.capacity
    if found.memory_bytes * (1 + answer.error) > answer.capacity:
        said += f" It leaves {percent(free)} of the memory free, less than the model's own error of "
        said += f"{percent(answer.error)}: "
        room = answer.roomy
        said += (
            "no layout has room for that."
            if room is None
            else f"the fastest with room for that is {room.layout.short()}, {percent(room.loses)} slower."
        )
    q = answer.question
    bits = {"fp8": "_fp8", "mxfp8": "_fp8", "nvfp4": "_fp4"}.get(q.precision, "")
    measured = q.accelerator.mfu.get(("moe" if q.work.sparse else "dense") + bits)
    if measured is not None and found.mfu["causal"] > measured.high:
        said += (
            f" Of published runs on {q.accelerator.name}, nine in ten reached an MFU of at most "
            f"{percent(measured.high)}."
        )
    return said


def beyond(answer: Answer, found: Found) -> bool:
    """Does a layout take more than there is, by more than the count of memory errs by, and did not run?"""
    return not answer.question.published and found.memory_bytes / answer.capacity - 1 > answer.error


def _given_sentence(answer: Answer, found: Found) -> str:
    said = _sentence(answer, found, "The layout given")
    over = found.memory_bytes / answer.capacity - 1
    if over > 0 and answer.question.published:
        said += (
            f" It ran, so it fits: the memory of this model is {percent(over)} too much at least, "
            f"{'beyond' if over > answer.error else 'within'} its own error of {percent(answer.error)}."
        )
    elif over > answer.error:
        said += f" By the model it does not fit: it takes {percent(over)} more than there is."
    elif over > 0:
        said += (
            f" It takes {percent(over)} more than there is, less than the model's own error of {percent(answer.error)}."
        )
    if answer.behind is not None:
        why = f": {answer.why}" if answer.behind > 0 and answer.why else ""
        said += f" It is {percent(abs(answer.behind))} {'behind' if answer.behind >= 0 else 'ahead of'} the best{why}."
        if 0 < answer.behind < found.high / found.seconds - 1:
            said += f" A step is sure to {percent(found.high / found.seconds - 1)} only."
        said += _with_room(answer, found)
    if answer.far is not None and answer.far > FAR:
        said += (
            f" The speed measured lies {answer.far:.1f} standard deviations from what was expected: is it tokens a "
            "second of one device, of steps after the first?"
        )
    return said


def _with_room(answer: Answer, found: Found) -> str:
    """How far a layout is from the fastest that may err in its memory, where that is another than the best."""
    room, best = answer.roomy, answer.best
    if room is None or best is None or not best.seconds < room.seconds < found.seconds:
        return ""
    behind = percent(found.seconds / room.seconds - 1)
    return f" It is {behind} behind the best of those that leave {percent(answer.error)} of their memory free."


def time_of_stage(answer: Answer, found: Found) -> dict[str, float] | None:
    """Days and accelerator-hours of the recipe's stage at this speed, beside the published hours."""
    stage = answer.question.stage
    if stage is None or stage.n_tokens is None or answer.question.trained != (stage.adapter is None):
        return None
    hours = stage.n_tokens / found.tokens_per_second / 3600
    days = hours / answer.question.devices / 24
    scale = {"low": found.low / found.seconds, "high": found.high / found.seconds}
    out = {"hours": hours, "days": days, **{k: days * s for k, s in scale.items()}}
    same = stage.hardware is not None and stage.hardware.accelerator == answer.question.accelerator.name
    if same and not answer.question.overridden and stage.hardware is not None and stage.hardware.own_hours is not None:
        out["published"] = stage.hardware.own_hours
    return out


def _breakdown(found: list[Found], names: list[str]) -> str:
    rows = []
    for part, said in SAID.items():
        values = [f.parts[part] for f in found]
        if any(v / f.seconds >= 0.001 for v, f in zip(values, found, strict=True)):
            cells = [f"{seconds(v)}  {percent(v / f.seconds):>7}" for v, f in zip(values, found, strict=True)]
            rows.append([said, *cells])
    return text_table(["a step of the slowest rank goes to", *names], rows, right=set(range(1, len(names) + 1)))


def _memory(found: list[Found], names: list[str]) -> str:
    rows = [[said, *(f"{f.memory[part] / GIB:.1f}" for f in found)] for part, said in HELD.items()]
    rows.append(["together", *(f"{f.memory_bytes / GIB:.1f}" for f in found)])
    return text_table(["memory of the fullest device [GiB]", *names], rows, right=set(range(1, len(names) + 1)))


def _table(heading: str, others: list[Other]) -> str:
    rows = [
        [
            o.layout.short(),
            seconds(o.seconds),
            f"{o.memory_bytes / GIB:.1f}",
            f"{100 * o.loses:+.1f} %" if o.loses else "",
            o.why,
        ]
        for o in others
    ]
    return text_table([heading, "step", "GiB", "slower by", "most of it"], rows, right={1, 2, 3})


def rests_on(answer: Answer) -> str:
    """What the figures rest on, and how wrong such figures were."""
    q, kind = answer.question, "mixture" if answer.question.work.sparse else "dense"
    errors = answer.calibration.errors[f"{kind}, new"]
    what = "mixtures of experts" if kind == "mixture" else "dense networks"
    said = (
        f"Rests on {answer.calibration.rows} published speeds. Of sources left out, {what} were "
        f"{percent(errors.median)} off (median; {percent(errors.quantile_90)} at the 90 % quantile); the interval held "
        f"{percent(errors.within_band)} of them."
    )
    if not q.trained:
        said += " Few of them train adapters, all in 8 bits."
    if q.terms.quantized:
        slowest, usual, _ = UNPACKING
        said += (
            f" None has weights in 4 bits: these are unpacked in every pass, at {percent(usual)} of the memory's "
            f"bandwidth, the median of 18 published pairs of steps on A100; the interval reaches from the whole of it "
            f"to {percent(slowest)}, the least of them. In smaller micro-batches it weighs more: 17 pairs of one to "
            f"eight short sequences took {FOUR_BITS.low:g} to {FOUR_BITS.high:g} times as long as beside 16 bits."
        )
    if kind == "dense":
        return said
    fullest = q.terms.imbalance
    how = "are taken as balanced" if fullest == 1 else f"fill the fullest rank {fullest:g} times the mean"
    return f"{said} Routed tokens {how}."


def seconds(value: float) -> str:
    """A time as one reads it.

    >>> seconds(0.0123), seconds(5.47), seconds(3346)
    ('12.3 ms', '5.47 s', '3,346 s')
    """
    if value >= 100:
        return f"{value:,.0f} s"
    return f"{value:.3g} s" if value >= 1 else f"{1000 * value:.3g} ms"


def _days(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def as_json(answer: Answer) -> dict[str, Any]:
    """The same as data."""
    q = answer.question

    def told(found: Found | None) -> Any:
        if found is None:
            return None
        data = msgspec.to_builtins(found)
        stage = None if beyond(answer, found) else time_of_stage(answer, found)
        return {**data, **({"stage": {"name": q.stage_name, **stage}} if stage else {})}

    return {
        "model": q.name,
        "accelerator": q.accelerator.name,
        "devices": q.devices,
        "global_batch": q.global_batch,
        "sequence_length": q.work.seq_len,
        "precision": q.precision,
        "software": q.software.name,
        "notes": list(q.notes),
        "tried": answer.tried,
        "fitting": answer.fitting,
        "capacity_bytes": answer.capacity,
        "best": told(answer.best),
        "given": told(answer.given),
        "behind": answer.behind,
        "why": answer.why,
        "roomy": msgspec.to_builtins(answer.roomy),
        "measured_deviations": answer.far,
        "others": msgspec.to_builtins(answer.others),
        "frontier": msgspec.to_builtins(answer.frontier),
        "errors": msgspec.to_builtins(answer.calibration.errors),
    }
