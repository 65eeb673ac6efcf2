"""The package lives with others: torchtune, whose wheel has a top-level ``recipes`` too, and a folder of that name.

pip gets torchtune's wheel, its code alone; offline, and where pip has no wheel of it, these tests skip.
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.recipes.test_wheel import ROOT, build

pytestmark = pytest.mark.slow
TORCHTUNE = "torchtune==0.6.1"


@pytest.fixture(scope="module")
def torchtune(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its wheel."""
    folder = tmp_path_factory.mktemp("torchtune")
    got = pip("download", "--no-deps", "--dest", str(folder), TORCHTUNE, check=False)
    if got.returncode:
        pytest.skip(f"pip gets no {TORCHTUNE}: {got.stderr.strip().splitlines()[-1]}")
    (wheel,) = folder.glob("*.whl")
    return wheel


def pip(*words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "--timeout", "10", *words]
    return subprocess.run(command, capture_output=True, text=True, check=check, timeout=300)


@pytest.fixture(scope="module", params=["wheel", "sdist"])
def python(request: pytest.FixtureRequest, torchtune: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has what this one has, and in packages of its own ours, then torchtune."""
    folder = tmp_path_factory.mktemp(request.param)
    built = build(request.param, ROOT, folder / "dist")
    venv.create(folder / "venv", with_pip=False)
    python = folder / "venv" / "bin" / "python"
    # what ours needs, without another installation of ours: the checkout's own stands in a file of paths
    (purelib,) = (folder / "venv" / "lib").glob("python*/site-packages")
    needs = [path for path in sys.path if path.endswith("site-packages")]
    (purelib / "beside.pth").write_text("\n".join(needs) + "\n")
    for package in (built, torchtune):
        alone = ["--no-deps", "--no-build-isolation", "--ignore-installed", "--no-compile"]
        pip("--python", str(python), "install", *alone, str(package))
    return python


def run(python: Path, folder: Path, *words: str) -> str:
    """What a command of that Python prints in a folder."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME")}
    done = subprocess.run([str(python), *words], cwd=folder, env=kept, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_both_are_there_and_ours_runs_where_a_folder_has_its_name(python: Path, tmp_path: Path) -> None:
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "__init__.py").write_text("raise ImportError('another package of this name')\n")
    site = python.parents[1]
    where = "import lehr, importlib.util as u; print(lehr.__file__); print(u.find_spec('torchtune').origin)"
    assert all(Path(line).is_relative_to(site) for line in run(python, tmp_path, "-c", where).splitlines())
    theirs = run(python, site, "-c", "import importlib.util as u; print(u.find_spec('recipes').origin)")
    assert Path(theirs.strip()).is_relative_to(site)
    assert run(python, tmp_path, "-m", "lehr", "count", "santacoder").startswith("santacoder")
    said = run(python, tmp_path, str(python.parent / "lehr"), "report", "santacoder")
    assert said.startswith("outputs/santacoder/report.html")


def test_removing_torchtune_leaves_ours_whole(python: Path, tmp_path: Path) -> None:
    listed = "from importlib.metadata import files; print('\\n'.join(str(f.locate()) for f in files('lehr')))"
    ours = run(python, tmp_path, "-c", listed).splitlines()
    assert len(ours) > 1000
    pip("--python", str(python), "uninstall", "--yes", "torchtune")
    assert [path for path in ours if not Path(path).is_file()] == []
    assert run(python, tmp_path, "-m", "lehr", "count", "santacoder").startswith("santacoder")
