"""One run at a time writes a path, and what a killed run left beside it goes away with the next."""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from lehr.recipes.errors import LehrError

LONGEST_WAIT = 60.0
"""For another run that writes the same path [s]; what is written is ready by then, and takes a moment."""

_HELD: dict[Path, tuple[IO[bytes] | None, int]] = {}


def beside(path: Path, what: str) -> Path:
    """The hidden name beside ``path`` that a run uses for ``what`` while it writes. Raises ``LehrError`` for a path
    without a name, such as the folder that one is in.

    >>> beside(Path("outputs/starcoder"), "new").name
    '.starcoder.lehr-new'
    """
    if not path.name:
        raise LehrError("out: write the name of a folder; it is written whole, which the one that you are in cannot be")
    return path.with_name(f".{path.name}.lehr-{what}")


@contextmanager
def claimed(path: Path, *, wait: bool = True) -> Iterator[None]:
    """While this lasts no other run writes ``path``; leftovers of one that was killed are gone.

    Raises ``LehrError`` where another run holds it, at once without ``wait``, and ``OSError`` where its folder cannot
    be written.
    """
    claim(path, wait=wait)
    try:
        yield
    finally:
        release(path)


def claim(path: Path, *, wait: bool = True) -> None:
    """Begin what ``claimed`` lasts; the same run may claim a path again."""
    key = path.absolute()
    if key in _HELD:
        file, times = _HELD[key]
        _HELD[key] = (file, times + 1)
        return
    _HELD[key] = (_locked(beside(path, "lock"), path, wait), 1)
    try:
        _clear(path)
    except BaseException:
        release(path)
        raise


def release(path: Path) -> None:
    """End what ``claim`` began."""
    key = path.absolute()
    file, times = _HELD.pop(key)
    if times > 1:
        _HELD[key] = (file, times - 1)
    elif file is not None:
        beside(path, "lock").unlink(missing_ok=True)
        file.close()


def _locked(lock: Path, path: Path, wait: bool) -> IO[bytes] | None:
    try:
        import fcntl
    except ImportError:
        # no system but Unix has it; two runs at once are the person's to avoid there, as the documentation says
        return None
    until = time.monotonic() + (LONGEST_WAIT if wait else 0.0)
    while True:
        file = lock.open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # the run that held it takes its name away when it ends: then this is a lock on nothing
            if lock.exists() and os.path.samestat(os.fstat(file.fileno()), lock.stat()):
                return file
            file.close()
        except BlockingIOError:
            file.close()
            if time.monotonic() >= until:
                said = "another run writes there; let it end, or write another folder with out=..."
                raise LehrError(f"{path}: {said}") from None
            time.sleep(0.02)
        except BaseException:
            file.close()
            raise


def _clear(path: Path) -> None:
    """Remove what a killed run left of ``path``; where it was stopped between two renames, the earlier folder comes
    back."""
    old = beside(path, "old")
    if old.exists() and not path.exists():
        old.rename(path)
    kept = beside(path, "lock").name
    with os.scandir(path.parent) as entries:
        left = [e.path for e in entries if e.name.startswith(f".{path.name}.lehr-") and e.name != kept]
    for name in left:
        if os.path.isdir(name) and not os.path.islink(name):
            shutil.rmtree(name)
        else:
            os.unlink(name)


def exchange(one: Path, other: Path) -> bool:
    """Swap two paths in one step; false where the system or the file system cannot."""
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if sys.platform == "darwin":
            swapped = libc.renamex_np(os.fsencode(one), os.fsencode(other), ctypes.c_uint(2))
        else:
            here = ctypes.c_int(-100)  # AT_FDCWD
            swapped = libc.renameat2(here, os.fsencode(one), here, os.fsencode(other), ctypes.c_uint(2))
    except (OSError, AttributeError, TypeError):
        return False
    return bool(swapped == 0)
