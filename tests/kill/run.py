"""``make kill``: verbs that write are killed at random moments; what is there then is the earlier output or the new.

    python -m tests.kill.run [kills] [seed]

A killed run is done again afterwards: its bytes are those of a run that nobody killed, and nothing else is left.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from lehr.recipes.cli import dispatch

FORK = multiprocessing.get_context("fork")
NOTE = "mine"

CONFIG = {"model_type": "llama", "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "vocab_size": 100,
          "num_attention_heads": 4, "max_position_embeddings": 128, "architectures": ["LlamaForCausalLM"]}  # fmt: skip

VERBS: dict[str, tuple[list[str], list[str], str]] = {
    "report": (["report", "model=santacoder"], ["report", "model=santacoder", "mfu=0.3"], "outputs/santacoder"),
    "plan": (["plan", "flops=1e22"], ["plan", "flops=2e22"], "outputs/plan/my_plan"),
    "sweep": (["report", "-m", "model=santacoder", "mfu=0.3,0.4"],) * 2 + ("outputs/multirun",),
    "explore": (["explore"], ["explore", "laws=[chinchilla]"], "outputs"),
    "compare": (["compare", "santacoder", "starcoder", "format=html"],) * 2 + ("outputs/compare",),
    "import": (["import", "path=config.json", "name=mine"],
               ["import", "path=config.json", "name=mine", "hf_id=a/b", "overwrite=true"], "my_conf/model"),
    "fit": (["fit", "data=runs.csv", "bootstrap=0", "starts=20", "forms=[]"],
            ["fit", "data=runs.csv", "bootstrap=0", "starts=30", "forms=[]"], "outputs/fit/runs"),
    "plan schedule": (["plan", "schedule", "steps=3000", "shapes=[linear]"],
                      ["plan", "schedule", "steps=4000", "shapes=[linear]"], "outputs/plan_schedule/multi_power_25m"),
    "check": (["check", "model=santacoder"], ["check", "model=starcoder"], "outputs/check"),
    "reference accept": (["reference", "reference=reference", "accept=first"],
                         ["reference", "reference=reference", "accept=second"], "."),
}  # fmt: skip
"""Verb to the command of the earlier output, that of the new one, and the folder of both."""


def inputs(folder: Path) -> None:
    """What the commands read."""
    (folder / "config.json").write_text(json.dumps(CONFIG))
    (folder / "CHANGELOG.md").write_text("# Changelog\n\n## Unreleased\n\n### Figures\n")
    loss = {(n, d): 1.8 + 420 / n**0.34 + 1900 / d**0.36 for n in (1e8, 2e8, 4e8, 8e8) for d in (1e9, 4e9, 1.6e10)}
    (folder / "runs.csv").write_text("n,d,loss\n" + "".join(f"{n},{d},{v}\n" for (n, d), v in loss.items()))


def child(folder: Path, words: list[str]) -> None:
    """A process that runs one command in ``folder``."""
    os.setsid()
    os.chdir(folder)
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    try:
        os._exit(dispatch(words))
    except BaseException as error:
        (folder / "broke.txt").write_text(repr(error))
        os._exit(9)


def started(folder: Path, words: list[str]) -> multiprocessing.process.BaseProcess:
    process = FORK.Process(target=child, args=(folder, words))
    process.start()
    return process


def state(folder: Path) -> dict[str, bytes]:
    """What a person sees: everything but names that are hidden, and a sweep's journal."""
    found = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in name.parts)
        if path.is_file() and not hidden and "journal" not in name.parts:
            found[str(name)] = path.read_bytes()
    return found


def leftovers(folder: Path) -> list[str]:
    """What no run that ended leaves."""
    return [str(p) for p in folder.rglob("*") if ".lehr-" in p.name or p.name in ("journal", "batches", "broke.txt")]


def prepared(root: Path, verb: str) -> tuple[Path, dict[str, bytes], dict[str, bytes], float]:
    """The earlier state's folder, that state, the new one, and how long the new command takes [s]."""
    first, second, where = VERBS[verb]
    earlier = root / f"{verb} earlier"
    earlier.mkdir()
    inputs(earlier)
    if verb == "reference accept":
        (earlier / "reference").mkdir()
        (earlier / "reference" / "gone.json").write_text("{}\n")
    elif verb != "sweep":
        started(earlier, first).join()
    (earlier / where).mkdir(parents=True, exist_ok=True)
    if verb != "sweep":
        (earlier / where / "notes.md").write_text(NOTE)
    new = root / f"{verb} new"
    shutil.copytree(earlier, new, symlinks=True)
    began = time.monotonic()
    started(new, second).join()
    took = time.monotonic() - began
    return earlier, state(earlier), state(new), took


def killed(
    root: Path, verb: str, known: tuple[Path, dict[str, bytes], dict[str, bytes], float], draw: random.Random
) -> str:
    """Kill one run; what is wrong afterwards, or nothing."""
    earlier, before, after, took = known
    folder = root / "now"
    shutil.copytree(earlier, folder, symlinks=True)
    process = started(folder, VERBS[verb][1])
    # half of the moments in the last part, in which files are written
    time.sleep(draw.uniform(0.0, took) if draw.random() < 0.5 else draw.uniform(0.7 * took, 1.1 * took))
    if process.is_alive() and process.pid:
        os.killpg(process.pid, signal.SIGKILL) if os.getpgid(process.pid) == process.pid else process.kill()
    process.join()
    seen = state(folder)
    said = ""
    if verb == "reference accept":
        # its two files, the changelog first
        parts = {name: content for name, content in seen.items() if name.startswith("reference/")}
        if parts not in [{n: c for n, c in s.items() if n.startswith("reference/")} for s in (before, after)]:
            said = "a mixture of references"
    elif seen not in (before, after):
        said = f"neither: {sorted({*seen} ^ {*after})[:5]}"
    started(folder, VERBS[verb][1]).join()
    if not said and (again := state(folder)) != after:
        said = f"the next run differs: {[n for n in {*again, *after} if again.get(n) != after.get(n)][:5]}"
    if not said and (left := leftovers(folder)):
        said = f"left: {left[:5]}"
    shutil.rmtree(folder)
    return said


def main(kills: int, seed: int) -> int:
    """1 where anything was wrong."""
    # what every run imports is imported once
    import lehr.recipes.exploring.page
    import lehr.recipes.report
    import lehr.recipes.sweeping.run  # noqa: F401

    draw = random.Random(seed)
    wrong = 0
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        known = {}
        for at in range(kills):
            verb = list(VERBS)[at % len(VERBS)]
            if verb not in known:
                known[verb] = prepared(root, verb)
                assert known[verb][1] != known[verb][2] or verb in ("compare",), verb
            if said := killed(root, verb, known[verb], draw):
                wrong += 1
                print(f"{verb}, kill {at}: {said}", flush=True)
    print(f"{kills} kills over {len(known)} verbs: {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 500, int(sys.argv[2]) if len(sys.argv) > 2 else 0))
