"""Attention without a softmax: a matrix of fixed size for each head is all that is remembered.

Each kind updates a state ``S`` [d_key x d_value] once a token and reads it with the query. Work is counted in
this recurrent form, a multiplication and an addition being 2 FLOP; kernels that work on chunks do more for speed.
"""

from __future__ import annotations

from typing import ClassVar

from lehr.simulators.layers.base import Kept, Layer, Weight, linear
from lehr.simulators.layers.position import NoPosition, Position
from lehr.simulators.quantities import Extent, Size


class Retention(Layer, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="retention"):
    """Multi-scale retention, ``S = g S + k v``, ``o = q S`` with a fixed decay ``g`` for each head
    (RetNet, Sun et al., arXiv:2307.08621, section 2).

    A gate as wide as the values and an RMSNorm over each head's output, one gain for all heads, follow.
    Decay (1), update (2) and reading (2) are 5 FLOP for each entry of the state.

    >>> from lehr.simulators.layers.base import total
    >>> retention = Retention(n_heads=8, d_key=256, d_value=512)          # RetNet-1.3B
    >>> total(retention.weights(2048)), retention.state_values(2048, n_tokens=100_000)
    (33554944, 1048576)
    """

    called: ClassVar[str] = "retention"
    n_heads: Size
    d_key: Size
    d_value: Size
    output_gate: bool = True
    position: Position = NoPosition()

    def weights(self, d_model: int) -> list[Weight]:
        d_keys, d_values = self.n_heads * self.d_key, self.n_heads * self.d_value
        return [
            *linear("q_proj", d_model, d_keys, "attention"),
            *linear("k_proj", d_model, d_keys, "attention"),
            *linear("v_proj", d_model, d_values, "attention"),
            *(linear("gate_proj", d_model, d_values, "attention") if self.output_gate else []),
            *linear("o_proj", d_values, d_model, "attention"),
            Weight("o_norm", (self.d_value,), "norm", "scale"),
        ]

    def mixing_flops(self, d_model: int, seq_len: int, *, causal: bool) -> float:
        return 5.0 * self.n_heads * self.d_key * self.d_value

    def state_values(self, d_model: int, n_tokens: int) -> int:
        return self.n_heads * self.d_key * self.d_value

    def activation_bytes(self, d_model: int, seq_len: int, kept: Kept) -> float:
        # the input; queries and keys; values, what the heads return, its norm; the gate before and after its sigmoid
        values = self.n_heads * (2 * self.d_key + (5 if self.output_gate else 3) * self.d_value)
        return kept.bytes(d_model + values, dropped=d_model)


class LightningAttention(Layer, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="lightning_attention"):
    """Lightning attention, ``S = g S + k v`` with a fixed decay for each head, the output normed over all heads and
    gated (MiniMax-01, arXiv:2501.08313, section 2.2; Qin et al., arXiv:2401.04658).

    5 FLOP for each entry of the state, as retention.

    >>> from lehr.simulators.layers.base import total
    >>> lightning = LightningAttention(n_heads=64, d_head=128)            # one of MiniMax-M1's seventy
    >>> total(lightning.weights(6144)), lightning.state_values(6144, n_tokens=1_000_000)
    (251666432, 1048576)
    """

    called: ClassVar[str] = "lightning attention"
    n_heads: Size
    d_head: Size

    def weights(self, d_model: int) -> list[Weight]:
        d_query = self.n_heads * self.d_head
        return [
            *(w for name in ("q_proj", "k_proj", "v_proj") for w in linear(name, d_model, d_query, "attention")),
            *linear("gate_proj", d_model, d_query, "attention"),
            *linear("o_proj", d_query, d_model, "attention"),
            Weight("o_norm", (d_query,), "norm", "scale"),
        ]

    def mixing_flops(self, d_model: int, seq_len: int, *, causal: bool) -> float:
        return 5.0 * self.n_heads * self.d_head**2

    def state_values(self, d_model: int, n_tokens: int) -> int:
        return self.n_heads * self.d_head**2

    def activation_bytes(self, d_model: int, seq_len: int, kept: Kept) -> float:
        # the input; queries, keys and values before and after their activation; output, its norm, gate, product
        return kept.bytes(d_model + 10 * self.n_heads * self.d_head, dropped=d_model)


class DeltaNet(Layer, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="delta_net"):
    """The delta rule, ``S = S + b k (v - k S)``: what the state holds under a key is replaced by the new value
    (Schlag et al., arXiv:2102.11174; Yang et al., arXiv:2406.06484).

    Queries, keys and values pass a causal convolution of ``conv_kernel`` tokens for each feature.
    Reading the old value (2), writing the difference (2) and reading with the query (2) are 6 FLOP an entry.

    >>> from lehr.simulators.layers.base import total
    >>> delta = DeltaNet(n_heads=16, d_key=128, d_value=128)              # DeltaNet-1.3B
    >>> total(delta.weights(2048)), delta.state_values(2048, n_tokens=1)
    (16834688, 280576)
    """

    called: ClassVar[str] = "DeltaNet"
    n_heads: Size
    d_key: Size
    d_value: Size
    conv_kernel: Extent = 4
    output_gate: bool = False

    def weights(self, d_model: int) -> list[Weight]:
        d_keys, d_values = self.n_heads * self.d_key, self.n_heads * self.d_value
        return [
            *linear("q_proj", d_model, d_keys, "attention"),
            *linear("k_proj", d_model, d_keys, "attention"),
            *linear("v_proj", d_model, d_values, "attention"),
            *linear("beta_proj", d_model, self.n_heads, "attention"),
            *(linear("gate_proj", d_model, d_values, "attention") if self.output_gate else []),
            *short_convolution(2 * d_keys + d_values, self.conv_kernel),
            *linear("o_proj", d_values, d_model, "attention"),
            Weight("o_norm", (self.d_value,), "norm", "scale"),
        ]

    def mixing_flops(self, d_model: int, seq_len: int, *, causal: bool) -> float:
        return 6.0 * self.n_heads * self.d_key * self.d_value

    def state_values(self, d_model: int, n_tokens: int) -> int:
        convolved = self.n_heads * (2 * self.d_key + self.d_value)
        return self.n_heads * self.d_key * self.d_value + convolved * max(self.conv_kernel - 1, 0)

    def activation_bytes(self, d_model: int, seq_len: int, kept: Kept) -> float:
        # the input; queries, keys and values before and after the convolution; output and its norm; the gate twice
        convolved = self.n_heads * (2 * self.d_key + self.d_value)
        returned = self.n_heads * self.d_value * (4 if self.output_gate else 2)
        return kept.bytes(d_model + 2 * convolved + returned + self.n_heads, dropped=d_model)


class GatedDeltaNet(Layer, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="gated_delta_net"):
    """The delta rule with a decay from the data, ``S = a (S - b k (k S)) + b k v`` (Yang et al., arXiv:2412.06464).

    ``n_k_heads`` heads of queries and keys are shared by ``n_v_heads`` heads of values, each with a state, a decay
    and a rate of its own. A gate as wide as the values and an RMSNorm over each head follow. 7 FLOP for each entry
    of the state: DeltaNet's 6 and the decay. ``beta_bias`` and ``skip`` are tensors of the authors' own code, a bias
    on the rate and a weight for each head.

    >>> from lehr.simulators.layers.base import total
    >>> gdn = GatedDeltaNet(n_k_heads=16, n_v_heads=32, d_key=128, d_value=128)      # one of Qwen3-Next's 36
    >>> total(gdn.weights(2048)), gdn.state_values(2048, n_tokens=262_144)
    (33718464, 548864)
    """

    called: ClassVar[str] = "gated DeltaNet"
    n_k_heads: Size
    n_v_heads: Size
    d_key: Size
    d_value: Size
    conv_kernel: Extent = 4
    beta_bias: bool = False
    skip: bool = False

    def __post_init__(self) -> None:
        if self.n_v_heads % self.n_k_heads:
            raise ValueError(
                f"n_v_heads ({self.n_v_heads}) is not a multiple of n_k_heads ({self.n_k_heads}); "
                f"write n_v_heads: {self.n_k_heads} times a whole number"
            )

    def weights(self, d_model: int) -> list[Weight]:
        d_keys, d_values = self.n_k_heads * self.d_key, self.n_v_heads * self.d_value
        return [
            *linear("q_proj", d_model, d_keys, "attention"),
            *linear("k_proj", d_model, d_keys, "attention"),
            *linear("v_proj", d_model, d_values, "attention"),
            *linear("gate_proj", d_model, d_values, "attention"),
            *linear("beta_proj", d_model, self.n_v_heads, "attention", bias=self.beta_bias),
            *linear("decay_proj", d_model, self.n_v_heads, "attention"),
            Weight("decay_rate", (self.n_v_heads,), "attention", "scale"),
            Weight("decay_bias", (self.n_v_heads,), "attention", "bias"),
            *([Weight("skip", (self.n_v_heads,), "attention", "scale")] if self.skip else []),
            *short_convolution(2 * d_keys + d_values, self.conv_kernel),
            *linear("o_proj", d_values, d_model, "attention"),
            Weight("o_norm", (self.d_value,), "norm", "scale"),
        ]

    def mixing_flops(self, d_model: int, seq_len: int, *, causal: bool) -> float:
        return 7.0 * self.n_v_heads * self.d_key * self.d_value

    def state_values(self, d_model: int, n_tokens: int) -> int:
        convolved = 2 * self.n_k_heads * self.d_key + self.n_v_heads * self.d_value
        return self.n_v_heads * self.d_key * self.d_value + convolved * max(self.conv_kernel - 1, 0)

    def activation_bytes(self, d_model: int, seq_len: int, kept: Kept) -> float:
        # as DeltaNet with a gate; rate and decay of each head in 32 bits
        convolved = 2 * self.n_k_heads * self.d_key + self.n_v_heads * self.d_value
        returned = 4 * self.n_v_heads * self.d_value
        return kept.bytes(d_model + 2 * convolved + returned, dropped=d_model, full=2 * self.n_v_heads)


class KimiDelta(Layer, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="kimi_delta"):
    """Kimi delta attention: Gated DeltaNet whose decay is of each channel of a key, not of a whole head (Kimi Linear,
    arXiv:2510.26692, section 3).

    Decay and output gate are made of the input, each by two matrices through ``decay_rank`` and ``gate_rank``
    features, or by one where there is no rank. 7 FLOP for each entry of the state, as Gated DeltaNet. ``n_rates`` is
    written where the rates of decay are not one a head (Kimi K3 stores 128 for 96 heads).

    >>> from lehr.simulators.layers.base import total
    >>> kda = KimiDelta(n_heads=32, d_head=128, decay_rank=128, gate_rank=128)         # Kimi-Linear-48B-A3B
    >>> total(kda.weights(2304)), kda.state_values(2304, n_tokens=1)
    (39514272, 561152)
    """

    called: ClassVar[str] = "Kimi delta attention"
    n_heads: Size
    d_head: Size
    conv_kernel: Extent = 4
    decay_rank: Size | None = None
    gate_rank: Size | None = None
    n_rates: Size | None = None

    def weights(self, d_model: int) -> list[Weight]:
        width = self.n_heads * self.d_head
        return [
            *(w for name in ("q_proj", "k_proj", "v_proj") for w in linear(name, d_model, width, "attention")),
            *short_convolution(3 * width, self.conv_kernel),
            *through("decay", d_model, self.decay_rank, width),
            Weight("decay_rate", (self.n_rates or self.n_heads,), "attention", "scale"),
            Weight("decay_bias", (width,), "attention", "bias"),
            *linear("beta_proj", d_model, self.n_heads, "attention"),
            *through("gate", d_model, self.gate_rank, width),
            Weight("o_norm", (self.d_head,), "norm", "scale"),
            *linear("o_proj", width, d_model, "attention"),
        ]

    def mixing_flops(self, d_model: int, seq_len: int, *, causal: bool) -> float:
        return 7.0 * self.n_heads * self.d_head**2

    def state_values(self, d_model: int, n_tokens: int) -> int:
        width = self.n_heads * self.d_head
        return width * self.d_head + 3 * width * max(self.conv_kernel - 1, 0)

    def activation_bytes(self, d_model: int, seq_len: int, kept: Kept) -> float:
        # as Gated DeltaNet; the decay of each channel and the rate of each head in 32 bits
        width = self.n_heads * self.d_head
        values = d_model + 6 * width + 4 * width + (self.decay_rank or 0) + (self.gate_rank or 0)
        return kept.bytes(values, dropped=d_model, full=width + self.n_heads)


def through(name: str, d_in: int, rank: int | None, d_out: int) -> list[Weight]:
    """A map from ``d_in`` to ``d_out`` features, through ``rank`` of them where there is one.

    >>> [w.shape for w in through("gate", 2304, 128, 4096)]
    [(128, 2304), (4096, 128)]
    """
    if rank is None:
        return linear(f"{name}_proj", d_in, d_out, "attention")
    return [
        *linear(f"{name}_a_proj", d_in, rank, "attention"),
        *linear(f"{name}_b_proj", rank, d_out, "attention"),
    ]


def short_convolution(channels: int, kernel: int, *, bias: bool = False, component: str = "attention") -> list[Weight]:
    """A causal convolution of ``kernel`` tokens for each of ``channels`` features; none where ``kernel`` is 0.

    >>> sum(w.size for w in short_convolution(8192, 4))
    32768
    """
    if kernel == 0:
        return []
    weights = [Weight("conv", (channels, kernel), component)]
    return [*weights, Weight("conv.bias", (channels,), component, "bias")] if bias else weights
