"""Imported by its name before anything else, in whatever process of Python has this folder on its path. It writes down
the learning rate of every update, whoever logs it how, a line an update in the file that ``LEHR_RATES`` names, and
beside it in ``moments.txt`` whether the first update found moments that are not nought; and
where ``LEHR_GLOO`` is set, the processes of a launch meet as DeepSpeed has them meet on accelerators, which accelerate
leaves out on a CPU."""

from __future__ import annotations

import os
import traceback

PRETENDED = "_init_optim_state"
"""torch's function that makes an optimiser's state for a checkpoint, by a step at a rate of nought."""


def written(optimizer: object, *_: object) -> None:
    """Add the rates that the groups of weights have as the update begins."""
    if any(frame.f_code.co_name == PRETENDED for frame, _ in traceback.walk_stack(None)):
        return
    if not os.path.exists(moments := os.path.join(os.path.dirname(os.environ["LEHR_RATES"]), "moments.txt")):
        found = [state["exp_avg_sq"] for state in optimizer.state.values() if "exp_avg_sq" in state]  # type: ignore[attr-defined]
        with open(moments, "w", encoding="utf-8") as file:
            file.write(str(any(float(one.abs().sum()) > 0 for one in found)))
    rates = {float(group["lr"]) for group in optimizer.param_groups}  # type: ignore[attr-defined]
    with open(os.environ["LEHR_RATES"], "a", encoding="utf-8") as file:
        file.write(" ".join(map(repr, sorted(rates))) + "\n")


if "LEHR_RATES" in os.environ:
    from torch.optim.optimizer import register_optimizer_step_pre_hook

    register_optimizer_step_pre_hook(written)

if "LEHR_GLOO" in os.environ and "LOCAL_RANK" in os.environ:
    import deepspeed  # type: ignore[import-not-found]

    deepspeed.init_distributed("gloo", auto_mpi_discovery=False)
