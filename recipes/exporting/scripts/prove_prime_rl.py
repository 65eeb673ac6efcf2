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

    for stage in question["stages"]:
        data = tomllib.loads(Path(stage["files"][0]).read_text(encoding="utf-8"))
        try:
            SFTConfig.model_validate(data)
            answer(stage=stage["name"], check="configuration", ok=True)
        except ValueError as error:
            answer(stage=stage["name"], check="configuration", ok=False, says=" ".join(str(error).split())[:300])


if __name__ == "__main__":
    main()
