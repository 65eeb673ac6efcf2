"""Mixers of a short memory: gated short convolutions, a gated linear recurrence; and two mixers side by side."""

from __future__ import annotations

from typing import ClassVar

from lehr.simulators.layers.attention import Attention
from lehr.simulators.layers.base import Kept, Layer, Weight, linear
from lehr.simulators.layers.linear_attention import short_convolution
from lehr.simulators.layers.state_space import Mamba2
from lehr.simulators.numerics.adding import plain_sum
from lehr.simulators.quantities import Size


class GatedConvolution(Layer, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="gated_convolution"):
    """LFM2's short convolution, ``W (C * conv(B * x))``: one projection makes ``B``, ``C`` and ``x``
    (arXiv:2511.23404, section 2).

    >>> from lehr.simulators.layers.base import total
    >>> block = GatedConvolution(conv_kernel=3)
    >>> total(block.weights(2048)), block.state_values(2048, n_tokens=1)
    (16783360, 4096)
    """

    called: ClassVar[str] = "gated convolution"
    conv_kernel: Size
    bias: bool = False

    def weights(self, d_model: int) -> list[Weight]:
        return [
            *linear("in_proj", d_model, 3 * d_model, "convolution", bias=self.bias),
            *short_convolution(d_model, self.conv_kernel, bias=self.bias, component="convolution"),
            *linear("out_proj", d_model, d_model, "convolution", bias=self.bias),
        ]

    def mixing_flops(self, d_model: int, seq_len: int, *, causal: bool) -> float:
        # the two gates
        return 2.0 * d_model

    def state_values(self, d_model: int, n_tokens: int) -> int:
        return (self.conv_kernel - 1) * d_model

    def activation_bytes(self, d_model: int, seq_len: int, kept: Kept) -> float:
        # the input; B, C and x; what the first gate gives, the convolution and the second gate
        return kept.bytes(7 * d_model, dropped=d_model)


class RGLRU(Layer, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="rg_lru"):
    """Griffin's recurrent block around the real-gated linear recurrent unit, ``h = a h + sqrt(1 - a^2) (i x)`` for
    each of ``width`` channels (De et al., arXiv:2402.19427, section 2.4).

    Gates ``a`` and ``i`` come from block-diagonal matrices of ``n_blocks`` blocks; a branch with GELU gates the
    output. The decay's product and exponent (2), its root (3), the input's two products (2) and the update (2) are
    9 FLOP a channel.

    >>> from lehr.simulators.layers.base import total
    >>> block = RGLRU(width=2560, n_blocks=10, conv_kernel=4)                      # RecurrentGemma-2B
    >>> total(block.weights(2560)), block.state_values(2560, n_tokens=1)
    (20999680, 10240)
    """

    called: ClassVar[str] = "RG-LRU"
    width: Size
    n_blocks: Size
    conv_kernel: Size

    def __post_init__(self) -> None:
        if self.width % self.n_blocks:
            raise ValueError(
                f"width ({self.width}) is not a multiple of n_blocks ({self.n_blocks}); write n_blocks: a divisor of it"
            )

    def weights(self, d_model: int) -> list[Weight]:
        side, name = self.width // self.n_blocks, "recurrence"
        gates = [
            weight
            for gate in ("input_gate", "decay_gate")
            for weight in (
                Weight(gate, (self.n_blocks, side, side), name),
                Weight(f"{gate}.bias", (self.width,), name, "bias"),
            )
        ]
        return [
            *linear("gate_proj", d_model, self.width, name, bias=True),
            *linear("in_proj", d_model, self.width, name, bias=True),
            *short_convolution(self.width, self.conv_kernel, bias=True, component=name),
            *gates,
            Weight("decay", (self.width,), name, "scale"),
            *linear("out_proj", self.width, d_model, name, bias=True),
        ]

    def mixing_flops(self, d_model: int, seq_len: int, *, causal: bool) -> float:
        return 9.0 * self.width

    def state_values(self, d_model: int, n_tokens: int) -> int:
        return self.width * self.conv_kernel

    def activation_bytes(self, d_model: int, seq_len: int, kept: Kept) -> float:
        # the input; both branches, the convolved one, the gate's GELU, the recurrence, the product; a and i in 32 bits
        return kept.bytes(d_model + 6 * self.width, dropped=d_model, full=2 * self.width)


class SideBySide(Layer, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="side_by_side"):
    """Attention and Mamba-2 on the same input, their outputs added (Falcon-H1, arXiv:2507.22448, section 2.1).

    >>> from lehr.simulators.layers.base import total
    >>> from lehr.simulators.layers.position import Rope
    >>> both = SideBySide(
    ...     attention=Attention(n_heads=8, n_kv_heads=2, d_head=64, position=Rope(base=1e11)),
    ...     mamba=Mamba2(n_heads=24, d_head=64, d_state=128, n_groups=1, conv_kernel=4, norm=False))
    >>> both.variant, total(both.weights(1024))                                    # one layer of Falcon-H1-0.5B
    ('GQA+Mamba-2', 6325064)
    """

    attention: Attention
    mamba: Mamba2

    @property
    def variant(self) -> str:
        """The names of both."""
        return f"{self.attention.variant}+{self.mamba.variant}"

    def weights(self, d_model: int) -> list[Weight]:
        return [*self.attention.weights(d_model), *self.mamba.weights(d_model)]

    def mixing_flops(self, d_model: int, seq_len: int, *, causal: bool) -> float:
        return plain_sum(part.mixing_flops(d_model, seq_len, causal=causal) for part in (self.attention, self.mamba))

    def state_values(self, d_model: int, n_tokens: int) -> int:
        return sum(part.state_values(d_model, n_tokens) for part in (self.attention, self.mamba))

    def softmax_rows(self) -> int:
        return self.attention.softmax_rows()

    def rotary_frequencies(self) -> int:
        return self.attention.rotary_frequencies()

    def activation_bytes(self, d_model: int, seq_len: int, kept: Kept) -> float:
        # they share their input
        both = plain_sum(part.activation_bytes(d_model, seq_len, kept) for part in (self.attention, self.mamba))
        return both - kept.bytes(d_model)
