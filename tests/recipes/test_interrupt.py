"""Ctrl-C while modules are imported, in the first half second of a command: quiet, status 130."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.command import ROOT

PRESSED = """
import os, signal, sys

class Finder:
    def find_spec(name, path=None, target=None):
        if name == MODULE:
            os.kill(os.getpid(), signal.SIGINT)

MODULE = sys.argv.pop(1)
sys.meta_path.insert(0, Finder)
from lehr.__main__ import command
command()
"""
"""The command, with Ctrl-C pressed when a module is first looked for."""


@pytest.mark.slow
@pytest.mark.parametrize(
    "module", ["lehr.recipes.cli", "lehr.recipes.errors", "hydra", "numpy", "lehr.recipes.verbs.track"]
)
def test_ctrl_c_while_modules_are_imported_is_quiet(module: str) -> None:
    command = [sys.executable, "-c", PRESSED, module, "track", "log=none.csv", "schedule={kind: cosine, peak: 1e-3}"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.slow
def test_without_ctrl_c_the_same_command_says_its_mistake() -> None:
    command = [sys.executable, "-c", PRESSED, "nothing", "track", "log=none.csv"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("lehr: ")
