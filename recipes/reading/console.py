"""What trainers print: lines of text with keys and numbers, as rows.

Megatron-LM, nanotron, torchtune, torchtitan, OLMo, nanoGPT, modded-nanogpt, llm.c, MaxText, DeepSpeed and
transformers each put a step, a loss and mostly a rate in a line, in words of their own. A line with a step begins a
row; lines without one, such as OLMo's metrics, belong to the row before them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

from lehr.recipes.errors import LehrError
from lehr.recipes.reading.digits import Printed

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_NUMBER = r"[-+]?(?:\d[\d,_]*\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|nan|inf)"
_PAIR = re.compile(
    rf"""['"]?(?P<key>[A-Za-z][A-Za-z0-9_/.\-]*(?:\ [A-Za-z(][\w()/.\-]*){{0,4}})['"]?\s*
    (?:\([^()]*\))?\s*[:=]\s*\[?['"]?(?P<value>{_NUMBER})(?![\w.]|:\d\d)(?:\s*/\s*(?P<of>\d[\d,]*))?""",
    re.VERBOSE | re.IGNORECASE,
)
"""key: 1.5, key=1.5, 'key': 1.5, key: 10 / 2000, key=[1.5, ...]."""
_SPACED = re.compile(
    rf"(?:^|[|,\s])(?P<key>(?:(?:train|val|eval|test) )?[A-Za-z][A-Za-z_]*)\s+(?P<value>{_NUMBER})(?![\w.:])"
    r"(?:\s*/\s*(?P<of>\d+))?"
)
"""key 1.5, as nanoGPT's and llm.c's lines have it."""
_BARE_STEP = re.compile(r"^\W*(?P<key>step|iteration|iter|update)\s*[:=]?\s*(?P<value>\d+)\b(?:\s*/\s*\d+)?", re.I)
STEPS = (
    "step", "iteration", "iter", "completed step", "global_step", "global step", "s", "update", "train step", "steps",
)  # fmt: skip
"""Keys of the step, in small letters without what stands before a comma or a bracket."""
WORTH = ("loss", "trl", "crossentropy", "cross_entropy", "bpb")
"""A line is a trainer's where it has a step and one of these in the row."""


def console_rows(text: str, where: str, row_steps: int | None, notes: list[str]) -> list[dict[str, Any]] | None:
    """The rows of printed lines, or ``None`` where these are no trainer's lines.

    ``row_steps`` are the steps between two rows of a trainer that prints none. Raises ``LehrError`` where they are
    needed.

    >>> console_rows("Step 10 | loss:5.85 lr:3e-05\\nStep 20 | loss:5.2 lr:6e-05\\n", "x", None, [])
    [{'step': 10.0, 'loss': 5.85, 'lr': 3e-05}, {'step': 20.0, 'loss': 5.2, 'lr': 6e-05}]
    """
    rows: list[dict[str, Any]] = []
    without: list[dict[str, Any]] = []
    for line in text.splitlines():
        found = dict(_pairs(_COLOUR.sub("", line)))
        if not found:
            continue
        step = next((found.pop(key) for key in STEPS if key in found), None)
        if step is not None and float(step).is_integer():
            if rows and rows[-1]["step"] == step:
                # one step in several lines, as training and validation are
                rows[-1] = {**found, **rows[-1]}
            else:
                rows.append({"step": step, **found})
        elif rows:
            rows[-1] = {**found, **rows[-1]}
        elif _has_loss(found):
            without.append(found)
    rows = [row for row in rows if _has_loss(row)]
    if rows:
        notes.append(f"{len(rows)} rows of a trainer's printed lines")
        return rows
    if not without:
        return None
    if row_steps is None:
        raise LehrError(
            f"{where}: lines as transformers prints them, which have no step; write row_steps=10 with its "
            "logging_steps, or give trainer_state.json of the same run"
        )
    notes.append(f"{len(without)} rows without a step, taken to be {row_steps} steps apart as row_steps says")
    return [{"step": float((i + 1) * row_steps), **row} for i, row in enumerate(without)]


def _has_loss(row: dict[str, Any]) -> bool:
    return any(word in key.lower() for key in row for word in WORTH)


def _pairs(line: str) -> Iterator[tuple[str, float]]:
    """Keys and numbers of a line; a key that is a phrase loses what a sentence puts before it.

    >>> dict(_pairs(" iteration       10/    2000 | learning rate: 3.0E-05 | lm loss: 5.85E+00 |"))
    {'iteration': 10.0, 'learning rate': 3e-05, 'lm loss': 5.85}
    >>> dict(_pairs("[step=7/100,epoch=0]")), dict(_pairs("iter 100: loss 4.12, time 25.0ms, mfu 10.00%"))
    ({'step': 7.0, 'epoch': 0.0}, {'iter': 100.0, 'loss': 4.12, 'mfu': 10.0})
    """
    if (literal := _literal(line)) is not None:
        yield from literal
        return
    seen: dict[str, float] = {}
    if (bare := _BARE_STEP.match(line)) is not None:
        seen[bare["key"].lower()] = float(bare["value"])
    for pattern in (_PAIR, _SPACED):
        for one in pattern.finditer(line):
            key = re.sub(r"\s+", " ", one["key"]).strip().lower()
            # of "[Rank 0] step" or "INFO step" the last word is the key
            for step in STEPS:
                if key.endswith(f" {step}"):
                    key = step
            if key == "of":
                continue
            seen.setdefault(key, Printed(one["value"].replace(",", "").replace("_", "")))
    yield from seen.items()


def _literal(line: str) -> list[tuple[str, float]] | None:
    """The numbers of a dictionary as Python prints it, ``None`` of another line."""
    text = line.strip()
    if not (text.startswith("{") and text.endswith("}")):
        return None
    try:
        found = ast.literal_eval(re.sub(r"\b(nan|inf)\b", "1e999", text))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    out = []
    for key, value in found.items():
        # newer versions print their numbers as text
        try:
            out.append((str(key), float(value)))
        except (TypeError, ValueError):
            continue
    return out
