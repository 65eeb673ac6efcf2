"""Write the positions that a stage trains with into the config.json of what it begins from: ``python set_position.py
<config.json> <position.json>``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def changed(config: dict[str, Any], position: dict[str, Any]) -> dict[str, Any]:
    """``config`` with ``position``, in the words that it has for it: ``rope_parameters`` since transformers 5."""
    scaling = position.get("rope_scaling") or {"rope_type": "default"}
    kept = {key: value for key, value in config.items() if key not in ("rope_theta", "rope_scaling", "rope_parameters")}
    if "rope_parameters" not in config:
        return {**kept, **position}
    plain = {key: value for key, value in position.items() if key != "rope_scaling"}
    return {**kept, "rope_parameters": {**plain, **scaling}}


def main(config: str, position: str) -> None:
    """Write it."""
    path = Path(config)
    made = changed(json.loads(path.read_text("utf-8")), json.loads(Path(position).read_text("utf-8")))
    path.write_text(json.dumps(made, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
