"""SK Telecom: A.X K1 and K2."""

from __future__ import annotations

import msgspec

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.latent import HARMLESS, SHARED_NAMES, latent
from lehr.recipes.importing.hugging_face.mixtures import after_dense, layered, routed, sparse_layers
from lehr.recipes.importing.hugging_face.parts import Network, network
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.simulators.layers import Indexer, NormGates


@reads("axk1", "AXK1", also=SHARED_NAMES, no_effect=HARMLESS)
def axk1(f: Fields) -> Network:
    """A.X K1: DeepSeek-V3's layers with a norm of what the experts return."""
    first = f.maybe_size("first_k_dense_replace", least=0)
    sparse = sparse_layers(f) if first is not None else after_dense(f, otherwise=1)
    f.raw("moe_layer_freq")
    moe = routed(f, output_norm=True)
    return network(f, layered(f, latent(f), sparse, moe), mtp=0)


@reads("axk2", "AXK2", also=SHARED_NAMES, no_effect=f"{HARMLESS} layer_types")
def axk2(f: Fields) -> Network:
    """A.X K2 (arXiv:2608.30181): DeepSeek-V3.2's layers, whose heads are gated from the latent query; norms before
    attention and before experts are gated through a low rank."""
    first = f.maybe_size("first_k_dense_replace", least=0)
    sparse = sparse_layers(f) if first is not None else after_dense(f, otherwise=1)
    f.raw("moe_layer_freq")
    indexer = Indexer(n_heads=f.size("index_n_heads"), d_head=f.size("index_head_dim"), top_k=f.size("index_topk"))
    f.size("q_lora_rank")
    mixer = msgspec.structs.replace(latent(f, indexer=indexer), output_gate="latent")
    rank = f.size("gated_norm_rank")
    gates = {experts: NormGates(rank=rank, sublayers=1 + experts) for experts in (False, True)}
    blocks = layered(f, mixer, sparse, routed(f))
    gated = [msgspec.structs.replace(b, branches=(gates[s],)) for b, s in zip(blocks, sparse, strict=True)]
    return network(f, gated, mtp=0)
