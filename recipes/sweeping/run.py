"""``lehr report -m``: a whole sweep in one start, with one result."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec

from lehr.recipes.presenting.files import begin_folder, told
from lehr.recipes.presenting.locks import claim, release
from lehr.recipes.sweeping.arguments import Arguments
from lehr.recipes.sweeping.batches import pending_batches
from lehr.recipes.sweeping.searching import label, objectives, search
from lehr.recipes.sweeping.sweep import Sweep
from lehr.simulators.quantities import Size

Seed = Annotated[int, msgspec.Meta(ge=0, lt=2**32)]


ROUNDS = 3
"""Of an engine over the jobs that are left: a worker that was killed takes its batch with it, and another does the
rest; a job that kills every worker fails."""


def sweep(config: Any, given: Arguments, words: Sequence[str], launched: int = 0) -> int | list[str]:
    """Run the sweep and write its result. Returns 1 where a job failed, else 0.

    With an engine it returns Hydra's command line for the batches instead; ``launched`` is how often such ran. Raises
    ``LehrError`` where another run writes the same sweep.
    """
    whole = Sweep(config, given, words=words)
    if not launched:
        with told(whole.folder):
            whole.folder.parent.mkdir(parents=True, exist_ok=True)
            claim(whole.folder, wait=False)
    outcome: int | list[str] = 0
    try:
        outcome = _swept(whole, words, launched)
    except KeyboardInterrupt:
        print(f"stopped; the same command goes on from {whole.folder}", file=sys.stderr)
        raise
    finally:
        if not isinstance(outcome, list):
            release(whole.folder)
    return outcome


def _swept(whole: Sweep, words: Sequence[str], launched: int) -> int | list[str]:
    from lehr.recipes.sweeping.result import from_rows, inputs
    from lehr.recipes.sweeping.text import write_result

    varies = inputs(whole.slots)
    table = None if whole.searches else whole.grid()
    if table is None:
        begin_folder(whole.folder)
    if whole.searches:
        rows = searched(whole)
        table = from_rows(rows, varies)
        return write_result(whole.folder, table, varies, words, whole.form, label=lambda n: label(rows, whole.slots, n))
    if table is None:
        if whole.engine != "basic" and launched < ROUNDS and (command := pending_batches(whole, launched)):
            return command
        table = from_rows(whole.collected() if launched else whole.run(), varies)
    reports = {n: f"reports/{n}/report.html" for n in range(whole.total)} if whole.reports else {}
    return write_result(whole.folder, table, varies, words, whole.form, label=whole.label, reports=reports)


def searched(whole: Sweep) -> dict[int, dict[str, Any]]:
    """The rows of a search by the settings ``objective``, ``trials`` and ``seed``."""
    wanted = objectives(whole.job.setting("objective", list[str]))
    return search(whole, wanted, whole.job.setting("trials", Size), whole.job.setting("seed", Seed))
