"""``make kill``: every verb that writes is killed at random moments; what is there then is the earlier output or new.

    python -m tests.kill.run [kills] [--verbs plan,fit] [--part 1/2] [--kept kills.jsonl]

Half of the kills come at any moment, half as a file is opened for writing, renamed, linked or removed or a folder made.
A killed run is done again afterwards: its bytes are those of a run that nobody killed, and nothing else is left. Each
kill has its own seed; with ``--kept`` a run that was stopped goes on, and parts may run beside each other.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
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
from typing import Any, NamedTuple

from lehr.recipes.cli import dispatch
from tests.commands import COMMANDS, FURTHER, NEEDS, Command, content, inputs

FORK = multiprocessing.get_context("fork")
NOTE = "mine"
WORKED_IN = ("journal", "batches", "training")
"""Folders in an output that are worked in until it is whole, and gone then."""

VERBS: dict[str, Command] = {verb: command for verb, command in COMMANDS.items() if command} | {
    "sweep": FURTHER["sweep"]
}


CHANGES = FORK.RawValue("i", 0)
"""Changes to the file system that the last run made."""


class Known(NamedTuple):
    """What a verb does when nobody kills it; ``seconds`` are those of its whole runs, ``changes`` those that one makes
    to the file system."""

    earlier: Path
    before: dict[str, bytes]
    after: dict[str, bytes]
    seconds: list[float]
    changes: int


def changes(event: str, arguments: tuple[Any, ...]) -> bool:
    """Is an event of Python's audit a change to the file system?"""
    if event == "open":
        return isinstance(arguments[2], int) and bool(arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
    return event in (
        "ctypes.dlopen", "os.chmod", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink",
        "os.truncate",
    )  # fmt: skip


def child(folder: Path, words: str, killed_at: int) -> None:
    """A process that runs one command in ``folder``, until it makes so many changes to the file system."""

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if changes(event, arguments):
            CHANGES.value += 1
            if CHANGES.value == killed_at:
                os.kill(os.getpid(), signal.SIGKILL)

    os.setsid()
    os.chdir(folder)
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    CHANGES.value = 0
    sys.addaudithook(watch)
    try:
        os._exit(dispatch(shlex.split(words)))
    except BaseException as error:
        (folder / "broke.txt").write_text(repr(error))
        os._exit(9)


def started(folder: Path, words: str, killed_at: int = 0) -> multiprocessing.process.BaseProcess:
    process = FORK.Process(target=child, args=(folder, words, killed_at))
    process.start()
    return process


def whole(folder: Path, words: str) -> float:
    """Run a command to its end, and the time that it took [s]."""
    began = time.monotonic()
    started(folder, words).join()
    return time.monotonic() - began


def state(folder: Path) -> dict[str, bytes]:
    """What a person sees: everything but names that are hidden, and what is worked in."""
    found = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder)
        hidden = any(part.startswith(".") or part in WORKED_IN for part in name.parts)
        if path.is_file() and not hidden:
            found[str(name)] = content(path)
    return found


def leftovers(folder: Path) -> list[str]:
    """What no run that ended leaves."""
    return [str(p) for p in folder.rglob("*") if ".lehr-" in p.name or p.name in (*WORKED_IN, "broke.txt")]


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
    took = whole(new, second)
    known = Known(earlier, state(earlier / where), state(new / where), [took], CHANGES.value)
    assert known.before != known.after, f"{verb}: writes the same twice"
    assert not leftovers(new), leftovers(new)
    return known


def killed(root: Path, verb: str, known: Known, draw: random.Random) -> tuple[bool, str]:
    """Kill one run: whether it ran still, and what is wrong afterwards."""
    _, second, where = VERBS[verb]
    folder = root / "now"
    shutil.copytree(known.earlier, folder, symlinks=True)
    if draw.random() < 0.5:
        process = started(folder, second, draw.randint(1, known.changes))
        process.join()
    else:
        process = started(folder, second)
        time.sleep(draw.uniform(0.0, 1.1) * min(known.seconds[-5:]))
    if process.is_alive() and process.pid:
        os.killpg(process.pid, signal.SIGKILL) if os.getpgid(process.pid) == process.pid else process.kill()
    process.join()
    seen = state(folder / where)
    said = "" if seen in (known.before, known.after) else f"neither: {sorted({*seen} ^ {*known.after})[:5]}"
    known.seconds.append(whole(folder, second))
    if not said and (again := state(folder / where)) != known.after:
        differ = [n for n in {*again, *known.after} if again.get(n) != known.after.get(n)]
        said = f"the next run differs: {differ[:5]}"
    if not said and (left := leftovers(folder)):
        said = f"left: {left[:5]}"
    shutil.rmtree(folder)
    return process.exitcode == -signal.SIGKILL, said


def main() -> int:
    """1 where anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kills", type=int, nargs="?", default=500)
    parser.add_argument("--verbs", help="only these, with commas between; all")
    parser.add_argument("--part", default="1/1", help="1/2: every second kill, and 2/2 the others")
    parser.add_argument("--kept", type=Path, help="a file of what is done; a run goes on from it")
    given = parser.parse_args()
    # what every run imports is imported once
    import lehr.recipes.exploring.page
    import lehr.recipes.report
    import lehr.recipes.sweeping.run  # noqa: F401

    verbs = [verb for verb in VERBS if verb not in NEEDS or importlib.util.find_spec(NEEDS[verb])]
    for verb in set(VERBS) - set(verbs):
        print(f"{verb}: not killed, {NEEDS[verb]} is not installed")
    chosen = given.verbs.split(",") if given.verbs else verbs
    part, parts = (int(number) for number in given.part.split("/"))
    done: dict[int, dict[str, Any]] = {}
    if given.kept and given.kept.is_file():
        lines = given.kept.read_text(encoding="utf-8").splitlines()
        done = {at["kill"]: at for at in map(json.loads, lines) if at["kill"] < given.kills}
    with tempfile.TemporaryDirectory() as name:
        known: dict[str, Known] = {}
        for kill in range(given.kills):
            verb = verbs[kill % len(verbs)]
            if kill in done or verb not in chosen or (kill // len(verbs)) % parts != part - 1:
                continue
            if verb not in known:
                known[verb] = prepared(Path(name), verb)
            draw, late, ran, said = random.Random(f"{kill} of {verb}"), -1, False, ""
            while not ran and not said:
                late += 1
                ran, said = killed(Path(name), verb, known[verb], draw)
            done[kill] = {"kill": kill, "verb": verb, "ended before": late, "wrong": said}
            if given.kept:
                with given.kept.open("a", encoding="utf-8") as kept:
                    kept.write(json.dumps(done[kill]) + "\n")
            if said:
                print(f"{verb}, kill {kill}: {said}", flush=True)
            elif kill % 10 == 0:
                print(f"kill {kill} of {given.kills}", flush=True)
    kills, wrong, late = Counter[str](), Counter[str](), 0
    for at in done.values():
        kills[at["verb"]] += 1
        wrong[at["verb"]] += bool(at["wrong"])
        late += at["ended before"]
    for verb in kills:
        print(f"{verb:14} {kills[verb]:4} kills, {wrong[verb]} wrong")
    print(f"{kills.total()} kills of {len(kills)} verbs, {wrong.total()} wrong; {late} runs more ended before the kill")
    return 1 if wrong.total() else 0


if __name__ == "__main__":
    sys.exit(main())
