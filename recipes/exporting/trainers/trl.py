"""TRL: training on a corpus and on answers (``trl sft``), preferences (``trl dpo``), GRPO (``trl grpo``)."""

from __future__ import annotations

from importlib.resources import files
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
from lehr.simulators.objectives import Preference

ROWS = {
    "corpus": '{"text": ...}',
    "answers": '{"messages": [{"role": "user", "content": ...}, {"role": "assistant", "content": ...}]}',
    "preference": '{"prompt": ..., "chosen": ..., "rejected": ...}',
    "policy": '{"prompt": ...}, and what else the rewards need',
}
"""What the data of each kind of training look like, in a folder of JSON lines."""
REREAD = "{}: a start after a failure goes on with its updates, and with its data from their beginning"
MERGE = "merge_adapter.py"
"""The program that makes whole weights of an adapter's."""


def stage(stage: ExportStage, network: Network) -> Exported:
    """The YAML of ``trl sft``, ``dpo`` or ``grpo``."""
    what = what_is_trained(stage)
    plan = hf.going_on(stage) or hf.schedule(stage)
    body: dict[str, Any] = {"model_name_or_path": stage.begins or "model", "dataset_name": stage.data}
    if stage.begins is None:
        network.needs_config()
    beside: list[Said] = []
    notes = [] if stage.begins else ["random weights: make the folder `model` once, as README.md says"]
    if what == "answers":
        notes.append("assistant_only_loss takes a chat template that marks the answers with {% generation %}")
        notes.append(
            "eos_token: the token with which that template ends a turn, where it is not the tokenizer's end of text "
            "(<|im_end|> beside Qwen2.5's <|endoftext|>): what is not trained to stop writes on to the cap"
        )
    if what in ("corpus", "answers"):
        verb, length = "sft", "max_length"
        body |= {"max_length": stage.sequence_length, "packing": what == "corpus"}
        body |= {"packing_strategy": "wrapped"} if what == "corpus" else {"assistant_only_loss": True}
    elif isinstance(stage.objective, Preference):
        verb, length = "dpo", "max_length"
        if stage.objective.method.casefold() != "dpo":
            raise RefusedError(f"its method is {stage.objective.method}; trl dpo is for DPO")
        body |= {"max_length": stage.sequence_length, "beta": beta_of(stage.objective), "loss_type": ["sigmoid"]}
        beside = [beta_said(stage.objective, f"{stage.folder}/dpo.yaml: beta")]
    else:
        verb, length = "grpo", hf.ANSWERS
        policy = policy_of(stage, ("grpo",), "trl grpo")
        engine = engine_of(stage, network.architecture)
        body |= {"max_completion_length": stage.longest_answer, **hf.grpo(policy)}
        body |= {
            "use_vllm": True, "vllm_mode": "colocate", "vllm_tensor_parallel_size": engine.tensor,
            "vllm_gpu_memory_utilization": engine.share,
        }  # fmt: skip
        body |= {"top_k": 0, "reward_funcs": ["rewards.reward"]}
        file = f"{stage.folder}/grpo.yaml"
        told = hf.grpo_told(file)
        beside = policy_said(stage, policy, told, f"{file}: temperature, scale_rewards, loss_type")
        beside.append(engine_said(engine, f"{file}: use_vllm, vllm_mode"))
        notes.append(
            'the engine that writes answers is installed apart: `pip install "trl[vllm]"`; '
            "use_vllm: false goes without, and `lehr rollout batch=` says how much longer that writes"
        )
        notes.append("write rewards.py beside launch.sh, with reward(completions, **columns) -> list[float]")
        notes += policy_notes(policy, told, stage)
    notes.append(f"a row of {stage.data}: `{ROWS[what]}`")
    if stage.adapter is not None:
        body |= {
            "use_peft": True, "lora_r": stage.adapter.rank, "lora_alpha": whole(alpha(stage.adapter)),
            "lora_dropout": 0.0, "lora_target_modules": modules(stage.adapter, network.model_type, "all-linear"),
            "use_dora": stage.adapter.kind == "dora", "load_in_4bit": stage.adapter.kind == "qlora",
        }  # fmt: skip
    file = f"{stage.folder}/{verb}.yaml"
    weight, balanced = coefficient(stage, network, f"{file}: {COEFFICIENT}")
    body |= {COEFFICIENT: weight} if weight is not None else {}
    again, carried = hf.resumed(stage, plan, str(stage.begins), file)
    body |= {"dtype": hf.held_in(stage), **hf.arguments(stage, plan), **again}
    line, off = rates_said(stage, plan.run, f"{file}: lr_scheduler_type {plan.name}")
    merge = {} if stage.merged is None else {MERGE: (files("lehr.recipes.exporting") / "scripts" / MERGE).read_bytes()}
    return Exported(
        files={file: as_yaml(body), **hf.sharding(stage), **merge},
        # TRL's own command would start a process for every device that the machine has
        command=[*torchrun(stage), "-m", f"trl.scripts.{verb}", "--config", file],
        said=[line, *hf.said(stage, file, length, plan.before), *balanced, *carried, *beside],
        run=plan.run,
        deviation=off,
        counted_from=plan.before,
        resumes=hf.resumes(stage),
        notes=[*notes, *hf.sharding_notes(stage), *([REREAD.format(stage.name)] if plan.before else [])],
        after=[["python", MERGE, stage.ends, stage.merged]] if stage.merged else [],
    )


TRAINER = Trainer(
    name="trl",
    title="TRL over transformers' Trainer",
    version="1.16.0",
    # adapters take PEFT, which it does not ask for
    package="trl==1.16.0 transformers==5.23.0 peft==0.20.0 deepspeed==0.19.8",
    stage=stage,
    adapters=True,
    reference=4.0,
    prove="trl",
)
