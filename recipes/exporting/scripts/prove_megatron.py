"""Hold an export against Megatron-LM's own arguments and scheduler. Run by a Python with torch, with a checkout of
Megatron-LM on the path; reads a question on standard input, prints a line of JSON for each answer."""

from __future__ import annotations

import json
import sys
import traceback
from pathlib import Path
from typing import Any

CONNECTIONS = "CUDA_DEVICE_MAX_CONNECTIONS"


def answer(**fields: Any) -> None:
    """One line of the answer."""
    print("lehr:" + json.dumps(fields), flush=True)


def main() -> None:
    """Answer for every stage."""
    question = json.load(sys.stdin)
    sys.path.insert(0, question["megatron"])
    import os

    import torch

    os.environ.setdefault("WORLD_SIZE", "1")
    from megatron.core.optimizer_param_scheduler import OptimizerParamScheduler
    from megatron.training import arguments
    from megatron.training.arguments import parse_args, validate_args

    if not torch.cuda.is_available():
        # what it asks of a device: Hopper's
        arguments.get_device_arch_version = lambda: 9
    for stage in question["stages"]:
        os.environ.pop(CONNECTIONS, None)
        os.environ.update(word.split("=", 1) for word in stage["command"] if word.startswith(CONNECTIONS))
        words = Path(stage["files"][0]).read_text(encoding="utf-8").splitlines()
        sys.argv = ["pretrain_gpt.py", *words]
        os.environ["WORLD_SIZE"] = str(stage["devices"])
        try:
            args = parse_args()
            validate_args(args)
        except (SystemExit, Exception) as error:
            # whatever Megatron-LM raises is its verdict
            last = traceback.extract_tb(error.__traceback__)[-1]
            answer(
                stage=stage["name"],
                check="arguments",
                ok=False,
                says=f"{type(error).__name__}: {error} ({last.line})"[:300],
            )
            continue
        answer(stage=stage["name"], check="arguments", ok=True)
        batch = args.global_batch_size

        class Optimizer:
            param_groups = [{"lr": 0.0, "weight_decay": 0.0}]

        decay = (args.lr_decay_iters or args.train_iters) * batch
        made = OptimizerParamScheduler(
            Optimizer(),
            init_lr=args.lr_warmup_init,
            max_lr=args.lr,
            min_lr=args.min_lr,
            lr_warmup_steps=args.lr_warmup_iters * batch,
            lr_decay_steps=decay,
            lr_decay_style=args.lr_decay_style,
            start_wd=args.weight_decay,
            end_wd=args.weight_decay,
            wd_incr_steps=args.train_iters * batch,
            wd_incr_style="constant",
            wsd_decay_steps=(args.lr_wsd_decay_iters or 0) * batch,
            lr_wsd_decay_style=args.lr_wsd_decay_style,
        )
        found = []
        for update in stage["updates"]:
            made.num_steps = update * batch
            found.append(float(made.get_lr(Optimizer.param_groups[0])))
        answer(stage=stage["name"], check="rates", rates=found)


if __name__ == "__main__":
    main()
