"""ms-swift: pre-training, fine-tuning, DPO and GRPO by one YAML a stage."""

from __future__ import annotations

from typing import Any

from lehr.recipes.exporting import transformers_settings as hf
from lehr.recipes.exporting.adapters import alpha, modules
from lehr.recipes.exporting.balancing import COEFFICIENT, coefficient
from lehr.recipes.exporting.engine import engine_of, engine_said
from lehr.recipes.exporting.policy import policy_notes, policy_of, policy_said
from lehr.recipes.exporting.preference import beta_of, beta_said
from lehr.recipes.exporting.rates import RefusedError
from lehr.recipes.exporting.stage import Exported, ExportStage, Said
from lehr.recipes.exporting.trainer import Network, Trainer, rates_said, what_is_trained
from lehr.recipes.presenting.yaml import as_yaml
from lehr.simulators.objectives import PolicyGradient, Preference

SHARED = ("internlm2", "llama", "minicpm", "mistral", "mixtral", "phi3", "qwen2", "qwen3", "xverse")
"""The hub's types whose class ms-swift 4.6.0 has several types of its own for, one of them of the same name: it trains
random weights only if it is told which, and which template: its `dummy` adds nothing to the words."""
ROWS = {
    "corpus": '{"text": ...}',
    "answers": '{"messages": [{"role": "user", "content": ...}, {"role": "assistant", "content": ...}]}',
    "preference": '{"messages": [..., {"role": "assistant", "content": the chosen answer}], "rejected_response": ...}',
    "policy": '{"messages": [{"role": "user", "content": ...}]}, and what else the rewards need',
}
"""What the data of each kind of training look like, in the files of JSON lines that it reads."""
REWARDS = (
    "write rewards.py beside launch.sh: `from swift.rewards import ORM, orms`, a class on ORM whose "
    "__call__(self, completions, **columns) returns a list of numbers, and `orms['reward'] = TheClass`"
)
LEAVES = "checkpoint-{steps}"
VERBS = {"corpus": "pt", "answers": "sft", "preference": "rlhf", "policy": "rlhf"}


def stage(stage: ExportStage, network: Network) -> Exported:
    """The YAML of ``swift pt``, ``sft`` or ``rlhf``."""
    what = what_is_trained(stage)
    plan = hf.schedule(stage)
    body: dict[str, Any] = {"model": stage.begins or "model"}
    notes, beside, length = list[str](), list[Said](), "max_length"
    if stage.begins is None:
        notes.append("random weights: make the folder `model` once, as README.md says")
        if (kind := network.needs_config()["model_type"]) in SHARED:
            body |= {"model_type": kind, "template": "dummy"}
            if what != "corpus":
                notes.append("template: dummy adds nothing to questions and answers; write that of your chat")
    body |= {
        "tuner_type": "full",
        "torch_dtype": hf.held_in(stage),
        "dataset": [stage.data],
        "max_length": stage.sequence_length,
        # its own way with a document that is longer than a sequence is to leave it out
        **({"packing": True, "attn_impl": "flash_attn", "truncation_strategy": "split"} if what == "corpus" else {}),
    }
    if stage.adapter is not None:
        body |= {
            "tuner_type": "lora", "lora_rank": stage.adapter.rank, "lora_alpha": alpha(stage.adapter),
            "lora_dropout": 0.0, "target_modules": modules(stage.adapter, network.model_type, "all-linear"),
            "use_dora": stage.adapter.kind == "dora",
            **({"quant_method": "bnb", "quant_bits": 4} if stage.adapter.kind == "qlora" else {}),
        }  # fmt: skip
    if isinstance(stage.objective, (Preference, PolicyGradient)):
        where = f"{stage.folder}/rlhf.yaml"
        if isinstance(stage.objective, PolicyGradient):
            policy = policy_of(stage, ("grpo",), "swift rlhf")
            body |= {"rlhf_type": "grpo", "max_completion_length": stage.longest_answer, **hf.grpo(policy), "top_k": -1}
            engine = engine_of(stage, network.architecture)
            body |= {
                "use_vllm": True, "vllm_mode": "colocate", "vllm_tensor_parallel_size": engine.tensor,
                "vllm_gpu_memory_utilization": engine.share,
            }  # fmt: skip
            body |= {"loss_type": ["grpo"], "advantage_estimator": "grpo", "kl_in_reward": False}
            body |= {"external_plugins": ["rewards.py"], "reward_funcs": ["reward"]}
            told = hf.grpo_told(where)
            if policy.prompt_cap is not None:
                # of a prompt here, not of prompt and answer together; longer ones are left out
                body |= {"max_length": policy.prompt_cap, "truncation_strategy": "delete"}
                told["rollout.prompt.cap"] = f"{where}: max_length"
            beside = policy_said(stage, policy, told, f"{where}: temperature, scale_rewards, loss_type")
            beside.append(engine_said(engine, f"{where}: use_vllm, vllm_mode"))
            notes.append("the engine that writes answers, vLLM, is installed apart: `pip install vllm`")
            notes += [REWARDS, *policy_notes(policy, told, stage)]
        else:
            if stage.objective.method.casefold() != "dpo":
                raise RefusedError(f"its method is {stage.objective.method}; swift rlhf is told DPO and GRPO")
            body |= {"rlhf_type": "dpo", "beta": beta_of(stage.objective), "loss_type": ["sigmoid"]}
            beside = [beta_said(stage.objective, f"{where}: beta")]
    # without a folder of the run's date within, which the next stage would not find
    body |= {**hf.arguments(stage, plan), "add_version": False}
    verb = VERBS[what]
    notes.append(f"a row of {stage.data}: `{ROWS[what]}`")
    file = f"{stage.folder}/{verb}.yaml"
    line, off = rates_said(stage, plan.run, f"{file}: lr_scheduler_type {plan.name}")
    weight, balanced = coefficient(stage, network, f"{file}: {COEFFICIENT}")
    body |= {COEFFICIENT: weight} if weight is not None else {}
    if what == "corpus":
        notes.append("packing takes flash attention, which has to be installed; packing: false goes without")
    if isinstance(stage.objective, PolicyGradient):
        length = hf.ANSWERS
    return Exported(
        files={file: as_yaml(body), **hf.sharding(stage)},
        command=["env", f"NPROC_PER_NODE={stage.devices_per_node}", "swift", verb, file],
        said=[line, *hf.said(stage, file, length), *balanced, *beside],
        run=plan.run,
        deviation=off,
        resumes=hf.resumes(stage),
        notes=[*notes, *hf.sharding_notes(stage)],
        after=merging(stage),
    )


def merging(stage: ExportStage) -> list[list[str]]:
    """The command that makes whole weights of the adapter's."""
    if stage.merged is None:
        return []
    left = f"{stage.ends}/{LEAVES.format(steps=stage.n_steps)}"
    words = ["--model", stage.begins or "model", "--adapters", left, "--merge_lora", "true"]
    return [["swift", "export", *words, "--output_dir", stage.merged]]


TRAINER = Trainer(
    name="ms_swift",
    title="ms-swift",
    version="4.6.0",
    # its GRPO imports msgspec, and does not ask for it
    package="ms-swift==4.6.0 msgspec==0.22.0",
    stage=stage,
    adapters=True,
    reference=4.0,
    leaves=LEAVES,
    prove="ms_swift",
)
