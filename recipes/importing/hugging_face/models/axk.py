"""SK Telecom: A.X K1."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.latent import HARMLESS, SHARED_NAMES, latent
from lehr.recipes.importing.hugging_face.mixtures import after_dense, layered, routed, sparse_layers
from lehr.recipes.importing.hugging_face.parts import Network, network
from lehr.recipes.importing.hugging_face.reading import Fields


@reads("axk1", "AXK1", also=SHARED_NAMES, no_effect=HARMLESS)
def axk1(f: Fields) -> Network:
    """A.X K1: DeepSeek-V3's layers with a norm of what the experts return."""
    first = f.maybe_size("first_k_dense_replace", least=0)
    sparse = sparse_layers(f) if first is not None else after_dense(f, otherwise=1)
    f.raw("moe_layer_freq")
    moe = routed(f, output_norm=True)
    return network(f, layered(f, latent(f), sparse, moe), mtp=0)
