"""BigCode: SantaCoder and StarCoder."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.heads import GPT2_NAMES, biased, four_times
from lehr.recipes.importing.hugging_face.parts import Network, network, tables, uniform
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.simulators.layers import LayerNorm, NoPosition


@reads(
    "gpt_bigcode",
    "GPTBigCode",
    also=GPT2_NAMES,
    no_effect="n_ctx inference_runner validate_runner_input "
    "pre_allocate_kv_cache max_sequence_length max_batch_size attention_type",
)
def gpt_bigcode(f: Fields) -> Network:
    """GPT-BigCode (SantaCoder, StarCoder): GPT-2 with one head of keys and values where ``multi_query`` is on."""
    f.fixed("add_cross_attention", False)
    multi_query = f.flag("multi_query")
    stated = f.maybe_size("num_key_value_heads")
    n_kv_heads = 1 if multi_query else f.size("num_attention_heads")
    if stated is not None and stated != n_kv_heads:
        f.wrong("num_key_value_heads", f"{stated} and multi_query: {str(multi_query).lower()} contradict each other")
    blocks = uniform(f, biased(f, NoPosition(), n_kv_heads=n_kv_heads), four_times(f), LayerNorm())
    return network(f, blocks, norm=LayerNorm(), embedding=tables(f, positions=f.size("max_position_embeddings")))
