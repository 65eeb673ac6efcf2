"""Long convolutions with gates: Hyena."""

from __future__ import annotations

from math import log2

from lehr.simulators.layers.base import Kept, Layer, Weight, linear
from lehr.simulators.quantities import Size


class Hyena(Layer, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="hyena"):
    """Hyena of ``order`` N: N - 1 convolutions as long as the sequence, each followed by a gate
    (Poli et al., arXiv:2302.10866, section 3).

    N + 1 projections pass a convolution of ``short_kernel`` tokens. The long filters are not stored: a small MLP with
    ``n_inner`` hidden layers of ``filter_width`` sines makes them from ``filter_features`` features of the position,
    which are trained too, for ``filter_length`` positions.

    A convolution is done by FFT: of ``2 s`` real points each way, ``2.5 n log2(n)`` FLOP a transform, and 6 FLOP for
    each of the ``s`` complex products, hence ``10 log2(2 s) + 6`` for each channel and token; the gate is one more.
    The filters are made once for a batch. Decoding must remember the whole input of every convolution.

    >>> from lehr.simulators.layers.base import total
    >>> hyena = Hyena(order=2, filter_width=64, filter_features=33, filter_length=2048, n_inner=2, short_kernel=3)
    >>> total(hyena.weights(864)), hyena.state_values(864, n_tokens=2048)           # Hyena-153M
    (3134112, 1774656)
    >>> [hyena.mixing_flops(864, s, causal=True) / 864 for s in (1024, 1048576)]    # grows as log s
    [117.0, 217.0]
    """

    order: Size
    filter_width: Size
    filter_features: Size
    filter_length: Size
    n_inner: Size
    short_kernel: Size

    def weights(self, d_model: int) -> list[Weight]:
        d_projected, d_filters = (self.order + 1) * d_model, (self.order - 1) * d_model
        return [
            *linear("in_proj", d_model, d_projected, "convolution", bias=True),
            Weight("short_filter", (d_projected, self.short_kernel), "convolution"),
            Weight("short_filter.bias", (d_projected,), "convolution", "bias"),
            Weight("filter.positions", (self.filter_length, self.filter_features), "convolution", "once"),
            *self._filter_network(d_filters),
            Weight("filter.skip", (d_filters,), "convolution", "scale"),
            *linear("out_proj", d_model, d_model, "convolution", bias=True),
        ]

    def _filter_network(self, d_filters: int) -> list[Weight]:
        width = self.filter_width
        return [
            *linear("filter.in", self.filter_features, width, "convolution", bias=True, role="once"),
            Weight("filter.frequency", (width,), "convolution", "once"),
            *(
                w
                for layer in range(self.n_inner)
                for w in linear(f"filter.inner{layer}", width, width, "convolution", bias=True, role="once")
            ),
            *linear("filter.out", width, d_filters, "convolution", role="once"),
        ]

    def mixing_flops(self, d_model: int, seq_len: int, *, causal: bool) -> float:
        transform = 10.0 * log2(2 * seq_len) + 6.0
        return (self.order - 1) * d_model * (transform + 1.0)

    def state_values(self, d_model: int, n_tokens: int) -> int:
        short = (self.order + 1) * d_model * (self.short_kernel - 1)
        return (self.order - 1) * d_model * n_tokens + short

    def activation_bytes(self, d_model: int, seq_len: int, kept: Kept) -> float:
        # the input; the projections before and after the short convolution; what goes into and comes out of each
        # long one; the input of the output projection
        values = d_model * (1 + 2 * (self.order + 1) + 2 * (self.order - 1) + 1)
        return kept.bytes(values, dropped=d_model)
