"""``make fuzz``: damaged files at every decoder, then command lines that nobody would write; what breaks one is kept.

    python -m tests.fuzz.run [files] [command lines] [seconds] [first seed]

A run ends after so many, or after so many seconds; it says how many there were.
"""

from __future__ import annotations

import random
import resource
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path

from lehr.recipes.errors import LehrError
from tests.commands import inputs
from tests.fuzz.commands import broken_by, command_line
from tests.fuzz.decoders import SEEDS, damaged

SLOWEST = 10.0
"""A file takes at most [s]."""

MOST_MEMORY = 1 << 20
"""The process takes at most [KiB]."""

SHOWN = 300
"""Of what broke, so many of the last characters tell one kind from others."""


def broken(kind: str, content: bytes, folder: Path) -> str | None:
    """What a decoder did otherwise than to read ``content`` or to refuse it in one line."""
    name, _, read = SEEDS[kind]
    path = folder / name
    path.write_bytes(content)
    began = time.process_time()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            read(path)
    except LehrError as error:
        if "\n" in str(error):
            return f"an error of several lines: {error}"
    except Exception:
        return traceback.format_exc()
    finally:
        path.unlink()
    if (took := time.process_time() - began) > SLOWEST:
        return f"{took:.1f} s"
    return None


def files(count: int, until: float, first: int, failed: Counter[str]) -> int:
    """Damage so many files; how many there were until the time was over."""
    done = 0
    with tempfile.TemporaryDirectory() as folder:
        kinds = list(SEEDS)
        while done < count and time.monotonic() < until:
            kind, seed = kinds[done % len(kinds)], first + done // len(kinds)
            bad = damaged(SEEDS[kind][1], random.Random(f"{kind} {seed}"))
            done += 1
            if said := broken(kind, bad, Path(folder)):
                failed[said[-SHOWN:]] += 1
                if failed[said[-SHOWN:]] == 1:
                    kept = Path(tempfile.gettempdir()) / f"lehr_fuzz_{kind.replace(' ', '_')}_{seed}"
                    kept.write_bytes(bad)
                    print(f"{kind}, seed {seed}, {kept}:\n{said}", flush=True)
        if left := list(Path(folder).iterdir()):
            failed[f"files left: {left}"] += 1
    return done


def commands(count: int, until: float, first: int, failed: Counter[str]) -> int:
    """Run so many command lines; how many there were until the time was over."""
    done = 0
    with tempfile.TemporaryDirectory() as folder:
        inputs(Path(folder))
        while done < count and time.monotonic() < until:
            words = command_line(random.Random(f"command {first + done}"))
            done += 1
            if said := broken_by(words, Path(folder)):
                failed[said[-SHOWN:]] += 1
                if failed[said[-SHOWN:]] == 1:
                    print(f"{words}:\n{said}", flush=True)
    return done


def main(n_files: int, n_commands: int, seconds: float, first: int) -> int:
    """Run both; 1 where something broke."""
    until = time.monotonic() + seconds
    failed: Counter[str] = Counter()
    done = files(n_files, until, first, failed)
    # what is loaded for the commands is no file's doing
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{done:,} files of {n_files:,}: {len(failed)} kinds of failures, {sum(failed.values())} files")
    print(f"{peak / 1024:,.0f} MiB at most", flush=True)
    broke: Counter[str] = Counter()
    run = commands(n_commands, until, first, broke)
    print(f"{run:,} command lines of {n_commands:,}: {len(broke)} kinds of failures, {sum(broke.values())} lines")
    return 1 if failed or broke or peak > MOST_MEMORY else 0


if __name__ == "__main__":
    given = [float(word) for word in sys.argv[1:]]
    n_files, n_commands, seconds, first = [*given, *(100_000, 1_000, 3_600, 0)[len(given) :]]
    sys.exit(main(int(n_files), int(n_commands), seconds, int(first)))
