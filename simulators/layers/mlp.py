"""The position-wise feed-forward layer."""

from __future__ import annotations

from typing import Literal

from lehr.simulators.layers.base import Kept, Layer, Weight, linear
from lehr.simulators.quantities import Size

Activation = Literal["gelu", "gelu_tanh", "silu", "relu", "relu_squared", "quick_gelu", "xielu", "situ"]
ACTIVATIONS: dict[Activation, str] = {
    "gelu": "x Phi(x), Phi the normal distribution function",
    "gelu_tanh": "the same by its approximation with a tanh",
    "silu": "x sigmoid(x)",
    "relu": "max(x, 0)",
    "relu_squared": "max(x, 0)^2",
    "quick_gelu": "x sigmoid(1.702 x)",
    "xielu": "a quadratic above zero, an integrated ELU below, with two trained slopes",
    "situ": "a tanh(x / a) sigmoid(x), beside b tanh(y / b) for the half that it gates",
}
"""The functions between the matrices; none has weights but xIELU, two slopes (Huang and Schlag, arXiv:2411.13010)."""


class MLP(Layer, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="mlp"):
    """A plain MLP, ``W2 f(W1 x)``, or a gated one, ``W2 (f(Wg x) * W1 x)`` (Shazeer, arXiv:2002.05202).

    ``bias`` is on every matrix; ``down_bias`` says otherwise for the last one. ``inner_norm`` is an RMSNorm before the
    last matrix (BitNet).

    >>> sum(w.size for w in MLP(d_ff=8192, activation="gelu", bias=True).weights(2048))
    33564672
    >>> sum(w.size for w in MLP(d_ff=11008, activation="silu", gated=True).weights(4096))
    135266304
    """

    d_ff: Size
    activation: Activation
    gated: bool = False
    bias: bool = False
    down_bias: bool | None = None
    inner_norm: bool = False

    def weights(self, d_model: int) -> list[Weight]:
        gate = linear("gate", d_model, self.d_ff, "mlp", bias=self.bias) if self.gated else []
        down_bias = self.bias if self.down_bias is None else self.down_bias
        return [
            *gate,
            *linear("up", d_model, self.d_ff, "mlp", bias=self.bias),
            *linear("down", self.d_ff, d_model, "mlp", bias=down_bias),
            *([Weight("inner_norm", (self.d_ff,), "norm", "scale")] if self.inner_norm else []),
            *([Weight("slopes", (2,), "mlp", "scale")] if self.activation == "xielu" else []),
        ]

    def activation_bytes(self, d_model: int, seq_len: int, kept: Kept) -> float:
        # the input, what goes into the activation and what comes out; a gate adds the other factor and the product
        inner = (4 if self.gated else 2) + (1 if self.inner_norm else 0)
        return kept.bytes(d_model + inner * self.d_ff, dropped=d_model)
