"""What every layer in plain torch is made of."""

from __future__ import annotations

from typing import Any

from lehr.simulators.layers import LayerNorm, Norm

Tensor = Any
"""torch's; an environment without torch has no types for it."""
Weights = dict[str, Tensor]
"""Tensors by name."""
EPSILON = 1e-6


def linear(x: Tensor, w: Weights, name: str) -> Tensor:
    """An affine map of the last axis."""
    import torch

    return torch.nn.functional.linear(x, w[name], w.get(f"{name}.bias"))


def rms(x: Tensor) -> Tensor:
    """``x`` over its root mean square along the last axis."""
    import torch

    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + EPSILON)


def normed(norm: Norm, x: Tensor, w: Weights) -> Tensor:
    """A norm with its own gain and bias."""
    import torch

    if isinstance(norm, LayerNorm):
        return torch.nn.functional.layer_norm(x, x.shape[-1:], w.get("weight"), w.get("bias"), 1e-5)
    if not norm.gain:
        return rms(x)
    return rms(x) * (1.0 + w["weight"] if norm.zero_centred else w["weight"])


def rotated(x: Tensor, base: float, features: int) -> Tensor:
    """The first ``features`` of each head rotated by position; ``x`` is (batch, length, heads, features)."""
    import torch

    half = features // 2
    turns = base ** (-torch.arange(half) / half)
    angle = torch.arange(x.shape[1])[:, None] * turns
    cos, sin = angle.cos()[:, None], angle.sin()[:, None]
    a, b, rest = x[..., :half], x[..., half : 2 * half], x[..., 2 * half :]
    return torch.cat([a * cos - b * sin, b * cos + a * sin, rest], dim=-1)
