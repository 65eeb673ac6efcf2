"""Hold an export against OLMo-core's own configurations and schedulers. Run by OLMo-core's Python; reads a question on
standard input, prints a line of JSON for each answer."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any


def answer(**fields: Any) -> None:
    """One line of the answer."""
    print("lehr:" + json.dumps(fields), flush=True)


def main() -> None:
    """Answer for every stage, by the exported script's own functions."""
    question = json.load(sys.stdin)
    spec = importlib.util.spec_from_file_location("train_olmo_core", "train_olmo_core.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    for stage in question["stages"]:
        path = next(f for f in stage["files"] if f.endswith(".json"))
        body = json.loads(Path(path).read_text(encoding="utf-8"))
        try:
            model, _, _ = script.configurations(body)
        except Exception as error:
            # whatever OLMo-core raises is its verdict
            answer(stage=stage["name"], check="configurations", ok=False, says=f"{type(error).__name__}: {error}")
            continue
        answer(stage=stage["name"], check="configurations", ok=True)
        answer(stage=stage["name"], check="rates", rates=script.rates(body, stage["updates"]))
        answer(stage=stage["name"], check="parameters", parameters=model.num_params)


if __name__ == "__main__":
    main()
