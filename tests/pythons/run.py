"""``make pythons``: every verb under Python 3.11 to 3.14, to the same bytes.

    python -m tests.pythons.run [interpreters ...]

Interpreters are this one, those on the PATH and those that LEHR_PYTHONS names (with colons between); one that lacks a
package that Lehr needs is named, and left out: `python3.14 -m venv there && there/bin/pip install -c constraints.txt .`
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

VERSIONS = ("3.11", "3.12", "3.13", "3.14")
ROOT = Path(__file__).parents[2]
NEEDED = "hydra, jinja2, matplotlib, msgspec, numpy, optuna, pyarrow, tqdm"
MORE = (
    "count model=deepseek_v3 sequence_length=131072 batch=32 rank=8",
    "models kind=moe",
    "find name=stack",
    "cite deepseek_v3",
    "check format=json",
    "compare deepseek_v3 kimi_k2 llama_3_1_405b format=json",
    "cost model=llama_3_1_405b format=json",
    "fit data=runs.csv law=best format=json",
    "layout model=deepseek_v3 cluster=deepseek_h800 layout=published format=json",
    "plan days=30 devices=512 usd=2e6 size=7e9..15e9 network=either format=json",
    "report model=deepseek_v3 format=json",
    "report model=llama_3_1_405b",
    "report -m 'model=glob(*)' law=besiroglu,chinchilla",
    "report -m model=starcoder 'mfu=range(0.2,0.7,0.0005)'",
    "rollout model=deepseek_v3 accelerator=h800 devices=512 generators=best behind=1 format=json",
)
"""Beside those of every verb, which write."""


def everything(folder: Path) -> None:
    """Run all commands in ``folder``; what they print stands there too."""
    from lehr.recipes.cli import dispatch
    from tests.commands import COMMANDS, FURTHER, NEEDS, inputs

    of_verbs = [c[:2] for verb, c in {**COMMANDS, **FURTHER}.items() if c and verb not in NEEDS]
    for number, commands in enumerate([*of_verbs, *((words,) for words in MORE)]):
        here = folder / f"{number:02d} {commands[0].split('=')[0]}"
        here.mkdir()
        inputs(here)
        os.chdir(here)
        for words in commands:
            with Path("printed.txt").open("a", encoding="utf-8") as file, contextlib.redirect_stdout(file):
                status = dispatch(shlex.split(words))
            if status not in (0, 1):
                raise RuntimeError(f"lehr {words}: exit status {status}")


def found(given: list[str]) -> dict[str, str]:
    """An interpreter of each version that has what Lehr needs; the others are named."""
    named = [*given, sys.executable, *os.environ.get("LEHR_PYTHONS", "").split(os.pathsep)]
    tried = [path for path in [*named, *(shutil.which(f"python{v}") for v in VERSIONS)] if path]
    has: dict[str, str] = {}
    for path in tried:
        version = said_by(path, "import sys; print('%d.%d' % sys.version_info[:2])")
        if version in has or version not in VERSIONS:
            continue
        if said_by(path, f"import {NEEDED}; print()") is None:
            print(f"{path}: Python {version}, and not all of {NEEDED}")
        else:
            has[version] = path
    for version in set(VERSIONS) - set(has):
        print(f"Python {version}: none found that has what Lehr needs; LEHR_PYTHONS names further ones")
    return {version: has[version] for version in VERSIONS if version in has}


def said_by(python: str, code: str) -> str | None:
    """What ``code`` prints, or ``None`` where it fails."""
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def main() -> int:
    """1 where versions differ, or fewer than two were compared."""
    if sys.argv[1:2] == ["--all-in"]:
        everything(Path(sys.argv[2]))
        return 0
    pythons, known, wrong = found(sys.argv[1:]), dict[str, bytes](), 0
    for version, path in pythons.items():
        with tempfile.TemporaryDirectory(prefix="lehr_") as name:
            # paths are printed: every version works in the same folder
            folder = Path(name).with_name("lehr_pythons")
            folder.mkdir()
            try:
                env = {**os.environ, "PYTHONPATH": str(ROOT)}
                subprocess.run(
                    [path, "-m", "tests.pythons.run", "--all-in", str(folder)], env=env, cwd=ROOT, check=True
                )
                files = {
                    str(p.relative_to(folder)): p.read_bytes()
                    for p in folder.rglob("*")
                    if p.is_file() and "texts" not in p.parts
                }
            finally:
                shutil.rmtree(folder)
        known = known or files
        differ = sorted(n for n in {*known, *files} if known.get(n) != files.get(n))
        wrong += len(differ)
        print(f"Python {version}: {len(files)} files, {len(differ)} that differ {differ[:20] or ''}", flush=True)
    return 1 if wrong or len(pythons) < 2 else 0


if __name__ == "__main__":
    sys.exit(main())
