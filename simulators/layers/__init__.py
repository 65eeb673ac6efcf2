"""The layer kinds, each in one class that counts itself.

``Mixer`` and ``ChannelMixer`` are the unions a block accepts; a new kind joins its union here and is
then found by the decoder, the contract tests and the documentation.
"""

from simulators.layers.attention import Attention
from simulators.layers.base import Layer, Weight
from simulators.layers.embedding import Embedding
from simulators.layers.latent import MLA
from simulators.layers.mlp import MLP
from simulators.layers.moe import MoE
from simulators.layers.norm import LayerNorm, Norm, RMSNorm
from simulators.layers.position import NoPosition, Position, Rope

Mixer = Attention | MLA
"""What mixes tokens."""

ChannelMixer = MLP | MoE
"""What mixes the features of one token."""

__all__ = [
    "MLA", "MLP", "Attention", "ChannelMixer", "Embedding", "Layer", "LayerNorm", "Mixer", "MoE",
    "NoPosition", "Norm", "Position", "RMSNorm", "Rope", "Weight",
]
