"""Exports: every recipe is exported or refused in a line, values are where the export says, files read back."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.errors import LehrError
from lehr.recipes.exporting.gaps import Assumed
from lehr.recipes.exporting.hub_config import config_of, same
from lehr.recipes.exporting.proving import watched
from lehr.recipes.exporting.rates import RefusedError, course_of, deviation
from lehr.recipes.exporting.result import Export
from lehr.recipes.exporting.run import can_be_exported, export
from lehr.recipes.exporting.trainers import trainers
from lehr.recipes.importing.hugging_face.config import import_config
from lehr.recipes.presenting.files import write_folder
from lehr.simulators.machine.layout import Layout
from lehr.simulators.objectives import PolicyGradient, Supervised
from lehr.simulators.rollouts import Lengths, Rollout
from lehr.simulators.schedules import WSD, Batch, Cosine, Decay, Linear, Milestone, MultiStep, Warmup
from lehr.simulators.schedules.batch import Linear as Ramp
from lehr.simulators.training import Adapter, Base, Hardware
from tests.command import in_their_place, lehr

CATALOGUE = Catalogue()
MODELS = CATALOGUE.models()


def starcoder(to: str, **changes: Any) -> Any:
    recipe = CATALOGUE.recipe("starcoder")
    stage = msgspec.structs.replace(recipe.stages["pt"], **changes)
    return export(
        MODELS["starcoder"], msgspec.structs.replace(recipe, stages={**recipe.stages, "pt": stage}), to, stages=["pt"]
    )


@pytest.mark.slow
@pytest.mark.parametrize("to", trainers())
def test_every_recipe_is_exported_or_refused_in_a_line(to: str) -> None:
    exported, said = [], []
    for recipe in CATALOGUE.recipes().values():
        for stages in [None, *([name] for name in can_be_exported(recipe))]:
            try:
                exported.append(export(MODELS[recipe.model], recipe, to, models=MODELS, stages=stages))
            except LehrError as error:
                said.append(str(error))
    assert all({"README.md", "export.json", "launch.sh", "slurm.sh"} <= set(done.files) for done in exported)
    assert [line for line in said if "\n" in line or not line.partition(": ")[2]] == []
    # what no published stage of the catalogue says is shown by the plans' own recipes
    assert exported or to in ("verl", "prime_rl", "torchtitan")


def test_the_values_stand_where_the_export_says() -> None:
    done = starcoder("trl")
    body = yaml.safe_load(done.files["01_pt/sft.yaml"])
    stage = CATALOGUE.recipe("starcoder").stages["pt"]
    assert stage.batch is not None
    each = body["per_device_train_batch_size"] * body["gradient_accumulation_steps"] * done.stages[0].stage.devices
    assert each == stage.batch.sequences
    assert body["max_steps"] == stage.n_steps
    assert body["max_length"] == stage.sequence_length
    assert body["learning_rate"] == stage.curve().peak  # type: ignore[union-attr]
    said = json.loads(done.files["export.json"])["stages"][0]["values"]
    assert {row["what"] for row in said} >= {
        "schedule",
        "steps",
        "batch.sequences",
        "sequence_length",
        "optimizer.beta1",
    }


def test_a_trainer_that_counts_from_one_is_said_to() -> None:
    assert starcoder("trl").stages[0].exported.deviation.exact
    curve = Cosine(peak=1.0, warmup=Warmup(steps=10)).resolve(100)
    off = deviation(curve, course_of(curve).run(1.0, 1.0))
    # at update 0 the one stands at 0, the other at a tenth of the peak
    assert (off.step, off.planned, round(off.run, 12), round(off.of_peak, 12)) == (0, 0.0, 0.1, 0.1)


def test_rates_of_another_form_are_refused() -> None:
    steps = MultiStep(peak=1.0, milestones=[Milestone(fraction=0.5, ratio=0.3), Milestone(fraction=0.8, ratio=0.1)])
    with pytest.raises(RefusedError, match="more than a rise"):
        course_of(steps.resolve(100))
    with pytest.raises(LehrError, match="pt has more than a rise"):
        starcoder("trl", schedule=steps)


@pytest.mark.parametrize(
    "schedule",
    [
        Cosine(peak=1e-3, floor=1e-4, warmup=Warmup(steps=10)),
        Linear(peak=1e-3, warmup=Warmup(steps=10)),
        WSD(peak=1e-3, warmup=Warmup(steps=10), decay=Decay(fraction=0.2, shape="one_minus_sqrt")),
    ],
    ids=lambda s: type(s).__name__,
)
def test_a_course_is_the_curve(schedule: Any) -> None:
    curve = schedule.resolve(100)
    assert deviation(curve, course_of(curve).run()).of_peak == 0


def test_a_batch_that_devices_cannot_share_is_refused_with_one_that_they_can() -> None:
    recipe = CATALOGUE.recipe("starcoder")
    with pytest.raises(LehrError, match="shared evenly by 3 devices; write devices=2 or 4"):
        export(MODELS["starcoder"], recipe, "trl", stages=["pt"], devices=3)
    with pytest.raises(LehrError, match="its batch grows"):
        starcoder("trl", batch=Batch(sequences=512, ramp=Ramp(start=8, steps=9)))
    with pytest.raises(LehrError, match=r"--rampup-batch-size counts .* its rates in samples.*write ramp=flat"):
        starcoder("megatron", batch=Batch(sequences=512, ramp=Ramp(start=8, steps=9)))


@pytest.mark.slow
def test_most_networks_of_the_hub_are_said_in_its_own_words_and_read_back() -> None:
    said = 0
    for model in MODELS.values():
        if model.architecture is None or (config := config_of(model.architecture)) is None:
            continue
        said += 1
        assert same(import_config(config).architecture, msgspec.structs.replace(model.architecture, checkpoint=None))
    # a class that is lost shows here; tests/independent has each of them
    assert said >= 256


def test_toml_is_what_was_meant() -> None:
    recipe = CATALOGUE.recipe("starcoder")
    stage = msgspec.structs.replace(
        recipe.stages["pt"], kind="SFT", schedule=Linear(peak=2e-5, warmup=Warmup(steps=10)), note='a "quoted" note'
    )
    made = msgspec.structs.replace(
        recipe,
        order=["pt"],
        stages={"pt": stage},
        base=Base(model="starcoder"),
    )
    body = tomllib.loads(export(MODELS["starcoder"], made, "prime_rl", models=MODELS).files["01_pt/sft.toml"].decode())
    assert body["model"]["name"] == "bigcode/starcoder"
    assert (body["optim"]["lr"], body["scheduler"]["decay_steps"]) == (2e-5, stage.n_steps - 10)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("model=starcoder",), "to: is missing"),
        (("model=starcoder", "to=tlr"), "did you mean trl?"),
        (("model=starcoder", "to=trl", "stages=[px]"), "starcoder has none called 'px'"),
        (("model=starcoder", "to=trl", "stages=[]"), "stages: names none; write stages=[pt]"),
        (("model=gpt_4", "to=trl"), "has no recipe"),
        (("model=starcoder", "to=trl", "devices=0"), "devices: 0 is below 1; write"),
        (("model=starcoder", "to=trl", "devices_per_node=0"), "devices_per_node: 0; write a whole number of 1 or more"),
        (("model=starcoder", "to=trl", "devices_per_node=-8"), "devices_per_node: -8; write"),
        (("model=starcoder", "to=verl", "stages=[pt]"), "is no reinforcement learning"),
    ],
)
def test_a_mistake_is_one_line_and_writes_nothing(tmp_path: Path, words: tuple[str, ...], says: str) -> None:
    done = lehr("export", *words, "out=o", folder=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "o").exists()


def test_the_verb_writes_the_same_bytes_twice(tmp_path: Path) -> None:
    words = ("export", "model=starcoder", "to=trl", "stages=[pt]", "out=.")
    first = lehr(*words, folder=tmp_path)
    folder = tmp_path / "export" / "starcoder" / "trl"
    before = {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    second = lehr(*words, folder=tmp_path)
    assert (first.returncode, second.returncode, first.stdout) == (0, 0, second.stdout)
    assert before == {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_what_a_recipe_does_not_say_is_named_given_or_left_as_a_form(tmp_path: Path) -> None:
    recipe, model = CATALOGUE.recipe("llama_3_8b"), MODELS["llama_3_8b"]
    with pytest.raises(LehrError, match=r"pt has no sequences; write assume=\{sequences: 256\}"):
        export(model, recipe, "torchtitan")
    given = export(model, recipe, "torchtitan", assume=Assumed(sequences=1024))
    assert given.stages[0].stage.sequences == 1024
    assert [gap.whose for gap in given.stages[0].gaps if gap.whose != "wordless"] == ["yours"]
    assert b"exit 2" not in given.files["launch.sh"]
    form = export(model, recipe, "torchtitan", missing="fill")
    assert form.to_fill_in
    assert b"FILL_IN" in form.files["README.md"]
    said = json.loads(form.files["export.json"])["stages"][0]["gaps"]
    assert ("sequences", "stand-in") in [(gap["what"], gap["whose"]) for gap in said]
    for path, content in form.files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    # nothing runs with a number that no one chose
    done = subprocess.run(["bash", str(tmp_path / "launch.sh")], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "fill in first: pt: sequences\n")
    with pytest.raises(LehrError, match="assume: steps is said by every stage"):
        export(model, recipe, "torchtitan", assume=Assumed(sequences=1024, steps=5))


def test_a_growing_batch_may_stand_at_its_last_size_over_the_same_tokens() -> None:
    ramp = Batch(sequences=512, ramp=Ramp(start=128, tokens=1e9))
    recipe = CATALOGUE.recipe("starcoder")
    stage = msgspec.structs.replace(recipe.stages["pt"], batch=ramp, steps=None, tokens=1e11)
    changed = msgspec.structs.replace(recipe, order=["pt"], stages={"pt": stage})
    done = export(MODELS["starcoder"], changed, "trl", ramp="flat").stages[0]
    assert done.stage.n_tokens == pytest.approx(1e11, abs=512 * 8192)
    assert done.stage.n_steps < (stage.n_steps or 0)
    assert [gap.what for gap in done.gaps if gap.whose == "flat"] == ["batch.sequences", "steps"]


def test_a_batch_that_follows_from_tokens_and_updates_is_no_gap() -> None:
    recipe = CATALOGUE.recipe("starcoder")
    stage = msgspec.structs.replace(recipe.stages["pt"], batch=None, steps=250_000, tokens=250_000 * 512.2 * 8192)
    changed = msgspec.structs.replace(recipe, order=["pt"], stages={"pt": stage})
    done = export(MODELS["starcoder"], changed, "trl").stages[0]
    assert (done.stage.sequences, done.gaps[0].whose) == (512, "derived")


def test_an_environment_that_is_made_says_what_it_is_at(capsys: pytest.CaptureFixture[str]) -> None:
    said = "print('Collecting a'); print('chatter'); print('no room')"
    assert watched([sys.executable, "-c", said]) is None
    assert "s  Collecting a\n" in capsys.readouterr().err
    assert watched([sys.executable, "-c", said + "; raise SystemExit(1)"]) == "no room"


@pytest.mark.slow
def test_over_several_nodes_every_one_is_told_of_the_others(tmp_path: Path) -> None:
    """With programs in the place of Slurm's: two nodes on this machine."""
    done = export(MODELS["starcoder"], CATALOGUE.recipe("starcoder"), "trl", stages=["pt"], devices=16, ramp="flat")
    write_folder(tmp_path / "x", done.files)
    programs = {
        "scontrol": "echo first; echo second",
        # the first writes that all are done
        "srun": 'for n in 1 0; do SLURM_NODEID=$n "$@"; done',
        "torchrun": "echo $PET_MASTER_ADDR $PET_MASTER_PORT $PET_NODE_RANK of $NNODES: $*",
    }
    here = in_their_place(tmp_path / "bin", programs) | {"SLURM_SUBMIT_DIR": str(tmp_path / "x")}
    told = {**here, "SLURM_JOB_NODELIST": "n[0-1]"}
    ran = subprocess.run(["bash", "slurm.sh"], cwd=tmp_path / "x", env=told, capture_output=True, text=True, check=True)
    command = "--nnodes=2 --nproc-per-node=8 -m trl.scripts.sft --config 01_pt/sft.yaml"
    assert ran.stdout.splitlines() == [f"first 29500 {n} of 2: {command}" for n in (1, 0)]
    alone = subprocess.run(
        ["bash", "launch.sh"], cwd=tmp_path / "x", env=here, capture_output=True, text=True, check=False
    )
    assert alone.returncode
    assert "MASTER_ADDR: write the name of the first machine" in alone.stderr


def divided(to: str, layout: Layout, *, count: int = 64, devices: int | None = None, sequences: int = 128) -> Export:
    """A stage of Llama 2 7B's network on ``count`` devices, divided."""
    recipe = CATALOGUE.recipe("starcoder")
    stage = msgspec.structs.replace(
        recipe.stages["pt"],
        batch=Batch(sequences=sequences),
        sequence_length=4096,
        hardware=Hardware(accelerator="h100_sxm", count=count, layout=layout),
    )
    made = msgspec.structs.replace(recipe, order=["pt"], stages={"pt": stage}, reported=[])
    return export(MODELS["llama_2_7b"], made, to, devices=devices)


def test_a_recipes_layout_and_devices_reach_the_trainer_or_are_named() -> None:
    layout = Layout(tp=2, pp=4, vpp=2, micro_batch=2, recompute="full")
    done = divided("megatron", layout)
    flags = done.files["01_pt/flags.txt"].decode().split()
    told = dict(pairwise(flags))
    assert told["--pipeline-model-parallel-size"] == told["--num-layers-per-virtual-pipeline-stage"] == "4"
    assert (told["--tensor-model-parallel-size"], told["--micro-batch-size"]) == ("2", "2")
    assert {"--use-distributed-optimizer", "--sequence-parallel"} < set(flags)
    # eight devices hold a copy, eight groups share 128 sequences in micro-batches of two
    assert (done.stages[0].stage.devices, done.stages[0].stage.accumulation, done.stages[0].stage.nodes) == (64, 8, 8)
    assert open_of(done) == []
    titan = divided("torchtitan", layout).files["lehr_torchtitan/config_registry.py"].decode()
    assert "pipeline_parallel_layers_per_stage=4" in titan
    assert "local_batch_size=16" in titan
    for to, whose in (("olmo_core", "shards"), ("trl", "shards")):
        assert open_of(divided(to, layout)) == [whose]
    assert open_of(divided("megatron", layout, devices=32)) == ["devices"]


def open_of(done: Export) -> list[str]:
    """What is left of the first stage, but for what is the trainer's own or to be done in the data."""
    return [gap.whose for gap in done.stages[0].gaps if gap.whose not in ("wordless", "data")]


def test_as_many_processes_run_as_there_are_devices() -> None:
    """A hundred devices are no thirteen machines of eight."""
    stage = divided("megatron", Layout(tp=2, pp=2, micro_batch=1), count=100, sequences=1000).stages[0]
    assert "--nnodes=25 --nproc-per-node=4" in " ".join(stage.exported.command)
    named = "devices 4 of each of 25 machines: more of one do not divide them; write devices=, or devices_per_node="
    assert named in map(str, stage.gaps)


def test_no_less_is_computed_again_than_the_layout_says() -> None:
    modules = Layout(tp=2, pp=2, recompute="modules")
    done = divided("megatron", modules)
    flags = done.files["01_pt/flags.txt"].decode().splitlines()
    at = flags.index("--recompute-modules")
    assert flags[at - 1 : at + 3] == ["selective", "--recompute-modules", "layernorm", "mlp"]
    assert open_of(done) == ["short"]
    assert "FullAC.Config()" in str(divided("torchtitan", modules).files)


@pytest.mark.parametrize(
    ("layout", "devices", "says"),
    [
        (Layout(pp=3), 24, "32 layers do not divide over 3 parts of a pipeline"),
        (Layout(tp=8), 12, "12 devices are no multiple of the 8 .* write devices=16"),
        (Layout(tp=2), 6, "cannot be shared evenly by 3 groups of 2 devices; write devices=4 or 8"),
    ],
)
def test_a_layout_that_does_not_go_is_refused(layout: Layout, devices: int, says: str) -> None:
    with pytest.raises(LehrError, match=says):
        divided("megatron", layout, devices=devices)


def test_the_most_that_an_answer_may_have_is_the_length_of_a_stage_that_writes_them() -> None:
    recipe = CATALOGUE.recipe("starcoder")
    objective = PolicyGradient(method="grpo", group_size=8, kl=0.04, rollout=Rollout(response=Lengths(cap=4096)))
    stage = msgspec.structs.replace(recipe.stages["pt"], kind="RL", objective=objective, sequence_length=None)
    made = msgspec.structs.replace(
        recipe, order=["rl"], stages={"rl": stage}, base=Base(model="starcoder"), reported=[]
    )
    done = export(MODELS["starcoder"], made, "trl", models=MODELS)
    assert "max_completion_length: 4096\n" in done.files["01_rl/grpo.yaml"].decode()
    assert (done.stages[0].gaps[0].what, done.stages[0].gaps[0].whose) == ("sequence_length", "answers")
    # prompt and answer are one sequence: where both are said the answers end at their own cap
    both = msgspec.structs.replace(made, stages={"rl": msgspec.structs.replace(stage, sequence_length=6144)})
    again = export(MODELS["starcoder"], both, "trl", models=MODELS)
    assert "max_completion_length: 4096\n" in again.files["01_rl/grpo.yaml"].decode()
    assert "sequence_length" not in [gap.what for gap in again.stages[0].gaps]
    assert [s.value for s in again.stages[0].exported.said if s.what == "response.cap"] == [4096]


ADAPTED = {
    "trl": (
        "sft.yaml",
        {"use_peft": True, "lora_r": 16, "lora_alpha": 32, "lora_target_modules": ["q_proj", "v_proj"]},
    ),
    "ms_swift": ("sft.yaml", {"tuner_type": "lora", "lora_rank": 16, "target_modules": ["q_proj", "v_proj"]}),
    "llama_factory": ("train.yaml", {"finetuning_type": "lora", "lora_rank": 16, "lora_target": "q_proj,v_proj"}),
    "axolotl": ("axolotl.yaml", {"adapter": "lora", "lora_r": 16, "lora_target_modules": ["q_proj", "v_proj"]}),
}


def adapted(to: str, adapter: Adapter) -> Export:
    """Fine-tuning of an adapter beside StarCoder2's weights."""
    recipe = CATALOGUE.recipe("starcoder")
    stage = msgspec.structs.replace(
        recipe.stages["pt"], kind="SFT", objective=Supervised(), adapter=adapter, hardware=None
    )
    base = Base(model="starcoder2_7b")
    made = msgspec.structs.replace(recipe, order=["sft"], stages={"sft": stage}, base=base, reported=[])
    return export(MODELS["starcoder2_7b"], made, to, models=MODELS)


@pytest.mark.parametrize("to", trainers())
def test_an_adapter_reaches_the_trainer_or_is_refused_by_name(to: str) -> None:
    adapter = Adapter(rank=16, alpha=32, targets=("q", "v"))
    if to not in ADAPTED:
        with pytest.raises(LehrError, match=r"adapter \(lora of rank 16\)|no training on a corpus|no reinforcement"):
            adapted(to, adapter)
        return
    file, settings = ADAPTED[to]
    done = adapted(to, adapter)
    body = yaml.safe_load(done.files[f"01_sft/{file}"])
    assert {key: body[key] for key in settings} == settings
    said = {row["what"]: row for row in json.loads(done.files["export.json"])["stages"][0]["values"]}
    assert said["adapter"]["value"] == "lora, rank 16, alpha 32, beside q, v"
    four = yaml.safe_load(adapted(to, Adapter(kind="qlora", rank=8)).files[f"01_sft/{file}"])
    assert four.get("load_in_4bit") or four.get("quantization_bit") == 4 or four.get("quant_bits") == 4
    with pytest.raises(LehrError, match="beside experts, whose name in the class of starcoder2 is not known"):
        adapted(to, Adapter(rank=8, targets=("experts",)))


def test_every_value_of_a_stage_has_a_line() -> None:
    done = export(MODELS["starcoder"], CATALOGUE.recipe("starcoder"), "trl", stages=["pt"])
    said = {row["what"]: row for row in json.loads(done.files["export.json"])["stages"][0]["values"]}
    assert said["objective.fim"]["how"] == "not told"
    assert (said["hardware.count"]["value"], said["hardware.count"]["how"]) == (512, "exact")
