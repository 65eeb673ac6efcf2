"""LLaMA-Factory: pre-training, fine-tuning and DPO by one YAML a stage."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from lehr.recipes.exporting import transformers_settings as hf
from lehr.recipes.exporting.adapters import alpha, modules, whole
from lehr.recipes.exporting.balancing import coefficient
from lehr.recipes.exporting.preference import beta_of, beta_said
from lehr.recipes.exporting.rates import RefusedError
from lehr.recipes.exporting.stage import Exported, ExportStage, Said
from lehr.recipes.exporting.trainer import Network, Trainer, rates_said, what_is_trained
from lehr.recipes.presenting.yaml import as_yaml
from lehr.simulators.objectives import Preference

ROWS = {
    "corpus": '{"text": ...}',
    "answers": '{"messages": [{"role": "user", "content": ...}, {"role": "assistant", "content": ...}]}',
    "preference": '{"prompt": ..., "chosen": ..., "rejected": ...}',
}
"""What the data of each kind of training look like, in a folder of JSON lines."""
TAGS = {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant",
        "system_tag": "system"}  # fmt: skip
COLUMNS: dict[str, dict[str, Any]] = {
    "corpus": {"columns": {"prompt": "text"}},
    "answers": {"formatting": "sharegpt", "columns": {"messages": "messages"}, "tags": TAGS},
    "preference": {"ranking": True, "columns": {"prompt": "prompt", "chosen": "chosen", "rejected": "rejected"}},
}
"""The same in the words of its dataset_info.json."""
BALANCED = ("ernie4_5_moe", "granitemoe", "jamba", "llama4", "mixtral", "olmoe", "phimoe", "qwen2_moe", "qwen3_moe")
"""Types whose class it hands its ``moe_aux_loss_coef`` on to (``model_utils/moe.py``)."""
CHECK = "check_template.py"
"""The program that stops where the tokenizer has no chat template and the settings name none."""
STAGES = {"corpus": "pt", "answers": "sft", "preference": "dpo"}


def stage(stage: ExportStage, network: Network) -> Exported:
    """The YAML of ``llamafactory-cli train``. Raises ``RefusedError`` for policy gradients."""
    what = what_is_trained(stage)
    if what not in STAGES:
        raise RefusedError(
            "is reinforcement learning by policy gradients of verifiable rewards, which LLaMA-Factory does not have"
        )
    plan = hf.schedule(stage)
    if stage.begins is None:
        network.needs_config()
    body: dict[str, Any] = {
        "model_name_or_path": stage.begins or "model",
        **({} if stage.begins else {"train_from_scratch": True}),
        "stage": STAGES[what],
        "do_train": True,
        "finetuning_type": "full",
        "dataset": stage.name,
        "dataset_dir": stage.folder,
        "cutoff_len": stage.sequence_length,
        "packing": what == "corpus",
        **hf.arguments(stage, plan),
    }
    if isinstance(stage.objective, Preference):
        if stage.objective.method.casefold() != "dpo":
            raise RefusedError(f"its method is {stage.objective.method}; LLaMA-Factory is told DPO")
        body |= {"pref_beta": beta_of(stage.objective), "pref_loss": "sigmoid"}
    if stage.adapter is not None:
        body |= {
            "finetuning_type": "lora", "lora_rank": stage.adapter.rank, "lora_alpha": whole(alpha(stage.adapter)),
            "lora_dropout": 0.0, "lora_target": ",".join(modules(stage.adapter, network.model_type, "all")),
            "use_dora": stage.adapter.kind == "dora",
            **({"quantization_bit": 4} if stage.adapter.kind == "qlora" else {}),
        }  # fmt: skip
    file = f"{stage.folder}/train.yaml"
    weight, balanced = coefficient(stage, network, f"{file}: moe_aux_loss_coef", BALANCED)
    body |= {"moe_aux_loss_coef": weight} if weight is not None else {}
    line, off = rates_said(stage, plan.run, f"{file}: lr_scheduler_type {plan.name}")
    beside = [beta_said(stage.objective, f"{file}: pref_beta")] if isinstance(stage.objective, Preference) else []
    merge = {} if stage.merged is None else {f"{stage.folder}/merge.yaml": as_yaml(merging(stage))}
    told = "the tokenizer's own, without which the stage does not begin"
    # with a tokenizer that has no template it would train on words alone, without roles and without an end
    check = {} if what == "corpus" else {CHECK: (files("lehr.recipes.exporting") / "scripts" / CHECK).read_bytes()}
    template = [] if what == "corpus" else [Said(what="chat template", value=told, where=file, how="assumed")]
    return Exported(
        files={
            file: as_yaml(body), f"{stage.folder}/dataset_info.json": named_data(stage, what), **hf.sharding(stage),
            **merge, **check,
        },
        # else a process for every device that the machine has
        command=[
            "env", "FORCE_TORCHRUN=1", f"NPROC_PER_NODE={stage.devices_per_node}", "llamafactory-cli", "train", file,
        ],
        said=[line, *hf.said(stage, file, "cutoff_len"), *balanced, *beside, *template],
        run=plan.run,
        deviation=off,
        notes=[f"a row of {stage.data}: `{ROWS[what]}`", *hf.sharding_notes(stage)],
        before=[["python", CHECK, stage.begins or "model", file]] if check else [],
        after=[["llamafactory-cli", "export", *merge]] if merge else [],
    )  # fmt: skip


def merging(stage: ExportStage) -> dict[str, Any]:
    """The settings that make whole weights of the adapter's; in 16 bits where it stood beside 4."""
    return {
        "model_name_or_path": stage.begins or "model", "adapter_name_or_path": stage.ends, "finetuning_type": "lora",
        "infer_dtype": "bfloat16", "export_device": "cpu", "export_dir": stage.merged,
    }  # fmt: skip


def named_data(stage: ExportStage, what: str) -> bytes:
    """Its list of data sets, with the stage's own, beside the settings."""
    info = {stage.name: {"file_name": f"../{stage.data}", **COLUMNS[what]}}
    return (json.dumps(info, indent=2) + "\n").encode()


TRAINER = Trainer(
    name="llama_factory",
    title="LLaMA-Factory",
    version="0.9.5",
    package="llamafactory==0.9.5",
    stage=stage,
    adapters=True,
    prove="llama_factory",
)
