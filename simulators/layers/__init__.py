"""The layer kinds, each in one class that counts itself.

``Mixer`` and ``ChannelMixer`` are the unions a block accepts; a new kind joins its union here and is
then found by the decoder, the contract tests and the documentation.
"""

from lehr.simulators.layers.attention import Attention, CrossAttention
from lehr.simulators.layers.base import KORTHIKANTI, Kept, Layer, Weight
from lehr.simulators.layers.block_choice import BlockIndexer
from lehr.simulators.layers.branches import (
    AltUp,
    AttentionResiduals,
    Branch,
    HyperConnections,
    LowRankResidual,
    NormGates,
    PerLayerInput,
)
from lehr.simulators.layers.compressed import CompressedAttention
from lehr.simulators.layers.convolution import Hyena
from lehr.simulators.layers.embedding import Embedding, Factored
from lehr.simulators.layers.gated import RGLRU, GatedConvolution, SideBySide
from lehr.simulators.layers.latent import MLA, Indexer
from lehr.simulators.layers.linear_attention import DeltaNet, GatedDeltaNet, KimiDelta, LightningAttention, Retention
from lehr.simulators.layers.mlp import MLP
from lehr.simulators.layers.moe import MoE
from lehr.simulators.layers.norm import LayerNorm, Norm, RMSNorm
from lehr.simulators.layers.output import AttentionPooling, EmbeddingHead, MaskedLMHead, OutputHead, Pooler, Projection
from lehr.simulators.layers.position import Alibi, Disentangled, NoPosition, Position, RelativeBias, Rope, TransformerXL
from lehr.simulators.layers.rwkv import RWKV4TimeMix, RWKV5TimeMix, RWKV6TimeMix, RWKV7TimeMix, RWKVChannelMix
from lehr.simulators.layers.state_space import Mamba, Mamba2

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
    "AttentionResiduals",
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
    "NormGates",
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
