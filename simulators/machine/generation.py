"""Speed of generation: what an engine's step reads, multiplies and sends, at the concurrency that memory allows.

A step writes one token of every running sequence. Its time is a roofline for each kind of kernel, of the slower of what
it reads and what it multiplies (Pope et al., arXiv:2211.05102, section 2), plus launches, messages and the host's work;
prompts take the engine's time beside it, as continuous batching mixes both.
"""

from __future__ import annotations

from math import ceil, log2
from typing import NamedTuple

import numpy as np

from lehr.simulators.architecture import Architecture
from lehr.simulators.counting import FLOP_CONVENTIONS, forward_flops_per_token
from lehr.simulators.decoding import decoding_state
from lehr.simulators.layers import MLA, MoE
from lehr.simulators.machine.accelerator import Accelerator
from lehr.simulators.machine.constants import Prior
from lehr.simulators.rollouts import ServingPrecision

WEIGHT_BYTES: dict[ServingPrecision, float] = {"bf16": 2.0, "fp8": 1.0, "fp4": 4.5 / 8}
"""Bytes of a weight of the layers; tables and head stay in 16 bits."""

FRACTION = 0.9
"""Share of the memory that an engine takes (vLLM's ``gpu_memory_utilization``)."""

GENERATION_PRIORS: dict[str, Prior] = {
    "bandwidth": Prior(0.75, 0.15, "reading weights, over the memory's bandwidth [1]"),
    "cache": Prior(0.6, 0.3, "reading keys and values, over the same [1]"),
    "matrix": Prior(0.6, 0.3, "products of many sequences, over the largest measured [1]"),
    "expert": Prior(0.5, 0.4, "products and reads of experts, over those of dense matrices [1]"),
    "prompt": Prior(0.6, 0.3, "products of prompts, over the largest measured [1]"),
    "layer": Prior(2.5e-5, 0.6, "launches of a layer [s]"),
    "message": Prior(1.5e-5, 0.6, "one exchange of a tensor group, beside its bytes [s]"),
    "dispatch": Prior(1.5, 0.5, "messages to experts, over their ideal time [1]"),
    "sequence": Prior(4e-6, 0.7, "the host's and the sampler's work for one sequence and step [s]"),
}
"""What was believed of each constant before the measurements: kernels' shares of their bounds, ten launches a
layer, an exchange among eight devices."""
GENERATION_NAMES = tuple(GENERATION_PRIORS)


class Load(NamedTuple):
    """What generation asks of one device of an engine; arrays over cases, or numbers."""

    dense_bytes: np.ndarray
    """Weights that every token reads, on one device [byte]."""
    dense_flops: np.ndarray
    """Their products, of one sequence [FLOP]."""
    routed_bytes: np.ndarray
    """All routed experts of one device [byte]."""
    routed_flops: np.ndarray
    """Products of routed experts on one device, of one sequence [FLOP]."""
    used: np.ndarray
    """Share of the experts that a token uses; 1 for a dense network [1]."""
    cache: np.ndarray
    """State that a step reads of one sequence, on one device [byte]."""
    mixing: np.ndarray
    """Products with that state [FLOP]."""
    held: np.ndarray
    """State of one sequence, on one device, when it is as long as it grows on average [byte]."""
    prompt_flops: np.ndarray
    """Work of one prompt, over the devices of an engine [FLOP]."""
    output: np.ndarray
    """Tokens that a sequence writes [tokens]."""
    asked: np.ndarray
    """Sequences at once that are asked of an engine [1]."""
    layers: np.ndarray
    groups: np.ndarray
    """Tensor groups of an engine, each with sequences of its own [1]."""
    tensor: np.ndarray
    """Devices of a tensor group [1]."""
    hops: np.ndarray
    """Exchanges, one after another, of which an exchange of a tensor group consists: 1 within a domain [1]."""
    message: np.ndarray
    """Ideal seconds of a tensor group's exchanges, for one sequence [s]."""
    dispatch: np.ndarray
    """Ideal seconds of messages to experts and back, for one sequence [s]."""
    devices: np.ndarray
    matrix: np.ndarray
    """Largest measured speed of products in the layers' precision [FLOP/s]."""
    sixteen: np.ndarray
    bandwidth: np.ndarray
    memory: np.ndarray
    """Of a device, as far as the engine takes it [byte]."""


def load_of(
    architecture: Architecture,
    device: Accelerator,
    *,
    devices: int = 1,
    tensor: int = 1,
    precision: ServingPrecision = "bf16",
    cache_bytes: float = 2.0,
    prompt: float,
    output: float,
    asked: float = float("inf"),
    prefills: bool = True,
) -> Load:
    """What an engine of ``devices``, ``tensor`` of which share each sequence, does for sequences of ``prompt`` tokens
    that write ``output`` more; experts lie on all devices. Without ``prefills`` another engine reads the prompts.

    Raises ``ValueError`` for a network with an encoder, a tensor group that does not divide the devices, and a device
    whose memory, bandwidth or peak in ``precision`` is not known.

    >>> from lehr.simulators.planning.ladder import dense
    >>> h100 = Accelerator(name="h100", title="H100", peak={"bf16": 989e12}, memory_bytes=80e9, bandwidth=3.35e12)
    >>> load = load_of(dense(4096, vocab_size=128256, context_length=8192), h100, prompt=512, output=1024)
    >>> round(float(load.dense_bytes) / 1e9, 1), round(float(load.held) / 2**20)       # [GB], [MiB] of 1,024 tokens
    (15.0, 128)
    """
    if architecture.encoder is not None:
        raise ValueError("generation is projected for decoders; this network has an encoder")
    if tensor < 1 or devices < tensor or devices % tensor:
        raise ValueError(f"tensor: {tensor} does not divide the {devices} devices of an engine")
    if device.memory_bytes is None or device.bandwidth is None:
        raise ValueError(f"{device.name} has no memory_bytes or no bandwidth; add them to its file")
    if prompt < 0 or output <= 0:
        raise ValueError(f"prompt {prompt:g} and response {output:g} are no lengths; write tokens above 0")
    width, each = architecture.d_model, WEIGHT_BYTES[precision]
    reached = max(1, round(prompt + output / 2))
    body = routed = used_bytes = 0.0
    mixing, share, fan, replicated = 0.0, 1.0, 0.0, False
    for block, n in architecture.stack():
        weights = block.weights(width)
        experts = [w for w in weights if w.component == "experts"]
        body += n * sum(w.size for w in weights if w.component != "experts" and w.role != "buffer")
        routed += n * sum(w.size for w in experts)
        used_bytes += n * sum(w.active_size for w in experts)
        if isinstance(block.mlp, MoE):
            share = block.mlp.top_k / block.mlp.n_experts
            fan += n * block.mlp.top_k * (block.mlp.d_latent or width)
        if isinstance(block.mixer, MLA):
            replicated = True
        mixing += n * _mixing(block.mixer, width, reached)
    embedding = architecture.embedding
    head = 2.0 * embedding.vocab_size * embedding.width(width)
    table = 0.0 if embedding.tied else head
    # in 16 bits, and read once a step; the table is looked up
    state = decoding_state(architecture, reached).total * cache_bytes
    groups = devices / tensor
    kept = state / (1 if replicated else tensor) / groups
    forward = prompt * forward_flops_per_token(architecture, max(1, round(prompt)), FLOP_CONVENTIONS["causal"])
    link = device.link.bandwidth if device.link else 32e9
    domain = device.link.domain if device.link else 1
    network = device.network or link
    if devices > domain and device.network:
        outside = (devices - domain) / devices
        link_far = 1 / (outside / device.network + (1 - outside) / link)
    else:
        link_far = link
    matrix = device.matrix_rate(precision if precision in device.peak else "bf16")
    numbers = (
        (each * body + head) / tensor,
        2.0 * (body + head / 2) / devices,
        each * routed / devices,
        2.0 * used_bytes / devices,
        share,
        kept,
        mixing / devices,
        kept,
        forward / devices if prefills else 0.0,
        output,
        asked,
        float(architecture.n_layers),
        groups,
        float(tensor),
        # among nodes a tree goes up and down; its messages take the slower path
        1.0 if tensor <= domain else 1.0 + 2.0 * log2(ceil(tensor / domain)),
        2
        * architecture.n_layers
        * 2.0
        * width
        * (tensor - 1)
        / tensor
        / (link if tensor <= domain else network)
        / groups
        * 2,
        3.0 * fan * (devices - 1) / devices / devices / link_far if routed and devices > tensor else 0.0,
        float(devices),
        matrix,
        device.matrix_rate("bf16" if "bf16" in device.peak else "fp16"),
        device.bandwidth,
        FRACTION * device.memory_bytes - table / tensor,
    )
    return Load(*(np.asarray(v, float) for v in numbers))


def _mixing(mixer: object, width: int, reached: int) -> float:
    """Products of one token with ``reached`` earlier ones; latent attention's in the latent space, as decoding does
    (DeepSeek-V2, arXiv:2405.04434, section 2.1.2) [FLOP]."""
    if mixer is None:
        return 0.0
    if isinstance(mixer, MLA):
        seen = min(reached, mixer.indexer.top_k) if mixer.indexer else min(reached, mixer.window or reached)
        scores = mixer.indexer.mixing_flops(reached, causal=False) if mixer.indexer else 0.0
        return 2.0 * mixer.n_heads * (2 * mixer.kv_rank + mixer.d_rope) * seen + scores
    return float(mixer.mixing_flops(width, reached, causal=False))  # type: ignore[attr-defined]


def room(load: Load) -> np.ndarray:
    """Sequences at once for which an engine has memory [1]; below 1 its weights leave too little."""
    free = load.memory - load.dense_bytes - load.routed_bytes
    return np.asarray(free / load.held)


def running(load: Load) -> np.ndarray:
    """Sequences at once: as many as are asked for and fit [1]."""
    return np.asarray(np.minimum(load.asked, np.maximum(room(load), 1.0)))


def step_seconds(load: Load, sequences: np.ndarray | float, logs: np.ndarray) -> np.ndarray:
    """Seconds of a step that writes one token of each of ``sequences`` [s]; ``logs`` are the constants' logarithms."""
    of = dict(zip(GENERATION_NAMES, np.exp(logs), strict=True))
    b = np.asarray(sequences, float)
    touched = np.where(load.used < 1, 1 - (1 - load.used) ** b, 1.0)
    speed, reads = of["matrix"] * load.matrix, of["bandwidth"] * load.bandwidth
    dense = np.maximum(load.dense_bytes / reads, b * load.dense_flops / speed)
    experts = np.maximum(touched * load.routed_bytes / reads, b * load.routed_flops / speed) / of["expert"]
    mixing = np.maximum(
        b * load.cache / (of["cache"] * load.bandwidth), b * load.mixing / (of["matrix"] * load.sixteen)
    )
    exchanges = np.where(load.tensor > 1, 2 * load.layers * load.hops * of["message"], 0.0) + b * load.message
    sent = of["dispatch"] * b * load.dispatch
    return np.asarray(
        dense + experts + mixing + exchanges + sent + load.layers * of["layer"] + b / load.groups * of["sequence"]
    )


def prompt_seconds(load: Load, logs: np.ndarray) -> np.ndarray:
    """Seconds of an engine's time that one prompt takes [s]."""
    share = float(np.exp(logs[GENERATION_NAMES.index("prompt")]))
    return np.asarray(load.prompt_flops / (share * load.matrix))


def output_rate(load: Load, logs: np.ndarray) -> np.ndarray:
    """Tokens that an engine writes a second and device, prompts read beside [token/s]."""
    b = running(load)
    each = prompt_seconds(load, logs) + load.output * step_seconds(load, b, logs) / b
    return np.asarray(load.output / each / load.devices)


def stack_loads(loads: list[Load]) -> Load:
    """Loads one after another."""
    return Load(*(np.array([float(v) for v in column]) for column in zip(*loads, strict=True)))
