"""RWKV 4 to 7: a recurrence over a decaying memory, and the channel mix that goes with it.

``mu`` are the token shift's shares, a token's vector mixed with the one before it; ``low_rank`` maps are two
matrices through a few features. The recurrence is counted as it is decoded, one token after the other.
"""

from __future__ import annotations

from typing import ClassVar

from lehr.simulators.layers.base import Kept, Layer, Weight, linear
from lehr.simulators.quantities import Size

_RWKV = "time mix"


class RWKV4TimeMix(Layer, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="rwkv4_time_mix"):
    """RWKV-4: for each channel a weighted mean of past values, weights ``exp(k)`` decaying by ``exp(-w)``
    (Peng et al., arXiv:2305.13048, equations 11 to 18).

    Two exponentials, two products with the value, the two sums updated (4), the current token added (2) and the
    quotient (1) are 11 FLOP a channel. Decoding keeps both sums and, for numbers that do not overflow, the largest
    exponent, and the previous token for the shift.

    >>> from lehr.simulators.layers.base import total
    >>> mix = RWKV4TimeMix()
    >>> total(mix.weights(768)), mix.state_values(768, n_tokens=1_000_000)         # RWKV-4-169M
    (2363136, 3072)
    """

    called: ClassVar[str] = "RWKV-4"

    def weights(self, d_model: int) -> list[Weight]:
        return [
            *(Weight(f"mu_{n}", (d_model,), _RWKV, "scale") for n in ("receptance", "key", "value")),
            Weight("decay", (d_model,), _RWKV, "scale"),
            Weight("bonus", (d_model,), _RWKV, "scale"),
            *(w for n in ("receptance", "key", "value", "output") for w in linear(n, d_model, d_model, _RWKV)),
        ]

    def mixing_flops(self, d_model: int, seq_len: int, *, causal: bool) -> float:
        return 11.0 * d_model

    def state_values(self, d_model: int, n_tokens: int) -> int:
        return 4 * d_model

    def activation_bytes(self, d_model: int, seq_len: int, kept: Kept) -> float:
        # the input; three shifted mixes; receptance before and after its sigmoid, key, value; mean and product
        return kept.bytes(10 * d_model)


class RWKV5TimeMix(Layer, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="rwkv5_time_mix"):
    """RWKV-5 (Eagle): each head of ``d_head`` features remembers a matrix, ``S = diag(w) S + k v``, read by the
    receptance; a SiLU gate and a norm of each head follow (Peng et al., arXiv:2404.05892, section 4.1).

    Decay (1), update (2) and reading (2) are 5 FLOP for each entry; the current token's bonus adds 5 a channel.

    >>> from lehr.simulators.layers.base import total
    >>> mix = RWKV5TimeMix(d_head=64)
    >>> total(mix.weights(4096)), mix.state_values(4096, n_tokens=1)               # Eagle-7B
    (83918848, 266240)
    """

    called: ClassVar[str] = "RWKV-5"
    d_head: Size

    def weights(self, d_model: int) -> list[Weight]:
        return [
            *(Weight(f"mu_{n}", (d_model,), _RWKV, "scale") for n in ("receptance", "key", "value", "gate")),
            Weight("decay", (d_model,), _RWKV, "scale"),
            Weight("bonus", (d_model,), _RWKV, "scale"),
            *(w for n in ("receptance", "key", "value", "gate", "output") for w in linear(n, d_model, d_model, _RWKV)),
            *head_norm(d_model),
        ]

    def mixing_flops(self, d_model: int, seq_len: int, *, causal: bool) -> float:
        return 5.0 * d_model * self.d_head + 5.0 * d_model

    def state_values(self, d_model: int, n_tokens: int) -> int:
        return d_model * self.d_head + d_model

    def activation_bytes(self, d_model: int, seq_len: int, kept: Kept) -> float:
        # the input; four shifted mixes; receptance, key, value; what is read, its norm, the gate twice, the product
        return kept.bytes(13 * d_model)


class RWKV6TimeMix(Layer, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="rwkv6_time_mix"):
    """RWKV-6 (Finch): RWKV-5 with shares and decay that depend on the token, each through a low-rank map of
    ``mix_rank`` and ``decay_rank`` features (Peng et al., arXiv:2404.05892, section 4.2).

    >>> from lehr.simulators.layers.base import total
    >>> mix = RWKV6TimeMix(d_head=64, mix_rank=32, decay_rank=64)
    >>> total(mix.weights(2048)) - total(RWKV5TimeMix(d_head=64).weights(2048))    # 450 d_model more
    921600
    """

    called: ClassVar[str] = "RWKV-6"
    d_head: Size
    mix_rank: Size
    decay_rank: Size

    def weights(self, d_model: int) -> list[Weight]:
        shifted = ("receptance", "key", "value", "gate", "decay")
        return [
            *(Weight(f"mu_{n}", (d_model,), _RWKV, "scale") for n in (*shifted, "input")),
            *linear("mix_down", d_model, len(shifted) * self.mix_rank, _RWKV),
            Weight("mix_up", (d_model, self.mix_rank), _RWKV, copies=len(shifted), active=len(shifted)),
            *low_rank("decay", d_model, self.decay_rank),
            Weight("bonus", (d_model,), _RWKV, "scale"),
            *(w for n in ("receptance", "key", "value", "gate", "output") for w in linear(n, d_model, d_model, _RWKV)),
            *head_norm(d_model),
        ]

    def mixing_flops(self, d_model: int, seq_len: int, *, causal: bool) -> float:
        return 5.0 * d_model * self.d_head + 5.0 * d_model

    def state_values(self, d_model: int, n_tokens: int) -> int:
        return d_model * self.d_head + d_model

    def activation_bytes(self, d_model: int, seq_len: int, kept: Kept) -> float:
        # as RWKV-5, one more shifted mix, the low-rank features, and the decay in 32 bits
        return kept.bytes(15 * d_model + 5 * self.mix_rank + self.decay_rank, full=d_model)


class RWKV7TimeMix(Layer, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="rwkv7_time_mix"):
    """RWKV-7 (Goose): a generalised delta rule, ``S = S (diag(w) - k' (a k')) + v k``, with decay, in-context rate
    ``a``, gate and a share of the first layer's value each through a low-rank map (Peng et al., arXiv:2503.14456).

    ``value_rank`` is absent in the first layer, which has no earlier value to mix in. Decay (1), reading what is to
    be removed (2), removing it (2), adding (2) and reading (2) are 9 FLOP for each entry of the state.

    >>> from lehr.simulators.layers.base import total
    >>> mix = RWKV7TimeMix(d_head=64, decay_rank=64, rate_rank=64, gate_rank=128, value_rank=32)
    >>> total(mix.weights(768)), mix.state_values(768, n_tokens=1)                 # Goose-0.1B, a later layer
    (2812416, 49920)
    """

    called: ClassVar[str] = "RWKV-7"
    d_head: Size
    decay_rank: Size
    rate_rank: Size
    gate_rank: Size
    value_rank: Size | None = None

    def weights(self, d_model: int) -> list[Weight]:
        shifted = ("receptance", "decay", "key", "value", "rate", "gate")
        return [
            *(Weight(f"mu_{n}", (d_model,), _RWKV, "scale") for n in shifted),
            *(Weight(n, (d_model,), _RWKV, "scale") for n in ("removal_key", "rate_key", "bonus")),
            *(w for n in ("receptance", "key", "value", "output") for w in linear(n, d_model, d_model, _RWKV)),
            *low_rank("decay", d_model, self.decay_rank),
            *low_rank("rate", d_model, self.rate_rank),
            *(low_rank("value", d_model, self.value_rank) if self.value_rank else []),
            *low_rank("gate", d_model, self.gate_rank, bias=False),
            *head_norm(d_model),
        ]

    def mixing_flops(self, d_model: int, seq_len: int, *, causal: bool) -> float:
        return 9.0 * d_model * self.d_head + 5.0 * d_model

    def state_values(self, d_model: int, n_tokens: int) -> int:
        return d_model * self.d_head + d_model

    def activation_bytes(self, d_model: int, seq_len: int, kept: Kept) -> float:
        # the input; six shifted mixes; receptance, key before and after its scaling, value; the rate, the gate; what
        # is read, its norm, the product; the low-rank features; the decay in 32 bits
        ranks = self.decay_rank + self.rate_rank + self.gate_rank + (self.value_rank or 0)
        return kept.bytes(16 * d_model + ranks, full=d_model)


class RWKVChannelMix(Layer, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="rwkv_channel_mix"):
    """RWKV's MLP, ``W2 ReLU(W1 x)^2`` on a token mixed with the one before it; up to version 6 a sigmoid of the
    ``receptance`` gates what comes out (arXiv:2305.13048, equations 17 and 18).

    >>> from lehr.simulators.layers.base import total
    >>> total(RWKVChannelMix(d_ff=3072).weights(768)), total(RWKVChannelMix(d_ff=3072, receptance=False).weights(768))
    (5309952, 4719360)
    """

    d_ff: Size
    receptance: bool = True

    def weights(self, d_model: int) -> list[Weight]:
        gate = [Weight("mu_receptance", (d_model,), "mlp", "scale"), *linear("receptance", d_model, d_model, "mlp")]
        return [
            Weight("mu_key", (d_model,), "mlp", "scale"),
            *linear("key", d_model, self.d_ff, "mlp"),
            *linear("value", self.d_ff, d_model, "mlp"),
            *(gate if self.receptance else []),
        ]

    def state_values(self, d_model: int, n_tokens: int) -> int:
        # the previous token, for the shift
        return d_model

    def activation_bytes(self, d_model: int, seq_len: int, kept: Kept) -> float:
        # the shifted mix, the hidden features before and after their activation; the gate's mix, itself, both factors
        return kept.bytes((5 if self.receptance else 2) * d_model + 2 * self.d_ff)


def head_norm(d_model: int) -> list[Weight]:
    """The norm of each head's output: gain and bias for each channel.

    >>> sum(w.size for w in head_norm(768))
    1536
    """
    return [Weight("o_norm", (d_model,), "norm", "scale"), Weight("o_norm.bias", (d_model,), "norm", "bias")]


def low_rank(name: str, d_model: int, rank: int, *, bias: bool = True) -> list[Weight]:
    """A map from ``d_model`` features to as many through ``rank`` of them.

    >>> sum(w.size for w in low_rank("decay", 768, 64))
    99072
    """
    return [*linear(f"{name}_down", d_model, rank, _RWKV), *linear(f"{name}_up", rank, d_model, _RWKV, bias=bias)]
