"""What pip installs: one name on the top level, and a command that needs nothing of the repository."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("hatchling", reason="builds the wheel as pip does")
ROOT = Path(__file__).parents[2]


def build(target: str, source: Path, into: Path) -> Path:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(into)],
        cwd=source, check=True, capture_output=True,
    )  # fmt: skip
    (built,) = into.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, unpacked as pip does it."""
    folder = tmp_path_factory.mktemp("site")
    zipfile.ZipFile(wheel).extractall(folder)
    return folder


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder of someone's own, with packages that are called like our folders."""
    for name in ("recipes", "simulators", "conf", "tests"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise ImportError('another package of this name')\n")
    return tmp_path


def run(site: Path, elsewhere: Path, *words: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, *words], cwd=elsewhere, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_puts_one_name_on_the_top_level(wheel: Path) -> None:
    tops = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert tops == {"lehr", next(top for top in tops if top.endswith(".dist-info"))}


def test_the_wheel_holds_every_file_of_the_packages(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    listed = subprocess.run(
        ["git", "ls-files", "recipes", "simulators", "conf"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("no repository of git to list")
    assert {f"lehr/{name}" for name in listed.stdout.splitlines()} - held == set()


@pytest.mark.slow
def test_a_wheel_of_the_source_distribution_is_the_same(wheel: Path, tmp_path: Path) -> None:
    with tarfile.open(build("sdist", ROOT, tmp_path / "sdist")) as archive:
        archive.extractall(tmp_path / "source", filter="data")
    (source,) = (tmp_path / "source").iterdir()
    again = build("wheel", source, tmp_path / "again")
    assert set(zipfile.ZipFile(again).namelist()) == set(zipfile.ZipFile(wheel).namelist())


def test_the_library_is_the_installed_one_in_any_folder(site: Path, elsewhere: Path) -> None:
    code = "import lehr; print(lehr.__file__); print(lehr.__version__); print(lehr.count('santacoder')['model'])"
    where, version, model = run(site, elsewhere, "-c", code).splitlines()
    assert Path(where).is_relative_to(site)
    assert (version, model) == ("0.1.0", "santacoder")


@pytest.mark.slow
def test_the_command_reports_in_any_folder(site: Path, elsewhere: Path) -> None:
    said = run(site, elsewhere, "-m", "lehr", "report", "model=santacoder")
    assert said.startswith("outputs/santacoder/report.html")
    assert (elsewhere / "outputs" / "santacoder" / "report.html").stat().st_size > 10_000
