"""ms-swift: pre-training, fine-tuning, DPO and GRPO by one YAML a stage."""

from __future__ import annotations

from typing import Any

from lehr.recipes.exporting import transformers_settings as hf
from lehr.recipes.exporting.adapters import alpha, modules
from lehr.recipes.exporting.rates import RefusedError
from lehr.recipes.exporting.stage import Exported, ExportStage
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
    "write rewards.py beside this file: `from swift.rewards import ORM, orms`, a class on ORM whose "
    "__call__(self, completions, **columns) returns a list of numbers, and `orms['reward'] = TheClass`"
)
VERBS = {"corpus": "pt", "answers": "sft", "preference": "rlhf", "policy": "rlhf"}


def stage(stage: ExportStage, network: Network) -> Exported:
    """The YAML of ``swift pt``, ``sft`` or ``rlhf``."""
    what = what_is_trained(stage)
    plan = hf.schedule(stage)
    body: dict[str, Any] = {"model": stage.begins or "model"}
    notes = []
    if stage.begins is None:
        notes.append("random weights: make the folder `model` once, as README.md says")
        if (kind := network.needs_config()["model_type"]) in SHARED:
            body |= {"model_type": kind, "template": "dummy"}
            if what != "corpus":
                notes.append("template: dummy adds nothing to questions and answers; write that of your chat")
    body |= {
        "tuner_type": "full",
        "dataset": [stage.data],
        "max_length": stage.sequence_length,
        **({"packing": True, "attn_impl": "flash_attn"} if what == "corpus" else {}),
    }
    if stage.adapter is not None:
        body |= {
            "tuner_type": "lora", "lora_rank": stage.adapter.rank, "lora_alpha": alpha(stage.adapter),
            "lora_dropout": 0.0, "target_modules": modules(stage.adapter, network.model_type, "all-linear"),
            "use_dora": stage.adapter.kind == "dora",
            **({"quant_method": "bnb", "quant_bits": 4} if stage.adapter.kind == "qlora" else {}),
        }  # fmt: skip
    if isinstance(stage.objective, (Preference, PolicyGradient)):
        method = (stage.objective.method or "grpo").casefold()
        if method not in ("dpo", "grpo"):
            raise RefusedError(f"its method is {stage.objective.method}; this exporter says DPO and GRPO to swift rlhf")
        body["rlhf_type"] = method
        if isinstance(stage.objective, PolicyGradient):
            if stage.objective.group_size is None:
                raise RefusedError(f"has no group_size; write +recipe.stages.{stage.name}.objective.group_size=8")
            body |= {"num_generations": stage.objective.group_size, "max_completion_length": stage.longest_answer}
            body |= {"external_plugins": ["rewards.py"], "reward_funcs": ["reward"]}
            notes.append(REWARDS)
    # without a folder of the run's date within, which the next stage would not find
    body |= {**hf.arguments(stage, plan), "add_version": False}
    verb = VERBS[what]
    notes.append(f"a row of {stage.data}: `{ROWS[what]}`")
    file = f"{stage.folder}/{verb}.yaml"
    line, off = rates_said(stage, plan.run, f"{file}: lr_scheduler_type {plan.name}")
    if what == "corpus":
        notes.append("packing takes flash attention, which has to be installed; packing: false goes without")
    return Exported(
        files={file: as_yaml(body)},
        command=["env", f"NPROC_PER_NODE={stage.devices_per_node}", "swift", verb, file],
        said=[line, *hf.said(stage, file, "max_length")],
        run=plan.run,
        deviation=off,
        notes=notes,
    )


TRAINER = Trainer(
    name="ms_swift",
    title="ms-swift",
    version="4.6.0",
    # its GRPO imports msgspec, and does not ask for it
    package="ms-swift==4.6.0 msgspec==0.22.0",
    stage=stage,
    adapters=True,
    leaves="checkpoint-{steps}",
    prove="ms_swift",
)
