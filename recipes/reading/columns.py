"""From the columns of a table to training runs: which column is what, in which unit, and what was taken for granted."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any, get_args

import msgspec
import numpy as np

from lehr.recipes.catalogue.tables import Column
from lehr.recipes.errors import LehrError, nearest
from lehr.recipes.reading.cells import COMMA, NOTHING, decimal_comma, number
from lehr.recipes.reading.kept import (
    cross_entropy,
    filtered,
    last_of_each,
    refuse_compute_as_tokens,
    refuse_swapped,
    refuse_worse_than_guessing,
    without_repeats,
)
from lehr.recipes.reading.roles import PREFIXES, WORDS, words_of
from lehr.simulators.counting import NConvention
from lehr.simulators.laws.base import LossUnit
from lehr.simulators.laws.surfaces.runs import Runs, make_runs
from lehr.simulators.laws.units import convert_loss
from lehr.simulators.quantities import Floats

ROLES = {
    "n": "parameters", "d": "tokens", "loss": "loss", "flops": "FLOP", "tokens_per_parameter": "tokens per parameter",
    "unique": "unique tokens", "run": "run",
}  # fmt: skip
"""What a column may be, by the name that ``columns=`` has for it."""

NAMES: dict[str, tuple[str, ...]] = {
    "n": (
        "n", "params", "nparams", "nparam", "numparams", "parameters", "nparameters", "numparameters", "modelsize",
        "modelparams", "modelparameters", "parametercount", "paramcount", "totalparams", "totalparameters",
        "totalparametercount", "nonembeddingparams", "nonembeddingparameters", "paramsnonembedding", "nnonembedding",
        "nnonemb", "activeparams", "activeparameters", "size",
    ),
    "d": (
        "d", "tokens", "ntokens", "numtokens", "trainingtokens", "traintokens", "tokenstrained", "tokensseen",
        "totaltokens", "datasize", "datasettokens",
    ),
    "flops": (
        "c", "flops", "flop", "trainingflops", "trainingflop", "trainflops", "totalflops", "compute",
        "trainingcompute", "budget",
    ),
    "tokens_per_parameter": (
        "tokensperparameter", "tokensperparam", "tokensparam", "tokenparamratio", "tpp", "dn", "dovern", "m",
    ),
    "loss": (
        "loss", "finalloss", "valloss", "validationloss", "lossvalidation", "lossval", "evalloss", "testloss",
        "trainloss", "trainingloss", "l", "crossentropy", "bitsperbyte", "bpb",
    ),
    "unique": ("u", "uniquetokens", "nuniquetokens", "tokensunique", "uniquetrainingtokens"),
    "run": ("run", "runname", "runid", "expname", "experiment", "hyperid", "trial", "label"),
}  # fmt: skip
"""Headings in lower case without anything but letters and digits; the first that a table has is taken."""

SCALES = {
    "k": 1e3, "thousand": 1e3, "thousands": 1e3, "m": 1e6, "million": 1e6, "millions": 1e6,
    "b": 1e9, "bn": 1e9, "billion": 1e9, "billions": 1e9, "t": 1e12, "trillion": 1e12, "trillions": 1e12,
}  # fmt: skip
"""Words at the end of a heading that say a unit: params_b, tokens (billions)."""
UNITLESS = ("loss", "run", "tokens_per_parameter")
FLOPS_PER_ND = 6.0
PERPLEXITY = "perplexity"
"""What ``loss_unit`` may say beside the units of a loss: a column that is none, and becomes one by its logarithm."""
GUESSING = 4e6
"""Tokens among which no model guesses evenly: more than any vocabulary has, and so more loss than any training."""
GAP = 1e3
"""Neighbouring sizes further apart than this factor look like two units."""


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """How a table is read: ``columns`` by role, ``units`` that its numbers count in, conventions, rows to keep."""

    columns: dict[str, str] = {}
    units: dict[str, float] = {}
    where: dict[str, Any] = {}
    n_convention: str | None = None
    loss_unit: str | None = None
    repeats: str = "all"
    checkpoints: str = "last"


class Read(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Runs, and one line for each thing that was guessed, computed or left out."""

    runs: Runs
    notes: list[str]


def runs_of(table: Mapping[str, Column], reading: Reading, where: str) -> Read:
    """The runs of a table; ``where`` names it in errors.

    Tokens are computed where they are missing but FLOPs (D = C / 6 N) or tokens per parameter are there, and
    parameters alike. Raises ``LehrError`` with the column, the row and what to write.
    """
    notes: list[str] = []
    table, rows = filtered(table, reading.where, where, notes)
    chosen = _choose(table, reading, where, notes)
    values = {
        role: numbers(table[heading], heading, where, rows) * _scale(role, heading, reading.units, notes)
        for role, heading in chosen.items()
        if role != "run"
    }
    n, d = _sizes(values, chosen, where, notes, rows)
    notes.insert(0, "columns: " + ", ".join(f"{ROLES[role]} from {heading!r}" for role, heading in chosen.items()))
    labels = [str(v) for v in table[chosen["run"]]] if "run" in chosen else [f"row {row}" for row in rows]
    convention = _convention(reading.n_convention, chosen.get("n", ""), notes)
    told = "nats/token" if reading.loss_unit == PERPLEXITY else reading.loss_unit
    unit = loss_unit_of(told, chosen["loss"], notes)
    if reading.loss_unit == PERPLEXITY or words_of(chosen["loss"]) & {"ppl", "perplexity"}:
        values["loss"] = cross_entropy(values["loss"], chosen["loss"], where, rows)
        notes.append(f"{chosen['loss']!r} is a perplexity: its natural logarithm is taken, nats/token")
    elif unit in ("nats/token", "bits/token"):
        worst = float(convert_loss(float(np.log(GUESSING)), "nats/token", unit))
        refuse_worse_than_guessing(values["loss"], unit, worst, chosen["loss"], where, rows)
    refuse_compute_as_tokens(n, d, chosen, where)
    refuse_swapped(n, d, chosen, reading.columns, where)
    try:
        runs = make_runs(
            n, d, values["loss"], label=labels, n_convention=convention, loss_unit=unit, unique=values.get("unique")
        )
    except ValueError as error:
        hint = "; or say the unit: units={n: 1e9, d: 1e9}" if "looks like" in str(error) else ""
        said = re.sub(r"^row (\d+)", lambda found: f"row {rows[int(found[1]) - 1]}", str(error))
        raise LehrError(f"{where}: {said}{hint}") from error
    runs = last_of_each(runs, reading.checkpoints, notes)
    runs = without_repeats(runs, reading.repeats, notes)
    for name, sizes in (("parameters", runs.parameters), ("tokens", runs.tokens)):
        notes += _gaps(name, sizes)
    return Read(runs=runs, notes=notes)


def plainly(heading: str) -> str:
    """A heading without capitals, spaces and signs.

    >>> plainly("Model Size"), plainly("N (billions)")
    ('modelsize', 'nbillions')
    """
    return re.sub(r"[^a-z0-9]", "", heading.lower())


def _choose(table: Mapping[str, Column], reading: Reading, where: str, notes: list[str]) -> dict[str, str]:
    """Role to heading. Raises ``LehrError`` where one that is needed is missing."""
    named = reading.columns
    for role, heading in named.items():
        if role not in ROLES:
            raise LehrError(f"columns.{role}: unknown; {nearest(role, ROLES)}")
        if heading not in table:
            raise LehrError(f"{where}: columns.{role}: no column is called {heading!r}; {nearest(heading, table)}")
    chosen = dict(named)
    plain = {plainly(heading): heading for heading in reversed(list(table))}
    for role, names in NAMES.items():
        if role in chosen:
            continue
        found = _headings(role, names, plain, table)
        if unused := [heading for heading in found if heading not in chosen.values()]:
            chosen[role] = _of_convention(unused, reading.n_convention) if role == "n" else unused[0]
            aside = [h for h in dict.fromkeys(unused) if h != chosen[role] and table[h] != table[chosen[role]]]
            if role in ("n", "loss") and aside:
                notes.append(
                    f"{', '.join(map(repr, aside))} left aside for {chosen[role]!r}; columns={{{role}: {aside[0]}}} "
                    "says otherwise"
                )
    if "loss" not in chosen:
        raise LehrError(f"{where}: no column of the loss; found {', '.join(table)}: write columns={{loss: <heading>}}")
    if len({"n", "d", "flops", "tokens_per_parameter"} & set(chosen)) < 2:
        have = ", ".join(f"{ROLES[r]} in {h!r}" for r, h in chosen.items())
        missing = "tokens (or FLOP)" if "n" in chosen else "parameters"
        raise LehrError(
            f"{where}: no column of {missing}; recognised {have} of {', '.join(table)}: "
            f"write columns={{{'d' if 'n' in chosen else 'n'}: <heading>}}"
        )
    if {"n", "d"} <= set(chosen):
        # the product of two others says nothing new
        for role in ("flops", "tokens_per_parameter"):
            if role not in named:
                chosen.pop(role, None)
    return chosen


def _of_convention(headings: Sequence[str], convention: str | None) -> str:
    """Of several columns of parameters the one that counts by ``convention``; by default the active ones of a mixture,
    whose work is theirs."""
    wanted = {"non_embedding": "nonemb", "total": "total"}.get(convention or "active", "active")
    return next((heading for heading in headings if wanted in plainly(heading)), headings[0])


def _headings(role: str, names: Sequence[str], plain: Mapping[str, str], table: Mapping[str, Column]) -> list[str]:
    """The headings that may be ``role``, the likeliest first: by name, by name and unit, by their words."""
    found = [plain[name] for name in names if name in plain]
    if role not in UNITLESS:
        found += [heading for key, heading in plain.items() if _unit_word(key, names) is not None]
    if not found and role in WORDS:
        is_one, is_none = WORDS[role]
        found = [h for h in table if words_of(h) & is_one and not words_of(h) & is_none]
    return found


def _unit_word(key: str, names: Sequence[str]) -> float | None:
    """The unit at the end of a heading, where what is before it is one of ``names``."""
    for word, scale in SCALES.items():
        if key.endswith(word) and key.removesuffix(word) in names:
            return scale
    return None


def _scale(role: str, heading: str, units: Mapping[str, float], notes: list[str]) -> float:
    for name, unit in units.items():
        if name not in ROLES or name == "run":
            raise LehrError(f"units.{name}: unknown; {nearest(name, [r for r in ROLES if r != 'run'])}")
        if not unit > 0:
            raise LehrError(f"units.{name}: {unit} is not above 0; write how many {ROLES[name]} a one stands for")
    if role in units:
        notes.append(f"{heading!r} counts in {units[role]:g} {ROLES[role]}")
        return units[role]
    words = words_of(heading)
    if role == "flops" and "pfdays" in words:
        raise LehrError(f"{heading} counts in PF-days; write units={{flops: 8.64e19}}, the FLOP of one")
    if role == "flops" and (prefix := next((PREFIXES[w] for w in words if w in PREFIXES), None)) is not None:
        notes.append(f"{heading!r} is taken to count in {prefix:g} FLOP, as its name says")
        return prefix
    if role not in UNITLESS and (guessed := _unit_word(plainly(heading), NAMES[role])) is not None:
        notes.append(f"{heading!r} is taken to count in {guessed:g} {ROLES[role]}, as its name says")
        return guessed
    return 1.0


def numbers(column: Column, heading: str, where: str, rows: Sequence[int]) -> Floats:
    """A column's numbers; 1.3B, 300M and 1,300,000 are numbers. Raises ``LehrError`` for a decimal comma, which would
    be read as thousands."""
    values = np.empty(len(column))
    for i, cell in enumerate(column):
        text = "" if cell is None else str(cell).strip()
        if decimal_comma(text):
            raise LehrError(f"{where}: row {rows[i]}: {heading} is {text!r}; {COMMA}")
        if text.lower() in NOTHING:
            raise LehrError(f"{where}: row {rows[i]}: {heading} is {text or 'empty'}; fill it or leave the run out")
        if (value := number(text)) is None:
            raise LehrError(f"{where}: row {rows[i]}: {heading} is {text!r}, which is no number; write 1.3e9 or 1.3B")
        values[i] = value
        if not isfinite(values[i]):
            raise LehrError(f"{where}: row {rows[i]}: {heading} is {text}; write a number, or leave the run out")
    return values


def _sizes(
    values: Mapping[str, Floats], chosen: Mapping[str, str], where: str, notes: list[str], rows: Sequence[int]
) -> tuple[Floats, Floats]:
    """Parameters and tokens, computed from compute or their ratio where a column is missing."""
    for role, column in values.items():
        for i in np.flatnonzero(~(column > 0))[:1]:
            raise LehrError(
                f"{where}: row {rows[i]}: {chosen[role]} is {column[i]:g}; write a number above 0, or leave the run out"
            )
    n, d = values.get("n"), values.get("d")
    flops, ratio = values.get("flops"), values.get("tokens_per_parameter")
    if n is not None and d is not None:
        return n, d
    if n is not None and flops is not None:
        notes.append("tokens computed as FLOP / (6 N)")
        return n, flops / FLOPS_PER_ND / n
    if n is not None and ratio is not None:
        notes.append("tokens computed as N times tokens per parameter")
        return n, n * ratio
    if d is not None and flops is not None:
        notes.append("parameters computed as FLOP / (6 D)")
        return flops / FLOPS_PER_ND / d, d
    if d is not None and ratio is not None:
        notes.append("parameters computed as tokens over tokens per parameter")
        return d / ratio, d
    assert flops is not None
    assert ratio is not None
    notes.append("parameters and tokens computed from FLOP = 6 N D and tokens per parameter")
    n = np.sqrt(flops / FLOPS_PER_ND / ratio)
    return n, n * ratio


def _convention(given: str | None, heading: str, notes: list[str]) -> NConvention:
    options = get_args(NConvention)
    if given is not None:
        if given not in options:
            raise LehrError(f"n_convention: {given!r} is not known; write one of {', '.join(options)}")
        return given  # type: ignore[return-value]
    plain = plainly(heading)
    if "nonemb" in plain:
        notes.append(f"{heading!r} is taken to leave embeddings out; n_convention=total says otherwise")
        return "non_embedding"
    if "active" in plain:
        notes.append(f"{heading!r} is taken for active parameters; n_convention=total says otherwise")
        return "active"
    notes.append("N is taken to count all parameters; n_convention=non_embedding says otherwise")
    return "total"


def loss_unit_of(given: str | None, heading: str, notes: list[str]) -> LossUnit:
    """The unit of a column of losses: as the user says, else as its heading does, else nats/token, which is noted.

    >>> notes: list[str] = []
    >>> loss_unit_of(None, "val_bpb", notes), loss_unit_of("bits/token", "loss", notes)
    ('bits/byte', 'bits/token')
    """
    options = get_args(LossUnit)
    if given is not None:
        if given not in options:
            raise LehrError(f"loss_unit: {given!r} is not known; write one of {', '.join(options)}")
        return given  # type: ignore[return-value]
    if plainly(heading).endswith(("bpb", "bitsperbyte")):
        notes.append(f"{heading!r} is taken to be in bits/byte")
        return "bits/byte"
    if words_of(heading) & {"bpc"} or plainly(heading).endswith("bitsperchar"):
        notes.append(f"{heading!r} is taken to be in bits/char")
        return "bits/char"
    if words_of(heading) & {"bits", "bit"}:
        notes.append(f"{heading!r} is taken to be in bits/token")
        return "bits/token"
    if words_of(heading) & {"ppl", "perplexity"}:
        return "nats/token"
    notes.append("losses are taken to be in nats/token; loss_unit=bits/byte says otherwise")
    return "nats/token"


def _gaps(name: str, sizes: Floats) -> list[str]:
    ordered = np.unique(sizes)
    if len(ordered) < 2:
        return []
    steps = ordered[1:] / ordered[:-1]
    widest = int(np.argmax(steps))
    if steps[widest] < GAP:
        return []
    return [
        f"{name} jump from {ordered[widest]:.3g} to {ordered[widest + 1]:.3g}: if these are two units, write all in one"
    ]
