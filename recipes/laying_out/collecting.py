"""Timing messages among devices with torch: what a link of an accelerator's file says."""

from __future__ import annotations

import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import Any

from lehr.recipes.errors import LehrError
from lehr.simulators.machine.demand import RING

SIZES = (2**16, 2**20, 2**24, 2**27)
"""Bytes of a message of one rank."""
KINDS: dict[str, tuple[str, ...]] = {
    "nccl": ("all_reduce", "all_gather", "reduce_scatter", "all_to_all"),
    "gloo": ("all_reduce", "all_gather"),
}
"""What each backend sends among ranks."""


def collectives(backend: str, ranks: int, budget: float) -> dict[str, dict[int, float]]:
    """Bus bandwidth of each kind of message by its size [byte/s], as nccl-tests counts it: what a rank sends in a ring
    over the time. Raises ``LehrError`` where the ranks cannot be started.

    An all-reduce of ``S`` bytes among ``n`` ranks sends 2 (n - 1) / n of them, the others (n - 1) / n.
    """
    processes: Any = import_module("torch.multiprocessing")
    with tempfile.TemporaryDirectory() as folder:
        try:
            processes.start_processes(
                _rank, args=(ranks, backend, folder, budget), nprocs=ranks, join=True, start_method="spawn"
            )
        except (RuntimeError, processes.ProcessRaisedException) as error:
            last = str(error).strip().splitlines()[-1]
            raise LehrError(f"processes: {ranks} ranks of {backend} could not be timed: {last}") from error
        lines = (Path(folder) / "told").read_text(encoding="utf-8").splitlines()
    found: dict[str, dict[int, float]] = {}
    for line in lines:
        kind, size, speed = line.split()
        found.setdefault(kind, {})[int(size)] = float(speed)
    return found


def link_of(found: dict[str, dict[int, float]]) -> float:
    """The link's bandwidth one way that gives the largest all-reduce its measured speed [byte/s].

    >>> round(link_of({"all_reduce": {65536: 1e9, 16777216: 351e9}}) / 1e9)
    450
    """
    return max(found["all_reduce"].values()) / RING


def _rank(rank: int, ranks: int, backend: str, folder: str, budget: float) -> None:
    """One rank: every kind and size in turn; the first one writes what was found."""
    import torch
    from torch import distributed

    distributed.init_process_group(backend, init_method=f"file://{folder}/store", rank=rank, world_size=ranks)
    device = torch.device("cuda", rank) if backend == "nccl" else torch.device("cpu")
    if backend == "nccl":
        torch.cuda.set_device(device)
    told = []
    each = budget / (len(KINDS[backend]) * len(SIZES))
    for kind in KINDS[backend]:
        for size in SIZES:
            n = size // 4 // ranks * ranks
            whole, part = torch.ones(n, device=device), torch.ones(n // ranks, device=device)
            took = _slowest(distributed, torch, _send(distributed, kind, whole, part), each, device)
            sent = 4.0 * n * (ranks - 1) / ranks * (2 if kind == "all_reduce" else 1)
            told.append(f"{kind} {4 * n} {sent / took}")
    if rank == 0:
        (Path(folder) / "told").write_text("\n".join(told), encoding="utf-8")
    distributed.barrier()
    distributed.destroy_process_group()


def _send(distributed: Any, kind: str, whole: Any, part: Any) -> Any:
    """The call that sends one message."""
    if kind == "all_reduce":
        return lambda: distributed.all_reduce(whole)
    if kind == "all_gather":
        # newer releases call it otherwise
        gather = getattr(distributed, "all_gather_single", None) or distributed.all_gather_into_tensor
        return lambda: gather(whole, part)
    if kind == "reduce_scatter":
        scatter = getattr(distributed, "reduce_scatter_single", None) or distributed.reduce_scatter_tensor
        return lambda: scatter(part, whole)
    return lambda: distributed.all_to_all_single(whole.clone(), whole)


def _slowest(distributed: Any, torch: Any, send: Any, budget: float, device: Any) -> float:
    """The shortest time of three or more messages on the slowest rank [s]; all ranks send as many."""
    wait = torch.cuda.synchronize if device.type == "cuda" else (lambda: None)
    send()
    wait()
    began = time.perf_counter()
    send()
    wait()
    runs = torch.tensor([max(3.0, min(200.0, budget / max(time.perf_counter() - began, 1e-6)))], device=device)
    distributed.all_reduce(runs, op=distributed.ReduceOp.MIN)
    best = float("inf")
    for _ in range(int(runs.item())):
        distributed.barrier()
        began = time.perf_counter()
        send()
        wait()
        took = torch.tensor([time.perf_counter() - began], device=device)
        distributed.all_reduce(took, op=distributed.ReduceOp.MAX)
        best = min(best, float(took.item()))
    return best
