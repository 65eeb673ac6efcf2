"""Run a trainer's script or module and write down the learning rate that each update had, whoever logs it how.

    python hooked.py rates.txt script.py words...
    python hooked.py rates.txt -m module words...
"""

from __future__ import annotations

import runpy
import sys
import traceback
from pathlib import Path


PRETENDED = "_init_optim_state"
"""torch's function that makes an optimiser's state for a checkpoint, by a step at a rate of nought."""


def main() -> None:
    """Hook every optimiser of torch, then run what was named."""
    from torch.optim.optimizer import register_optimizer_step_pre_hook

    rates = Path(sys.argv[1]).resolve()

    def written(optimizer: object, *_: object) -> None:
        if any(frame.f_code.co_name == PRETENDED for frame, _ in traceback.walk_stack(None)):
            return
        seen = {float(group["lr"]) for group in optimizer.param_groups}  # type: ignore[attr-defined]
        with rates.open("a", encoding="utf-8") as file:
            file.write(" ".join(map(repr, sorted(seen))) + "\n")

    register_optimizer_step_pre_hook(written)
    if sys.argv[2] == "-m":
        name, sys.argv = sys.argv[3], sys.argv[3:]
        runpy.run_module(name, run_name="__main__", alter_sys=True)
    else:
        sys.argv = sys.argv[2:]
        sys.path.insert(0, str(Path(sys.argv[0]).resolve().parent))
        runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
