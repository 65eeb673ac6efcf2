"""``make kill``: every verb that writes is killed at random moments; what is there then is the earlier output or new.

    python -m tests.kill.run [kills] [seed] [verb]

A killed run is done again afterwards: its bytes are those of a run that nobody killed, and nothing else is left.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import shlex
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from lehr.recipes.cli import dispatch
from tests.commands import COMMANDS, FURTHER, NEEDS, Command, inputs

FORK = multiprocessing.get_context("fork")
NOTE = "mine"

VERBS: dict[str, Command] = {verb: command for verb, command in COMMANDS.items() if command and verb not in NEEDS} | {
    "sweep": FURTHER["sweep"]
}
"""A rehearsal goes on where it was killed, and its files say how fast it was: tests/independent/test_rehearse.py."""


class Known(NamedTuple):
    """What a verb does when nobody kills it."""

    earlier: Path
    before: dict[str, bytes]
    after: dict[str, bytes]
    seconds: float


def child(folder: Path, words: str) -> None:
    """A process that runs one command in ``folder``."""
    os.setsid()
    os.chdir(folder)
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    try:
        os._exit(dispatch(shlex.split(words)))
    except BaseException as error:
        (folder / "broke.txt").write_text(repr(error))
        os._exit(9)


def started(folder: Path, words: str) -> multiprocessing.process.BaseProcess:
    process = FORK.Process(target=child, args=(folder, words))
    process.start()
    return process


def state(folder: Path) -> dict[str, bytes]:
    """What a person sees: everything but names that are hidden, and a sweep's journal."""
    found = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in name.parts)
        if path.is_file() and not hidden and "journal" not in name.parts:
            found[str(name)] = path.read_bytes()
    return found


def leftovers(folder: Path) -> list[str]:
    """What no run that ended leaves."""
    return [str(p) for p in folder.rglob("*") if ".lehr-" in p.name or p.name in ("journal", "batches", "broke.txt")]


def prepared(root: Path, verb: str) -> Known:
    """The earlier output of a verb, a person's notes beside it, and the new one."""
    first, second, where = VERBS[verb]
    earlier = root / f"{verb} earlier"
    earlier.mkdir()
    inputs(earlier)
    started(earlier, first).join()
    for folder in [earlier / where, *(earlier / where).rglob("*/")]:
        (folder / "notes.md").write_text(NOTE)
    new = root / f"{verb} new"
    shutil.copytree(earlier, new, symlinks=True)
    began = time.monotonic()
    started(new, second).join()
    took = time.monotonic() - began
    known = Known(earlier, state(earlier / where), state(new / where), took)
    assert known.before != known.after, f"{verb}: writes the same twice"
    assert not leftovers(new), leftovers(new)
    return known


def killed(root: Path, verb: str, known: Known, draw: random.Random) -> tuple[bool, str]:
    """Kill one run: whether it ran still, and what is wrong afterwards."""
    _, second, where = VERBS[verb]
    folder = root / "now"
    shutil.copytree(known.earlier, folder, symlinks=True)
    process = started(folder, second)
    # half of the moments in the last part, in which files are written
    at = draw.uniform(0.0, 1.0) if draw.random() < 0.5 else draw.uniform(0.7, 1.1)
    time.sleep(at * known.seconds)
    if process.is_alive() and process.pid:
        os.killpg(process.pid, signal.SIGKILL) if os.getpgid(process.pid) == process.pid else process.kill()
    process.join()
    seen = state(folder / where)
    said = "" if seen in (known.before, known.after) else f"neither: {sorted({*seen} ^ {*known.after})[:5]}"
    started(folder, second).join()
    if not said and (again := state(folder / where)) != known.after:
        differ = [n for n in {*again, *known.after} if again.get(n) != known.after.get(n)]
        said = f"the next run differs: {differ[:5]}"
    if not said and (left := leftovers(folder)):
        said = f"left: {left[:5]}"
    shutil.rmtree(folder)
    return process.exitcode == -signal.SIGKILL, said


def main(kills: int, seed: int, only: str | None = None) -> int:
    """1 where anything was wrong."""
    # what every run imports is imported once
    import lehr.recipes.exploring.page
    import lehr.recipes.report
    import lehr.recipes.sweeping.run  # noqa: F401

    draw = random.Random(seed)
    verbs = [only] if only else list(VERBS)
    alive: Counter[str] = Counter()
    wrong = 0
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        known: dict[str, Known] = {}
        for at in range(kills):
            verb = verbs[at % len(verbs)]
            if verb not in known:
                known[verb] = prepared(root, verb)
            ran, said = killed(root, verb, known[verb], draw)
            alive[verb] += ran
            if said:
                wrong += 1
                print(f"{verb}, kill {at}: {said}", flush=True)
    print(", ".join(f"{verb} {n}" for verb, n in alive.items()))
    print(f"{kills} runs of {len(known)} verbs, {sum(alive.values())} of them killed before their end: {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(
        main(
            int(sys.argv[1]) if len(sys.argv) > 1 else 500,
            int(sys.argv[2]) if len(sys.argv) > 2 else 0,
            sys.argv[3] if len(sys.argv) > 3 else None,
        )
    )
