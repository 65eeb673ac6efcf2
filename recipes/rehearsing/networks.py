"""A network in plain torch, made of the weights that its layers list: what is counted is what is trained.

Weights stand in one dictionary by name; a forward pass is a function of it. torch is imported where it is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt
from typing import Any

from lehr.recipes.rehearsing import mixers
from lehr.recipes.rehearsing.parts import Tensor, Weights, linear, normed, rms
from lehr.simulators.architecture import Architecture, Block
from lehr.simulators.layers import MLP, MoE, RMSNorm, Weight

BALANCE = 0.01
"""Weight of the loss that keeps experts equally busy (Fedus et al., arXiv:2101.03961, section 2.2)."""
AFTER = ("o_proj", "down", "out_proj", "experts.down", "shared.down")
"""Matrices that write into the residual stream, which begin smaller by the root of how many there are."""


def blocks_of(architecture: Architecture) -> list[Block]:
    """Every layer's block, in order."""
    return [architecture.blocks[name] for run in architecture.layers for _ in range(run.repeat) for name in run.blocks]


def named_weights(architecture: Architecture) -> Iterator[tuple[str, Weight]]:
    """Every tensor of the network with its name.

    >>> from lehr.simulators.planning.ladder import dense
    >>> [name for name, _ in named_weights(dense(128, vocab_size=256, context_length=64))][:4]
    ['token', 'head', 'final_norm.weight', 'layers.0.mixer.q_proj']
    """
    width = architecture.d_model
    for weight in architecture.embedding.weights(width):
        yield weight.name, weight
    for name, norm in (("embedding_norm", architecture.embedding_norm), ("final_norm", architecture.final_norm)):
        if norm is not None:
            for weight in norm.weights(width):
                yield f"{name}.{weight.name}", weight
    for i, block in enumerate(blocks_of(architecture)):
        for part, layer in (("mixer", block.mixer), ("mlp", block.mlp)):
            for weight in layer.weights(width) if layer is not None else ():
                yield f"layers.{i}.{part}.{weight.name}", weight
        for j in range(block.n_norms):
            for weight in block.norm.weights(width):
                yield f"layers.{i}.norms.{j}.{weight.name}", weight


def first_weights(architecture: Architecture, seed: int) -> Weights:
    """Random weights by name, of shapes (copies, *shape) where a layer has several equal ones."""
    import torch

    # drawn by the CPU, so that every machine begins with the same
    generator = torch.Generator("cpu").manual_seed(seed)
    n_writes = 2 * architecture.n_layers
    found: Weights = {}
    for name, weight in named_weights(architecture):
        shape = (weight.copies, *weight.shape) if weight.name.startswith("experts.") else weight.shape
        found[name] = _first(torch, name, weight, shape, generator, n_writes, _zero_centred(architecture, name))
    return found


def _zero_centred(architecture: Architecture, name: str) -> bool:
    """Is this the gain of a norm that multiplies by one plus it?"""
    if not name.endswith(".weight"):
        return False
    norms = [block.norm for block in architecture.blocks.values()]
    return all(isinstance(norm, RMSNorm) and norm.zero_centred for norm in norms)


def _first(  # noqa: PLR0917
    torch: Any, name: str, weight: Weight, shape: tuple[int, ...], generator: Any, n_writes: int, zero: bool
) -> Any:
    own = weight.name
    if own in mixers.FIRST:
        return mixers.FIRST[own](torch, shape)
    if weight.role == "scale":
        return torch.zeros(shape) if zero else torch.ones(shape)
    if weight.role in ("bias", "buffer"):
        return torch.zeros(shape)
    # a table has one row a token; a tied one is the head too, whose scores are to begin near zero
    std = 0.5 * shape[-1] ** -0.5
    if own in AFTER:
        std /= sqrt(n_writes)
    return (torch.randn(shape, generator=generator, device="cpu") * std).to(torch.get_default_device())


def forward(architecture: Architecture, weights: Weights, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Scores of the next token, shape (batch, length, vocabulary), and the loss that balances experts.

    ``tokens`` has shape (batch, length).
    """
    import torch

    x = torch.nn.functional.embedding(tokens, weights["token"])
    if architecture.embedding.learned_positions:
        x = x + weights["position"][: tokens.shape[1]]
    if architecture.embedding_norm is not None:
        x = normed(architecture.embedding_norm, x, below(weights, "embedding_norm"))
    balance = torch.zeros(())
    for i, block in enumerate(blocks_of(architecture)):
        x, extra = _block(block, x, below(weights, f"layers.{i}"))
        balance = balance + extra
    if architecture.final_norm is not None:
        x = normed(architecture.final_norm, x, below(weights, "final_norm"))
    head = weights["token"] if architecture.embedding.tied else weights["head"]
    return torch.nn.functional.linear(x, head, weights.get("head.bias")), balance


def below(weights: Weights, prefix: str) -> Weights:
    """The weights whose names begin with ``prefix``, by the rest of their names.

    >>> below({"layers.1.mixer.q": 1, "layers.10.mixer.q": 2, "head": 3}, "layers.1")
    {'mixer.q': 1}
    """
    start = f"{prefix}."
    return {name[len(start) :]: value for name, value in weights.items() if name.startswith(start)}


def _block(block: Block, x: Tensor, w: Weights) -> tuple[Tensor, Any]:
    """One residual block: its sublayers with the norms where they stand."""
    parts = [part for part in ("mixer", "mlp") if getattr(block, part) is not None]
    norms = [below(w, f"norms.{j}") for j in range(block.n_norms)]
    extra: Any = 0.0

    def run(part: str, y: Tensor) -> Tensor:
        nonlocal extra
        layer = getattr(block, part)
        if isinstance(layer, MoE):
            out, extra = _mixture(layer, y, below(w, "mlp"))
            return out
        if isinstance(layer, MLP):
            return _mlp(layer, y, below(w, "mlp"))
        return mixers.mix(layer, y, below(w, "mixer"))

    if block.norm_placement in ("parallel", "parallel_two"):
        several = block.norm_placement == "parallel_two"
        outs = [run(part, normed(block.norm, x, norms[j if several else 0])) for j, part in enumerate(parts)]
        return x + sum(outs), extra
    for j, part in enumerate(parts):
        if block.norm_placement == "pre":
            x = x + run(part, normed(block.norm, x, norms[j]))
        elif block.norm_placement == "post":
            x = normed(block.norm, x + run(part, x), norms[j])
        else:
            inner = run(part, normed(block.norm, x, norms[2 * j]))
            x = x + normed(block.norm, inner, norms[2 * j + 1])
    return x, extra


def _activated(name: str, x: Tensor) -> Tensor:
    import torch

    f = torch.nn.functional
    if name == "relu_squared":
        return f.relu(x).square()
    if name == "quick_gelu":
        return x * torch.sigmoid(1.702 * x)
    if name.startswith("gelu"):
        return f.gelu(x, approximate="tanh" if name == "gelu_tanh" else "none")
    return f.silu(x) if name == "silu" else f.relu(x)


def _mlp(layer: MLP, x: Tensor, w: Weights) -> Tensor:
    inner = _activated(layer.activation, linear(x, w, "gate" if layer.gated else "up"))
    if layer.gated:
        inner = inner * linear(x, w, "up")
    if layer.inner_norm:
        inner = rms(inner) * w["inner_norm"]
    return linear(inner, w, "down")


def _mixture(layer: MoE, x: Tensor, w: Weights) -> tuple[Tensor, Tensor]:
    """Each token through its ``top_k`` experts, none dropped; and the loss that keeps experts equally busy."""
    import torch

    flat = x.reshape(-1, x.shape[-1])
    shares = torch.softmax(linear(flat, w, "router"), dim=-1)
    best, chosen = shares.topk(layer.top_k, dim=-1)
    best = best / best.sum(-1, keepdim=True)
    out = torch.zeros_like(flat)
    expert = MLP(d_ff=layer.d_ff_expert, activation=layer.activation, gated=layer.gated, bias=layer.bias)
    routed = below(w, "experts")
    for e in range(layer.n_experts):
        rows, place = torch.where(chosen == e)
        if len(rows):
            own = {name: value[e] for name, value in routed.items()}
            out = out.index_add(0, rows, _mlp(expert, flat[rows], own) * best[rows, place, None])
    if layer.d_ff_shared:
        every = shared_mlp(layer)
        common = _mlp(every, flat, below(w, "shared"))
        if layer.shared_gate:
            common = common * torch.sigmoid(linear(flat, w, "shared_gate"))
        out = out + common
    if layer.output_norm:
        out = rms(out) * w["out_norm"]
    busy = torch.nn.functional.one_hot(chosen, layer.n_experts).to(shares.dtype).sum(1).mean(0) / layer.top_k
    balance = BALANCE * layer.n_experts * (busy * shares.mean(0)).sum()
    return out.reshape(x.shape), balance


def shared_mlp(layer: MoE) -> MLP:
    """All shared experts of a mixture as one MLP."""
    return MLP(d_ff=layer.d_ff_shared, activation=layer.activation, gated=layer.gated, bias=layer.bias)
