"""Command lines that are almost right, for every verb: settings with strange values, strange keys, Hydra's grammar."""

# ruff: noqa: E501  (values stand as they would be written)

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import random
import shlex
import shutil
import signal
import time
import traceback
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from lehr.recipes.catalogue.files import CONF
from lehr.recipes.catalogue.yaml import load_yaml
from lehr.recipes.cli import file_of, main
from tests.commands import COMMANDS, NEEDS

SLOWEST = 10.0
"""A command that is refused takes at most [s of this process]."""

LIMIT = 60
"""A command that is understood may compute for as long [s]; whoever asks for much may wait."""

BASES = {
    verb: command.first
    for verb, command in COMMANDS.items()
    if command and (verb not in NEEDS or importlib.util.find_spec(NEEDS[verb]))
} | {
    "calibrate": "calibrate table=speeds.csv fit=false",
    "cite": "cite santacoder",
    "compare": "compare santacoder starcoder",
    "count": "count model=santacoder",
    "find": "find name=muon",
    "import list": "import list",
    "models": "models kind=moe",
    "sweep": "report -m model=santacoder mfu=0.3,0.4",
    "sweep of counts": "count -m model=santacoder,starcoder",
}
"""What is damaged: a small command of each verb."""

SELDOM = ("explore", "check", "export-data", "reference", "rehearse")
"""Verbs that go through the whole catalogue, or train; one line in ten."""

VALUES = [
    "", "0", "-1", "1e-300", "1e30", "1e300", "1e308", "1e999", "9223372036854775808", "-9223372036854775809", "9" * 400, "nan",
    "inf", "-inf", "null", "~", "true", "???", "''", "' '", "a", "é", "\U0001f600", "a" * 300, "../x", "/", "/dev/null", ".", "..", "CON",
    "NUL", "con.txt", "a/b", "\t", "\n", "[]", "{}", "[[]]", "[,]", "[1", "{a", "{a:1}", "{a:{b:{c:[1,2]}}}", "[" * 60, "1,2", "1:2",
    "0x10", "1_000", "0.1.2", "1e", "e1", "--", "-", "=", "a=b", "${x}", "${oc.env:HOME}", "${oc.env:NOPE}", "${now:%Y}", "${", "$",
    "\\", "'", '"', "\\'", "*", "glob(*)", "glob(", "range(1)", "range(0,1e12)", "range(1,0)", "choice()", "choice(a", "interval(1)",
    "sort(1)", "shuffle(1,2)", "str(1)", "int(a)", "float(a)", "json_str(a)", "extend_list(1)", "<script>", "&a [*a]", "!!int 1",
    "2020-01-01", "bf16", "starcoder", "santacoder", "chinchilla", "multi_power_25m", "h100_sxm", "0.5", "8", "1e9", "1e22",
]  # fmt: skip

KEYS = [
    "", ".", "..", "a", "é", "a.b.c", "model.", ".model", "model..name", "model.architecture", "model.name", "model.kind",
    "model.architecture.d_model", "model.architecture.layers.0.repeat", "model.architecture.layers.9", "recipe", "recipe.order",
    "recipe.stages.pt.tokens", "recipe.stages.pt.steps", "recipe.stages.pt.schedule", "recipe.stages.pt.batch.sequences",
    "recipe.stages.pt.hardware.count", "recipe.stages.nope.tokens", "law", "law.alpha", "law.E", "accelerator",
    "accelerator.memory_bytes", "hydra", "hydra.run.dir", "hydra.mode", "hydra.verbose", "hydra.callbacks.x._target_", "hydra/launcher",
    "hydra/sweeper", "hydra.launcher", "hydra.searchpath", "model@x", "model@_global_", "model@a:b", "@", "@x", "/model", "//",
    "--config-name", "--config-dir", "--cfg", "--info", "--package", "--nope", "-x", "-", "_target_", "_x", "0", "None", "a-b", "a b", "'a'",
]  # fmt: skip

PREFIXES = ["", "", "", "", "", "+", "++", "~", "+++", "~~"]


@cache
def settings(verb: str) -> list[str]:
    """The settings and groups of a verb."""
    whole = load_yaml(CONF / f"{file_of(verb)}.yaml")
    groups = [key for entry in whole["defaults"] if isinstance(entry, dict) for key in entry]
    named = [str(key).removeprefix("optional ").removeprefix("override ") for key in groups]
    return [str(key) for key in whole if key not in ("defaults", "hydra", "follow", "prove")] + named


def command_line(draw: random.Random) -> list[str]:
    """A command with one to three things that nobody would write."""
    name = draw.choice(list(BASES))
    while name in SELDOM and draw.random() < 0.9:
        name = draw.choice(list(BASES))
    words = shlex.split(BASES[name])
    verb = next(v for v in sorted(COMMANDS, key=len, reverse=True) if [*v.split()] == words[: len(v.split())])
    known = settings(verb)
    for _ in range(draw.randint(1, 3)):
        key = draw.choice(known) if draw.random() < 0.7 else draw.choice(KEYS)
        value = draw.choice(VALUES)
        match draw.randint(0, 9):
            case 0:
                word = draw.choice(PREFIXES) + key
            case 1:
                word = value
            case 2:
                word = f"{key}={value},{draw.choice(VALUES)}"
            case 3:
                word = damaged_text(f"{key}={value}", draw)
            case _:
                word = f"{draw.choice(PREFIXES)}{key}={value}"
        words.insert(draw.randint(len(verb.split()), len(words)), word)
    if draw.random() < 0.1:
        at = draw.randrange(len(words))
        words[at] = damaged_text(words[at], draw)
    return words


def damaged_text(text: str, draw: random.Random) -> str:
    at = draw.randint(0, len(text))
    return text[:at] + draw.choice(["", "=", ",", "[", "'", "é", ".", " "]) + text[at + draw.randint(0, 2) :]


class TooLong(BaseException):
    """The command computes for longer than it may."""


@contextlib.contextmanager
def limited(seconds: int) -> Iterator[None]:
    def over(*_: object) -> None:
        raise TooLong

    before = signal.signal(signal.SIGPROF, over)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def broken_by(words: list[str], folder: Path) -> str | None:
    """What a command did otherwise than to answer or to be refused in one line. It runs in ``folder``, which holds the
    inputs, and is as before afterwards."""
    there = {*folder.rglob("*")}
    out, err = io.StringIO(), io.StringIO()
    status: object = None
    began = time.process_time()
    here, kept = os.getcwd(), [os.dup(1), os.dup(2)]
    os.chdir(folder)
    try:
        with (
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            warnings.catch_warnings(),
            limited(LIMIT),
        ):
            warnings.simplefilter("error")
            main(words)
    except SystemExit as done:
        status = done.code
    except TooLong:
        return f"more than {LIMIT} s"
    except BaseException:
        return traceback.format_exc()
    finally:
        os.chdir(here)
        # a command whose output breaks lets the stream go nowhere
        for number, saved in enumerate(kept, 1):
            os.dup2(saved, number)
            os.close(saved)
        written = [path for path in folder.rglob("*") if path not in there]
        for path in written:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
    several = bool({"-m", "--multirun"} & {*words}) or "hydra.mode" in str(words)
    return wrong(status, err.getvalue(), time.process_time() - began, written, several)


def wrong(status: object, said: str, took: float, written: list[Path], several: bool) -> str | None:
    """What is wrong with how a command ended; one of several jobs has a line for each that is refused."""
    lines = said.splitlines()
    if status not in (0, 1, 2) or "Traceback" in said or "Warning" in said:
        return f"status {status}: {said}"
    if status == 2 and not (
        lines and all(line.startswith("lehr: ") for line in lines) and (several or len(lines) == 1)
    ):
        return f"status 2, and not one line: {said}"
    if status == 2 and written and not several:
        return f"refused, and wrote {written[:3]}"
    return f"refused after {took:.0f} s" if status == 2 and took > SLOWEST else None
