"""verl: PPO, GRPO and their kin, as overrides that Hydra composes onto verl's own ``ppo_trainer``."""

from __future__ import annotations

import json
from typing import Any

from lehr.recipes.exporting.rates import RefusedError
from lehr.recipes.exporting.stage import Exported, ExportStage
from lehr.recipes.exporting.trainer import Network, Trainer, lengths_said, optimizer_said, rates_said, what_is_trained
from lehr.simulators.objectives import PolicyGradient

ESTIMATORS = {"grpo": "grpo", "ppo": "gae", "rloo": "rloo", "reinforce++": "reinforce_plus_plus", "remax": "remax"}
"""What verl calls the estimate of the advantage by which a method is known."""


ROW = """{"data_source": ..., "prompt": [{"role": "user", "content": ...}], "reward_model": {"style": "rule",
"ground_truth": ...}}""".replace("\n", " ")
"""What verl's data look like."""


def stage(stage: ExportStage, network: Network) -> Exported:
    """Overrides, one a line, for ``python -m verl.trainer.main_ppo``. Raises ``RefusedError`` for all but RL."""
    if what_is_trained(stage) != "policy":
        raise RefusedError(
            "is no reinforcement learning, which is what is exported to verl; write stages=[...] with those that are"
        )
    assert isinstance(stage.objective, PolicyGradient)
    if stage.begins is None:
        raise RefusedError("begins from random weights; reinforcement learning begins from a model")
    method = (stage.objective.method or "").casefold()
    if method not in ESTIMATORS:
        named = f"its method is {stage.objective.method}" if method else "its method is not stated"
        # Hydra takes the plus only where nothing stands yet
        key = f"{'' if method else '+'}recipe.stages.{stage.name}.objective.method"
        raise RefusedError(f"{named}; write {key}= one of {', '.join(ESTIMATORS)}")
    group = stage.objective.group_size or 1
    if method in ("grpo", "rloo") and group < 2:
        raise RefusedError(
            f"has no group_size, and {method} compares answers of a group; "
            f"write +recipe.stages.{stage.name}.objective.group_size=8"
        )
    if stage.sequences % group:
        raise RefusedError(
            f"{stage.sequences} sequences an update are no multiple of group_size {group}; write a batch that is"
        )
    if stage.optimizer.kind not in ("adamw", "adam"):
        raise RefusedError(
            f"its optimiser is {stage.optimizer.kind}; verl is told AdamW; "
            f"write recipe.stages.{stage.name}.optimizer.kind=adamw"
        )
    course = stage.course
    if (
        course.start
        or course.tail
        or (course.stable and course.shape)
        or course.shape not in (None, "cosine")
        or course.length is not None
    ):
        raise RefusedError("its rates are neither constant nor one cosine, which is all that verl's FSDP engine has")
    prompts = stage.sequences // group
    o = stage.optimizer
    betas = [0.9 if o.beta1 is None else o.beta1, 0.999 if o.beta2 is None else o.beta2]
    settings: dict[str, Any] = {
        "algorithm.adv_estimator": ESTIMATORS[method],
        "data.train_files": f"{stage.data}/train.parquet",
        "data.train_batch_size": prompts,
        "data.max_response_length": stage.longest_answer,
        "actor_rollout_ref.model.path": stage.begins,
        "actor_rollout_ref.rollout.n": group,
        "actor_rollout_ref.rollout.name": "vllm",
        "actor_rollout_ref.actor.ppo_mini_batch_size": prompts,
        "actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu": stage.micro_batch,
        "actor_rollout_ref.rollout.log_prob_micro_batch_size_per_gpu": stage.micro_batch,
        "actor_rollout_ref.ref.log_prob_micro_batch_size_per_gpu": stage.micro_batch,
        "actor_rollout_ref.actor.optim.lr": course.peak,
        "actor_rollout_ref.actor.optim.lr_warmup_steps": course.warmup,
        "actor_rollout_ref.actor.optim.lr_scheduler_type": "cosine" if course.shape else "constant",
        "actor_rollout_ref.actor.optim.min_lr_ratio": course.floor / course.peak,
        "actor_rollout_ref.actor.optim.zero_indexed_step": True,
        "actor_rollout_ref.actor.optim.total_training_steps": stage.n_steps,
        "actor_rollout_ref.actor.optim.betas": betas,
        "actor_rollout_ref.actor.optim.weight_decay": stage.weight_decay,
        "actor_rollout_ref.actor.grad_clip": 1.0 if o.grad_clip is None else o.grad_clip,
        "trainer.total_training_steps": stage.n_steps,
        "trainer.nnodes": stage.nodes,
        "trainer.n_gpus_per_node": stage.devices_per_node,
        "trainer.default_local_dir": stage.ends,
        "actor_rollout_ref.actor.checkpoint.save_contents": ["model", "optimizer", "extra", "hf_model"],
        "trainer.logger": ["console"],
    }
    file = f"{stage.folder}/overrides.txt"
    lines = [f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in settings.items()]
    run = course.run()
    key = f"{file}: actor_rollout_ref.actor.optim"
    line, off = rates_said(stage, run, f"{key}.lr_scheduler_type")
    return Exported(
        files={file: ("\n".join(lines) + "\n").encode()},
        command=["xargs", "-d", "\\n", "-a", file, "python3", "-m", "verl.trainer.main_ppo"],
        said=[
            line,
            *lengths_said(
                stage,
                {
                    "steps": f"{file}: trainer.total_training_steps",
                    "batch.sequences": f"{file}: data.train_batch_size x actor_rollout_ref.rollout.n",
                    "response.cap": f"{file}: data.max_response_length",
                    "objective": f"{file}: algorithm.adv_estimator",
                    "begins": f"{file}: actor_rollout_ref.model.path",
                },
            ),
            *optimizer_said(
                stage,
                {
                    "beta1": (f"{key}.betas", betas[0]),
                    "beta2": (f"{key}.betas", betas[1]),
                    "weight_decay": (f"{key}.weight_decay", stage.weight_decay),
                    "grad_clip": (
                        f"{file}: actor_rollout_ref.actor.grad_clip",
                        settings["actor_rollout_ref.actor.grad_clip"],
                    ),
                },
            ),
        ],
        run=run,
        deviation=off,
        notes=[
            "data.val_files and a reward (reward.custom_reward_function.path) are yours to write",
            f"a row of {stage.data}/train.parquet: `{ROW}`",
        ],
    )


TRAINER = Trainer(
    name="verl",
    title="verl",
    version="0.9.1",
    package="verl==0.9.1",
    stage=stage,
    divides="shards",
    leaves="global_step_{steps}/actor/huggingface",
    prove="verl",
)
