"""Hold an export against LLaMA-Factory's own dataclasses and transformers' own scheduler. Run by its Python; reads a
question on standard input, prints a line of JSON for each answer."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any


def answer(**fields: Any) -> None:
    """One line of the answer."""
    print("lehr:" + json.dumps(fields), flush=True)


def as_words(data: dict[str, Any]) -> list[str]:
    """The settings as a command line."""
    words: list[str] = []
    for key, value in data.items():
        if isinstance(value, list):
            words += [f"--{key}", *map(str, value)]
        else:
            words += [f"--{key}", json.dumps(value) if isinstance(value, dict) else str(value)]
    return words


def main() -> None:
    """Answer for every stage: names and types by its dataclasses, rates by transformers."""
    # its check of versions asks for packages that no parser needs, torchaudio among them
    os.environ |= {"HF_HUB_OFFLINE": "1", "DISABLE_VERSION_CHECK": "1"}
    question = json.load(sys.stdin)
    import torch
    import yaml
    from llamafactory.hparams.parser import _INFER_ARGS, _TRAIN_ARGS
    from transformers import HfArgumentParser, get_scheduler

    # their __post_init__ looks for devices and files, which no proof has
    bare, infer = ([type(k.__name__, (k,), {"__post_init__": lambda self: None}) for k in kinds]
                   for kinds in (_TRAIN_ARGS, _INFER_ARGS))  # fmt: skip
    for stage in question["stages"]:
        path = Path(stage["files"][0])
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        parser = HfArgumentParser(bare)
        try:
            _, _, args, _, _, rest = parser.parse_args_into_dataclasses(
                args=as_words(data), return_remaining_strings=True
            )
        except (SystemExit, ValueError, TypeError) as error:
            answer(stage=stage["name"], check="parser", ok=False, says=str(error))
            continue
        answer(stage=stage["name"], check="parser", ok=not rest, says=" ".join(rest))
        for words in stage["after"]:
            # llamafactory-cli export, which merges an adapter
            merge = as_words(yaml.safe_load(Path(words[-1]).read_text(encoding="utf-8")))
            try:
                *_, rest = HfArgumentParser(infer).parse_args_into_dataclasses(merge, return_remaining_strings=True)
                answer(stage=stage["name"], check="parser of its export", ok=not rest, says=" ".join(rest))
            except (SystemExit, ValueError, TypeError) as error:
                answer(stage=stage["name"], check="parser of its export", ok=False, says=str(error))
        kwargs = args.lr_scheduler_kwargs
        kwargs = json.loads(kwargs) if isinstance(kwargs, str) else dict(kwargs or {})
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=args.learning_rate)
        made = get_scheduler(
            args.lr_scheduler_type,
            optimizer,
            num_warmup_steps=int(args.warmup_steps),
            num_training_steps=args.max_steps,
            scheduler_specific_kwargs=kwargs,
        )
        answer(
            stage=stage["name"],
            check="rates",
            rates=[args.learning_rate * made.lr_lambdas[0](i) for i in stage["updates"]],
        )


if __name__ == "__main__":
    main()
