"""Baidu: ERNIE, the encoder and the decoders."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import ENCODER_TASKS, reads
from lehr.recipes.importing.hugging_face.encoders import bert_like
from lehr.recipes.importing.hugging_face.mixtures import experts, layered
from lehr.recipes.importing.hugging_face.parts import Network, attention, mlp, network, uniform
from lehr.recipes.importing.hugging_face.reading import Fields


@reads("ernie", "Ernie", tasks=ENCODER_TASKS, head="mlm")
def ernie(f: Fields) -> Network:
    """ERNIE (arXiv:1904.09223): BERT; with ``use_task_id`` a table of tasks, of the same width as that of segments."""
    tasks = f.extent("task_type_vocab_size") if f.flag("use_task_id") else 0
    f.raw("task_type_vocab_size")
    types = f.extent("type_vocab_size") + tasks
    return bert_like(f, context=f.size("max_position_embeddings"), token_types=types)


@reads("ernie4_5", "Ernie4_5_", "Ernie4_5")
def ernie4_5(f: Fields) -> Network:
    """ERNIE 4.5: one switch for every bias."""
    bias = f.flag("use_bias")
    return network(f, uniform(f, attention(f, qkv_bias=bias, out_bias=bias), mlp(f, gated=True, bias=bias)))


@reads(
    "ernie4_5_moe",
    "Ernie4_5_MoeFor",
    "Ernie4_5_Moe",
    "Ernie4_5_MoE",
    also={"num_experts": "moe_num_experts", "num_experts_per_tok": "moe_k"},
    no_effect="moe_use_aux_free moe_capacity moe_gate",
    any_heads=True,
)
def ernie_moe(f: Fields) -> Network:
    """ERNIE 4.5 with experts: sparse from ``moe_layer_start_index`` to ``moe_layer_end_index``, one in so many."""
    # their experts have none, whatever this says of the other matrices
    f.fixed("use_bias", False)
    n = f.layers()
    start, every = f.extent("moe_layer_start_index"), f.size("moe_layer_interval")
    end = f.raw("moe_layer_end_index")
    last = n - 1 if end in (None, -1) else f.extent("moe_layer_end_index")
    sparse = [(layer + 1) % every == 0 and start <= layer <= last for layer in range(n)]
    moe = experts(f, n_shared_experts=f.extent("moe_num_shared_experts"), router_bias_buffer=True)
    return network(f, layered(f, attention(f), sparse, moe))
