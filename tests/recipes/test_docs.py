"""The documentation says what is so: its commands run and print what it shows, its reference is made from the configs.

``LEHR_WRITE_GOLDEN=1 pytest -m slow tests/recipes/test_docs.py`` writes lines that moved into the pages; look at them.
"""

from __future__ import annotations

import difflib
import json
import math
import os
import re
import shlex
import shutil
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

from lehr.recipes.cli import VERBS, file_of
from lehr.recipes.composing.manual import manual
from tests.command import lehr
from tests.commands import inputs

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LEFT_OUT = "…"
"""In what a page shows: alone, lines that it leaves out; at the end of a line, the rest of it."""

STATUSES = {"lehr count deepsek_v3": {2}, "lehr track ": {0, 1}}
"""What a command, or all that begin so, may end with: refused; told that a run leaves its plan."""

ELSEWHERE = {
    "lehr calibrate": "measures this machine for minutes: tests/recipes/test_calibrate.py",
    "prove=true": "asks the trainer itself: make trainers",
    "follow=true": "waits for a run: tests/recipes/test_track.py",
    "corpus=./my_texts": "wants much code: tests/recipes/test_a_persons_files.py trains on a little",
    **{
        f"data={name}.csv": "a table of another kind: tests/recipes/test_fit_points.py"
        for name in ("epochs", "moe", "vocab", "evals")
    },
    "hydra/launcher=joblib": "makes processes of its own: tests/engines",
}
"""Commands that are not run here, whole or by one of their words, and where they are."""

TINY = "d_model=16 n_layers=1 sequence_length=32 batch_tokens=256 updates=20 machine=false device=cpu threads=1"
BOUNDED = {
    "lehr rehearse ": f"{TINY} overwrite=true",
    "lehr fit ": "bootstrap=20 starts=20",
    "lehr design ": "runs=12",
    "=int(interval": "trials=4",
}
"""Settings that keep a command short; nothing that a page shows depends on them."""


class Shown(NamedTuple):
    """A command of a page, and the lines that stand beneath it."""

    command: str
    lines: list[str]


def shown_by(page: Path) -> list[Shown]:
    """Every command in a block of code, in order."""
    found: list[Shown] = []
    for block in re.findall(r"```(?:sh|bash|console)\n(.*?)```", page.read_text(), re.DOTALL):
        for line in block.splitlines():
            if line.startswith(("$ ", "lehr ", "make ", "pip ")) and not line.startswith("lehr: "):
                found.append(Shown(line.removeprefix("$ "), []))
            elif found and line:
                found[-1].lines.append(line)
    return [one for one in found if one.command.startswith("lehr ")]


def prepared(folder: Path) -> None:
    """Write what a person who reads the pages has: models, logs, tables and an accelerator of their own."""
    inputs(folder)
    (own,) = re.findall(r"```yaml\n(name: mine.*?)```", (ROOT / "docs" / "guide.md").read_text(), re.DOTALL)
    (folder / "my_conf" / "model").mkdir(parents=True)
    (folder / "my_conf" / "model" / "mine.yaml").write_text(own)
    shutil.copy(ROOT / "conf" / "accelerator" / "h100_sxm.yaml", folder / "my_gpu.yaml")
    shutil.copytree(ROOT / "tests" / "recipes", folder / "my_texts", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(folder / "runs.csv", folder / "large.csv")

    def rate(step: int, floor: float = 0.1) -> float:
        cosine = floor + (1 - floor) * (1 + math.cos(math.pi * (step - 200) / 3800)) / 2
        return 3e-4 * (step / 200 if step < 200 else cosine)

    schedule = "steps: 4000\nschedule: {kind: cosine, peak: 3.0e-4, floor: 3.0e-5, warmup: {steps: 200}}\n"
    (folder / "schedule.yaml").write_text(schedule)
    # a run that was resumed at step 1,500 with a schedule that began again
    rows = [
        {"step": s, "loss": 2.9 + 6 / math.sqrt(s), "lr": rate(s if s < 1500 else s - 1500)}
        for s in range(20, 2400, 20)
    ]
    (folder / "run.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for name, floor in (("a", 0.1), ("b", 1.0), ("c", 0.3), ("d", 0.0)):
        lines = [
            f"{s},{2.9 + 6 / math.sqrt(s) + 200 * rate(s, floor):.5f},{rate(s, floor)}" for s in range(20, 4000, 20)
        ]
        (folder / f"{name}.csv").write_text("\n".join(["step,loss,lr", *lines]) + "\n")


def standing(word: str, folder: Path) -> None:
    """Put a law where a command takes it that another page's command would have written."""
    key, _, path = word.partition("=")
    if key == "law" and path.endswith(".yaml") and not (folder / path).exists():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        law = "besiroglu" if "runs" in path else "multi_power_25m"
        shutil.copy(ROOT / "conf" / "law" / f"{law}.yaml", folder / path)


def missing(lines: list[str], printed: list[str]) -> list[tuple[str, str]]:
    """Lines of a page that were not printed in that order, each with the nearest one that was."""
    found, at = [], 0
    for line in lines:
        if line == LEFT_OUT:
            continue
        # where the page leaves out a line's end, so much of what was printed is compared
        begins = line.removesuffix(LEFT_OUT).rstrip()
        printed_too = [said[: len(begins)] if line.endswith(LEFT_OUT) else said for said in printed]
        if begins in printed_too[at:]:
            at = printed_too.index(begins, at) + 1
            continue
        alike = [difflib.SequenceMatcher(None, begins, said).ratio() for said in printed_too[at:]]
        near = at + alike.index(max(alike)) if alike else len(printed)
        found.append((line, printed[near] if alike else ""))
        at = near + 1
    return found


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if shown_by(page)], ids=lambda page: page.name)
def test_the_commands_of_a_page_run_and_print_what_it_shows(page: Path, tmp_path: Path) -> None:
    prepared(tmp_path)
    text, wrong = page.read_text(), []
    for command, lines in shown_by(page):
        words = shlex.split(command, comments=True)
        bare = command.partition("  #")[0].strip()
        if any(bare == part or f" {part}" in bare for part in ELSEWHERE):
            continue
        if "rehearse" in bare and find_spec("torch") is None:
            continue
        for word in words:
            standing(word, tmp_path)
        more = [setting for part, settings in BOUNDED.items() if part in f"{bare} " for setting in settings.split()]
        done = lehr(*words[1:], *more, folder=tmp_path)
        if done.returncode not in next((ends for part, ends in STATUSES.items() if bare.startswith(part)), {0}):
            wrong.append(f"{command}: status {done.returncode}: {(done.stderr or done.stdout).strip()[-300:]}")
        printed = [line.rstrip() for line in (done.stdout + done.stderr).splitlines()]
        for line, near in missing(lines, printed):
            wrong.append(f"{command}: shows   {line!r}\n  printed {near!r}")
            if os.environ.get("LEHR_WRITE_GOLDEN"):
                kept = f"{near[: len(line) - 2].rstrip()} {LEFT_OUT}" if line.endswith(LEFT_OUT) else near
                text = text.replace(line, kept, 1)
    if os.environ.get("LEHR_WRITE_GOLDEN"):
        page.write_text(text)
    assert wrong == []


def test_a_line_that_is_not_printed_is_missed() -> None:
    printed = ["a 1", "b 2", "c 3"]
    assert missing(["a 1", "…", "c …"], printed) == []
    assert missing(["b 2", "a 1"], printed) == [("a 1", "c 3")]
    assert missing(["a 2 …", "b 2"], ["a 1 and more", "b 2"]) == [("a 2 …", "a 1 and more")]
    assert missing(["b 22"], printed) == [("b 22", "b 2")]


def test_the_commands_are_found() -> None:
    assert sum(len(shown_by(page)) for page in PAGES) > 60
    assert sum(len(one.lines) for one in shown_by(ROOT / "README.md")) > 30


@pytest.fixture(scope="module")
def hooks() -> ModuleType:
    import sys

    sys.path.insert(0, str(ROOT / "docs"))
    try:
        return import_module("hooks")
    finally:
        sys.path.pop(0)


def test_the_reference_has_every_verb_and_every_setting(hooks: ModuleType) -> None:
    text = hooks.verbs()
    for verb in VERBS:
        block = text.partition(f"## lehr {verb}\n")[2].partition("\n## lehr ")[0]
        page = manual(file_of(verb))
        assert all(f"| `{setting.key}` |" in block for setting in page.groups + page.settings), verb


def test_the_reference_has_every_law_layer_and_public_name(hooks: ModuleType) -> None:
    import lehr
    from lehr.recipes.catalogue.files import Catalogue

    pages = hooks.pages()
    assert all(f"| `{name}` |" in pages["laws"] for name in Catalogue().files("law"))
    assert all(f"| `{name}` |" in pages["accelerators"] for name in Catalogue().files("accelerator"))
    assert all(f"lehr.{name}" in pages["python"] for name in lehr.__all__ if not name.startswith("_"))
    assert "### MoE" in pages["parts"]


@pytest.mark.slow
@pytest.mark.skipif(find_spec("mkdocs") is None, reason="mkdocs is not installed: pip install 'lehr[docs]'")
def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    build(load_config(str(ROOT / "mkdocs.yml"), site_dir=str(tmp_path), strict=True))
    assert (tmp_path / "reference" / "verbs" / "index.html").is_file()
