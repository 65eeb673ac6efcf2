"""What is written beside a trainer's files: README, ``export.json``, the commands, and what the terminal shows."""

from __future__ import annotations

import json
import shlex
from importlib.metadata import version

import msgspec

from lehr.recipes.exporting.result import Export, StageResult
from lehr.recipes.exporting.stage import FOLDER, FOUND, ExportStage
from lehr.recipes.exporting.trainer import Network
from lehr.recipes.presenting.tables import short, text_table
from lehr.simulators.machine.failures import CHECKPOINT_BYTES


def files_beside(export: Export, network: Network) -> Export:
    """The export with all of its files."""
    files = {path: content for result in export.stages for path, content in result.exported.files.items()}
    if export.trainer == "torchtitan":
        files = torchtitan_module(export, files)
    if network.config is not None:
        files["model/config.json"] = (json.dumps(network.config, indent=2) + "\n").encode()
    files["launch.sh"] = launch(export).encode()
    files["slurm.sh"] = slurm(export).encode()
    files["export.json"] = (json.dumps(as_json(export), indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()
    files["README.md"] = readme(export).encode()
    return msgspec.structs.replace(export, files=files)


def torchtitan_module(export: Export, files: dict[str, bytes]) -> dict[str, bytes]:
    """One module with the functions of all stages, of which each stage's file has one."""
    path = "lehr_torchtitan/config_registry.py"
    parts = [result.exported.files[path].decode() for result in export.stages]
    head, _, _ = parts[0].partition("\ndef ")
    functions = ["\ndef " + part.partition("\ndef ")[2] for part in parts]
    return {**files, path: (head + "\n".join(functions)).encode()}


def command(result: StageResult) -> str:
    """The stage's command, quoted for a shell."""
    return shlex.join(result.exported.command)


def commands(result: StageResult) -> list[str]:
    """All that the stage runs, in order, quoted for a shell."""
    before, after = (list(map(shlex.join, words)) for words in (result.exported.before, result.exported.after))
    return [*before, command(result), *after]


def launch(export: Export) -> str:
    """A script that runs the stages one after another, each from what the one before left."""
    lines = [
        "#!/usr/bin/env bash",
        f"# {export.model} with {export.title} {export.version}: every stage, in order",
        "set -euo pipefail",
        'cd "$(dirname "$0")"',
        *ONCE,
        *(NEWEST if any(result.exported.resumes for result in export.stages) else []),
    ]
    if export.to_fill_in:
        named = "; ".join(f"{stage}: {gap.what}" for stage, gap in export.to_fill_in)
        lines += ["# take these two lines out once the stand-ins are your own",
                  f"echo {shlex.quote(f'fill in first: {named}')} >&2", "exit 2"]  # fmt: skip
    several = machines(export) > 1 and export.trainer != "verl"
    if several:
        names = " ".join(result.stage.name for result in export.stages)
        lines += [*SEVERAL, f'STAGES=" ${{*:-{names}}} "']
    for result in export.stages:
        stage, told = result.stage, result.exported
        before, after = ([shlex.join(words) for words in told.before], after_once(result))
        lines += ["", f"# {stage.number}. {stage.name}"]
        if several:
            lines += [f'if [[ "$STAGES" == *" {stage.name} "* && "$NODE_RANK" -lt {stage.nodes} ]]; then']
            lines += [f'  if [ "$NODE_RANK" = 0 ]; then {line}; fi' for line in before]
            lines += [f"  export NNODES={stage.nodes}", *(f"  {line}" for line in trained_once(result))]
            lines += [f'  if [ "$NODE_RANK" = 0 ]; then {line}; fi' for line in after]
            lines += ["fi"]
        else:
            lines += [*before, *trained_once(result), *after]
    return "\n".join(lines) + "\n"


ONCE = [
    "# started again it goes on: nothing that is done (checkpoints/*.done) is done again",
    "once() {",
    '  local mark="checkpoints/$1.done"',
    '  if [ -e "$mark" ]; then return; fi',
    '  "${@:2}"',
    '  if [ "${NODE_RANK:-0}" = 0 ]; then mkdir -p checkpoints; touch "$mark"; fi',
    "}",
]
NEWEST = [
    "# the newest checkpoint of those that a pattern finds, or nothing",
    'newest() { { compgen -G "$1" || true; } | sort -V | tail -n 1; }',
]


def trained_once(result: StageResult) -> list[str]:
    """The lines that train a stage, where that is not done, from its newest checkpoint, where there is one."""
    resumes = result.exported.resumes
    line = f"once {shlex.quote(result.stage.name)} {command(result)}"
    if resumes is None:
        return [line]
    found = {FOUND: '"$last"', FOLDER: '"${last%/*}"'}
    words = " ".join(found.get(word) or shlex.quote(word) for word in resumes.words)
    return [f"last=$(newest {shlex.quote(resumes.found)})", f"{line} ${{last:+{words}}}"]


def after_once(result: StageResult) -> list[str]:
    """What follows a stage that is trained, each once."""
    name = result.stage.name
    return [f"once {shlex.quote(f'{name}.{i}')} {shlex.join(w)}" for i, w in enumerate(result.exported.after, 1)]


def at_once(export: Export) -> bool:
    """Whether all machines run every stage, and none waits for what one of them does between."""
    alike = len({result.stage.nodes for result in export.stages}) == 1
    return alike and not any(result.exported.after or result.exported.before for result in export.stages)


def machines(export: Export) -> int:
    """On how many machines the largest stage runs."""
    return max(result.stage.nodes for result in export.stages)


SEVERAL = [
    "# run it on every machine at once, as slurm.sh does: all stages, or those that are named behind it",
    "# torchrun reads the names with PET_",
    ': "${MASTER_ADDR:?write the name of the first machine}"',
    ': "${NODE_RANK:?write 0 on the first machine, 1 on the next}"',
    'export MASTER_ADDR NODE_RANK MASTER_PORT="${MASTER_PORT:-29500}"',
    'export PET_MASTER_ADDR="$MASTER_ADDR" PET_MASTER_PORT="$MASTER_PORT" PET_NODE_RANK="$NODE_RANK"',
]
"""What a launch script over several machines begins with."""

FIRST_MACHINE = '$(scontrol show hostnames "$SLURM_JOB_NODELIST" | sed -n 1p)'
"""The name of a job's first machine. ``head`` would end before all names are written, which ends a job that fails where
part of a pipe does."""
OVER_NODES = "srun bash -c 'NODE_RANK=$SLURM_NODEID exec bash launch.sh'"
OVER_RAY = (
    """srun --kill-on-bad-exit=1 bash -c 'if [ "$SLURM_NODEID" = 0 ]; then trap "ray stop" EXIT; """
    """ray start --head --port=6379 && bash launch.sh; else ray start --address="$MASTER_ADDR:6379" --block; fi'"""
)
"""How the nodes of a job begin: each for itself, or as a cluster of Ray whose first one runs the program."""


def slurm(export: Export) -> str:
    """The same as a job of Slurm, on the nodes of its largest stage."""
    nodes, gpus = machines(export), max(result.stage.devices_per_node for result in export.stages)
    starts = [OVER_RAY if export.trainer == "verl" else OVER_NODES]
    if export.trainer != "verl" and not at_once(export):
        starts = [over(result.stage) for result in export.stages]
    return "\n".join(
        [
            "#!/usr/bin/env bash",
            f"#SBATCH --job-name={export.model}",
            f"#SBATCH --nodes={nodes}",
            "#SBATCH --ntasks-per-node=1",
            f"#SBATCH --gpus-per-node={gpus}",
            "set -euo pipefail",
            'cd "$SLURM_SUBMIT_DIR"',
            *([f"MASTER_ADDR={FIRST_MACHINE}", "export MASTER_ADDR", *starts] if nodes > 1 else ["bash launch.sh"]),
            "",
        ]
    )


def over(stage: ExportStage) -> str:
    """How the nodes of one stage begin: the first of the job's, which end before the next stage begins."""
    inner = f"NODE_RANK=$SLURM_NODEID exec bash launch.sh {stage.name}"
    return f"srun --relative=0 --nodes={stage.nodes} --ntasks={stage.nodes} bash -c {shlex.quote(inner)}"


def as_json(export: Export) -> dict[str, object]:
    """Every value, where it went, and how exactly."""
    return {
        "version": 1,
        "lehr": version("lehr"),
        "model": export.model,
        "trainer": export.trainer,
        "trainer_version": export.version,
        "proven": False,
        "unproven_because": export.unproven or "prove=true was not asked for",
        "parameters": export.total,
        "stages": [
            {
                "name": result.stage.name,
                "kind": result.stage.kind,
                "command": result.exported.command,
                "first": result.exported.before,
                "then": result.exported.after,
                "steps": result.stage.n_steps,
                "gaps": msgspec.to_builtins(result.gaps),
                "saves": {**msgspec.to_builtins(result.stage.saves), "keeps": export.keeps},
                "deviation": msgspec.to_builtins(result.exported.deviation),
                "schedule_as_run": str(result.exported.run),
                "values": msgspec.to_builtins(result.exported.said),
            }
            for result in export.stages
        ],
    }


def readme(export: Export) -> str:
    """What a person fills in, what the trainer could not be told, and how to run it."""
    stages = "\n".join(
        f"{r.stage.number}. **{r.stage.name}** ({r.stage.kind}): "
        f"{r.stage.n_steps:,} updates of {batch_of(r.stage)} tokens on "
        f"{r.stage.devices:,} device{'s' * (r.stage.devices > 1)}; rates {r.exported.deviation}\n\n"
        f"   Saved {saved(export, r)}.\n\n" + "".join(f"   `{line}`\n\n" for line in commands(r)).removesuffix("\n")
        for r in export.stages
    )
    notes = list(dict.fromkeys(note for r in export.stages for note in r.exported.notes))
    own = [f"{r.stage.name}, {gap}" for r in export.stages for gap in r.gaps if gap.whose == "wordless"]
    gaps = [f"{r.stage.name}, {gap}" for r in export.stages for gap in r.gaps if gap.whose not in ("full", "wordless")]
    gaps += own
    full = [f"{r.stage.name}, {gap}" for r in export.stages for gap in r.gaps if gap.whose == "full"]
    fill = [f"`data/{r.stage.name}`: the data of {r.stage.name}" for r in export.stages] + notes
    weights = [] if export.stages[0].stage.begins or export.builds else [
        "## Random weights", "",
        "```sh",
        "python -c \"from transformers import AutoConfig, AutoModelForCausalLM as M; "
        "M.from_config(AutoConfig.from_pretrained('model')).save_pretrained('model')\"",
        "```", "", "Put your tokenizer into `model/` too.", "",
    ]  # fmt: skip
    return "\n".join(
        [
            f"# {export.model} with {export.title}",
            "",
            f"Written for {export.title} {export.version} (`{export.package}`). Not yet held against its parser: "
            "`lehr export ... prove=true` does that.",
            "",
            *(["## Does not fit", "", *(f"* {line}" for line in full), ""] if full else []),
            "## Stages",
            "",
            stages,
            *weights,
            *(["## What the recipe does not say", "", *(f"* {line}" for line in gaps), ""] if gaps else []),
            "## Yours to fill in",
            "",
            *(f"* {line}" for line in fill),
            "",
            "`launch.sh` runs all stages, `slurm.sh` submits them"
            f"{' (over several nodes it was tried without a cluster only)' if machines(export) > 1 else ''}. "
            "`export.json` says of every value of the recipe where it went.",
            "",
            "Started again after a failure, `launch.sh` goes on: a stage that is done (`checkpoints/NAME.done`) is not "
            "done again, and one that was stopped goes on from its newest checkpoint. To begin a stage anew, remove "
            "its folder in `checkpoints/` and that file.",
            "",
        ]
    )


def batch_of(stage: ExportStage) -> str:
    """A batch as sequences by tokens, or pairs by two by tokens."""
    return f"{stage.sequences:,} x {'2 x ' if stage.pairs else ''}{stage.sequence_length:,}"


def saved(export: Export, result: StageResult) -> str:
    """How often a stage is saved, why, what stays, and how large a checkpoint is."""
    stage = result.stage
    size = ""
    if export.total is not None and stage.adapter is None:
        size = f", of about {CHECKPOINT_BYTES * export.total / 1e9:,.3g} GB each"
    return f"every {stage.saves.every:,} updates ({stage.saves.why}); {export.keeps}{size}"


def as_text(export: Export) -> str:
    """What the terminal shows."""
    rows = [
        [
            r.stage.name,
            f"{r.stage.n_steps:,}",
            batch_of(r.stage),
            short(float(r.stage.n_tokens)),
            f"{r.stage.curve.peak:.3g}",
            "exact" if r.exported.deviation.exact else f"within {r.exported.deviation.of_peak:.2g} of the peak",
        ]
        for r in export.stages
    ]
    lines = [
        f"{export.model} for {export.title} {export.version}",
        "",
        text_table(["stage", "updates", "batch", "tokens", "peak rate", "rates as run"], rows, right=(1, 2, 3, 4)),
    ]
    worst = [f"{r.stage.name}: {r.exported.deviation}" for r in export.inexact]
    if worst:
        lines += ["", f"{export.title} places its updates otherwise: " + "; ".join(worst)]
    # what the trainer does of its own stands in README.md
    open_ = [f"{r.stage.name}: {gap}" for r in export.stages for gap in r.gaps if gap.whose != "wordless"]
    lines += ["", *open_] if open_ else []
    return "\n".join(lines)
