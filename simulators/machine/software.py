"""Training software: what of its kernels and messages changes the time of a step."""

from __future__ import annotations

from typing import Literal

import msgspec


class Software(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a trainer computes and sends.

    ``attention``: every score is written to memory (``unfused``), or a kernel of the second or third generation keeps
    them on the chip (FlashAttention-2, arXiv:2307.08691; FlashAttention-3, arXiv:2407.08608, and cuDNN's).
    ``fused`` element-wise work is done by few kernels (a compiler, or hand-written ones). ``overlaps_tensor`` and
    ``overlaps_data`` say which messages travel beside work. ``uneven`` pipelines give the first and the last rank fewer
    layers. ``year`` is that of the release, with its month as a fraction.
    """

    name: str
    year: float
    attention: Literal["unfused", "flash2", "flash3"] = "flash3"
    fused: bool = True
    overlaps_tensor: bool = True
    overlaps_data: bool = True
    uneven: bool = True


CURRENT = Software(name="megatron_core", year=2026.3)
"""What is assumed where nothing is said: the middle of the releases that were measured last."""

SOFTWARE = {
    s.name: s
    for s in (
        CURRENT,
        Software(
            name="megatron_lm_2020",
            year=2020.5,
            attention="unfused",
            fused=False,
            overlaps_tensor=False,
            overlaps_data=False,
            uneven=False,
        ),
        Software(
            name="megatron_lm_2022",
            year=2022.4,
            attention="unfused",
            overlaps_tensor=False,
            overlaps_data=False,
            uneven=False,
        ),
        Software(
            name="megatron_deepspeed",
            year=2023.0,
            attention="unfused",
            overlaps_tensor=False,
            overlaps_data=False,
            uneven=False,
        ),
        Software(name="llm_foundry", year=2023.5, attention="flash2", fused=False, overlaps_tensor=False, uneven=False),
        Software(name="nemo", year=2024.5),
        Software(name="litgpt", year=2024.3, attention="flash2", fused=False, overlaps_tensor=False),
        Software(name="transformers", year=2024.3, attention="flash2", fused=False, overlaps_tensor=False),
        Software(name="torchtitan_eager", year=2024.9, attention="flash2", fused=False, overlaps_tensor=False),
        Software(name="torchtitan", year=2024.9, attention="flash2", overlaps_tensor=False),
        Software(name="torchtitan_async", year=2024.9, attention="flash2"),
    )
}
"""Software by name. The speed of all but LitGPT and transformers was measured; of those two only memory was, and they
are taken to compute as torchtitan does without a compiler."""
