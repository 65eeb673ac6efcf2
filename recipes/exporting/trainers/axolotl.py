"""Axolotl: completion, chat, DPO and GRPO by one YAML a stage.

Its parser takes unknown keys and schedules without a word: what is written here are keys of its schema only.
"""

from __future__ import annotations

from typing import Any

from lehr.recipes.exporting import transformers_settings as hf
from lehr.recipes.exporting.adapters import alpha, modules, whole
from lehr.recipes.exporting.balancing import COEFFICIENT, coefficient
from lehr.recipes.exporting.engine import engine_of, engine_said
from lehr.recipes.exporting.policy import policy_notes, policy_of, policy_said
from lehr.recipes.exporting.preference import beta_of, beta_said
from lehr.recipes.exporting.rates import RefusedError
from lehr.recipes.exporting.stage import Exported, ExportStage, Said
from lehr.recipes.exporting.trainer import Network, Trainer, rates_said, torchrun, what_is_trained
from lehr.recipes.presenting.yaml import as_yaml
from lehr.simulators.objectives import PolicyGradient, Preference

TYPES = {
    "corpus": "completion", "answers": "chat_template", "preference": "chat_template.default",
    "policy": "rewards.prompts",
}  # fmt: skip
"""How it reads the data of each kind of training; a policy's by a function of the person's own."""
ROWS = {
    "corpus": '{"text": ...}',
    "answers": '{"messages": [{"role": "user", "content": ...}, {"role": "assistant", "content": ...}]}',
    "preference": '{"messages": [{"role": "user", "content": ...}], "chosen": {"role": "assistant", "content": ...}, '
    '"rejected": {"role": "assistant", "content": ...}}',
    "policy": '{"prompt": [{"role": "user", "content": ...}]}, and what else the rewards need',
}
"""What the data of each kind of training look like, in a folder of JSON lines."""
OVERRIDES = "overrides_of_model_config"
REWARDS = (
    "write rewards.py beside launch.sh, with reward(completions, **columns) -> list[float], and with prompts(cfg, "
    "**kwargs), which returns a function from a row of the data to one with `prompt`: `lambda row, tokenizer=None: row`"
)


def stage(stage: ExportStage, network: Network) -> Exported:
    """The YAML of ``axolotl train``."""
    what = what_is_trained(stage)
    plan = hf.schedule(stage)
    if stage.begins is None:
        network.needs_config()
    given = hf.arguments(stage, plan)
    notes, beside = [f"a row of {stage.data}: `{ROWS[what]}`"], list[Said]()
    if what == "corpus":
        notes.append("packing takes flash attention, which has to be installed: `pip install flash-attn`")
    body: dict[str, Any] = {
        "base_model": stage.begins or "model",
        **({} if stage.begins else {"reinit_weights": True}),
        "datasets": [{"path": stage.data, "type": TYPES[what]}],
        "sequence_len": stage.sequence_length,
        "sample_packing": what == "corpus",
        # without, what is packed attends to what stands before it, at places that both have
        **({"attn_implementation": "flash_attention_2"} if what == "corpus" else {}),
        "output_dir": given["output_dir"],
        "max_steps": given["max_steps"],
        "micro_batch_size": given["per_device_train_batch_size"],
        "gradient_accumulation_steps": given["gradient_accumulation_steps"],
        "learning_rate": given["learning_rate"],
        "lr_scheduler": given["lr_scheduler_type"],
        **({"lr_scheduler_kwargs": plan.kwargs} if plan.kwargs else {}),
        "warmup_steps": given["warmup_steps"],
        "optimizer": given["optim"],
        **{key: given[key] for key in ("adam_beta1", "adam_beta2", "adam_epsilon", "weight_decay", "max_grad_norm")},
        "bf16": given["bf16"],
        "fp16": given["fp16"],
        "tf32": given.get("tf32", False),
        "seed": given["seed"],
        "save_steps": given["save_steps"],
        "save_total_limit": given["save_total_limit"],
        "auto_resume_from_checkpoints": True,
        "logging_steps": 1,
        "gradient_checkpointing": True,
        **({"deepspeed": given["deepspeed"]} if stage.sharded else {}),
    }
    if isinstance(stage.objective, (Preference, PolicyGradient)):
        where = f"{stage.folder}/axolotl.yaml"
        if isinstance(stage.objective, PolicyGradient):
            policy = policy_of(stage, ("grpo",), "axolotl")
            engine = engine_of(stage, network.architecture)
            inner = {"max_completion_length": stage.longest_answer, **hf.grpo(policy), "top_k": 0}
            # it asks for the address of a server, which nothing here is
            inner |= {
                "use_vllm": True,
                "vllm_mode": "colocate",
                "vllm_server_host": "0.0.0.0",
                "vllm_server_port": 8000,
            }
            body |= {"rl": "grpo", "trl": {**inner, "reward_funcs": ["rewards.reward"]}}
            body |= {"vllm": {"tensor_parallel_size": engine.tensor, "gpu_memory_utilization": engine.share}}
            told = hf.grpo_told(f"{where}: trl")
            beside = policy_said(stage, policy, told, f"{where}: trl.temperature, scale_rewards, loss_type")
            beside.append(engine_said(engine, f"{where}: trl.use_vllm, vllm"))
            notes.append("the engine that writes answers, vLLM, is installed apart: `pip install vllm`")
            notes += [REWARDS, *policy_notes(policy, told, stage)]
        else:
            if stage.objective.method.casefold() != "dpo":
                raise RefusedError(f"its method is {stage.objective.method}; axolotl is told DPO and GRPO")
            body |= {"rl": "dpo", "rl_beta": beta_of(stage.objective)}
            beside = [beta_said(stage.objective, f"{where}: rl_beta")]
    if stage.adapter is not None:
        named = modules(stage.adapter, network.model_type, "all")
        body |= {
            "adapter": "qlora" if stage.adapter.kind == "qlora" else "lora", "lora_r": stage.adapter.rank,
            "lora_alpha": whole(alpha(stage.adapter)), "lora_dropout": 0.0,
            **({"lora_target_linear": True} if named == ["all"] else {"lora_target_modules": named}),
            **({"peft_use_dora": True} if stage.adapter.kind == "dora" else {}),
            **({"load_in_4bit": True} if stage.adapter.kind == "qlora" else {}),
        }  # fmt: skip
    file = f"{stage.folder}/axolotl.yaml"
    weight, balanced = coefficient(stage, network, f"{file}: {OVERRIDES}")
    # a class returns what the loss is made of only if it is told to
    body |= {OVERRIDES: {"output_router_logits": weight > 0, COEFFICIENT: weight}} if weight is not None else {}
    line, off = rates_said(stage, plan.run, f"{file}: lr_scheduler {plan.name}")
    return Exported(
        files={file: as_yaml(body), **hf.sharding(stage)},
        command=["axolotl", "train", file, *processes(stage)],
        said=[line, *hf.said(stage, file, "sequence_len"), *balanced, *beside],
        run=plan.run,
        deviation=off,
        notes=[*notes, *hf.sharding_notes(stage)],
        # it makes the folder `merged` in that of the adapter
        after=[["axolotl", "merge-lora", file, f"--lora-model-dir={stage.ends}"]] if stage.merged else [],
    )


def processes(stage: ExportStage) -> list[str]:
    """What starts a process a device, behind the trainer's own words, which would use all that the machine has."""
    program, *options = torchrun(stage)
    return ["--launcher", program, "--", *options]


TRAINER = Trainer(
    name="axolotl",
    title="Axolotl",
    version="0.19.0",
    package="axolotl==0.19.0",
    stage=stage,
    adapters=True,
    halves=True,
    prove="axolotl",
)
