"""``lehr report -m``: a whole sweep in one start, with one result."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec

from lehr.recipes.sweeping.arguments import Arguments
from lehr.recipes.sweeping.batches import pending_batches
from lehr.recipes.sweeping.searching import label, objectives, search
from lehr.recipes.sweeping.sweep import Sweep

Trials = Annotated[int, msgspec.Meta(ge=1)]
Seed = Annotated[int, msgspec.Meta(ge=0, lt=2**32)]


def sweep(config: Any, given: Arguments, words: Sequence[str], launched: bool = False) -> int | list[str]:
    """Run the sweep and write its result. Returns 1 where a job failed, else 0.

    With an engine it returns Hydra's command line for the batches instead; once those ran, ``launched`` is true.
    """
    from lehr.recipes.sweeping.result import from_rows, inputs
    from lehr.recipes.sweeping.text import write_result

    whole = Sweep(config, given, words=words)
    varies = inputs(whole.slots)
    if whole.searches:
        rows = searched(whole)
        table = from_rows(rows, varies)
        return write_result(whole.folder, table, varies, words, whole.form, label=lambda n: label(rows, whole.slots, n))
    table = whole.grid()
    if table is None:
        if whole.engine != "basic" and not launched and (command := pending_batches(whole)):
            return command
        try:
            table = from_rows(whole.collected() if launched else whole.run(), varies)
        except KeyboardInterrupt:
            print(f"stopped; the same command goes on from {whole.folder}", file=sys.stderr)
            raise
    reports = {n: f"reports/{n}/report.html" for n in range(whole.total)} if whole.reports else {}
    return write_result(whole.folder, table, varies, words, whole.form, label=whole.label, reports=reports)


def searched(whole: Sweep) -> dict[int, dict[str, Any]]:
    """The rows of a search by the settings ``objective``, ``trials`` and ``seed``."""
    wanted = objectives(whole.job.setting("objective", list[str]))
    return search(whole, wanted, whole.job.setting("trials", Trials), whole.job.setting("seed", Seed))
