"""A sweep on an engine that Hydra launches (joblib, submitit, Ray): one job of the engine is a batch of recipes."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lehr.recipes.composing.sources import guard
from lehr.recipes.errors import LehrError
from lehr.recipes.presenting.files import write_file
from lehr.recipes.presenting.locks import claim, claimed, release
from lehr.recipes.sweeping.arguments import Arguments
from lehr.recipes.sweeping.journal import Journal
from lehr.recipes.sweeping.sweep import Sweep
from lehr.simulators.quantities import Size


def pending_batches(whole: Sweep, launched: int) -> list[str]:
    """Hydra's command line that runs what is not done on the engine; empty where all is done."""
    while launched and any(_runs(path) for path in (whole.folder / "batches").glob("*.json")):
        # an engine reports the first worker that broke, while others go on
        time.sleep(0.2)
    rows = whole.done()
    pending = [number for number in range(whole.total) if number not in rows]
    wanted = whole.job.setting("batches", Size | None)
    return write_batches(whole, pending, wanted, launched) if pending else []


def write_batches(whole: Sweep, pending: Sequence[int], wanted: int | None, launched: int) -> list[str]:
    """Cut the ``pending`` jobs into batches and return Hydra's command line that runs them with its launcher.

    Batches of the ``launched`` rounds before may still be running on a cluster: these have names of their own. Each
    batch writes its rows to a journal of its own in ``folder``, which every worker must see.
    """
    # two a core, so that a slow batch does not leave the others idle for long
    size = -(-len(pending) // min(wanted or 2 * (os.cpu_count() or 1), len(pending)))
    folder, given = whole.folder, whole.given
    paths = []
    for at in range(0, len(pending), size):
        path = (folder / "batches" / f"{launched}-{at // size}.json").resolve()
        content = {"flags": given.flags, "base": given.base, "each": given.each, "words": given.words,
                   "params": whole.params, "jobs": list(pending[at : at + size])}  # fmt: skip
        write_file(path, json.dumps(content).encode())
        paths.append(f"'{path}'")
    here = f"hydra.sweep.dir='{(folder / 'batches').resolve()}'"
    return ["--multirun", *given.flags, *given.base, "hydra.sweeper.params=null", here, f"batch={','.join(paths)}"]


def _runs(path: Path) -> bool:
    """Is a worker at the batch of ``path`` now?"""
    try:
        claim(path, wait=False)
    except LehrError:
        return True
    release(path)
    return False


def run_batch(config: Any) -> None:
    """One job of the engine: the rows of its batch into its journal."""
    # an engine's worker is another process
    guard([])
    path = Path(str(config.batch))
    batch = json.loads(path.read_bytes())
    given = Arguments(batch["flags"], batch["base"], batch["each"], batch["words"])
    whole = Sweep(config, given, params=batch["params"], folder=path.parents[1])
    with claimed(path):
        others = [other for other in path.parent.glob("*.json") if other != path and _runs(other)]
        taken = {*whole.done(), *(job for other in others for job in json.loads(other.read_bytes())["jobs"])}
        mine = set(batch["jobs"]) - taken
        with Journal(whole.folder / "journal" / f"batch-{path.stem}.jsonl", whole.mark) as journal:
            for number, job in whole.jobs():
                if number in mine:
                    journal.add(number, whole.row(number, job))
