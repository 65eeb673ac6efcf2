"""Imports go one way: simulators know nothing of files, Hydra, YAML or plots; a count does not pay for numpy."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FORBIDDEN_BELOW = {
    "hydra", "omegaconf", "yaml", "matplotlib", "jinja2", "pyarrow", "tqdm", "optuna",
    "pathlib", "io", "os", "json",
}  # fmt: skip
SIMULATORS = sorted((ROOT / "simulators").rglob("*.py"))
ALL = SIMULATORS + sorted((ROOT / "recipes").rglob("*.py"))


def imported(path: Path, *, top_level: bool) -> set[str]:
    tree = ast.parse(path.read_text())
    nodes = tree.body if top_level else list(ast.walk(tree))
    names = {alias.name for n in nodes if isinstance(n, ast.Import) for alias in n.names}
    return {n.split(".")[0] for n in names | {n.module or "" for n in nodes if isinstance(n, ast.ImportFrom)}}


@pytest.mark.parametrize("path", SIMULATORS, ids=lambda p: str(p.relative_to(ROOT)))
def test_simulators_touch_no_file_and_no_configuration(path: Path) -> None:
    assert not imported(path, top_level=False) & FORBIDDEN_BELOW


@pytest.mark.parametrize("path", ALL, ids=lambda p: str(p.relative_to(ROOT)))
def test_heavy_packages_are_imported_only_where_used(path: Path) -> None:
    assert not imported(path, top_level=True) & {"torch", "transformers", "scipy"}


@pytest.mark.parametrize("path", ALL, ids=lambda p: str(p.relative_to(ROOT)))
def test_nothing_imports_what_hydra_keeps_to_itself(path: Path) -> None:
    assert "hydra._internal" not in path.read_text()


@pytest.mark.parametrize("path", ALL, ids=lambda p: str(p.relative_to(ROOT)))
def test_modules_stay_small(path: Path) -> None:
    lines = len(path.read_text().splitlines())
    assert lines <= 400, f"{path.relative_to(ROOT)} has {lines} lines: a family in one file; make it a folder"


def test_counting_loads_no_heavy_package() -> None:
    heavy = "{'numpy', 'torch', 'hydra', 'yaml'}"
    code = f"import sys, lehr.simulators.counting; print(*sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == ""


def test_the_command_that_counts_loads_no_heavy_package() -> None:
    heavy = "{'numpy', 'scipy', 'torch', 'matplotlib', 'jinja2', 'pyarrow', 'tqdm'}"
    code = f"""import sys; from lehr.recipes.cli import main; sys.argv = ["lehr", "count", "model=santacoder"]
try:
    main()
finally:
    print("heavy:", *sorted({heavy} & set(sys.modules)))"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert "KV cache" in done.stdout
    assert done.stdout.splitlines()[-1].strip() == "heavy:"
