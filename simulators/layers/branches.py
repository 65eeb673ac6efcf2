"""What a block has beside its sublayers: inputs of its own for each layer, residual streams, low-rank residuals, gates
of its norms."""

from __future__ import annotations

from lehr.simulators.layers.base import Kept, Layer, Weight, linear
from lehr.simulators.quantities import Size


class PerLayerInput(Layer, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="per_layer_input"):
    """A second vector for each token in each layer, from a table of ``vocab_size`` rows and from the embedding
    (Gemma 3n and Gemma 4; the idea with one table: Press and Wolf, arXiv:1608.05859).

    The layer's state gates it and it is projected back to the network's width behind a norm. All layers share a norm
    of the vectors that one of them holds (``holds_norm``).

    >>> from lehr.simulators.layers.base import total
    >>> total(PerLayerInput(vocab_size=262144, d_embedding=256).weights(2048))           # 262144 x 256 + 3 x 256 x 2048
    68683776
    """

    vocab_size: Size
    d_embedding: Size
    holds_norm: bool = False

    def weights(self, d_model: int) -> list[Weight]:
        name = "per-layer input"
        return [
            Weight("per_layer_table", (self.vocab_size, self.d_embedding), name, "lookup"),
            *linear("per_layer_model_proj", d_model, self.d_embedding, name),
            *linear("per_layer_gate", d_model, self.d_embedding, name),
            *linear("per_layer_out_proj", self.d_embedding, d_model, name),
            Weight("per_layer_out_norm", (d_model,), "norm", "scale"),
            *([Weight("per_layer_norm", (self.d_embedding,), "norm", "scale")] if self.holds_norm else []),
        ]

    def activation_bytes(self, d_model: int, seq_len: int, kept: Kept) -> float:
        # the input and the norm's; the vector, its gate before and after the activation, the product
        return kept.bytes(2 * d_model + 4 * self.d_embedding)


MOST_STREAMS = 1000
"""More residual streams than this are a slip of the pen; each has tensors of its own."""


class AltUp(Layer, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="alt_up"):
    """Alternating updates: ``n_streams`` residual streams of which a layer updates one and predicts the others
    (Baykal et al., arXiv:2301.13310; Gemma 3n).

    Predicting mixes the streams by ``n_streams**2`` coefficients of each token, correcting by ``n_streams``. One layer
    of the stack holds the projections that lead into the further streams and back (``holds_projections``).

    >>> from lehr.simulators.layers.base import total
    >>> total(AltUp(n_streams=4).weights(2048)), total(AltUp(n_streams=4, holds_projections=True).weights(2048))
    (12368, 25178192)
    """

    n_streams: Size
    holds_projections: bool = False

    def __post_init__(self) -> None:
        if self.n_streams > MOST_STREAMS:
            raise ValueError(f"{self.n_streams} residual streams; write {MOST_STREAMS} or fewer")

    def weights(self, d_model: int) -> list[Weight]:
        n, name = self.n_streams, "residual streams"
        further = n - 1 if self.holds_projections else 0
        ends = [w for i in range(further) for side in ("in", "out") for w in self._end(side, i, d_model)]
        return [
            Weight("streams.scale", (d_model,), name, "scale"),
            *linear("streams.correction", n, n, name),
            *linear("streams.prediction", n, n * n, name),
            *linear("streams.router", d_model, n, name),
            Weight("streams.norm", (d_model,), "norm", "scale"),
            *ends,
        ]

    def _end(self, side: str, stream: int, d_model: int) -> list[Weight]:
        return linear(f"streams.{side}{stream}", d_model, d_model, "residual streams")

    def mixing_flops(self, d_model: int, seq_len: int, *, causal: bool) -> float:
        return 2.0 * d_model * (self.n_streams**2 + self.n_streams)

    def activation_bytes(self, d_model: int, seq_len: int, kept: Kept) -> float:
        # the streams before and after the prediction, the router's input
        return kept.bytes((2 * self.n_streams + 1) * d_model)


class LowRankResidual(Layer, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="low_rank_residual"):
    """LAuReL: two matrices of a low rank beside attention, behind a norm (Menghani et al., arXiv:2411.07501).

    >>> from lehr.simulators.layers.base import total
    >>> total(LowRankResidual(rank=64).weights(2048))
    264192
    """

    rank: Size

    def weights(self, d_model: int) -> list[Weight]:
        name = "low-rank residual"
        return [
            *linear("residual_down", d_model, self.rank, name),
            *linear("residual_up", self.rank, d_model, name),
            Weight("residual_norm", (d_model,), "norm", "scale"),
        ]

    def activation_bytes(self, d_model: int, seq_len: int, kept: Kept) -> float:
        return kept.bytes(2 * d_model + self.rank)


class HyperConnections(Layer, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="hyper_connections"):
    """Manifold-constrained hyper-connections: ``n_streams`` residual streams, read and mixed by weights that a linear
    map of all of them makes for each token (Zhu et al., arXiv:2409.19606; Xie et al., arXiv:2512.24880).

    A block has one for each of its sublayers: ``n_streams`` weights to read, as many to write, and ``mixed`` the
    ``n_streams**2`` that mix the streams, with a bias each and a scale for each kind. One block of the stack holds the
    map that joins the streams at its end (``holds_head``).

    >>> from lehr.simulators.layers.base import total
    >>> total(HyperConnections(n_streams=4).weights(4096))                              # 2 x (24 x 16384 + 24 + 3)
    786486
    """

    n_streams: Size
    mixed: bool = True
    sublayers: Size = 2
    holds_head: bool = False

    def weights(self, d_model: int) -> list[Weight]:
        n, name = self.n_streams, "residual streams"
        made, kinds = 2 * n + (n * n if self.mixed else 0), 3 if self.mixed else 2
        return [
            Weight("streams.map", (made, n * d_model), name, copies=self.sublayers, active=self.sublayers),
            Weight("streams.bias", (made,), name, "bias", copies=self.sublayers, active=self.sublayers),
            Weight("streams.scale", (kinds,), name, "scale", copies=self.sublayers, active=self.sublayers),
            *(self._head(d_model) if self.holds_head else []),
        ]

    def _head(self, d_model: int) -> list[Weight]:
        n, name = self.n_streams, "residual streams"
        return [
            Weight("streams.head", (n, n * d_model), name),
            Weight("streams.head_bias", (n,), name, "bias"),
            Weight("streams.head_scale", (1,), name, "scale"),
        ]

    def mixing_flops(self, d_model: int, seq_len: int, *, causal: bool) -> float:
        n = self.n_streams
        return 2.0 * self.sublayers * d_model * (2 * n + (n * n if self.mixed else 0))

    def activation_bytes(self, d_model: int, seq_len: int, kept: Kept) -> float:
        # the streams, before and after, at each sublayer
        return kept.bytes(2 * self.sublayers * self.n_streams * d_model)


class AttentionResiduals(Layer, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="attention_residuals"):
    """What each sublayer reads is a softmax over what ``n_sources`` earlier blocks of layers returned, by one query of
    the network's width that is trained and an RMSNorm of the keys (Kimi K3, arXiv:2607.24653, section 2.2).

    One block of the stack holds the query and the norm that lead from all sources to the head (``holds_head``).
    ``n_sources`` are the most that a layer of the network has: blocks of layers so far, and the embedding.

    >>> from lehr.simulators.layers.base import total
    >>> total(AttentionResiduals(n_sources=9).weights(7168))                           # 2 x (7168 + 7168)
    28672
    """

    n_sources: Size
    sublayers: Size = 2
    holds_head: bool = False

    def weights(self, d_model: int) -> list[Weight]:
        times, name = self.sublayers + self.holds_head, "residual streams"
        return [
            Weight("residual_query", (1, d_model), name, copies=times, active=times),
            Weight("residual_norm", (d_model,), "norm", "scale", copies=times, active=times),
        ]

    def mixing_flops(self, d_model: int, seq_len: int, *, causal: bool) -> float:
        # a dot product with each source's norm is counted with the query; the others and the weighted sum are here
        return 2.0 * self.sublayers * d_model * (2 * self.n_sources - 1)

    def activation_bytes(self, d_model: int, seq_len: int, kept: Kept) -> float:
        # what a sublayer reads, and the sources' norms
        return kept.bytes(self.sublayers * d_model * (1 + self.n_sources))


class NormGates(Layer, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="norm_gates"):
    """What a norm returns, times the sigmoid of two matrices of a low rank of it, before ``sublayers`` of a block
    (A.X K2, arXiv:2608.30181).

    >>> from lehr.simulators.layers.base import total
    >>> total(NormGates(rank=16, sublayers=1).weights(7168))                           # 2 x 16 x 7168
    229376
    """

    rank: Size
    sublayers: Size = 2

    def weights(self, d_model: int) -> list[Weight]:
        times, name = self.sublayers, "norm gates"
        return [
            Weight("norm_gate_down", (self.rank, d_model), name, copies=times, active=times),
            Weight("norm_gate_up", (d_model, self.rank), name, copies=times, active=times),
        ]

    def activation_bytes(self, d_model: int, seq_len: int, kept: Kept) -> float:
        # what the norm returns, the narrow features before and after their activation, the gate
        return kept.bytes(self.sublayers * (2 * d_model + 2 * self.rank))


Branch = PerLayerInput | AltUp | LowRankResidual | HyperConnections | AttentionResiduals | NormGates
"""What a block may have beside its sublayers."""
