"""Layers that remember a state of one size, token after token in plain torch: exact, and slower than a kernel."""

from __future__ import annotations

from typing import Any

from lehr.recipes.rehearsing.parts import Tensor, Weights, linear, rms, rotated
from lehr.simulators.layers import (
    DeltaNet,
    GatedConvolution,
    GatedDeltaNet,
    LightningAttention,
    Mamba,
    Mamba2,
    Retention,
    Rope,
)


def mix(layer: Any, x: Tensor, w: Weights) -> Tensor:
    """The recurrent mixer ``layer`` of ``x`` (batch, length, features)."""
    if isinstance(layer, (Retention, LightningAttention)):
        return decayed(layer, x, w)
    if isinstance(layer, (DeltaNet, GatedDeltaNet)):
        return delta(layer, x, w)
    if isinstance(layer, Mamba2):
        return mamba2(layer, x, w)
    if isinstance(layer, Mamba):
        return mamba(layer, x, w)
    assert isinstance(layer, GatedConvolution)
    before, after, inner = linear(x, w, "in_proj").chunk(3, dim=-1)
    return linear(after * convolved(before * inner, w), w, "out_proj")


def convolved(x: Tensor, w: Weights) -> Tensor:
    """The causal convolution of each feature over a few tokens; ``x`` is (batch, length, features)."""
    import torch

    kernel = w["conv"]
    padded = torch.nn.functional.pad(x.transpose(1, 2), (kernel.shape[-1] - 1, 0))
    out = torch.nn.functional.conv1d(padded, kernel[:, None], w.get("conv.bias"), groups=kernel.shape[0])
    return out.transpose(1, 2)


def decayed(layer: Retention | LightningAttention, x: Tensor, w: Weights) -> Tensor:
    """S = g S + k v, o = q S with a fixed decay for each head, as one masked product over the whole text."""
    import torch

    batch, length, _ = x.shape
    silu = torch.nn.functional.silu
    q, k, v = (linear(x, w, name).view(batch, length, layer.n_heads, -1) for name in ("q_proj", "k_proj", "v_proj"))
    if isinstance(layer, LightningAttention):
        q, k, v = silu(q), silu(k), silu(v)
    elif isinstance(layer.position, Rope):
        q, k = (rotated(part, layer.position.base, part.shape[-1]) for part in (q, k))
    # 1 - 2^-5 to 1 - 2^-12 over the heads (Sun et al., arXiv:2307.08621, section 3.1)
    decay = 1.0 - 2.0 ** (-5.0 - 7.0 * torch.arange(layer.n_heads) / max(layer.n_heads - 1, 1))
    at = torch.arange(length)
    apart = (at[:, None] - at).clamp(min=0)
    weight = decay[:, None, None] ** apart * (at[:, None] >= at)
    scores = torch.einsum("bihd,bjhd->bhij", q, k) * q.shape[-1] ** -0.5 * weight
    out = torch.einsum("bhij,bjhd->bihd", scores, v)
    if isinstance(layer, Retention):
        out = (rms(out) * w["o_norm"]).reshape(batch, length, -1)
        gated = silu(linear(x, w, "gate_proj")) * out if layer.output_gate else out
    else:
        out = rms(out.reshape(batch, length, -1)) * w["o_norm"]
        gated = torch.sigmoid(linear(x, w, "gate_proj")) * out
    return linear(gated, w, "o_proj")


def delta(layer: DeltaNet | GatedDeltaNet, x: Tensor, w: Weights) -> Tensor:
    """The delta rule: what the state holds under a key gives way to the new value, after a decay where there is one."""
    import torch

    batch, length, _ = x.shape
    joined = torch.cat([linear(x, w, name) for name in ("q_proj", "k_proj", "v_proj")], dim=-1)
    joined = torch.nn.functional.silu(convolved(joined, w) if layer.conv_kernel else joined)
    n_keys = layer.n_k_heads if isinstance(layer, GatedDeltaNet) else layer.n_heads
    n_heads = layer.n_v_heads if isinstance(layer, GatedDeltaNet) else layer.n_heads
    wide = n_keys * layer.d_key
    q, k, v = joined[..., :wide], joined[..., wide : 2 * wide], joined[..., 2 * wide :]
    q, k = (
        torch.nn.functional.normalize(part.view(batch, length, n_keys, layer.d_key), dim=-1)
        .repeat_interleave(n_heads // n_keys, dim=2)
        for part in (q, k)
    )  # fmt: skip
    v = v.view(batch, length, n_heads, layer.d_value)
    beta = torch.sigmoid(linear(x, w, "beta_proj"))
    keep = torch.ones_like(beta)
    if isinstance(layer, GatedDeltaNet):
        step = torch.nn.functional.softplus(linear(x, w, "decay_proj") + w["decay_bias"])
        keep = torch.exp(-torch.exp(w["decay_rate"]) * step)
    state = x.new_zeros(batch, n_heads, layer.d_key, layer.d_value)
    outs = []
    for t in range(length):
        state = state * keep[:, t, :, None, None]
        held = (k[:, t, :, None] @ state)[:, :, 0]
        state = state + k[:, t, :, :, None] * (beta[:, t, :, None] * (v[:, t] - held))[:, :, None]
        outs.append((q[:, t, :, None] @ state)[:, :, 0])
    out = torch.stack(outs, dim=1)
    if isinstance(layer, GatedDeltaNet) and layer.skip:
        out = out + w["skip"][:, None] * v
    out = (rms(out) * w["o_norm"]).reshape(batch, length, -1)
    if "gate_proj" in w:
        out = out * torch.nn.functional.silu(linear(x, w, "gate_proj"))
    return linear(out, w, "o_proj")


def mamba(layer: Mamba, x: Tensor, w: Weights) -> Tensor:
    """h = exp(D A) h + D B x, y = C h + D x for each channel."""
    import torch

    f = torch.nn.functional
    inner, gate = linear(x, w, "in_proj").chunk(2, dim=-1)
    inner = f.silu(convolved(inner, w))
    step, b, c = linear(inner, w, "x_proj").split([layer.dt_rank, layer.d_state, layer.d_state], dim=-1)
    if layer.inner_norms:
        step, b, c = rms(step) * w["dt_norm"], rms(b) * w["b_norm"], rms(c) * w["c_norm"]
    step = f.softplus(linear(step, w, "dt_proj"))
    rate = -torch.exp(w["a_log"])
    state = x.new_zeros(x.shape[0], layer.d_inner, layer.d_state)
    outs = []
    for t in range(x.shape[1]):
        state = state * torch.exp(step[:, t, :, None] * rate) + (step[:, t] * inner[:, t])[..., None] * b[:, t, None]
        outs.append((state * c[:, t, None]).sum(-1))
    out = torch.stack(outs, dim=1) + w["skip"] * inner
    return linear(out * f.silu(gate), w, "out_proj")


def mamba2(layer: Mamba2, x: Tensor, w: Weights) -> Tensor:
    """The same with one decay for each head."""
    import torch

    f = torch.nn.functional
    batch, length, _ = x.shape
    gate, joined, step = linear(x, w, "in_proj").split([layer.d_inner, layer.d_convolved, layer.n_heads], dim=-1)
    joined = f.silu(convolved(joined, w))
    shared = layer.n_groups * layer.d_state
    inner, b, c = torch.split(joined, [layer.d_inner, shared, shared], dim=-1)
    inner = inner.view(batch, length, layer.n_heads, layer.d_head)
    b, c = (
        part.view(batch, length, layer.n_groups, layer.d_state)
        .repeat_interleave(layer.n_heads // layer.n_groups, dim=2)
        for part in (b, c)
    )  # fmt: skip
    step = f.softplus(step + w["dt_bias"])
    keep = torch.exp(-step * torch.exp(w["a_log"]))
    state = x.new_zeros(batch, layer.n_heads, layer.d_head, layer.d_state)
    outs = []
    for t in range(length):
        fresh = (step[:, t, :, None] * inner[:, t])[..., None] * b[:, t, :, None]
        state = state * keep[:, t, :, None, None] + fresh
        outs.append((state * c[:, t, :, None]).sum(-1))
    out = torch.stack(outs, dim=1) + w["skip"][:, None] * inner
    out = out.reshape(batch, length, layer.d_inner) * f.silu(gate)
    return linear(rms(out) * w["o_norm"] if layer.norm else out, w, "out_proj")
