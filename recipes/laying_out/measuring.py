"""Measuring one's own machine with torch: what an accelerator's file says of a device."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from lehr.recipes.errors import LehrError
from lehr.recipes.laying_out.collecting import collectives, link_of

SIZES = (512, 1024, 2048, 4096, 8192)
"""Sides of the square products that are timed."""
MOST_BYTES = 0.2
"""Share of the memory that measuring takes at most [1]."""


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured: products by precision and size [FLOP/s], copies [byte/s], attention [FLOP/s], a launch [s],
    and messages among ranks by kind and size, their bus bandwidth [byte/s]."""

    title: str
    device: str
    memory_bytes: float
    products: dict[str, dict[int, float]]
    bandwidth: float
    attention: float
    launch: float
    link: float | None
    collectives: dict[str, dict[int, float]]
    devices: int
    torch: str
    seconds: float

    @property
    def achieved(self) -> dict[str, float]:
        """The largest speed of each precision [FLOP/s]; a CPU without 16-bit units computes 16 bits as 32."""
        best = {precision: max(speeds.values()) for precision, speeds in self.products.items()}
        return {**best, "bf16": max(best.values())} if self.device == "cpu" else best


def measure(device: str, budget: float, ranks: int | None = None) -> Measurement:
    """Time the machine for about ``budget`` seconds, with messages among ``ranks`` processes, or as many as there are
    devices. Raises ``LehrError`` where torch, the device or so many devices are missing."""
    try:
        import torch
    except ImportError as error:
        raise LehrError("measuring takes torch; pip install 'lehr[torch]', or write table=runs.csv") from error
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise LehrError("device: torch finds no cuda device; write device=cpu")
    began = time.perf_counter()
    on_gpu = device == "cuda"
    memory = float(torch.cuda.get_device_properties(0).total_memory if on_gpu else _host_memory())
    wait = torch.cuda.synchronize if on_gpu else _nothing
    kinds = {"bf16": torch.bfloat16, "fp32": torch.float32}
    each = budget / 10
    products: dict[str, dict[int, float]] = {}
    for precision, kind in kinds.items():
        products[precision] = {}
        spent = time.perf_counter()
        for size in SIZES:
            a = torch.randn(size, size, device=device, dtype=kind)
            took = _best(partial(torch.matmul, a, a), wait, each / len(SIZES))
            products[precision][size] = 2.0 * size**3 / took
            # on a slow machine the next size would take eight times as long
            if took * 8 > each or time.perf_counter() - spent > 2 * each:
                break
    n = int(min(2**28, MOST_BYTES * memory / 8))
    source, target = torch.ones(n, device=device), torch.empty(n, device=device)
    bandwidth = 8.0 * n / _best(lambda: target.copy_(source), wait, each)
    q = torch.randn(1, 16 if on_gpu else 4, 4096 if on_gpu else 1024, 128, device=device, dtype=torch.bfloat16)
    attend = torch.nn.functional.scaled_dot_product_attention
    took = _best(lambda: attend(q, q, q, is_causal=True), wait, each)
    attention = 2.0 * q.shape[1] * q.shape[2] ** 2 * 128 / took
    one = torch.ones(1, device=device)
    launch = _best(lambda: [one.add_(1) for _ in range(100)], wait, each / 4) / 100
    ranks = ranks or (torch.cuda.device_count() if on_gpu else 1)
    if on_gpu and ranks > torch.cuda.device_count():
        raise LehrError(f"processes: {ranks} are more than the {torch.cuda.device_count()} devices")
    messages = collectives("nccl" if on_gpu else "gloo", ranks, 4 * each) if ranks > 1 else {}
    return Measurement(
        title=torch.cuda.get_device_name(0) if on_gpu else _cpu_name(),
        device=device,
        memory_bytes=memory,
        products=products,
        bandwidth=bandwidth,
        attention=attention,
        launch=launch,
        link=link_of(messages) if messages else None,
        collectives=messages,
        devices=ranks,
        torch=str(torch.__version__),
        seconds=time.perf_counter() - began,
    )


def _nothing() -> None:
    """A CPU is done when it returns."""


def _best(work: Callable[[], Any], wait: Callable[[], None], budget: float) -> float:
    """The shortest of as many runs as ``budget`` seconds allow, three at the least and a first that does not count."""
    work()
    wait()
    best, ends, runs = float("inf"), time.perf_counter() + budget, 0
    while runs < 3 or (time.perf_counter() < ends and runs < 1000):
        began = time.perf_counter()
        work()
        wait()
        best, runs = min(best, time.perf_counter() - began), runs + 1
    return best


def _host_memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _cpu_name() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    return f"{names[0] if names else 'CPU'}, {os.cpu_count()} threads"


SHARE = (0.44, 0.52, 0.60)
"""Utilisation over the largest measured product: that of 57 runs on H100, 35.3, 41.5 and 47.4 % of its peak, over the
80 % that its products reach."""


def accelerator_yaml(name: str, found: Measurement) -> str:
    """The accelerator's file of a measurement."""
    speeds = ", ".join(f"{precision}: {speed:.4g}" for precision, speed in found.achieved.items())
    low, central, high = SHARE
    link = ""
    if found.link is not None:
        link = f'link: {{name: "measured", bandwidth: {found.link:.4g}, domain: {found.devices}}}\n'
    said = f"measured in {found.seconds:.0f} s by `lehr calibrate` with torch {found.torch} on {found.device}"
    return f"""# written by lehr calibrate
name: {name}
title: "{found.title.replace('"', "'")}"
peak: {{{speeds}}}
achieved: {{{speeds}}}
memory_bytes: {found.memory_bytes:.6g}
bandwidth: {found.bandwidth:.4g}
{link}mfu:
  dense: {{low: {low}, central: {central}, high: {high}}}
provenance:
  default: {{origin: derived, note: "{said}"}}
  exceptions:
    peak: {{origin: derived, note: "the largest speed that was measured stands for the peak, which is not known"}}
    mfu: {{origin: assumed, note: "share of the largest product that published runs on H100 reach"}}
"""


def as_text(found: Measurement) -> str:
    """A measurement as one reads it."""
    products = "; ".join(
        f"{precision} {max(speeds.values()) / 1e12:.3g} TFLOP/s (at {max(speeds, key=lambda s: speeds[s]):,})"
        for precision, speeds in found.products.items()
    )
    lines = [
        f"{found.title}: {products}",
        f"memory {found.memory_bytes / 2**30:.1f} GiB at {found.bandwidth / 1e9:.3g} GB/s; causal attention "
        f"{found.attention / 1e12:.3g} TFLOP/s; a launch {1e6 * found.launch:.2g} us",
    ]
    if found.link is not None:
        most = "; ".join(f"{k.replace('_', '-')} {max(v.values()) / 1e9:.3g}" for k, v in found.collectives.items())
        lines.append(f"messages among {found.devices} ranks, bus bandwidth [GB/s]: {most}")
    return "\n".join(lines)
