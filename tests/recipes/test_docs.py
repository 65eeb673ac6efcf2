"""The documentation says what is so: its commands compose, and its reference is made from the configs."""

from __future__ import annotations

import re
import shlex
import shutil
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest

from lehr.recipes.cli import VERBS, dispatch, file_of
from lehr.recipes.composing.manual import manual
from lehr.recipes.sweeping.arguments import take_apart

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
REFUSED = ("lehr count deepsek_v3",)
"""Commands that are shown for what they are refused with."""


def commands() -> list[str]:
    """Every command in a block of code."""
    found = []
    for page in PAGES:
        for block in re.findall(r"```(?:sh|bash)\n(.*?)```", page.read_text(), re.DOTALL):
            found += [line.strip().removeprefix("$ ") for line in block.splitlines()]
    told = dict.fromkeys(" ".join(line.split()) for line in found if line.startswith("lehr "))
    return [line for line in told if line not in REFUSED and not line.startswith("lehr calibrate")]


@pytest.fixture(scope="module")
def hooks() -> ModuleType:
    import sys

    sys.path.insert(0, str(ROOT / "docs"))
    try:
        return import_module("hooks")
    finally:
        sys.path.pop(0)


def test_the_commands_are_found() -> None:
    assert len(commands()) > 40


@pytest.mark.slow
@pytest.mark.parametrize("command", commands())
def test_a_command_of_the_docs_is_understood(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = shlex.split(command, comments=True)[1:]
    # what an earlier command would have written, or a person has
    for name, group in (("mine", "model"), ("my_plan", "model"), ("my_plan", "recipe")):
        folder = tmp_path / ("my_conf" if name == "mine" else "outputs/plan/my_plan") / group
        folder.mkdir(parents=True, exist_ok=True)
        text = (ROOT / "conf" / group / "starcoder.yaml").read_text()
        (folder / f"{name}.yaml").write_text(text.replace("name: starcoder\n", f"name: {name}\n"))
    for word in words:
        key, _, path = word.partition("=")
        if key in ("law", "accelerator") and path.endswith(".yaml"):
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            kept = "besiroglu" if words[0] == "report" else "multi_power_25m"
            shutil.copy(ROOT / "conf" / key / f"{kept if key == 'law' else 'h100_sxm'}.yaml", path)
    if "-m" in words:
        # a sweep shows no configuration; what all of its jobs share composes, and what varies is read
        given = take_apart(words[1:])
        assert given is not None
        assert given.each or any("experiment" in word for word in given.base)
        words = [words[0], *given.base]
    assert dispatch([*words, "--cfg", "job"]) == 0
    assert "out: " in capsys.readouterr().out


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
