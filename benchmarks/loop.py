"""Small runs that are really trained, a law of them, and a larger run forecast before it is trained.

    python -m benchmarks.loop [folder]

Networks of four widths are trained for three lengths each by ``lehr rehearse -m``, their losses on what was held out
are fitted by ``lehr fit``, and the loss of a network of 1.6 times the largest width that is trained for twice the
longest is forecast with the 95 % interval of a single run; then it is trained. Lines: the forecast, its interval, what
came, the error, and the CPU time. Where a folder is named, runs that stand there are not trained again. On a GPU the
runs of ``lehr design`` take the grid's place: ``lehr rehearse -m --config-dir outputs/design/mine scale=own ...``.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import lehr
from lehr.recipes.cli import dispatch

WIDTHS, LENGTHS = (32, 48, 64, 80), (100, 200, 400)
"""Features, and updates."""
LARGE = (128, 800)
COMMON = (
    "model=starcoder", "stages=[pt]", "n_layers=2", "sequence_length=128", "batch_tokens=1024", "least_updates=8",
    "peak=6e-3", "machine=false", "threads=1",
)  # fmt: skip


def rows(folder: Path) -> list[Path]:
    """The table of each run below ``folder``."""
    return sorted(folder.rglob("runs.csv"))


def main(folder: Path) -> None:
    """Train, fit, forecast, train the large one, compare."""
    began = time.process_time()
    widths, lengths = (",".join(map(str, v)) for v in (WIDTHS, LENGTHS))
    small = folder / "small"
    dispatch(["rehearse", "-m", *COMMON, f"d_model={widths}", f"updates={lengths}", f"out={small}"])
    tables = rows(small)
    fitted = lehr.fit(tables, law="chinchilla", name="loop", out=folder)
    law = fitted.law
    dispatch(["rehearse", *COMMON, f"d_model={LARGE[0]}", f"updates={LARGE[1]}", f"out={folder / 'large'}"])
    _, n, d, measured = rows(folder / "large")[0].read_text().splitlines()[1].split(",")
    forecast = float(law.loss(float(n), float(d)))
    low, high = (float(v) for v in law.intervals(float(n), float(d), run=True))
    print(f"{len(tables)} runs of up to {max(WIDTHS)} features and {max(LENGTHS)} updates")
    print(f"forecast for {float(n):,.0f} parameters, {float(d):,.0f} bytes: {forecast:.4f} ({low:.4f} to {high:.4f})")
    inside = low <= float(measured) <= high
    print(
        f"measured: {float(measured):.4f}, {float(measured) / forecast - 1:+.2%}; {'inside' if inside else 'OUTSIDE'}"
    )
    print(f"{time.process_time() - began:.0f} s of CPU")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with TemporaryDirectory() as made:
            main(Path(made))
