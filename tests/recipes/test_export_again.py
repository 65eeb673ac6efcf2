"""What was exported goes on after a failure: from its newest checkpoint, and saved as often as loses least."""

from __future__ import annotations

import json
import subprocess
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
import yaml

import lehr
from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.exporting.result import Export
from lehr.recipes.exporting.run import export
from lehr.recipes.exporting.saving import USUAL, saves_of
from lehr.recipes.presenting.files import write_folder
from lehr.simulators.objectives import NextToken, Supervised
from lehr.simulators.schedules import Batch, Cosine, Warmup
from lehr.simulators.training import Adapter, Base
from tests.command import in_their_place

CATALOGUE = Catalogue()


def in_two_stages(to: str, *, tuned: bool = False) -> Export:
    """A stage on a corpus and one after it, or two of tuning from a base, the first of an adapter."""
    recipe = CATALOGUE.recipe("starcoder")
    one = msgspec.structs.replace(
        recipe.stages["pt"], batch=Batch(sequences=64), steps=5000, tokens=None, hardware=None, objective=NextToken(),
        schedule=Cosine(peak=1e-4, floor=1e-5, warmup=Warmup(steps=10)), sequence_length=4096,
    )  # fmt: skip
    two = msgspec.structs.replace(one, kind="ANN")
    base = None
    if tuned:
        two = msgspec.structs.replace(one, kind="SFT", objective=Supervised())
        one, base = msgspec.structs.replace(two, adapter=Adapter(rank=8)), Base(model="llama_2_7b")
    made = msgspec.structs.replace(recipe, base=base, order=["a", "it's"], stages={"a": one, "it's": two}, reported=[])
    return export(CATALOGUE.model("llama_2_7b"), made, to, models={"llama_2_7b": CATALOGUE.model("llama_2_7b")})


def test_a_job_that_failed_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """A trainer that leaves two checkpoints of each stage, the second not whole, and fails in the second stage once."""
    write_folder(tmp_path / "x", in_two_stages("trl", tuned=True).files)
    trains = (
        'echo "$*" >> ran; case "$*" in *01_a*) s=a;; *) s="it\'s";; esac; mkdir -p "checkpoints/$s/checkpoint-'
        '"{900,1000,2000}; touch "checkpoints/$s/checkpoint-"{900,1000}/trainer_state.json; '
        '[ "$s" = a ] || [ -e failed ] || { touch failed; exit 7; }'
    )
    here = in_their_place(tmp_path / "bin", {"torchrun": trains, "python": 'echo "merge $*" >> ran'})
    ended = [
        subprocess.run(["bash", "x/launch.sh"], cwd=tmp_path, env=here, capture_output=True, check=False).returncode
        for _ in range(3)
    ]
    assert ended == [7, 0, 0]
    launch = "--nnodes=1 --nproc-per-node=8 -m trl.scripts.sft --config"
    assert (tmp_path / "x" / "ran").read_text().splitlines() == [
        f"{launch} 01_a/sft.yaml",
        "merge merge_adapter.py checkpoints/a checkpoints/a/merged",
        f"{launch} 02_it's/sft.yaml",
        # the newest that is whole, by number and not by letter; the third start finds nothing to do
        f"{launch} 02_it's/sft.yaml --resume_from_checkpoint checkpoints/it's/checkpoint-1000",
    ]


def test_each_trainer_is_told_to_go_on_in_its_own_way() -> None:
    def words(to: str, path: str) -> dict[str, str]:
        return dict(pairwise(in_two_stages(to).files[path].decode().splitlines()))

    first, second = words("megatron", "01_a/flags.txt"), words("megatron", "02_it's/flags.txt")
    # of its own folder where that holds anything; else the weights alone of the stage before
    assert (first["--load"], first["--save"]) == ("checkpoints/a", "checkpoints/a")
    assert (second["--load"], second["--pretrained-checkpoint"]) == ("checkpoints/it's", "checkpoints/a")
    assert "--finetune" not in second
    assert "--pretrained-checkpoint" not in first
    for to, found in (
        ("ms_swift", '--resume_from_checkpoint "${last%/*}"'),
        ("litgpt", '--resume "$last" --initial_checkpoint_dir null'),
    ):
        assert found in in_two_stages(to).files["launch.sh"].decode()
    axolotl = yaml.safe_load(in_two_stages("axolotl").files["02_it's/axolotl.yaml"])
    assert axolotl["auto_resume_from_checkpoints"]
    # the others look into their own folder by themselves
    for to in ("torchtitan", "olmo_core", "llama_factory"):
        assert "newest" not in in_two_stages(to).files["launch.sh"].decode()


def test_a_stage_saves_as_often_as_its_cost_is_counted_with() -> None:
    done = lehr.export("starcoder", "trl", stages=["pt"])
    (stage,), (cost, *_) = json.loads(done.files["export.json"])["stages"], lehr.cost("starcoder").stages
    assert cost.uptime is not None
    assert cost.devices is not None
    update = cost.hours.value * 3600 / cost.devices / stage["steps"]
    assert stage["saves"]["every"] == round(cost.uptime.every / update)
    assert yaml.safe_load(done.files["01_pt/sft.yaml"])["save_steps"] == stage["saves"]["every"]
    assert f"an update takes {update:.3g} s" in done.files["README.md"].decode()
    assert "the newest 3 stay, of about 217 GB each" in done.files["README.md"].decode()
    # twice the devices: each update in half the time, a failure twice as often, and a checkpoint sqrt(2) times as often
    one, two = (saves_of(10**6, n, 1e6) for n in (500, 1000))
    assert two.every / one.every == pytest.approx(2**0.5, rel=0.01)


def test_without_a_machine_a_stage_saves_every_thousand_updates() -> None:
    result = in_two_stages("trl").stages[0]
    assert result.stage.saves.every == USUAL == 1000
    assert "no time of an update is known" in result.stage.saves.why
    assert saves_of(7, 8, None).every == 7
