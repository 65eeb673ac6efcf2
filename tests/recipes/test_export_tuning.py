"""Exports of recipes that go on: adapters between stages, learning from rewards, and devices that hold a part."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.errors import LehrError
from lehr.recipes.exporting.gaps import Assumed
from lehr.recipes.exporting.result import Export
from lehr.recipes.exporting.run import export
from lehr.recipes.exporting.stage import Machine
from lehr.recipes.presenting.files import write_folder
from lehr.simulators.layers.position import Rope
from lehr.simulators.objectives import PolicyGradient, Preference, Supervised
from lehr.simulators.rollouts import Lengths, Rollout
from lehr.simulators.schedules import Batch, Constant, Cosine, Linear, Polynomial, Warmup
from lehr.simulators.training import Adapter, Base, Hardware, Optimizer, Stage
from tests.command import in_their_place

CATALOGUE = Catalogue()
MODEL = "qwen2_5_7b"
ADAPTED = ("axolotl", "llama_factory", "ms_swift", "trl")
ROLLOUT = Rollout(
    prompts=8, epochs=2, updates=2, at_once=128, eager=True, tensor=2,
    prompt=Lengths(mean=400, cap=1024), response=Lengths(mean=1500, cap=3072),
)  # fmt: skip
POLICY = PolicyGradient(method="grpo", group_size=8, kl=0.001, rollout=ROLLOUT)


def stage_of(kind: str, objective: Any, *, count: int = 8, **changes: Any) -> Stage:
    stage = Stage(
        kind=kind,  # type: ignore[arg-type]
        objective=objective,
        steps=40,
        batch=Batch(sequences=32),
        sequence_length=4096,
        schedule=Constant(peak=1e-6),
        optimizer=Optimizer(kind="adamw", beta1=0.9, beta2=0.95, epsilon=1e-8, weight_decay=0.1, grad_clip=1.0),
        hardware=Hardware(accelerator="h100_sxm", count=count),
    )
    return msgspec.structs.replace(stage, **changes)


def exported(to: str, given: dict[str, Stage], **settings: Any) -> Export:
    found = CATALOGUE.recipe("starcoder")
    made = msgspec.structs.replace(
        found, order=list(given), stages=given, base=Base(model=MODEL), reported=[], name="tuned"
    )
    model = CATALOGUE.model(MODEL)
    return export(model, made, to, models={MODEL: model}, accelerators=CATALOGUE.accelerators, **settings)


def body_of(done: Export, number: int) -> dict[str, Any]:
    """The settings of a stage, as its trainer reads them."""
    told = done.stages[number].exported.files
    path = next(path for path in told if path.endswith((".yaml", ".txt")))
    if path.endswith(".txt"):
        words = (line.partition("=") for line in told[path].decode().splitlines())
        return {key: yaml.safe_load(value) for key, _, value in words}
    found: dict[str, Any] = yaml.safe_load(told[path])
    return found


def said_of(done: Export, number: int) -> dict[str, dict[str, Any]]:
    """The lines of ``export.json`` about a stage."""
    return {row["what"]: row for row in json.loads(done.files["export.json"])["stages"][number]["values"]}


def then(adapter: Adapter, count: int = 8) -> dict[str, Stage]:
    """Fine-tuning of an adapter, then of all weights by preferences."""
    return {
        "sft": stage_of("SFT", Supervised(), adapter=adapter),
        "dpo": stage_of("RL", Preference(method="dpo"), count=count),
    }


@pytest.mark.parametrize("to", ADAPTED)
def test_a_stage_after_an_adapter_begins_from_whole_weights(to: str) -> None:
    done = exported(to, then(Adapter(rank=24, alpha=48)))
    key = {"axolotl": "base_model", "ms_swift": "model"}.get(to, "model_name_or_path")
    assert body_of(done, 1)[key] == said_of(done, 1)["begins"]["value"] == "checkpoints/sft/merged"
    # LLaMA-Factory's look at the tokenizer apart
    lines = [line for line in done.files["launch.sh"].decode().splitlines() if "check_template" not in line]
    (train,) = (i for i, line in enumerate(lines) if "01_sft/" in line and "merge" not in line)
    (merge,) = (i for i, line in enumerate(lines) if "merge" in line)
    (tune,) = (i for i, line in enumerate(lines) if "02_dpo/" in line)
    assert train < merge < tune
    assert said_of(done, 0)["ends"]["value"] == "checkpoints/sft/merged"
    # alone, the last stage begins from the same folder, and the README says whose that is
    alone = exported(to, then(Adapter(rank=24)), stages=["dpo"])
    assert body_of(alone, 0)[key] == "checkpoints/sft/merged"
    assert "checkpoints/sft/merged: the weights of sft, which this export does not train" in str(alone.files)
    # an adapter that nothing begins from is left as it is
    text = exported(to, then(Adapter(rank=24)), stages=["dpo"]).files["launch.sh"].decode()
    assert not [line for line in text.splitlines() if "merge" in line and "check_template" not in line]


WORDS: dict[str, dict[str, Any]] = {
    "num_generations": {"num_generations": 8},
    "kl": {"beta": 0.001, "loss_type": "grpo", "scale_rewards": "group", "epsilon": 0.2, "temperature": 1.0},
    "rollout": {"generation_batch_size": 64, "num_iterations": 2, "max_completion_length": 3072},
}
TOLD: dict[str, dict[str, Any]] = {
    "trl": {key: value for words in WORDS.values() for key, value in words.items()},
    "verl": {
        "actor_rollout_ref.actor.use_kl_loss": True,
        "actor_rollout_ref.actor.kl_loss_coef": 0.001,
        "algorithm.use_kl_in_reward": False,
        "actor_rollout_ref.actor.loss_agg_mode": "seq-mean-token-mean",
        "data.max_prompt_length": 1024,
        "data.max_response_length": 3072,
        "data.train_batch_size": 8,
        "actor_rollout_ref.actor.ppo_mini_batch_size": 4,
        "actor_rollout_ref.actor.ppo_epochs": 2,
        "actor_rollout_ref.rollout.n": 8,
        "actor_rollout_ref.rollout.max_num_seqs": 128,
        "actor_rollout_ref.rollout.enforce_eager": True,
        "actor_rollout_ref.rollout.tensor_model_parallel_size": 2,
        # four updates are one of its steps
        "trainer.total_training_steps": 10,
    },
}
TOLD["ms_swift"] = {**TOLD["trl"], "loss_type": ["grpo"], "max_length": 1024}


@pytest.mark.parametrize("to", ["trl", "ms_swift", "axolotl", "verl"])
def test_every_value_of_a_policy_is_told_or_named(to: str) -> None:
    done = exported(to, {"rl": stage_of("RL", POLICY)})
    body = body_of(done, 0)
    if to == "axolotl":
        body, told = body["trl"], {**TOLD["trl"], "reward_funcs": ["rewards.reward"]}
        assert body_of(done, 0)["datasets"] == [{"path": "data/rl", "type": "rewards.prompts"}]
    else:
        told = TOLD[to]
    assert {key: body.get(key) for key in told} == told
    said = said_of(done, 0)
    stated = msgspec.to_builtins(ROLLOUT)
    default = msgspec.to_builtins(Rollout())
    for key, value in stated.items():
        inner = [f"{key}.{k}" for k, v in value.items() if v is not None] if isinstance(value, dict) else [key]
        for name in inner if value != default[key] else []:
            assert f"objective.rollout.{name}" in said, name
    assert {"objective.method", "objective.group_size", "objective.kl", "objective.rollout.reference"} <= set(said)
    # what trainers have no setting for stands in the README as well
    prompts = said["objective.rollout.prompt.cap"]["how"]
    assert (prompts == "not told") == ("prompts of at most 1,024 tokens" in done.files["README.md"].decode())
    assert prompts == ("exact" if to in ("ms_swift", "verl") else "not told")
    assert "a row of data/rl" in done.files["README.md"].decode()


@pytest.mark.parametrize("to", ["trl", "ms_swift", "axolotl", "verl"])
def test_the_weight_of_the_divergence_is_asked_for(to: str) -> None:
    beta = {"verl": "actor_rollout_ref.actor.kl_loss_coef"}.get(to, "beta")

    def weight(rollout: Rollout, **settings: Any) -> Any:
        policy = PolicyGradient(method="grpo", group_size=8, rollout=rollout)
        body = body_of(exported(to, {"rl": stage_of("RL", policy)}, **settings), 0)
        return body.get("trl", body)[beta]

    with pytest.raises(LehrError, match=r"rl has no kl.*write assume=\{kl: 0.04\}"):
        weight(Rollout())
    assert weight(Rollout(), assume=Assumed(kl=0.001)) == 0.001
    assert weight(Rollout(reference=False)) == 0
    with pytest.raises(ValueError, match="kl: is a distance from a reference"):
        PolicyGradient(kl=0.1, rollout=Rollout(reference=False))


def test_a_rate_that_changes_within_a_step_is_refused_to_verl() -> None:
    falling = stage_of("RL", POLICY, schedule=Cosine(peak=1e-6, warmup=Warmup(steps=4)))
    with pytest.raises(LehrError, match="4 updates a step, and verl sets its rate once a step"):
        exported("verl", {"rl": falling})
    with pytest.raises(LehrError, match="42 updates, which do not fill steps of 4"):
        exported("verl", {"rl": stage_of("RL", POLICY, steps=42)})
    odd = msgspec.structs.replace(POLICY, rollout=msgspec.structs.replace(ROLLOUT, prompts=9))
    with pytest.raises(LehrError, match="64 sequences a step are not 9 prompts of group_size 8"):
        exported("trl", {"rl": stage_of("RL", odd)})


def test_a_recipes_own_devices_run_it() -> None:
    done = exported("trl", then(Adapter(rank=8), count=16))
    assert [result.stage.devices for result in done.stages] == [8, 16]
    assert "--nnodes=2 --nproc-per-node=8 -m trl.scripts.dpo" in done.files["launch.sh"].decode()
    # those that do not share the batch are refused, whoever says them; others than the recipe's are named
    odd = {"sft": stage_of("SFT", Supervised(), count=12)}
    for asked in ({}, {"devices": 12}):
        with pytest.raises(
            LehrError, match="32 sequences cannot be shared evenly by 12 devices; write devices=8 or 16"
        ):
            exported("trl", odd, **asked)
    fewer = exported("trl", odd, devices=8)
    assert [str(gap) for gap in fewer.stages[0].gaps if gap.whose == "devices"] == [
        "devices 8 of 12: as devices= says, and not the recipe's"
    ]
    assert [Machine(devices=12, devices_per_node=8, micro_batch=None).nodes] == [2]


@pytest.mark.parametrize("to", ADAPTED)
def test_a_sharded_stage_has_a_schedule_that_asks_its_optimiser_for_no_rate(to: str) -> None:
    """DeepSpeed's optimiser has no ``defaults``, from which ``min_lr`` and the polynomial take the peak."""
    cosine = exported(to, {"s": stage_of("SFT", Supervised(), schedule=Cosine(peak=3e-5, floor=1e-6))})
    kwargs = body_of(cosine, 0)["lr_scheduler_kwargs"]
    assert (json.loads(kwargs) if isinstance(kwargs, str) else kwargs) == {"min_lr_rate": 1e-6 / 3e-5}
    line = Linear(peak=3e-5, floor=3e-6, warmup=Warmup(steps=4))
    alone = exported(to, {"s": stage_of("SFT", Supervised(), schedule=line, count=1)})
    shared = exported(to, {"s": stage_of("SFT", Supervised(), schedule=line)})
    key = "lr_scheduler" if to == "axolotl" else "lr_scheduler_type"
    names = [body_of(done, 0)[key] for done in (alone, shared)]
    # Axolotl keeps weights in 32 bits only where DeepSpeed does
    assert names == ["warmup_stable_decay" if to == "axolotl" else "polynomial", "warmup_stable_decay"]
    # the warm-up of the second begins at the floor
    off = [done.stages[0].exported.deviation.of_peak for done in (alone, shared)]
    assert off == [pytest.approx(0.1 if to == "axolotl" else 0.0, rel=1e-12), pytest.approx(0.1, rel=1e-12)]
    with pytest.raises(LehrError, match="a power of the time left and it is sharded"):
        exported(to, {"s": stage_of("SFT", Supervised(), schedule=Polynomial(peak=3e-5, power=2.0))})


@pytest.mark.parametrize("to", ADAPTED)
def test_what_one_device_does_not_hold_is_sharded(to: str) -> None:
    whole = exported(to, {"sft": stage_of("SFT", Supervised())})
    assert body_of(whole, 0)["deepspeed"] == "01_sft/zero3.json"
    zero = json.loads(whole.files["01_sft/zero3.json"])["zero_optimization"]
    assert zero == {"stage": 3, "stage3_gather_16bit_weights_on_model_save": True}
    assert "deepspeed" not in body_of(exported(to, {"sft": stage_of("SFT", Supervised(), adapter=Adapter(rank=8))}), 0)
    # 16 bytes a parameter: 7.6e9 of them are 122 GB on one device, before any activation
    alone = exported(to, {"sft": stage_of("SFT", Supervised(), count=1)})
    readme = alone.files["README.md"].decode()
    assert body_of(alone, 0).get("deepspeed") == ("01_sft/zero1.json" if to == "axolotl" else None)
    assert readme.index("## Does not fit") < readme.index("## Stages")
    # 80 GiB
    assert "GB a device of 86 GB (h100_sxm): more than a device has" in readme


def test_what_does_not_fit_in_shards_either_is_said_first() -> None:
    """DPO of 72.7e9 parameters at 20 bytes each, the reference's two with them: 182 GB on each of eight devices.
    Beside them, of two answers of 4,096 tokens, logits of 13 bytes for each of 152,064 words (16 GB), and the inputs of
    80 layers of 8,192 (11 GB)."""
    found = CATALOGUE.recipe("starcoder")
    stages = {"dpo": stage_of("RL", Preference(method="dpo"))}
    made = msgspec.structs.replace(found, order=["dpo"], stages=stages, base=Base(model="qwen2_5_72b"), reported=[])
    model = CATALOGUE.model("qwen2_5_72b")
    done = export(model, made, "trl", accelerators=CATALOGUE.accelerators)
    assert "dpo, memory 209 GB at least, 27 of them activations and logits, a device of 86 GB (h100_sxm)" in (
        done.files["README.md"].decode()
    )
    assert (
        export(model, made, "trl", accelerators=CATALOGUE.accelerators, devices=32).stages[0].gaps[0].what != "memory"
    )


def test_llama_factory_takes_the_tokenizers_own_template() -> None:
    done = exported("llama_factory", {"sft": stage_of("SFT", Supervised())})
    assert "template" not in body_of(done, 0)
    assert done.stages[0].exported.before == [["python", "check_template.py", "Qwen/Qwen2.5-7B", "01_sft/train.yaml"]]
    assert said_of(done, 0)["chat template"]["value"] == "the tokenizer's own, without which the stage does not begin"


def test_prime_rl_does_not_begin_from_its_own_shards() -> None:
    two = {name: stage_of("SFT", Supervised()) for name in ("one", "two")}
    with pytest.raises(LehrError, match=r"write stages=\[two\] and put the whole weights into checkpoints/one"):
        exported("prime_rl", two)
    assert "checkpoints/one: the weights of one" in str(exported("prime_rl", two, stages=["two"]).files)


@pytest.mark.slow
def test_stages_of_unlike_size_run_one_after_another(tmp_path: Path) -> None:
    """With programs in the place of Slurm's: the adapter's stage on one node, which merges it, then two nodes."""
    done = exported("trl", then(Adapter(rank=8), count=16))
    write_folder(tmp_path / "x", done.files)
    programs = {
        "scontrol": "echo first; echo second",
        # all nodes at once, which meet as torchrun's do: none is done before each has begun
        "srun": 'for ((n = 0; n < ${2#*=}; n++)); do SLURM_NODEID=$n "${@:4}" & done; wait',
        "torchrun": "echo $PET_NODE_RANK of $NNODES: $*; touch met.$NNODES.$PET_NODE_RANK; "
        "until [ $(ls met.$NNODES.* | wc -l) = $NNODES ]; do sleep 0.05; done",
        "python": "echo $PET_NODE_RANK of $NNODES: python $*",
    }
    job = {"SLURM_SUBMIT_DIR": str(tmp_path / "x"), "SLURM_JOB_NODELIST": "n[0-1]"}
    told = in_their_place(tmp_path / "bin", programs) | job
    ran = subprocess.run(["bash", "slurm.sh"], cwd=tmp_path / "x", env=told, capture_output=True, text=True, check=True)
    lines = ran.stdout.splitlines()
    assert [*lines[:2], *sorted(lines[2:])] == [
        "0 of 1: --nnodes=1 --nproc-per-node=8 -m trl.scripts.sft --config 01_sft/sft.yaml",
        "0 of 1: python merge_adapter.py checkpoints/sft checkpoints/sft/merged",
        *(f"{n} of 2: --nnodes=2 --nproc-per-node=8 -m trl.scripts.dpo --config 02_dpo/dpo.yaml" for n in (0, 1)),
    ]


NEAR = {"kind": "rope", "base": 1e6, "fraction": 1.0, "scaling": None}


@pytest.mark.parametrize("to", ["trl", "ms_swift", "llama_factory", "axolotl"])
def test_positions_that_change_reach_the_stage(to: str) -> None:
    """Code Llama's base of its rotary positions rises for the long context (Roziere et al. 2023, section 2.4)."""
    model, recipe = CATALOGUE.model("codellama_7b"), CATALOGUE.recipe("codellama_7b")
    models = {"llama_2_7b": CATALOGUE.model("llama_2_7b")}
    done = export(model, recipe, to, models=models, stages=["cpt", "long_context"], accelerators=CATALOGUE.accelerators)
    assert json.loads(done.files["model/config.json"])["rope_theta"] == 1e4
    (words,) = done.stages[1].exported.before
    assert words[2:] == [f"{done.stages[1].stage.begins}/config.json", "02_long_context/position.json"]
    assert json.loads(done.files[words[3]]) == {"rope_theta": 1e6}
    lines = done.files["launch.sh"].decode().splitlines()
    (at,) = (i for i, line in enumerate(lines) if "set_position.py" in line)
    assert [i for i, line in enumerate(lines) if "02_long_context/" in line and i != at] > [at]
    assert [said_of(done, n)["position"]["value"]["base"] for n in (0, 1)] == [1e4, 1e6]
    # the hub's own weights are not the export's to change
    stated = msgspec.structs.replace(recipe.stages["cpt"], position=msgspec.convert(NEAR, type=Rope))
    other = msgspec.structs.replace(recipe, stages={**recipe.stages, "cpt": stated})
    with pytest.raises(LehrError, match=r"cpt trains with .*1000000.0.* and meta-llama/Llama-2-7b\S* has .*10000.0"):
        export(model, other, to, models=models, stages=["cpt"])


@pytest.mark.parametrize("to", ["megatron", "torchtitan", "olmo_core"])
def test_positions_that_change_reach_a_trainer_that_builds_the_network(to: str) -> None:
    recipe = CATALOGUE.recipe("starcoder")
    plain = msgspec.structs.replace(recipe.stages["pt"], batch=Batch(sequences=64), hardware=None)
    near = msgspec.structs.replace(plain, kind="ANN", position=msgspec.convert(NEAR, type=Rope))
    made = msgspec.structs.replace(recipe, order=["pt", "long"], stages={"pt": plain, "long": near}, reported=[])
    done = export(CATALOGUE.model("llama_2_7b"), made, to)
    told = [b"".join(done.stages[n].exported.files.values()).decode() for n in (0, 1)]
    written = {"megatron": "--rotary-base\n{}", "torchtitan": "'theta': {}.0", "olmo_core": '"rope_theta": {}'}[to]
    for text, base in zip(told, (10_000, 1_000_000), strict=True):
        assert written.format(base) in text or written.replace("\n", " ").format(base) in text
    assert all(not result.exported.before for result in done.stages)


@pytest.mark.parametrize("devices", [1, 4, 16])
@pytest.mark.parametrize("to", ["axolotl", "llama_factory", "ms_swift", "prime_rl", "trl"])
def test_a_command_starts_a_process_for_each_device_and_no_other(to: str, devices: int) -> None:
    """Left to themselves these start one for all that the machine has (prime-rl for one)."""
    done = exported(to, {"sft": stage_of("SFT", Supervised(), count=devices, batch=Batch(sequences=64))})
    command, each = done.stages[0].exported.command, min(devices, 8)
    if to == "prime_rl" and devices <= 8:
        told = done.files["01_sft/sft.toml"].decode()
        assert f"gpus_per_node = {each}\nnum_train_gpus = {each}\n" in told
        assert command == ["uv", "run", "sft", "@", "01_sft/sft.toml"]
    else:
        words = {"llama_factory": f"NPROC_PER_NODE={each}", "ms_swift": f"NPROC_PER_NODE={each}"}
        assert words.get(to, f"--nproc-per-node={each}") in command
    assert to != "llama_factory" or command[:2] == ["env", "FORCE_TORCHRUN=1"]
