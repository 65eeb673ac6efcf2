"""Holding an export against the trainer itself: its own parser, scheduler and network, in its own Python."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from lehr.recipes.errors import LehrError
from lehr.recipes.exporting.result import Export, StageResult
from lehr.recipes.exporting.trainers import trainers
from lehr.recipes.presenting.files import write_folder

MOST_UPDATES = 2000
"""Of a stage, at which its rates are asked for; where phases begin and end are always among them."""

PATIENCE = 1800
"""How long a proof may take [s]; most of it is the trainer's own start."""

STEPS = ("Collecting", "Downloading", "Building", "Installing", "Successfully")
"""How lines of pip begin that say what it is at, where they cannot stand in one another's place."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was held against the trainer."""

    stage: str | None
    check: str
    ok: bool
    says: str = ""


def updates_asked(result: StageResult) -> list[int]:
    """Updates at which the trainer's rates are looked at: an even choice, and both sides of every change of phase."""
    n = result.stage.n_steps
    chosen = set(np.linspace(0, n - 1, min(n, MOST_UPDATES)).astype(int).tolist())
    position = 0
    for phase in result.exported.run.phases:
        position += phase.steps
        chosen |= {i for i in (position - 1, position, position + 1) if 0 <= i < n}
    return sorted(chosen)


def question(export: Export, megatron: str | None) -> dict[str, Any]:
    """What the trainer's side is asked."""
    stages = [
        {
            "name": result.stage.name,
            "files": list(result.exported.files),
            "after": result.exported.after,
            # by the trainer's own count
            "updates": [i + result.exported.counted_from for i in updates_asked(result)],
            "devices": result.stage.devices,
            "command": result.exported.command,
            "function": f"stage_{result.stage.number:02d}",
        }
        for result in export.stages
    ]
    return {"stages": stages, "config": "model" if "model/config.json" in export.files else None, "megatron": megatron}


def ask(export: Export, folder: Path, python: str, megatron: str | None = None) -> list[Verdict]:
    """Every verdict, by the trainer whose Python is ``python``, over the export that lies in ``folder``.

    Raises ``LehrError`` where the trainer has no proof, or is not there.
    """
    name = trainers()[export.trainer].prove
    if name is None:
        raise LehrError(f"prove: {export.title} cannot be asked here: {export.unproven}")
    if name == "megatron" and megatron is None:
        raise LehrError(
            "prove: Megatron-LM is no package; write megatron=<a checkout of it> and python=<one with torch>"
        )
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    with as_file(files("lehr.recipes.exporting") / "scripts" / f"prove_{name}.py") as script:
        try:
            done = subprocess.run(
                [python, str(script)],
                input=json.dumps(question(export, str(Path(megatron).resolve()) if megatron else None)),
                capture_output=True,
                text=True,
                encoding="utf-8",
                cwd=folder,
                timeout=PATIENCE,
                check=False,
                env={**clean, "CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1"},
            )
        except OSError as error:
            raise LehrError(
                f"python: {python} cannot be run ({error.strerror}); write the Python that has {export.package}"
            ) from error
        except subprocess.TimeoutExpired as error:
            raise LehrError(f"prove: {export.title} said nothing for {PATIENCE} s") from error
    answers = [json.loads(line[5:]) for line in done.stdout.splitlines() if line.startswith("lehr:")]
    verdicts = [verdict(export, answer) for answer in answers]
    if done.returncode or not verdicts:
        last = (done.stderr.strip().splitlines() or ["no word"])[-1]
        verdicts.append(Verdict(stage=None, check="runs", ok=False, says=last))
    return verdicts


def verdict(export: Export, answer: dict[str, Any]) -> Verdict:
    """What an answer means: rates are held against those that the export says, parameters against the count."""
    stage = answer.get("stage")
    if "rates" in answer:
        result = next(r for r in export.stages if r.stage.name == stage)
        asked = updates_asked(result)
        expected = result.exported.run.at(asked)
        off = float(np.max(np.abs(np.asarray(answer["rates"]) - expected))) / result.stage.curve.peak
        return Verdict(
            stage=stage, check=f"rates of {len(asked):,} updates", ok=off <= 1e-12, says=f"{off:.1g} of the peak"
        )
    if "parameters" in answer:
        same = answer["parameters"] == export.total
        return Verdict(
            stage=stage, check="parameters", ok=same, says=f"{answer['parameters']:,}, counted {export.total or 0:,}"
        )
    return Verdict(stage=stage, check=answer["check"], ok=answer["ok"], says=answer.get("says", ""))


def prove(export: Export, folder: Path, python: str | None, megatron: str | None) -> int:
    """Print every verdict, write them into ``export.json``, and return 1 where one is against the export."""
    verdicts = ask(export, folder, python or environment(export), megatron)
    for v in verdicts:
        place = f"{v.stage}: " if v.stage else ""
        print(f"{'proven' if v.ok else 'FAILS '}  {place}{v.check}{f' ({v.says})' if v.says else ''}")
    proven = all(v.ok for v in verdicts)
    body = json.loads((folder / "export.json").read_bytes())
    body |= {"proven": proven, "unproven_because": None, "verdicts": msgspec.to_builtins(verdicts)}
    proved = (json.dumps(body, indent=2, ensure_ascii=False) + "\n").encode()
    write_folder(folder, {**export.files, "export.json": proved})
    return 0 if proven else 1


def environment(export: Export) -> str:
    """The Python of an environment that has the trainer, made once below the user's cache.

    Raises ``LehrError`` where it cannot be made.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lehr" / "trainers"
    folder = cache / f"{export.trainer}-{export.version}".replace(" ", "_")
    python = folder / "bin" / "python"
    if (folder / "whole").is_file():
        return str(python)
    if "checkout" in export.package:
        raise LehrError(f"python: {export.title} is {export.package}; write python=<an environment that has it>")
    print(f"making an environment for {export.package}, once, in {folder} (some minutes)", file=sys.stderr)
    for words in (
        [sys.executable, "-m", "venv", str(folder)],
        [str(python), "-m", "pip", "install", "--progress-bar=off", "torch==2.13.0", *export.package.split()],
    ):
        if last := watched(words):
            raise LehrError(
                f"python: {export.package} cannot be installed ({last}); write python=<an environment that has it>"
            )
    (folder / "whole").write_text("")
    return str(python)


def watched(words: list[str]) -> str | None:
    """Run a command and show the line that it is at, with the seconds since it began; its last line where it failed."""
    began, last, width = time.perf_counter(), "no word", 0
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace") as job:
        assert job.stdout is not None
        for line in filter(None, map(str.strip, job.stdout)):
            last = line
            told = f"{time.perf_counter() - began:4.0f} s  {line[:100]}"
            if sys.stderr.isatty():
                # each over the one before
                print(f"\r{told:{width}}", end="", file=sys.stderr, flush=True)
                width = len(told)
            elif line.startswith(STEPS):
                print(told, file=sys.stderr, flush=True)
    if width:
        print(file=sys.stderr)
    return last if job.returncode else None
