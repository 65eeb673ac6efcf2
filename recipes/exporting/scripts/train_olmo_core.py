"""Train one stage with OLMo-core 3 from the JSON that was exported beside this file.

    torchrun --nproc-per-node=8 train_olmo_core.py 01_pt/olmo_core.json
    python train_olmo_core.py 01_pt/olmo_core.json --rates 0 1 2     print the learning rates of these updates

Every section of the file is the arguments of one of OLMo-core's configurations; a name that it does not know is an
error.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def configurations(spec: dict[str, Any]) -> tuple[Any, Any, Any]:
    """Model, optimiser and scheduler, as OLMo-core checks them."""
    from olmo_core.nn.feed_forward import FeedForwardConfig
    from olmo_core.nn.transformer import TransformerConfig
    from olmo_core.optim import AdamWConfig, scheduler

    model = TransformerConfig.llama_like(**spec["model"], feed_forward=FeedForwardConfig(**spec["feed_forward"]))
    optim = AdamWConfig(**{**spec["optim"], "betas": tuple(spec["optim"]["betas"])})
    named = dict(spec["scheduler"])
    schedule = getattr(scheduler, named.pop("class"))(**named)
    return model, optim, schedule


def rates(spec: dict[str, Any], updates: list[int]) -> list[float]:
    """The learning rate of each update, counted from 0; the trainer counts from 1."""
    _, optim, schedule = configurations(spec)
    return [float(schedule.get_lr(optim.lr, i + 1, spec["trainer"]["steps"])) for i in updates]


def train(spec: dict[str, Any]) -> None:
    """Train the stage, or go on with it."""
    import torch
    from olmo_core.config import DType
    from olmo_core.data import NumpyDataLoaderConfig, NumpyDatasetDType, NumpyFSLDatasetConfig, TokenizerConfig
    from olmo_core.distributed.parallel import DataParallelType
    from olmo_core.train import (
        Duration,
        LoadStrategy,
        TrainerConfig,
        prepare_training_environment,
        teardown_training_environment,
    )
    from olmo_core.train.callbacks import CheckpointerCallback, ConsoleLoggerCallback
    from olmo_core.train.train_module import TransformerDataParallelConfig, TransformerTrainModuleConfig
    from olmo_core.utils import seed_all

    prepare_training_environment(backend="cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
    try:
        model_config, optim, schedule = configurations(spec)
        data, module, run = spec["data"], spec["train_module"], spec["trainer"]
        seed_all(data["seed"])
        bf16 = module["precision"] == "bf16"
        model = model_config.build(init_device="meta")
        train_module = TransformerTrainModuleConfig(
            rank_microbatch_size=module["rank_microbatch_size"],
            max_sequence_length=module["max_sequence_length"],
            optim=optim,
            scheduler=schedule,
            max_grad_norm=module["max_grad_norm"],
            dp_config=TransformerDataParallelConfig(
                name=DataParallelType.fsdp,
                param_dtype=DType.bfloat16 if bf16 else DType.float32,
                reduce_dtype=DType.float32,
            ),
        ).build(model)
        vocab = spec["model"]["vocab_size"]
        dataset = NumpyFSLDatasetConfig(
            tokenizer=TokenizerConfig(vocab_size=vocab, eos_token_id=0, pad_token_id=0),
            paths=data["paths"],
            dtype=NumpyDatasetDType(data["dtype"]),
            expand_glob=True,
            sequence_length=data["sequence_length"],
            work_dir=run["save_folder"] + "/data",
        ).build()
        loader = NumpyDataLoaderConfig(global_batch_size=data["global_batch_size"], seed=data["seed"]).build(
            dataset, dp_process_group=train_module.dp_process_group
        )
        trainer = TrainerConfig(
            save_folder=run["save_folder"],
            load_path=run["load_path"],
            # the weights of the stage before, and its moments where the optimiser is the same; not its count of updates
            load_strategy=LoadStrategy.if_available if run["load_path"] is None else LoadStrategy.always,
            load_trainer_state=None if run["load_path"] is None else False,
            load_optim_state=None if run["load_path"] is None else run["load_optim_state"],
            max_duration=Duration.steps(run["steps"]),
            metrics_collect_interval=1,
            callbacks={
                "checkpointer": CheckpointerCallback(
                    save_interval=run["save_interval"], max_checkpoints=run["max_checkpoints"]
                ),
                "console": ConsoleLoggerCallback(log_interval=1),
            },
        ).build(train_module, loader)
        trainer.fit()
    finally:
        teardown_training_environment()


def main() -> None:
    """Train, or print rates."""
    path, *rest = sys.argv[1:]
    spec = json.loads(Path(path).read_text(encoding="utf-8"))
    if rest[:1] == ["--rates"]:
        print(json.dumps(rates(spec, [int(word) for word in rest[1:]])))
    else:
        train(spec)


if __name__ == "__main__":
    main()
