"""Kyutai: Helium."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.parts import Network, attention, mlp, network, uniform
from lehr.recipes.importing.hugging_face.reading import Fields


@reads("helium", "Helium")
def helium(f: Fields) -> Network:
    """Helium: biases never on the output projection."""
    mixer = attention(f, qkv_bias=f.flag("attention_bias"))
    if mixer.n_heads * mixer.d_head != f.size("hidden_size"):
        f.wrong("head_dim", f"{mixer.n_heads} heads of {mixer.d_head} features are not hidden_size wide")
    return network(f, uniform(f, mixer, mlp(f, gated=True, bias=f.flag("mlp_bias"))))
