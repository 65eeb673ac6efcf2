"""``lehr report -m``: a whole sweep in one start, with one result."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from lehr.recipes.presenting.files import begin_folder, writing
from lehr.recipes.presenting.locks import claim, release
from lehr.recipes.sweeping.arguments import Arguments
from lehr.recipes.sweeping.batches import pending_batches
from lehr.recipes.sweeping.searching import label, objectives, search
from lehr.recipes.sweeping.sweep import Sweep
from lehr.simulators.quantities import Size

if TYPE_CHECKING:
    from lehr.recipes.sweeping.result import Swept

Seed = Annotated[int, msgspec.Meta(ge=0, lt=2**32)]


ROUNDS = 3
"""Of an engine over the jobs that are left: a worker that was killed takes its batch with it, and another does the
rest; a job that kills every worker fails."""


def sweep(config: Any, given: Arguments, words: Sequence[str], launched: int = 0) -> int | list[str]:
    """Run the sweep and write its result. Returns 1 where a job failed, else 0.

    With an engine it returns Hydra's command line for the batches instead; ``launched`` is how often such ran. Raises
    ``LehrError`` where another run writes the same sweep.
    """
    from lehr.recipes.sweeping.text import write_result

    whole = Sweep(config, given, words=words)
    if not launched:
        claim_folder(whole)
    outcome: int | list[str] = 0
    try:
        found = swept(whole, launched)
        outcome = found if isinstance(found, list) else write_result(whole.folder, found, words, whole.form)
    except KeyboardInterrupt:
        print(f"stopped; the same command goes on from {whole.folder}", file=sys.stderr)
        raise
    finally:
        if not isinstance(outcome, list):
            release(whole.folder)
    return outcome


def claim_folder(whole: Sweep) -> None:
    """Take the sweep's folder for this run. Raises ``LehrError`` where another run writes the same sweep."""
    with writing(whole.folder):
        whole.folder.parent.mkdir(parents=True, exist_ok=True)
        claim(whole.folder, wait=False)


def swept(whole: Sweep, launched: int = 0) -> Swept | list[str]:
    """The sweep's result, or with an engine Hydra's command line for the batches that are to be ``launched`` next."""
    from lehr.recipes.sweeping.result import Swept, from_rows, inputs

    varies = inputs(whole.slots)
    table = None if whole.searches else whole.grid()
    if table is None:
        begin_folder(whole.folder)
    if whole.searches:
        rows = searched(whole)
        return Swept(from_rows(rows, varies), varies, lambda n: label(rows, whole.slots, n))
    if table is None:
        if whole.engine != "basic" and launched < ROUNDS and (command := pending_batches(whole, launched)):
            return command
        table = from_rows(whole.collected() if launched else whole.run(), varies)
    reports = {n: f"reports/{n}/report.html" for n in range(whole.total)} if whole.reports else {}
    return Swept(table, varies, whole.label, reports)


def searched(whole: Sweep) -> dict[int, dict[str, Any]]:
    """The rows of a search by the settings ``objective``, ``trials`` and ``seed``."""
    wanted = objectives(whole.job.setting("objective", list[str]))
    return search(whole, wanted, whole.job.setting("trials", Size), whole.job.setting("seed", Seed))
