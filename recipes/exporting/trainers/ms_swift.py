"""ms-swift: pre-training, fine-tuning, DPO and GRPO by one YAML a stage."""

from __future__ import annotations

from typing import Any

from lehr.recipes.exporting import transformers_settings as hf
from lehr.recipes.exporting.rates import RefusedError
from lehr.recipes.exporting.stage import Exported, ExportStage
from lehr.recipes.exporting.trainer import Network, Trainer, rates_said, what_is_trained
from lehr.recipes.presenting.yaml import as_yaml
from lehr.simulators.objectives import PolicyGradient, Preference

VERBS = {"corpus": "pt", "answers": "sft", "preference": "rlhf", "policy": "rlhf"}


def stage(stage: ExportStage, network: Network) -> Exported:
    """The YAML of ``swift pt``, ``sft`` or ``rlhf``."""
    what = what_is_trained(stage)
    plan = hf.schedule(stage)
    if stage.begins is None:
        network.needs_config()
    body: dict[str, Any] = {
        "model": stage.begins or "model",
        "tuner_type": "full",
        "dataset": [stage.data],
        "max_length": stage.sequence_length,
        **({"packing": True} if what == "corpus" else {}),
    }
    if isinstance(stage.objective, (Preference, PolicyGradient)):
        method = (stage.objective.method or "grpo").casefold()
        if method not in ("dpo", "grpo"):
            raise RefusedError(f"its method is {stage.objective.method}; this exporter says DPO and GRPO to swift rlhf")
        body["rlhf_type"] = method
        if isinstance(stage.objective, PolicyGradient):
            if stage.objective.group_size is None:
                raise RefusedError(f"has no group_size; write +recipe.stages.{stage.name}.objective.group_size=8")
            body |= {"num_generations": stage.objective.group_size, "max_completion_length": stage.sequence_length}
    body |= hf.arguments(stage, plan)
    verb = VERBS[what]
    file = f"{stage.folder}/{verb}.yaml"
    line, off = rates_said(stage, plan.run, f"{file}: lr_scheduler_type {plan.name}")
    return Exported(
        files={file: as_yaml(body)},
        command=["env", f"NPROC_PER_NODE={stage.devices_per_node}", "swift", verb, file],
        said=[line, *hf.said(stage, file, "max_length")],
        run=plan.run,
        deviation=off,
        notes=[] if stage.begins else ["random weights: make the folder `model` once, as README.md says"],
    )


TRAINER = Trainer(
    name="ms_swift", title="ms-swift", version="4.6.0", package="ms-swift==4.6.0", stage=stage, prove="ms_swift"
)
