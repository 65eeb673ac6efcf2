"""Selective state spaces: Mamba and Mamba-2."""

from __future__ import annotations

from typing import ClassVar

from lehr.simulators.layers.base import Kept, Layer, Weight, linear
from lehr.simulators.layers.linear_attention import short_convolution
from lehr.simulators.quantities import Size


class Mamba(Layer, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="mamba"):
    """Mamba's block, ``h = exp(D A) h + D B x``, ``y = C h + D x`` for each of ``d_inner`` channels, with ``d_state``
    states a channel (Gu and Dao, arXiv:2312.00752, section 3).

    The step ``D`` is projected from ``dt_rank`` features; a second branch of ``d_inner`` features gates the output.
    ``inner_norms`` are Jamba's RMSNorms on step, ``B`` and ``C`` (arXiv:2403.19887, section 6.4).
    The scan is 9 FLOP for each state and channel: the exponent's product and itself (2), the input's two products
    (2), the update (2), the reading (2) and its sum (1), as the authors' kernels are profiled.

    >>> from lehr.simulators.layers.base import total
    >>> mamba = Mamba(d_inner=1536, d_state=16, conv_kernel=4, dt_rank=48)          # Mamba-130M
    >>> total(mamba.weights(768)), mamba.state_values(768, n_tokens=1)
    (3770880, 29184)
    """

    d_inner: Size
    d_state: Size
    conv_kernel: Size
    dt_rank: Size
    conv_bias: bool = True
    bias: bool = False
    inner_norms: bool = False

    def weights(self, d_model: int) -> list[Weight]:
        norms = {"dt_norm": self.dt_rank, "b_norm": self.d_state, "c_norm": self.d_state} if self.inner_norms else {}
        return [
            *linear("in_proj", d_model, 2 * self.d_inner, "state space", bias=self.bias),
            *short_convolution(self.d_inner, self.conv_kernel, bias=self.conv_bias, component="state space"),
            *linear("x_proj", self.d_inner, self.dt_rank + 2 * self.d_state, "state space"),
            *linear("dt_proj", self.dt_rank, self.d_inner, "state space", bias=True),
            Weight("a_log", (self.d_inner, self.d_state), "state space", "scale"),
            Weight("skip", (self.d_inner,), "state space", "scale"),
            *linear("out_proj", self.d_inner, d_model, "state space", bias=self.bias),
            *(Weight(name, (width,), "norm", "scale") for name, width in norms.items()),
        ]

    def mixing_flops(self, d_model: int, seq_len: int, *, causal: bool) -> float:
        return 9.0 * self.d_inner * self.d_state

    def state_values(self, d_model: int, n_tokens: int) -> int:
        # the authors keep conv_kernel values a channel, the current one among them
        return self.d_inner * (self.d_state + self.conv_kernel - 1)

    def activation_bytes(self, d_model: int, seq_len: int, kept: Kept) -> float:
        # the input; both branches, the convolved one, the scan's output, the product; step, B and C. States are
        # computed again in the backward pass (section 3.3.2)
        values = d_model + 5 * self.d_inner + self.dt_rank + 2 * self.d_state
        return kept.bytes(values, full=self.d_inner)


class Mamba2(Layer, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="mamba2"):
    """Mamba-2's block: one decay for each head of ``d_head`` channels, ``B`` and ``C`` shared by ``n_groups`` groups
    of heads (Dao and Gu, arXiv:2405.21060, section 7).

    One projection makes gate, input, ``B``, ``C`` and step; input, ``B`` and ``C`` pass the convolution; a gated
    RMSNorm precedes the output (``norm: false`` gates alone, as most of Falcon-H1); ``out_bias`` says otherwise than
    ``bias`` for the last matrix. Decay (1), update (2) and reading
    (2) are 5 FLOP for each entry of the state.

    >>> from lehr.simulators.layers.base import total
    >>> mamba2 = Mamba2(n_heads=24, d_head=64, d_state=128, n_groups=1, conv_kernel=4)     # Mamba2-130M
    >>> total(mamba2.weights(768)), mamba2.state_values(768, n_tokens=1)
    (3764552, 201984)
    """

    called: ClassVar[str] = "Mamba-2"
    n_heads: Size
    d_head: Size
    d_state: Size
    n_groups: Size
    conv_kernel: Size
    conv_bias: bool = True
    bias: bool = False
    norm: bool = True
    out_bias: bool | None = None

    @property
    def d_inner(self) -> int:
        """All heads together [channels]."""
        return self.n_heads * self.d_head

    @property
    def d_convolved(self) -> int:
        """What passes the convolution: the input, ``B`` and ``C`` [features]."""
        return self.d_inner + 2 * self.n_groups * self.d_state

    def weights(self, d_model: int) -> list[Weight]:
        d_projected = self.d_inner + self.d_convolved + self.n_heads
        return [
            *linear("in_proj", d_model, d_projected, "state space", bias=self.bias),
            *short_convolution(self.d_convolved, self.conv_kernel, bias=self.conv_bias, component="state space"),
            Weight("dt_bias", (self.n_heads,), "state space", "bias"),
            Weight("a_log", (self.n_heads,), "state space", "scale"),
            Weight("skip", (self.n_heads,), "state space", "scale"),
            *([Weight("o_norm", (self.d_inner,), "norm", "scale")] if self.norm else []),
            *linear(
                "out_proj",
                self.d_inner,
                d_model,
                "state space",
                bias=self.bias if self.out_bias is None else self.out_bias,
            ),
        ]

    def mixing_flops(self, d_model: int, seq_len: int, *, causal: bool) -> float:
        return 5.0 * self.d_inner * self.d_state

    def state_values(self, d_model: int, n_tokens: int) -> int:
        return self.d_inner * self.d_state + self.d_convolved * (self.conv_kernel - 1)

    def activation_bytes(self, d_model: int, seq_len: int, kept: Kept) -> float:
        # the input; gate; what is convolved, before and after; the scan's output, its norm, the product; the step
        values = d_model + 4 * self.d_inner + 2 * self.d_convolved
        return kept.bytes(values, full=self.n_heads)
