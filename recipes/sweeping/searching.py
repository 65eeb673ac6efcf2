"""A search over a recipe's parameters with Optuna: ``interval(...)`` beside the values of a sweep.

The Optuna sweeper for Hydra (1.3.0) requires an Optuna below 3; this asks a current one directly.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lehr.recipes.errors import LehrError, nearest
from lehr.recipes.sweeping import axes
from lehr.recipes.sweeping.axes import Slot
from lehr.recipes.sweeping.journal import Journal
from lehr.recipes.sweeping.progress import progress
from lehr.recipes.sweeping.rows import UNITS
from lehr.recipes.sweeping.sweep import Sweep

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override


def objectives(names: Sequence[str]) -> dict[str, str]:
    """Each figure with the direction in which it is better; ``-name`` asks for more of it.

    >>> objectives(["loss", "-tokens_per_parameter"])
    {'loss': 'minimize', 'tokens_per_parameter': 'maximize'}
    """
    if not names:
        raise LehrError("objective: none is named; write objective=[loss]")
    found = {}
    for name in names:
        figure = name.lstrip("-")
        if figure not in UNITS:
            raise LehrError(f"objective: no figure is called {figure!r}; {nearest(figure, UNITS)}")
        found[figure] = "maximize" if name.startswith("-") else "minimize"
    return found


def search(whole: Sweep, wanted: Mapping[str, Any], trials: int, seed: int) -> dict[int, dict[str, Any]]:
    """The rows of ``trials`` jobs, each chosen by what the earlier ones gave.

    The same seed asks for the same jobs, so that an interrupted search goes on where it stopped. Raises ``LehrError``
    where Optuna is not installed.
    """
    try:
        import optuna
    except ImportError as error:
        raise LehrError("interval() is a search, which needs Optuna: pip install 'lehr[search]'") from error

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=seed)
    study = optuna.create_study(directions=list(wanted.values()), sampler=sampler)
    rows = {number: row for number, row in whole.done().items() if number < trials}
    if rows:
        print(f"{len(rows):,} of {trials:,} trials were done before", file=sys.stderr)
    path = whole.folder / "journal" / "0.jsonl"
    with Journal(path, whole.mark) as journal, progress(trials, len(rows)) as step:
        for number in range(trials):
            trial = study.ask()
            job = [suggest(trial, slot) for slot in whole.slots]
            if number not in rows:
                rows[number] = whole.row(number, job)
                journal.add(number, rows[number])
                step(axes.words(job, whole.varies))
            values: list[Any] = [rows[number].get(figure) for figure in wanted]
            if any(value is None for value in values):
                study.tell(trial, state=optuna.trial.TrialState.FAIL)
            else:
                study.tell(trial, values)
    return rows


def suggest(trial: Any, slot: Slot) -> Override:
    """The value that a trial should try for one override."""
    if not slot.swept:
        return slot.options[0]  # type: ignore[no-any-return]
    if slot.interval is None:
        at = trial.suggest_categorical(slot.key, list(range(len(slot.options))))
        return slot.options[at]  # type: ignore[no-any-return]
    space = slot.interval
    if space.whole:
        value: float = trial.suggest_int(slot.key, int(space.low), int(space.high), log=space.log)
    else:
        value = trial.suggest_float(slot.key, space.low, space.high, log=space.log)
    return axes.override(f"{slot.prefix}{slot.key}={value!r}")


def label(rows: Mapping[int, Mapping[str, Any]], slots: Sequence[Slot], number: int) -> str:
    """What tells a trial from the others."""
    return " ".join(f"{slot.key}={rows[number].get(slot.key)}" for slot in slots if slot.swept)
