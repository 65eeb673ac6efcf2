"""The layer kinds, each in one class that counts itself.

``Mixer`` and ``ChannelMixer`` are the unions a block accepts; a new kind joins its union here and is
then found by the decoder, the contract tests and the documentation.
"""

from simulators.layers.attention import Attention, CrossAttention
from simulators.layers.base import KORTHIKANTI, Kept, Layer, Weight
from simulators.layers.block_choice import BlockIndexer
from simulators.layers.branches import AltUp, Branch, HyperConnections, LowRankResidual, PerLayerInput
from simulators.layers.compressed import CompressedAttention
from simulators.layers.convolution import Hyena
from simulators.layers.embedding import Embedding, Factored
from simulators.layers.gated import RGLRU, GatedConvolution, SideBySide
from simulators.layers.latent import MLA, Indexer
from simulators.layers.linear_attention import DeltaNet, GatedDeltaNet, KimiDelta, LightningAttention, Retention
from simulators.layers.mlp import MLP
from simulators.layers.moe import MoE
from simulators.layers.norm import LayerNorm, Norm, RMSNorm
from simulators.layers.output import AttentionPooling, EmbeddingHead, MaskedLMHead, OutputHead, Pooler, Projection
from simulators.layers.position import Alibi, Disentangled, NoPosition, Position, RelativeBias, Rope, TransformerXL
from simulators.layers.rwkv import RWKV4TimeMix, RWKV5TimeMix, RWKV6TimeMix, RWKV7TimeMix, RWKVChannelMix
from simulators.layers.state_space import Mamba, Mamba2

Mixer = (
    Attention
    | MLA
    | CompressedAttention
    | Retention
    | LightningAttention
    | DeltaNet
    | GatedDeltaNet
    | KimiDelta
    | Mamba
    | Mamba2
    | RWKV4TimeMix
    | RWKV5TimeMix
    | RWKV6TimeMix
    | RWKV7TimeMix
    | Hyena
    | GatedConvolution
    | RGLRU
    | SideBySide
)
"""What mixes tokens."""

ChannelMixer = MLP | MoE | RWKVChannelMix
"""What mixes the features of one token."""

__all__ = [
    "KORTHIKANTI",
    "MLA",
    "MLP",
    "RGLRU",
    "Alibi",
    "AltUp",
    "Attention",
    "AttentionPooling",
    "BlockIndexer",
    "Branch",
    "ChannelMixer",
    "CompressedAttention",
    "CrossAttention",
    "DeltaNet",
    "Disentangled",
    "Embedding",
    "EmbeddingHead",
    "Factored",
    "GatedConvolution",
    "GatedDeltaNet",
    "Hyena",
    "HyperConnections",
    "Indexer",
    "Kept",
    "KimiDelta",
    "Layer",
    "LayerNorm",
    "LightningAttention",
    "LowRankResidual",
    "Mamba",
    "Mamba2",
    "MaskedLMHead",
    "Mixer",
    "MoE",
    "NoPosition",
    "Norm",
    "OutputHead",
    "PerLayerInput",
    "Pooler",
    "Position",
    "Projection",
    "RMSNorm",
    "RWKV4TimeMix",
    "RWKV5TimeMix",
    "RWKV6TimeMix",
    "RWKV7TimeMix",
    "RWKVChannelMix",
    "RelativeBias",
    "Retention",
    "Rope",
    "SideBySide",
    "TransformerXL",
    "Weight",
]
