"""Hold an export against Axolotl's own schema. Run by Axolotl's Python; reads a question on standard input, prints a
line of JSON for each answer. Its schema takes unknown keys, so that keys are looked up in it here."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def answer(**fields: Any) -> None:
    """One line of the answer."""
    print("lehr:" + json.dumps(fields), flush=True)


def main() -> None:
    """Answer for every stage."""
    question = json.load(sys.stdin)
    import yaml
    from axolotl.utils.schemas.config import AxolotlInputConfig
    from axolotl.utils.schemas.trl import TRLConfig

    for stage in question["stages"]:
        data = yaml.safe_load(Path(stage["files"][0]).read_text(encoding="utf-8"))
        unknown = sorted(set(data) - set(AxolotlInputConfig.model_fields))
        unknown += sorted(f"trl.{key}" for key in set(data.get("trl", {})) - set(TRLConfig.model_fields))
        answer(stage=stage["name"], check="keys of its schema", ok=not unknown, says=", ".join(unknown))
        try:
            AxolotlInputConfig(**data)
            answer(stage=stage["name"], check="schema", ok=True)
        except ValueError as error:
            answer(stage=stage["name"], check="schema", ok=False, says=" ".join(str(error).split())[:300])


if __name__ == "__main__":
    main()
