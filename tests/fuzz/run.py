"""``make fuzz``: damaged files at every decoder for so many seconds; the first that breaks one is kept.

python -m tests.fuzz.run [seconds] [first seed]
"""

from __future__ import annotations

import random
import resource
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path

from lehr.recipes.errors import LehrError
from tests.fuzz.decoders import SEEDS, damaged

SLOWEST = 10.0
"""A file takes at most [s]."""

MOST_MEMORY = 1 << 20
"""The process takes at most [KiB]."""


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


def main(seconds: float, first: int) -> int:
    """Run until the time is over; 1 where something broke."""
    until = time.monotonic() + seconds
    failed: dict[str, int] = {}
    count, seed = 0, first
    with tempfile.TemporaryDirectory() as folder:
        while time.monotonic() < until:
            for kind, (_, content, _read) in SEEDS.items():
                bad = damaged(content, random.Random(f"{kind} {seed}"))
                count += 1
                if said := broken(kind, bad, Path(folder)):
                    failed[said[-300:]] = failed.get(said[-300:], 0) + 1
                    if failed[said[-300:]] == 1:
                        kept = Path(tempfile.gettempdir()) / f"lehr_fuzz_{kind.replace(' ', '_')}_{seed}"
                        kept.write_bytes(bad)
                        print(f"{kind}, seed {seed}, {kept}:\n{said}", flush=True)
            seed += 1
        left = list(Path(folder).iterdir())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        f"{count:,} files, seeds {first} to {seed - 1}: {len(failed)} kinds of failures, {sum(failed.values())} files"
    )
    print(f"{peak / 1024:,.0f} MiB at most, {len(left)} files left")
    return 1 if failed or left or peak > MOST_MEMORY else 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 300.0, int(sys.argv[2]) if len(sys.argv) > 2 else 0))
