"""A small command of every verb, for the tests that range over all of them, and what the commands read."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import NamedTuple

from lehr.recipes.catalogue.files import CONF


class Command(NamedTuple):
    """Two commands of one verb that write the same folder."""

    first: str
    second: str
    seen: str = "."
    """The file or folder that both write, from where they run; others are their inputs."""


REHEARSE = (
    "rehearse model=santacoder corpus=texts d_model=16 n_layers=1 sequence_length=32 batch_tokens=256 updates=20 "
    "'stages=[pt]' machine=false name=ours device=cpu threads=1"
)

COMMANDS: dict[str, Command | None] = {
    "calibrate": Command(
        "calibrate table=speeds.csv name=ours",
        "calibrate table=more_speeds.csv name=ours overwrite=true",
        "my_conf",
    ),
    "check": Command("check model=santacoder", "check model=starcoder", "outputs"),
    "cite": None,
    "cost": Command("cost model=santacoder page=true runs=100", "cost model=santacoder page=true runs=200", "outputs"),
    "compare": Command(
        "compare santacoder starcoder format=html",
        "compare starcoder santacoder format=html",
        "outputs",
    ),
    "count": None,
    "design": Command(
        "design budget=2e21 target=1e24 runs=12 name=ours",
        "design budget=1e21 target=1e24 runs=12 name=ours",
        "outputs",
    ),
    "explore": Command("explore laws=[gadre_c4]", "explore laws=[chinchilla]", "outputs"),
    "export": Command(
        "export model=santacoder to=trl 'stages=[pt]'", "export model=santacoder to=trl 'stages=[pt]' seed=2", "outputs"
    ),
    "export-data": Command("export-data out=data", "export-data --config-dir conf out=data", "data"),
    "find": None,
    "fit": Command(
        "fit data=runs.csv bootstrap=0 starts=20 forms=[]",
        "fit data=runs.csv bootstrap=0 starts=30 forms=[]",
        "outputs",
    ),
    "import": Command(
        "import path=config.json name=mine", "import path=config.json name=mine hf_id=a/b overwrite=true", "my_conf"
    ),
    "import list": None,
    "layout": Command(
        "layout model=santacoder accelerator=h100_sxm devices=8 page=true",
        "layout model=santacoder accelerator=h100_sxm devices=16 page=true",
        "outputs",
    ),
    "models": None,
    "plan": Command("plan flops=1e22 name=ours", "plan flops=2e22 name=ours", "outputs"),
    "plan schedule": Command(
        "plan schedule steps=3000 shapes=[linear]", "plan schedule steps=4000 shapes=[linear]", "outputs"
    ),
    "reference": Command("reference reference=reference", "reference reference=reference accept=second", "reference"),
    "rehearse": Command(f"{REHEARSE} seed=1", f"{REHEARSE} seed=2 overwrite=true", "outputs"),
    "report": Command("report model=santacoder", "report model=santacoder mfu=0.3", "outputs"),
    "rollout": Command("rollout page=true", "rollout page=true devices=128", "outputs"),
    "track": Command(
        "track log=log.csv law=multi_power_25m picture=true 'schedule={kind: cosine, peak: 3e-4, steps: 4000}'",
        "track log=longer/log.csv law=multi_power_25m picture=true 'schedule={kind: cosine, peak: 3e-4, steps: 4000}'",
        "outputs",
    ),
}
"""By verb; ``None`` for one that writes nothing."""

NEEDS = {"rehearse": "torch"}
"""By verb: a package that it takes beside those of every installation."""

FURTHER: dict[str, Command] = {
    "sweep": Command("report -m model=santacoder mfu=0.2,0.3", "report -m model=santacoder mfu=0.3,0.4", "outputs"),
    "sweep of another verb": Command("plan -m flops=1e22,2e22", "plan -m flops=1e22,2e22", "outputs"),
}
"""What verbs write otherwise."""

CONFIG = {
    "model_type": "llama",
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "vocab_size": 100,
    "num_attention_heads": 4,
    "max_position_embeddings": 128,
    "architectures": ["LlamaForCausalLM"],
}

SPEEDS = (
    "model,accelerator,devices,sequence_length,tp,pp,dp,micro_batch,global_batch,precision,tokens_per_second,source"
)


def inputs(folder: Path) -> None:
    """Write what the commands read."""
    (folder / "config.json").write_text(json.dumps(CONFIG))
    (folder / "MOVED.md").write_text("# Moved\n\n## Unreleased\n\n### Figures\n")
    (folder / "reference").mkdir()
    (folder / "reference" / "gone.json").write_text('{"model": "gone", "totals.flops": 1}\n')
    losses = {(n, d): 1.8 + 420 / n**0.34 + 1900 / d**0.36 for n in (1e8, 2e8, 4e8, 8e8) for d in (1e9, 4e9, 1.6e10)}
    (folder / "runs.csv").write_text("n,d,loss\n" + "".join(f"{n},{d},{v}\n" for (n, d), v in losses.items()))
    speeds = [
        f"{model},h100_sxm,{8 * tp * pp},4096,{tp},{pp},8,1,{64 * pp},bf16,{700_000 * tp * pp / size:.0f},{model}"
        for model, size in (("llama_2_7b", 7), ("llama_2_13b", 13))
        for tp, pp in ((1, 1), (2, 1), (4, 1), (2, 2))
    ]
    (folder / "speeds.csv").write_text("\n".join([SPEEDS, *speeds[:-1]]) + "\n")
    (folder / "more_speeds.csv").write_text("\n".join([SPEEDS, *speeds]) + "\n")
    rows = [f"{step},{3 + 20 / math.sqrt(step):.4f}\n" for step in range(100, 3000, 20)]
    (folder / "longer").mkdir()
    (folder / "log.csv").write_text("step,loss\n" + "".join(rows[:100]))
    (folder / "longer" / "log.csv").write_text("step,loss\n" + "".join(rows))
    (folder / "texts").mkdir()
    for number in range(400):
        (folder / "texts" / f"{number}.txt").write_text(f"the {number}th of four hundred texts says little; " * 16)
    (folder / "conf" / "model").mkdir(parents=True)
    own = (CONF / "model" / "santacoder.yaml").read_text(encoding="utf-8").replace("name: santacoder", "name: mine")
    (folder / "conf" / "model" / "mine.yaml").write_text(own)


def content(path: Path) -> bytes:
    """The bytes of a file, of a rehearsal's answer without what was measured with a clock."""
    if path.name != "rehearsal.json":
        return path.read_bytes()
    body = json.loads(path.read_text(encoding="utf-8"))
    return json.dumps({key: value for key, value in body.items() if key not in ("seconds", "speed")}).encode()
