"""Hold an export against torchtitan's own configuration and schedule. Run by torchtitan's Python in the export's
folder; reads a question on standard input, prints a line of JSON for each answer."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any


def answer(**fields: Any) -> None:
    """One line of the answer."""
    print("lehr:" + json.dumps(fields), flush=True)


def first_text(name: str) -> str:
    """What the data set of that name makes of a folder with one row."""
    from torchtitan.hf_datasets.text_datasets import DATASETS

    with TemporaryDirectory() as folder:
        Path(folder, "train.jsonl").write_text('{"text": "one"}\n', encoding="utf-8")
        found = DATASETS[name]
        text: str = found.sample_processor(next(iter(found.loader(folder))))
        return text


def main() -> None:
    """Answer for every stage."""
    question = json.load(sys.stdin)
    sys.path.insert(0, ".")
    import torch
    from torchtitan.config import ConfigManager

    for stage in question["stages"]:
        try:
            config = ConfigManager().parse_args(["--module", "lehr_torchtitan", "--config", stage["function"]])
        except (SystemExit, Exception) as error:
            # whatever torchtitan raises is its verdict
            answer(stage=stage["name"], check="parser", ok=False, says=f"{type(error).__name__}: {error}"[:300])
            continue
        answer(stage=stage["name"], check="parser", ok=True)
        try:
            text = first_text(config.dataloader.dataset)
            answer(stage=stage["name"], check="a row of its data", ok=text == "one", says=text)
        except (KeyError, ValueError, OSError) as error:
            answer(
                stage=stage["name"], check="a row of its data", ok=False, says=f"{type(error).__name__}: {error}"[:300]
            )
        rate = config.optimizer.param_groups[0].optimizer_kwargs["lr"]
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=rate)
        # the container asks its optimisers for nothing but to be listed
        made = config.lr_scheduler.build(optimizers=[optimizer], training_steps=config.training.steps)
        factor = made.schedulers[0].lr_lambdas[0]
        answer(stage=stage["name"], check="rates", rates=[rate * factor(i) for i in stage["updates"]])
        with torch.device("meta"):
            network = config.model_spec.model.build()
        answer(stage=stage["name"], check="parameters", parameters=sum(p.numel() for p in network.parameters()))


if __name__ == "__main__":
    main()
