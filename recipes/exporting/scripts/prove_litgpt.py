"""Hold an export against LitGPT's own command line and schedule. Run by LitGPT's Python; reads a question on standard
input, prints a line of JSON for each answer."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any


def answer(**fields: Any) -> None:
    """One line of the answer."""
    print("lehr:" + json.dumps(fields), flush=True)


def main() -> None:
    """Answer for every stage."""
    question = json.load(sys.stdin)
    import torch
    import yaml
    from litgpt.config import Config
    from litgpt.model import GPT
    from litgpt.pretrain import get_lr

    for stage in question["stages"]:
        path = stage["files"][0]
        litgpt = Path(sys.executable).parent / "litgpt"
        done = subprocess.run(
            [str(litgpt), "pretrain", "--config", path, "--print_config"], capture_output=True, text=True, check=False
        )
        answer(stage=stage["name"], check="parser", ok=done.returncode == 0, says=done.stderr[-300:])
        body = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        train, adam = body["train"], body["optimizer"]["init_args"]
        torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], **{**adam, "betas": tuple(adam["betas"])})
        world = body["devices"] * body["num_nodes"]
        every = train["global_batch_size"] // world // train["micro_batch_size"]
        most = train["max_tokens"] // world // (train["micro_batch_size"] * train["max_seq_length"])
        warm = min(most, train["lr_warmup_steps"] * every)
        # an update happens at the last of its micro-batches
        rates = [get_lr(adam["lr"], i * every + every - 1, warm, most, train["min_lr"]) for i in stage["updates"]]
        answer(stage=stage["name"], check="rates", rates=rates)
        config = Config(**body["model_config"])
        with torch.device("meta"):
            network = GPT(config)
            if train["tie_embeddings"]:
                network.transformer.wte.weight = network.lm_head.weight
        answer(stage=stage["name"], check="parameters", parameters=sum(p.numel() for p in network.parameters()))


if __name__ == "__main__":
    main()
