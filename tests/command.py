"""``lehr`` as a shell runs it, many times: a process for each command, of a server that has imported the program once.

What only a new interpreter reads (the locale, the hash seed, streams that are closed) is not new here: tests of those
start ``python -m lehr`` themselves.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
from pathlib import Path
from subprocess import CompletedProcess

ROOT = Path(__file__).parents[1]
VERBS = [f"lehr.recipes.verbs.{path.stem}" for path in sorted((ROOT / "recipes" / "verbs").glob("[a-z]*.py"))]
LONGEST = 300
"""Seconds after which a command is taken to hang."""
SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(["hydra.main", "lehr.recipes.cli", "lehr.recipes.composing.job", *VERBS])


def lehr(*words: str, folder: Path = ROOT, **more: str) -> CompletedProcess[str]:
    """What ``lehr WORDS`` prints in ``folder``, with ``more`` in its environment, and its exit status."""
    with tempfile.TemporaryDirectory() as kept:
        out, err = Path(kept) / "out", Path(kept) / "err"
        process = SERVER.Process(target=_run, args=(words, folder, more, out, err))
        process.start()
        process.join(LONGEST)
        if process.exitcode is None:
            process.kill()
            raise TimeoutError(f"lehr {' '.join(words)}: still running after {LONGEST} s")
        status = process.exitcode
        return CompletedProcess(["lehr", *words], status, out.read_text("utf-8"), err.read_text("utf-8"))


def _run(words: tuple[str, ...], folder: Path, more: dict[str, str], out: Path, err: Path) -> None:
    """In the new process: the standard streams, the folder and the environment of a command, then the command."""
    from lehr.recipes.cli import main

    for number, path in ((1, out), (2, err)):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, number)
        os.close(file)
    os.chdir(folder)
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "PYTHONPATH", "HOME")}
    os.environ.clear()
    os.environ.update(kept | more)
    sys.argv = ["lehr", *words]
    main()


def in_their_place(folder: Path, programs: dict[str, str]) -> dict[str, str]:
    """Programs of a shell, by name and body, written into ``folder``; an environment that finds them first."""
    folder.mkdir()
    for name, body in programs.items():
        (folder / name).write_text(f"#!/bin/bash\n{body}\n")
        (folder / name).chmod(0o755)
    return {"PATH": f"{folder}:/usr/bin:/bin"}
