"""Fields of a ``config.json`` that many classes have alike."""

from __future__ import annotations

from typing import Any

from lehr.simulators.architecture import Architecture
from lehr.simulators.layers.mlp import Activation
from lehr.simulators.layers.position import Linear, Llama3, LongRope, Rope, Yarn

Fields = dict[str, Any]
"""A ``config.json``."""

ACTIVATIONS = {"silu": "silu", "gelu": "gelu", "gelu_tanh": "gelu_pytorch_tanh", "relu": "relu"}
"""What the hub calls activations that classes choose by a field."""


def activation(name: Activation) -> str:
    """An activation as the hub calls it, or as we do where it has no name there.

    >>> activation("gelu_tanh"), activation("relu_squared")
    ('gelu_pytorch_tanh', 'relu_squared')
    """
    return ACTIVATIONS.get(name, name)


def common(a: Architecture) -> Fields:
    """What every class calls alike."""
    return {
        "vocab_size": a.embedding.vocab_size,
        "hidden_size": a.d_model,
        "num_hidden_layers": a.n_layers,
        "max_position_embeddings": a.context_length,
        "tie_word_embeddings": a.embedding.tied,
    }


def rotary(position: Any) -> Fields | None:
    """The fields of rotary positions, or ``None`` for positions of another kind."""
    if not isinstance(position, Rope):
        return None
    fields: Fields = {"rope_theta": position.base}
    if position.fraction != 1.0:
        fields["partial_rotary_factor"] = position.fraction
    scaling = position.scaling
    if isinstance(scaling, Linear):
        fields["rope_scaling"] = {"rope_type": "linear", "factor": scaling.factor}
    elif isinstance(scaling, Yarn):
        fields["rope_scaling"] = {
            "rope_type": "yarn",
            "factor": scaling.factor,
            "original_max_position_embeddings": scaling.original_positions,
            "beta_fast": scaling.beta_fast,
            "beta_slow": scaling.beta_slow,
        }
    elif isinstance(scaling, Llama3):
        fields["rope_scaling"] = {
            "rope_type": "llama3",
            "factor": scaling.factor,
            "original_max_position_embeddings": scaling.original_positions,
            "low_freq_factor": scaling.low_frequency_factor,
            "high_freq_factor": scaling.high_frequency_factor,
        }
    elif isinstance(scaling, LongRope) and scaling.short_factors and scaling.long_factors:
        fields["rope_scaling"] = {
            "rope_type": "longrope",
            "original_max_position_embeddings": scaling.original_positions,
            "short_factor": list(scaling.short_factors),
            "long_factor": list(scaling.long_factors),
        }
    elif scaling is not None:
        return None
    return fields
