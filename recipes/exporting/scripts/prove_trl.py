"""Hold an export against TRL's own parser and transformers' own scheduler. Run by TRL's Python; reads a question on
standard input, prints a line of JSON for each answer."""

from __future__ import annotations

import json
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any


def answer(**fields: Any) -> None:
    """One line of the answer."""
    print("lehr:" + json.dumps(fields), flush=True)


def as_words(data: dict[str, Any]) -> list[str]:
    """The same settings as a command line, whose types argparse checks."""
    words: list[str] = []
    for key, value in data.items():
        if isinstance(value, list):
            words += [f"--{key}", *map(str, value)]
        elif isinstance(value, dict):
            words += [f"--{key}", json.dumps(value)]
        else:
            words += [f"--{key}", str(value)]
    return words


def rates(args: Any, updates: list[int]) -> list[float]:
    """The learning rates of these updates by the scheduler that the Trainer would build."""
    import torch
    from transformers import get_scheduler

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=args.learning_rate)
    kwargs = dict(args.lr_scheduler_kwargs or {})
    warmup = args.get_warmup_steps(args.max_steps)
    made = get_scheduler(
        args.lr_scheduler_type,
        optimizer,
        num_warmup_steps=warmup,
        num_training_steps=args.max_steps,
        scheduler_specific_kwargs=kwargs,
    )
    return [args.learning_rate * made.lr_lambdas[0](i) for i in updates]


def main() -> None:
    """Answer for every stage, then for the model."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    question = json.load(sys.stdin)
    import yaml
    from trl import DPOConfig, GRPOConfig, ModelConfig, ScriptArguments, SFTConfig, TrlParser

    configs = {"sft": SFTConfig, "dpo": DPOConfig, "grpo": GRPOConfig}
    for stage in question["stages"]:
        path = Path(stage["files"][0])
        config = configs[path.stem]
        scripts = ScriptArguments
        if path.stem == "grpo":
            from trl.scripts.grpo import GRPOScriptArguments

            scripts = GRPOScriptArguments
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        unread = []
        if "deepspeed" in data and find_spec("deepspeed") is None:
            unread = ["--deepspeed", ""]
            del data["deepspeed"]
        # there is no accelerator where a proof is made: the switch is no part of the recipe
        words = [*as_words({**data, "use_cpu": True})]
        try:
            # a parser for each, since one keeps what it read of a file as the defaults of what follows
            read = TrlParser((scripts, config, ModelConfig))
            read.parse_args_and_config(args=["--config", str(path), "--use_cpu", "true", *unread])
            says = "its deepspeed left out, which is not installed" if unread else ""
            answer(stage=stage["name"], check="parser, as YAML", ok=True, says=says)
            _, args, _ = TrlParser((scripts, config, ModelConfig)).parse_args_and_config(args=words)
            answer(stage=stage["name"], check="parser, as words", ok=True)
        except (SystemExit, ValueError, TypeError) as error:
            answer(stage=stage["name"], check="parser", ok=False, says=str(error))
            continue
        try:
            answer(stage=stage["name"], check="rates", rates=rates(args, stage["updates"]))
        except (ValueError, TypeError, KeyError) as error:
            answer(stage=stage["name"], check="rates", ok=False, says=str(error))
    if question["config"]:
        import torch
        from transformers import AutoConfig, AutoModelForCausalLM
        from transformers.integrations.deepspeed import unset_hf_deepspeed_config

        # what sharded stages have set, which would meet other processes here
        unset_hf_deepspeed_config()
        with torch.device("meta"):
            network = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(question["config"]))
        answer(check="parameters", parameters=sum(p.numel() for p in network.parameters()))


if __name__ == "__main__":
    main()
