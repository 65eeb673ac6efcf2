"""What mixes tokens, in plain torch: softmax attention of every kind here, recurrent layers beside it."""

from __future__ import annotations

from math import log
from typing import Any

from lehr.recipes.rehearsing import recurrent
from lehr.recipes.rehearsing.parts import Tensor, Weights, linear, rms, rotated
from lehr.simulators.layers import MLA, Alibi, Attention, Rope


def _rates(torch: Any, shape: tuple[int, ...]) -> Any:
    """Decays A of 1 to as many as there are, as their logarithms (Gu and Dao, arXiv:2312.00752, section 3.6)."""
    return torch.log(torch.arange(1.0, shape[-1] + 1.0)).expand(shape).clone()


def _steps(torch: Any, shape: tuple[int, ...]) -> Any:
    """Biases of the step whose softplus is spread from 0.001 to 0.1, evenly by logarithm (the same place)."""
    steps = torch.exp(torch.linspace(log(1e-3), log(1e-1), shape[-1]))
    return torch.log(torch.expm1(steps)).expand(shape).clone()


def _zeros(torch: Any, shape: tuple[int, ...]) -> Any:
    return torch.zeros(shape)


FIRST = {
    "a_log": _rates,
    "decay_rate": _rates,
    "dt_bias": _steps,
    "dt_proj.bias": _steps,
    "decay_bias": _steps,
    "sinks": _zeros,
}
"""Weights that begin neither at one, nor at zero, nor at random."""


def mix(layer: Any, x: Tensor, w: Weights) -> Tensor:
    """The mixer ``layer`` of ``x`` (batch, length, features)."""
    if isinstance(layer, Attention):
        return attention(layer, x, w)
    if isinstance(layer, MLA):
        return latent_attention(layer, x, w)
    return recurrent.mix(layer, x, w)


def masked(length: int, window: int | None = None, chunk: int | None = None) -> Tensor:
    """Which earlier tokens (columns) each token (rows) sees: true where it does.

    >>> import pytest; _ = pytest.importorskip("torch")
    >>> masked(3, window=2).int().tolist()
    [[1, 0, 0], [1, 1, 0], [0, 1, 1]]
    """
    import torch

    at = torch.arange(length)
    apart = at[:, None] - at
    seen = apart >= 0
    if window is not None:
        seen = seen & (apart < window)
    if chunk is not None:
        seen = seen & (at[:, None] // chunk == at // chunk)
    return seen


def attended(
    q: Tensor, k: Tensor, v: Tensor, seen: Tensor, *, sinks: Tensor | None = None, slopes: Tensor | None = None
) -> Tensor:
    """Softmax attention of (batch, length, heads, features), keys and values shared by groups of heads.

    The scores are computed in full and masked, so that torch counts the whole square.
    """
    import torch

    groups = q.shape[2] // k.shape[2]
    if groups > 1:
        k, v = k.repeat_interleave(groups, dim=2), v.repeat_interleave(groups, dim=2)
    q, k, v = (part.transpose(1, 2) for part in (q, k, v))
    scores = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5
    if slopes is not None:
        at = torch.arange(q.shape[-2])
        scores = scores - slopes[:, None, None] * (at[:, None] - at)
    scores = scores.masked_fill(~seen, float("-inf"))
    if sinks is not None:
        extra = sinks[None, :, None, None].expand(*scores.shape[:-1], 1)
        shares = torch.softmax(torch.cat([scores, extra], dim=-1), dim=-1)[..., :-1]
    else:
        shares = torch.softmax(scores, dim=-1)
    return (shares @ v).transpose(1, 2)


def attention(layer: Attention, x: Tensor, w: Weights) -> Tensor:
    """Multi-head, grouped or multi-query attention, windowed or not."""
    import torch

    batch, length, _ = x.shape
    q = linear(x, w, "q_proj").view(batch, length, layer.n_heads, layer.d_head)
    k = linear(x, w, "k_proj").view(batch, length, layer.n_kv_heads, layer.d_head)
    v = k if layer.values == "keys" else linear(x, w, "v_proj").view(batch, length, layer.n_kv_heads, -1)
    if layer.qk_norm is not None:
        q, k = (_score_norm(layer, part, w, name) for part, name in ((q, "q_norm"), (k, "k_norm")))
    if isinstance(layer.position, Rope):
        features = 2 * int(layer.d_head * layer.position.fraction / 2)
        q, k = rotated(q, layer.position.base, features), rotated(k, layer.position.base, features)
    slopes = None
    if isinstance(layer.position, Alibi):
        slopes = 2.0 ** (-8.0 * torch.arange(1, layer.n_heads + 1) / layer.n_heads)
    seen = masked(length, layer.window, layer.chunk)
    out = attended(q, k, v, seen, sinks=w.get("sinks"), slopes=slopes)
    if layer.output_gate == "head":
        out = out * torch.sigmoid(linear(x, w, "gate_proj"))[..., None]
    out = out.reshape(batch, length, -1)
    if layer.output_gate is True:
        out = out * torch.sigmoid(linear(x, w, "gate_proj"))
    if layer.output_norm:
        out = rms(out) * w["o_norm"]
    return linear(out, w, "o_proj")


def _score_norm(layer: Attention, x: Tensor, w: Weights, name: str) -> Tensor:
    """The norm of queries or keys before their product."""
    import torch

    if layer.qk_norm == "l2":
        return rms(x)
    if layer.qk_norm == "layer_norm":
        return torch.nn.functional.layer_norm(x, x.shape[-1:], w[name], w[f"{name}.bias"], 1e-5)
    if layer.qk_norm == "head":
        return rms(x) * w[name]
    if layer.qk_norm == "each_head":
        return rms(x) * w[name].view(x.shape[2:])
    return (rms(x.flatten(2)) * w[name]).view(x.shape)


def latent_attention(layer: MLA, x: Tensor, w: Weights) -> Tensor:
    """Keys and values from one latent a token."""
    import torch

    batch, length, _ = x.shape
    if layer.q_rank is None:
        q = linear(x, w, "q_proj")
    else:
        compressed = linear(x, w, "q_a_proj")
        read = rms(compressed) * w["q_a_norm"]
        q = linear(torch.cat([read, compressed], dim=-1) if layer.output_gate == "latent" else read, w, "q_b_proj")
    q = q.view(batch, length, layer.n_heads, -1)
    q, gate = q.split([layer.d_nope + layer.d_rope, q.shape[-1] - layer.d_nope - layer.d_rope], dim=-1)
    latent, rope = linear(x, w, "kv_a_proj").split([layer.kv_rank, layer.d_rope], dim=-1)
    if layer.rope_norm:
        rope = rms(rope) * w["k_rope_norm"]
    heads = linear(rms(latent) * w["kv_a_norm"], w, "kv_b_proj").view(batch, length, layer.n_heads, -1)
    k, v = heads.split([layer.d_nope, layer.d_value], dim=-1)
    plain, turned = q.split([layer.d_nope, layer.d_rope], dim=-1)
    if layer.d_rope and isinstance(layer.position, Rope):
        turned = rotated(turned, layer.position.base, layer.d_rope)
        rope = rotated(rope[:, :, None], layer.position.base, layer.d_rope)[:, :, 0]
    q = torch.cat([plain, turned], dim=-1)
    k = torch.cat([k, rope[:, :, None].expand(batch, length, layer.n_heads, layer.d_rope)], dim=-1)
    out = attended(q, k, v, masked(length, layer.window), sinks=w.get("sinks"))
    if layer.output_gate == "head":
        out = out * torch.sigmoid(linear(x, w, "gate_proj"))[..., None]
    out = out.reshape(batch, length, -1)
    if layer.output_gate == "feature":
        out = out * torch.sigmoid(linear(x, w, "gate_proj"))
    if layer.output_gate == "latent":
        out = out * torch.sigmoid(gate.reshape(batch, length, -1))
    return linear(out, w, "o_proj")
