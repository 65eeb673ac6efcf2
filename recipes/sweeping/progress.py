"""How far a sweep is: a bar with an estimate on a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

FEW = 100
"""Fewer jobs are done before a line about them is read."""


@contextmanager
def progress(total: int, done: int) -> Iterator[Callable[[str], None]]:
    """Within this, the function given is called after every job with what tells the job from the others."""
    if sys.stderr.isatty():
        from tqdm import tqdm

        with tqdm(total=total, initial=done, unit="job", file=sys.stderr, dynamic_ncols=True) as bar:

            def step(job: str) -> None:
                bar.set_postfix_str(job[:40], refresh=False)
                bar.update()

            yield step
        return
    # ten lines for the whole, so that a log stays a log
    every = max(1, total // 10)
    count = done

    def line(job: str) -> None:
        nonlocal count
        count += 1
        if total >= FEW and (count % every == 0 or count == total):
            print(f"{count:,} of {total:,} jobs", file=sys.stderr, flush=True)

    yield line
