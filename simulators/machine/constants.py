"""The constants of the step-time model: what each is, and what was believed of it before any measurement."""

from __future__ import annotations

from typing import NamedTuple


class Prior(NamedTuple):
    """A constant's central value, the standard deviation of its logarithm, and what it is."""

    centre: float
    spread: float
    says: str


GENERATIONS = ("volta", "ampere", "hopper", "blackwell", "blackwell_ultra")
"""Generations of accelerators whose training speed was measured; others are taken at the prior's centre."""

PRECISIONS = ("bf16", "fp8", "mxfp8", "nvfp4")

# `tensor`: all-reduces of the size of a micro-batch's activations, 32 to 256 MiB, ran at 301 to 442 GB/s on eight H200,
# 1.17 to 0.79 of the ideal time that a ring's share of the links gives (Bekman, ml-engineering,
# network/benchmarks/README.md, how the calls are timed)
PRIORS: dict[str, Prior] = {
    **{
        f"matrix_{p}": Prior(c, 0.3, f"speed of layers' matrix products in {p} over the largest measured [1]")
        for p, c in zip(PRECISIONS, (0.85, 0.75, 0.70, 0.50), strict=True)
    },
    **{f"matrix_{g}": Prior(1.0, 0.1, f"the same on {g}, beside that of its precision [1]") for g in GENERATIONS},
    "matrix_other": Prior(1.0, 0.12, "the same on another generation [1]"),
    "matrix_before_2023": Prior(0.97, 0.07, "the same with software before mid-2023 [1]"),
    "matrix_head": Prior(0.85, 0.2, "speed of the head's product over that in 16 bits [1]"),
    "expert": Prior(0.6, 0.4, "speed of grouped products of experts over that of dense ones [1]"),
    "attention_unfused": Prior(0.5, 0.4, "speed of attention's products over the largest measured in 16 bits [1]"),
    "attention_flash2_ampere": Prior(0.5, 0.4, "the same of FlashAttention-2 on ampere [1]"),
    "attention_flash2_hopper": Prior(0.5, 0.4, "the same on hopper [1]"),
    "attention_flash3_hopper": Prior(0.6, 0.4, "the same of FlashAttention-3 and cuDNN on hopper [1]"),
    "attention_flash3_blackwell": Prior(0.6, 0.4, "the same on blackwell [1]"),
    "attention_flash3_blackwell_ultra": Prior(0.6, 0.4, "the same on blackwell_ultra [1]"),
    "attention_other": Prior(0.5, 0.35, "the same of another kernel or generation [1]"),
    "state_space": Prior(0.3, 0.5, "speed of recurrent mixers' scans over that of attention's products [1]"),
    "softmax": Prior(64.0, 0.5, "work of one exponent beside attention's products [FLOP]"),
    "score": Prior(8.0, 0.5, "traffic of a score that an unfused kernel writes, each pass [byte]"),
    "element": Prior(3.0, 0.4, "traffic of element-wise work over the activations kept [1]"),
    "eager": Prior(1.6, 0.4, "the same without fused kernels, over that with [1]"),
    "logit": Prior(16.0, 0.5, "traffic of a logit, loss and its gradient together [byte]"),
    "permute": Prior(6.0, 0.6, "traffic of sorting a token for its experts and back, over its bytes [1]"),
    "layer": Prior(1e-3, 0.7, "launching a layer's kernels, both passes [s]"),
    "layer_before_2023": Prior(2e-4, 0.7, "the same with software before mid-2022 [s]"),
    "local_expert": Prior(5e-5, 0.8, "the same for each local expert [s]"),
    "step": Prior(5e-3, 1.0, "what happens once a step [s]"),
    "tensor": Prior(1.1, 0.1, "tensor-parallel messages that nothing hides, over their ideal time [1]"),
    "tensor_overlapped": Prior(0.6, 0.5, "the same beside work [1]"),
    "dispatch": Prior(0.7, 0.6, "messages to experts within a domain, over their ideal time [1]"),
    "dispatch_far": Prior(1.0, 0.5, "the same beyond a domain [1]"),
    "dispatch_once": Prior(0.5, 0.5, "exponent of the share of tokens that differ by node, sent once to each [1]"),
    "context": Prior(0.5, 0.7, "messages of keys and values, over their ideal time [1]"),
    "data": Prior(1.3, 0.4, "the exchange of gradients and parameters that nothing hides, over its ideal time [1]"),
    "data_overlapped": Prior(0.35, 0.6, "the same beside work [1]"),
    "gather": Prior(1.2, 0.5, "gathering sharded parameters, over its ideal time [1]"),
    "operators": Prior(0.5, 0.3, "share of products that operator-level checkpointing computes again [1]"),
    "mixture_trend": Prior(0.1, 0.5, "yearly fall of the time of experts' products, sorting and messages [1/year]"),
    "launch_trend": Prior(0.15, 0.5, "further yearly fall of what mixtures launch and sort [1/year]"),
}
"""Every constant, in the order in which it is fitted."""

NAMES = tuple(PRIORS)

TREND_YEAR = 2026.3
"""The year at which the constants of mixtures hold."""
