"""Every public run at hand whose loss was logged along its schedule, by set: 25M and 100M models of the multi-power
law's authors (Luo et al., arXiv:2503.12811), 124M models of Schaipp et al. (arXiv:2501.18965)."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from lehr.recipes.reading import LogReading, read_runs
from lehr.simulators.laws.curves.runs import LoggedRun
from tests.data import DATA
from tests.published.luo_curves import HELD_OUT, TRAINED_ON, WARM_UP

DIVERGED = "lr0p005"
"""In the name of the one run that diverges."""


def validation_runs() -> dict[str, dict[str, LoggedRun]]:
    """Set to name to run; a set that is not at hand is left out. A cool-down's log begins where it branches off."""
    sets: dict[str, dict[str, LoggedRun]] = {}
    for size in ("25", "100"):
        folder = DATA / "mpl_loss_curves" / f"csv_{size}"
        paths = [folder / f"{name}.csv" for name in (*TRAINED_ON, *HELD_OUT)]
        if folder.is_dir():
            sets[f"{size}M"] = _read(paths, LogReading(warmup_steps=WARM_UP))
    folder = DATA / "schaipp_124m" / "validation"
    if folder.is_dir():
        sets["124M"] = _read([p for p in sorted(folder.glob("*.csv")) if DIVERGED not in p.name], LogReading())
    return sets


def training_runs() -> dict[str, LoggedRun]:
    """The training logs of the 124M models, whose rows scatter by 4 %; a cool-down with the rows before its branch."""
    folder = DATA / "schaipp_124m" / "training"
    return whole(_read(sorted(folder.glob("*.csv")), LogReading())) if folder.is_dir() else {}


def whole(runs: dict[str, LoggedRun]) -> dict[str, LoggedRun]:
    """Each cool-down with the rows of the constant run that it branched off, where that is at hand."""
    out = {}
    for name, one in runs.items():
        run = one
        trunk = next((t for n, t in runs.items() if "wsd_linear0_" in n and _rate(n) == _rate(name)), None)
        first = int(run.steps[0])
        if "wsd" in name and trunk is not None and trunk is not run and first > 1000:
            early = trunk.steps < first
            rates = run.rates.copy()
            rates[:first] = trunk.rates[:first]
            run = msgspec.structs.replace(
                run,
                steps=np.concatenate([trunk.steps[early], run.steps]),
                loss=np.concatenate([trunk.loss[early], run.loss]),
                rates=rates,
            )
        out[name] = run
    return out


def _rate(name: str) -> str:
    return next((part for part in name.split("_") if part.startswith("lr")), "")


def _read(paths: list[Path], reading: LogReading) -> dict[str, LoggedRun]:
    return {one.run.name: one.run.after_warm_up() for one in read_runs([str(p) for p in paths], reading)}
