"""What every layer can be asked: its weights, its mixing work and its state.

A layer *lists its weights*; parameters, active parameters, buffers, the FLOPs of its matrices and
the block scales of a quantised checkpoint all follow from that list (``lehr.simulators.counting``).
What does not follow from weights, a layer answers itself: the work of mixing tokens and the values
it must remember of a sequence.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from typing import ClassVar, Literal

import msgspec

from lehr.simulators.quantities import Size

Role = Literal["matrix", "bias", "scale", "lookup", "once", "router", "buffer"]
ROLES: dict[Role, str] = {
    "matrix": "multiplies the token",
    "bias": "is added",
    "scale": "multiplies element by element",
    "lookup": "a table one row of which is read",
    "once": "a matrix that is applied once for a sequence or a batch, not to each token",
    "router": "the matrix that scores experts",
    "buffer": "stored in the checkpoint, but not trained",
}
"""What a weight does to a token."""


class Weight(msgspec.Struct, frozen=True):
    """One tensor of a layer, or ``copies`` equal ones.

    ``active`` of the copies take part in one token (experts: ``top_k`` of ``n_experts``).
    ``full_precision`` marks a matrix that a quantised checkpoint leaves as it is.

    >>> w = Weight("up", (2048, 768), "experts", copies=128, active=8)
    >>> w.size, w.active_size          # [parameters]
    (201326592, 12582912)
    """

    name: str
    shape: tuple[int, ...]
    component: str
    role: Role = "matrix"
    copies: int = 1
    active: int = 1
    full_precision: bool = False

    @property
    def size(self) -> int:
        """All copies together [parameters]."""
        return prod(self.shape) * self.copies

    @property
    def active_size(self) -> int:
        """The copies that one token uses [parameters]."""
        return prod(self.shape) * self.active


def linear(
    name: str, d_in: int, d_out: int, component: str, *, bias: bool = False, role: Role = "matrix"
) -> list[Weight]:
    """The weights of an affine map from ``d_in`` to ``d_out`` features.

    >>> sum(w.size for w in linear("o_proj", 4096, 4096, "attention", bias=True))
    16781312
    """
    weights = [Weight(name, (d_out, d_in), component, role)]
    return [*weights, Weight(f"{name}.bias", (d_out,), component, "bias")] if bias else weights


def total(weights: Iterable[Weight]) -> int:
    """Trainable parameters of ``weights`` [parameters]; buffers are not parameters.

    >>> total([*linear("o_proj", 8, 8, "attention"), Weight("frequencies", (4,), "positions", "buffer")])
    64
    """
    return sum(w.size for w in weights if w.role != "buffer")


class Kept(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the forward pass leaves for the backward pass, nothing recomputed (Korthikanti et al., arXiv:2205.05198).

    ``flash`` attention keeps one logarithm for each softmax row in place of the row (Dao et al.,
    arXiv:2205.14135); ``dropout`` keeps a mask of one byte for each value that it drops.

    >>> from lehr.simulators.layers import MLP
    >>> MLP(d_ff=4096, activation="gelu").activation_bytes(1024, 2048, KORTHIKANTI) / 1024      # their 19 s b h
    19.0
    """

    bytes_per_value: Size = 2
    flash: bool = True
    dropout: bool = False

    def bytes(self, values: float, *, dropped: float = 0.0, full: float = 0.0) -> float:
        """The bytes of ``values``, of the masks of ``dropped`` values and of ``full`` values in 32 bits [bytes]."""
        return values * self.bytes_per_value + (dropped if self.dropout else 0.0) + 4.0 * full

    def softmax(self, rows: float, seq_len: float) -> float:
        """What softmax attention keeps of ``rows`` rows of ``seq_len`` scores [bytes].

        Without flash attention the probabilities, and under dropout their mask and what it leaves: 5 a s of the
        paper's 11 h + 5 a s.
        """
        if self.flash:
            return self.bytes(0.0, full=rows)
        return self.bytes((2 if self.dropout else 1) * rows * seq_len, dropped=rows * seq_len)


KORTHIKANTI = Kept(flash=False, dropout=True)
"""The paper's own setting: 16 bits, every score of attention kept, dropout with masks of one byte."""


def attended(seq_len: int, *, causal: bool, window: int | None = None) -> float:
    """How many positions a token attends to, averaged over a sequence [tokens].

    Causal attention is counted as half the square, ``s / 2`` (PaLM appendix B without the half;
    Megatron-LM and torchtitan with it), a window ``w < s`` as ``w - w**2 / (2 s)``, which meets
    ``s / 2`` at ``w = s``. Without a causal mask a token attends to all ``s``, or to ``w``.

    >>> attended(4096, causal=True), attended(4096, causal=False)
    (2048.0, 4096.0)
    >>> attended(16384, causal=True, window=4096)
    3584.0
    """
    span = float(seq_len if window is None else min(window, seq_len))
    return span - span * span / (2 * seq_len) if causal else span


class Layer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """The base of every layer kind; ``kind`` in a file names the class.

    A new kind is one subclass with a ``tag``: it lists its weights and answers the two questions
    below where the default, none, is not right.
    """

    called: ClassVar[str] = ""

    @property
    def variant(self) -> str:
        """The name that the field uses: MHA, MLA, Mamba, ..."""
        return self.called or type(self).__name__

    def weights(self, d_model: int) -> list[Weight]:
        """Every tensor of one such layer in a network of width ``d_model``."""
        raise NotImplementedError

    def mixing_flops(self, d_model: int, seq_len: int, *, causal: bool) -> float:
        """Forward work per token that no weight takes part in, averaged over a sequence [FLOP].

        ``causal`` counts half the square where the mask hides half of it, otherwise all of it.
        """
        return 0.0

    def state_values(self, d_model: int, n_tokens: int) -> int:
        """What decoding must remember of ``n_tokens`` tokens: keys and values, or a recurrent
        state [values]."""
        return 0

    def softmax_rows(self) -> int:
        """How many softmax rows each token computes (one per head) [rows]."""
        return 0

    def rotary_frequencies(self) -> int:
        """How many frequencies its rotary embedding has: half the features that are rotated [frequencies]."""
        return 0

    def activation_bytes(self, d_model: int, seq_len: int, kept: Kept) -> float:
        """What one token leaves for the backward pass, its input included [bytes]."""
        raise NotImplementedError
