"""verl: PPO, GRPO and their kin, as overrides that Hydra composes onto verl's own ``ppo_trainer``."""

from __future__ import annotations

import json
from typing import Any

from lehr.recipes.exporting.engine import engine_of, engine_said
from lehr.recipes.exporting.policy import TEMPERATURE, Policy, policy_notes, policy_of, policy_said
from lehr.recipes.exporting.rates import RefusedError
from lehr.recipes.exporting.stage import KEPT, Exported, ExportStage, Said
from lehr.recipes.exporting.trainer import (
    Network,
    Trainer,
    kind_said,
    lengths_said,
    optimizer_said,
    rates_said,
    what_is_trained,
)

ESTIMATORS = {"grpo": "grpo", "ppo": "gae", "rloo": "rloo", "reinforce++": "reinforce_plus_plus", "remax": "remax"}
"""What verl calls the estimate of the advantage by which a method is known."""

PROMPT_CAP = 512
"""verl's own longest prompt [tokens]."""
OF_ENGINE = {
    "tensor": "actor_rollout_ref.rollout.tensor_model_parallel_size",
    "at_once": "actor_rollout_ref.rollout.max_num_seqs",
    "eager": "actor_rollout_ref.rollout.enforce_eager",
}
"""Of a rollout, what its engine is told."""
ROW = """{"data_source": ..., "prompt": [{"role": "user", "content": ...}], "reward_model": {"style": "rule",
"ground_truth": ...}}""".replace("\n", " ")
"""What verl's data look like."""


def stage(stage: ExportStage, network: Network) -> Exported:
    """Overrides, one a line, for ``python -m verl.trainer.main_ppo``. Raises ``RefusedError`` for all but RL."""
    if what_is_trained(stage) != "policy":
        raise RefusedError(
            "is no reinforcement learning, which is what is exported to verl; write stages=[...] with those that are"
        )
    if stage.begins is None:
        raise RefusedError("begins from random weights; reinforcement learning begins from a model")
    policy = policy_of(stage, tuple(ESTIMATORS), "verl")
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
    steps, engine = steps_of(stage, policy), engine_of(stage, network.architecture)
    file = f"{stage.folder}/overrides.txt"
    divergence, told = kept_near(policy, file)
    o = stage.optimizer
    epsilon = 1e-8 if o.epsilon is None else o.epsilon
    betas = [0.9 if o.beta1 is None else o.beta1, 0.999 if o.beta2 is None else o.beta2]
    settings: dict[str, Any] = {
        "algorithm.adv_estimator": ESTIMATORS[policy.method],
        "data.train_files": f"{stage.data}/train.parquet",
        "data.train_batch_size": policy.prompts,
        "data.max_prompt_length": policy.prompt_cap or PROMPT_CAP,
        "data.max_response_length": stage.longest_answer,
        "actor_rollout_ref.model.path": stage.begins,
        "actor_rollout_ref.rollout.n": policy.group,
        "actor_rollout_ref.rollout.temperature": TEMPERATURE,
        "actor_rollout_ref.rollout.name": "vllm",
        # its own are 2 devices, which an odd number of them does not divide into, and a half
        "actor_rollout_ref.rollout.tensor_model_parallel_size": engine.tensor,
        "actor_rollout_ref.rollout.gpu_memory_utilization": max(0.5, engine.share),
        "actor_rollout_ref.actor.ppo_mini_batch_size": policy.prompts // policy.updates,
        "actor_rollout_ref.actor.ppo_epochs": policy.epochs,
        "actor_rollout_ref.actor.clip_ratio": policy.clip,
        "actor_rollout_ref.actor.clip_ratio_low": policy.clip,
        "actor_rollout_ref.actor.clip_ratio_high": policy.clip,
        "actor_rollout_ref.actor.loss_agg_mode": "seq-mean-token-mean",
        "algorithm.norm_adv_by_std_in_grpo": True,
        **divergence,
        "actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu": stage.micro_batch,
        "actor_rollout_ref.rollout.log_prob_micro_batch_size_per_gpu": stage.micro_batch,
        "actor_rollout_ref.ref.log_prob_micro_batch_size_per_gpu": stage.micro_batch,
        "actor_rollout_ref.actor.optim.lr": course.peak,
        "actor_rollout_ref.actor.optim.lr_warmup_steps": course.warmup,
        "actor_rollout_ref.actor.optim.lr_scheduler_type": "cosine" if course.shape else "constant",
        "actor_rollout_ref.actor.optim.min_lr_ratio": course.floor / course.peak,
        "actor_rollout_ref.actor.optim.zero_indexed_step": True,
        "actor_rollout_ref.actor.optim.total_training_steps": steps,
        "actor_rollout_ref.actor.optim.betas": betas,
        "actor_rollout_ref.actor.optim.weight_decay": stage.weight_decay,
        "actor_rollout_ref.actor.optim.override_optimizer_config": f"{{eps: {epsilon:g}}}",
        "actor_rollout_ref.actor.grad_clip": 1.0 if o.grad_clip is None else o.grad_clip,
        "trainer.total_training_steps": steps,
        "trainer.nnodes": stage.nodes,
        "trainer.n_gpus_per_node": stage.devices_per_node,
        "trainer.default_local_dir": stage.ends,
        # its own is -1, by which not even the last step is saved
        "trainer.save_freq": max(1, stage.saves.every * steps // stage.n_steps),
        "trainer.max_actor_ckpt_to_keep": KEPT,
        "data.seed": stage.seed,
        "actor_rollout_ref.actor.checkpoint.save_contents": ["model", "optimizer", "extra", "hf_model"],
        "trainer.logger": ["console"],
    }
    if policy.method == "ppo":
        settings |= {"critic.model.path": stage.begins, "trainer.max_critic_ckpt_to_keep": KEPT}
    for name, key in OF_ENGINE.items():
        if policy.rollout is not None and (value := getattr(policy.rollout, name)):
            settings[key] = value
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
                    "begins": f"{file}: actor_rollout_ref.model.path",
                },
            ),
            kind_said(stage, f"{key}.optimizer", "AdamW"),
            *optimizer_said(
                stage,
                {
                    "beta1": (f"{key}.betas", betas[0]),
                    "beta2": (f"{key}.betas", betas[1]),
                    "epsilon": (f"{key}.override_optimizer_config.eps", epsilon),
                    "weight_decay": (f"{key}.weight_decay", stage.weight_decay),
                    "grad_clip": (
                        f"{file}: actor_rollout_ref.actor.grad_clip",
                        settings["actor_rollout_ref.actor.grad_clip"],
                    ),
                },
            ),
            engine_said(engine, f"{file}: rollout.name, rollout.tensor_model_parallel_size"),
            *policy_said(stage, policy, told, f"{file}: actor.loss_agg_mode; rollout.temperature"),
            *([] if policy.prompt_cap else [short_prompts(file)]),
        ],
        run=run,
        deviation=off,
        notes=[
            "data.val_files and a reward (reward.custom_reward_function.path) are yours to write",
            f"a row of {stage.data}/train.parquet: `{ROW}`",
            *policy_notes(policy, told, stage),
            *(["critic.optim.lr is verl's own: write that of your value model"] if policy.method == "ppo" else []),
            *(
                []
                if policy.prompt_cap
                else [f"data.max_prompt_length is {PROMPT_CAP}, verl's own: a longer one stops it"]
            ),
        ],
    )


def steps_of(stage: ExportStage, policy: Policy) -> int:
    """Steps of verl, each of which may hold several updates. Raises ``RefusedError`` where a rate changes within one,
    as verl sets it once a step, or where updates do not fill the last."""
    each = policy.updates * policy.epochs
    if each > 1 and len(set(stage.curve.at([0, stage.n_steps - 1]))) + len(stage.curve.phases) > 2:
        raise RefusedError(
            f"learns in {each} updates a step, and verl sets its rate once a step; write a constant rate without a "
            "warm-up, or one update"
        )
    if stage.n_steps % each:
        raise RefusedError(f"has {stage.n_steps:,} updates, which do not fill steps of {each}; write a multiple")
    return stage.n_steps // each


def kept_near(policy: Policy, file: str) -> tuple[dict[str, Any], dict[str, str]]:
    """What verl is told of the divergence from the reference, and where each value of the policy's went: GRPO has it in
    its loss, the others in the rewards."""
    loss, on = policy.method == "grpo", policy.kl > 0
    settings: dict[str, Any] = {
        "actor_rollout_ref.actor.use_kl_loss": loss and on,
        "actor_rollout_ref.actor.kl_loss_coef": policy.kl if loss else 0.0,
        "actor_rollout_ref.actor.kl_loss_type": "low_var_kl",
        "algorithm.use_kl_in_reward": not loss and on,
        "algorithm.kl_ctrl.kl_coef": 0.0 if loss else policy.kl,
    }
    key = f"{file}: actor_rollout_ref"
    told = {
        "method": f"{file}: algorithm.adv_estimator",
        "group_size": f"{key}.rollout.n",
        "kl": f"{key}.actor.kl_loss_coef" if loss else f"{file}: algorithm.kl_ctrl.kl_coef",
        "clip": f"{key}.actor.clip_ratio",
        "rollout.prompts": f"{file}: data.train_batch_size",
        "rollout.updates": f"{key}.actor.ppo_mini_batch_size",
        "rollout.epochs": f"{key}.actor.ppo_epochs",
        "rollout.reference": f"{key}.actor.use_kl_loss" if loss else f"{file}: algorithm.use_kl_in_reward",
        "rollout.prompt.cap": f"{file}: data.max_prompt_length",
        "rollout.response.cap": f"{file}: data.max_response_length",
        **{f"rollout.{name}": f"{file}: {where}" for name, where in OF_ENGINE.items()},
        **({"rollout.critic": f"{file}: algorithm.adv_estimator"} if policy.method == "ppo" else {}),
    }
    return settings, told


def short_prompts(file: str) -> Said:
    """The line about the longest prompt, where a recipe does not say it."""
    where = f"{file}: data.max_prompt_length"
    return Said(what="objective.rollout.prompt.cap", value=PROMPT_CAP, where=where, how="verl's default: not stated")


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
