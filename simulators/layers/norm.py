"""Normalisation."""

from __future__ import annotations

from lehr.simulators.layers.base import Kept, Layer, Weight


class LayerNorm(Layer, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="layer_norm"):
    """Layer normalisation with gain and, usually, bias (Ba et al., arXiv:1607.06450).

    >>> sum(w.size for w in LayerNorm().weights(2048))
    4096
    """

    bias: bool = True
    gain: bool = True

    def weights(self, d_model: int) -> list[Weight]:
        gain = [Weight("weight", (d_model,), "norm", "scale")] if self.gain else []
        return [*gain, Weight("bias", (d_model,), "norm", "bias")] if self.bias else gain

    def activation_bytes(self, d_model: int, seq_len: int, kept: Kept) -> float:
        # its input (Korthikanti et al., section 4.1: 2 s b h); mean and scale of a token are two values
        return kept.bytes(d_model)


class RMSNorm(Layer, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="rms_norm"):
    """Root-mean-square normalisation, a gain and no bias (Zhang and Sennrich, arXiv:1910.07467).

    ``zero_centred`` multiplies by one plus the gain (Gemma, Qwen3-Next), so that weight decay pulls towards one;
    ``gain: false`` only divides (nanochat).

    >>> sum(w.size for w in RMSNorm().weights(7168))
    7168
    """

    zero_centred: bool = False
    gain: bool = True

    def weights(self, d_model: int) -> list[Weight]:
        return [Weight("weight", (d_model,), "norm", "scale")] if self.gain else []

    def activation_bytes(self, d_model: int, seq_len: int, kept: Kept) -> float:
        return kept.bytes(d_model)


Norm = LayerNorm | RMSNorm
