"""What a network needs to decode: its state by how it grows, and its weights by their bits."""

from __future__ import annotations

import msgspec

from lehr.simulators.architecture import Architecture
from lehr.simulators.counting import ParameterCount

STATE_BYTES = {"fp32": 4.0, "bf16": 2.0, "fp16": 2.0, "fp8": 1.0, "int8": 1.0, "int4": 0.5}
"""Bytes of one value of the state."""

WEIGHT_BITS = (16, 8, 4)
"""Bits in which weights are held; scales of quantised weights are not counted."""


class DecodingState(msgspec.Struct, frozen=True):
    """What decoding remembers of one sequence [values]: ``fixed`` recurrent states, ``windowed`` keys and values that
    stop growing, ``growing`` ones."""

    fixed: int
    windowed: int
    growing: int

    @property
    def total(self) -> int:
        """All of it [values]."""
        return self.fixed + self.windowed + self.growing


FAR = 2**40 * 3**3 * 5**2 * 7
"""A token so far that every window is full, and that the tokens of a compressed entry divide."""


def decoding_state(architecture: Architecture, n_tokens: int, n_memory: int = 0) -> DecodingState:
    """What decoding must remember of ``n_tokens`` tokens, by how it grows [values].

    A layer's fixed part is what it holds before the first token, its growing part what as many tokens add once every
    window is full; what is left stops at its window. An encoder's keys and values are as fixed as its text.

    >>> from lehr.simulators.planning.ladder import dense
    >>> decoding_state(dense(4096, vocab_size=128256, context_length=8192), 8192)
    DecodingState(fixed=0, windowed=0, growing=536870912)
    """
    width, fixed, windowed, growing = architecture.d_model, 0, 0, 0
    for block, n in architecture.stack():
        for layer in block.sublayers():
            start = layer.state_values(width, 0)
            grown = layer.state_values(width, FAR + n_tokens) - layer.state_values(width, FAR)
            fixed += n * start
            growing += n * grown
            windowed += n * (layer.state_values(width, n_tokens) - start - grown)
        fixed += n * (block.cross.memory_values(width, n_memory) if block.cross else 0)
    return DecodingState(fixed, windowed, growing)


class CacheBytes(msgspec.Struct, frozen=True):
    """What decoding one sequence of any length holds: ``per_token`` of every token [bytes/token], and beside it
    ``windows`` once they are full and ``fixed`` recurrent states [bytes]."""

    per_token: float
    windows: float
    fixed: float


def cache_bytes(architecture: Architecture, bytes_per_value: float = 2) -> CacheBytes:
    """What each further token adds to the decoding state for ever, and what stays as large as it is.

    ``bytes_per_value`` is 2 for bf16. A recurrent layer and one with a window add nothing for ever; one that
    compresses adds its share of an entry.

    >>> from lehr.simulators.planning.ladder import dense
    >>> cache_bytes(dense(4096, vocab_size=128256, context_length=8192))
    CacheBytes(per_token=131072.0, windows=0, fixed=0)
    """
    state = decoding_state(architecture, FAR)
    return CacheBytes(
        per_token=state.growing * bytes_per_value / FAR,
        windows=state.windowed * bytes_per_value,
        fixed=state.fixed * bytes_per_value,
    )


def stored_values(count: ParameterCount) -> int:
    """What a checkpoint stores: parameters, buffers and extras [values].

    >>> from lehr.simulators.counting import count_parameters
    >>> from lehr.simulators.planning.ladder import dense
    >>> stored_values(count_parameters(dense(4096, vocab_size=128256, context_length=8192)))
    8030261248
    """
    return count.total + count.buffers + sum(count.extras.values())


def weight_bytes(count: ParameterCount, bits: int) -> float:
    """Weights of the main model, all in ``bits`` [byte].

    >>> from lehr.simulators.counting import count_parameters
    >>> from lehr.simulators.planning.ladder import dense
    >>> weight_bytes(count_parameters(dense(4096, vocab_size=128256, context_length=8192)), 4)
    4015130624.0
    """
    return (count.total + count.buffers) * bits / 8
