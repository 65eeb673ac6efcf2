"""Hold an export against verl's own configuration, by Hydra. Run by a Python that has Hydra and verl's files; reads a
question on standard input, prints a line of JSON for each answer."""

from __future__ import annotations

import importlib.util
import json
import math
import sys
from pathlib import Path
from typing import Any


def answer(**fields: Any) -> None:
    """One line of the answer."""
    print("lehr:" + json.dumps(fields), flush=True)


def like(value: Any, default: Any) -> bool:
    """Is ``value`` of the kind that verl's default is? Its own parser does not ask."""
    if default is None or value is None:
        return True
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    if isinstance(default, (int, float)):
        return isinstance(value, (int, float))
    return isinstance(value, type(default)) or type(default).__name__ == type(value).__name__


def cosine(step: int, warmup: int, total: int, low: float) -> float:
    """The factor of verl's cosine, as ``verl/utils/torch_functional.py`` gives it for ``num_cycles`` of a half."""
    if step < warmup:
        return low + (1 - low) * step / max(1, warmup) if low and warmup else step / max(1, warmup)
    share = (step - warmup) / max(1, total - warmup)
    return max(low, (math.cos(math.pi * share) + 1) / 2 * (1 - low) + low)


def main() -> None:
    """Answer for every stage."""
    question = json.load(sys.stdin)
    from hydra import compose, initialize_config_dir
    from omegaconf import OmegaConf

    found = importlib.util.find_spec("verl")
    assert found is not None
    assert found.submodule_search_locations is not None
    folder = Path(found.submodule_search_locations[0]) / "trainer" / "config"
    for stage in question["stages"]:
        words = Path(stage["files"][0]).read_text(encoding="utf-8").splitlines()
        try:
            with initialize_config_dir(str(folder), version_base=None):
                plain = compose("ppo_trainer")
                made = compose("ppo_trainer", overrides=words)
        except Exception as error:
            # whatever Hydra raises is its verdict
            answer(stage=stage["name"], check="compose", ok=False, says=f"{type(error).__name__}: {error}")
            continue
        answer(stage=stage["name"], check="compose", ok=True)
        wrong = []
        for word in words:
            key = word.partition("=")[0]
            if not like(OmegaConf.select(made, key), OmegaConf.select(plain, key, default=None)):
                wrong.append(key)
        answer(stage=stage["name"], check="types against verl's defaults", ok=not wrong, says=", ".join(wrong))


if __name__ == "__main__":
    main()
