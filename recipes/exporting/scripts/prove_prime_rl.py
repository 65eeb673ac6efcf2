"""Hold an export against prime-rl's own configuration. Run by a Python 3.12 that has its packages/prime-rl-configs;
reads a question on standard input, prints a line of JSON for each answer."""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path
from typing import Any


def answer(**fields: Any) -> None:
    """One line of the answer."""
    print("lehr:" + json.dumps(fields), flush=True)


def main() -> None:
    """Answer for every stage."""
    question = json.load(sys.stdin)
    from prime_rl.configs.sft import SFTConfig
    from renderers.base import MODEL_RENDERER_MAP

    for stage in question["stages"]:
        data = tomllib.loads(Path(stage["files"][0]).read_text(encoding="utf-8"))
        says = ""
        if data["model"]["name"] not in MODEL_RENDERER_MAP:
            # how answers are laid out is the data's, and this one stands for it
            data["renderer"] = {"name": "qwen3"}
            says = "with a renderer that is yours to name"
        try:
            SFTConfig.model_validate(data)
            answer(stage=stage["name"], check="configuration", ok=True, says=says)
        except ValueError as error:
            answer(stage=stage["name"], check="configuration", ok=False, says=" ".join(str(error).split())[:300])


if __name__ == "__main__":
    main()
