"""Encoders: BERT and what came of it."""

from __future__ import annotations

import msgspec

from lehr.recipes.importing.hugging_face.classes import BARE_TASKS, ENCODER_TASKS, ROBERTA_TASKS, reads
from lehr.recipes.importing.hugging_face.gpt import biased
from lehr.recipes.importing.hugging_face.parts import Network, Placement, attention, mlp, uniform
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.recipes.importing.hugging_face.rope import rope
from lehr.simulators.architecture import Block
from lehr.simulators.layers import (
    MLP,
    Embedding,
    Factored,
    LayerNorm,
    MaskedLMHead,
    NoPosition,
    Norm,
    OutputHead,
    Pooler,
    Position,
    RelativeBias,
    RMSNorm,
    Rope,
)


def ends(
    f: Fields, *, positions: int = 0, token_types: int = 0, head_bias: bool = True, factored: Factored | None = None
) -> Embedding:
    """The tables of an encoder; the vocabulary's is the head of a masked language model."""
    tied, lm = f.flag("tie_word_embeddings"), f.head == "mlm"
    return Embedding(
        vocab_size=f.size("vocab_size"),
        tied=tied and lm,
        head=lm,
        learned_positions=positions,
        token_types=token_types,
        head_bias=head_bias and lm,
        factored=factored,
    )


def on_top(f: Fields, *, width: int | None = None, twice: bool = True) -> OutputHead | None:
    """What stands on top: the head before the vocabulary, a pooler, or nothing.

    Most classes hold the vocabulary's bias ``twice`` where the head is not tied (`bias` beside `decoder.bias`).
    """
    again = f.size("vocab_size") if twice and not f.flag("tie_word_embeddings") else None
    tops: dict[str, OutputHead] = {"mlm": MaskedLMHead(width=width, bias_twice=again), "pooled": Pooler()}
    return tops.get(f.head)


def narrow(f: Fields, field: str = "embedding_size", *, bias: bool = True) -> Factored | None:
    """Tables of a width of their own, where they have one."""
    width = f.maybe_size(field)
    return None if width in (None, f.size("hidden_size")) else Factored(width=width or 1, bias=bias)


def encoder(
    f: Fields,
    blocks: list[Block],
    embedding: Embedding,
    *,
    context: int,
    embedding_norm: Norm | None,
    final_norm: Norm | None = None,
    output: OutputHead | None = None,
) -> Network:
    """A network that sees both sides of a token."""
    return Network(
        d_model=f.size("hidden_size"),
        context_length=context,
        embedding=embedding,
        blocks=blocks,
        final_norm=final_norm,
        embedding_norm=embedding_norm,
        causal=False,
        output=output,
    )


def bert_like(
    f: Fields,
    *,
    context: int,
    token_types: int,
    position: Position | None = None,
    placement: Placement = "post",
    embedding_norm: bool = True,
    final_norm: bool = False,
    factored: Factored | None = None,
    top: OutputHead | None = None,
) -> Network:
    """BERT's layers with biases everywhere, learned positions unless the mixer has a ``position``."""
    f.fixed("add_cross_attention", False)
    f.fixed("position_embedding_type", "absolute")
    rows = f.size("max_position_embeddings") if position is None else 0
    mixer = biased(f, NoPosition() if position is None else position)
    blocks = uniform(f, mixer, mlp(f, gated=False, bias=True), LayerNorm(), placement)
    return encoder(
        f,
        blocks,
        ends(f, positions=rows, token_types=token_types, factored=factored),
        context=context,
        embedding_norm=LayerNorm() if embedding_norm else None,
        final_norm=LayerNorm() if final_norm else None,
        output=top or on_top(f),
    )


@reads("bert", "Bert", tasks=ENCODER_TASKS, head="mlm", no_effect="pooler_type")
def bert(f: Fields) -> Network:
    """BERT (arXiv:1810.04805): norms after each sublayer and after the tables."""
    return bert_like(f, context=f.size("max_position_embeddings"), token_types=f.extent("type_vocab_size"))


@reads("megatron-bert", "MegatronBert", tasks=ENCODER_TASKS, head="mlm")
def megatron_bert(f: Fields) -> Network:
    """Megatron-BERT (arXiv:1909.08053): norms before each sublayer and at the end, none after the tables."""
    return bert_like(
        f,
        context=f.size("max_position_embeddings"),
        token_types=f.extent("type_vocab_size"),
        placement="pre",
        embedding_norm=False,
        final_norm=True,
    )


@reads("ernie", "Ernie", tasks=ENCODER_TASKS, head="mlm")
def ernie(f: Fields) -> Network:
    """ERNIE (arXiv:1904.09223): BERT; with ``use_task_id`` a table of tasks, of the same width as that of segments."""
    tasks = f.extent("task_type_vocab_size") if f.flag("use_task_id") else 0
    f.raw("task_type_vocab_size")
    types = f.extent("type_vocab_size") + tasks
    return bert_like(f, context=f.size("max_position_embeddings"), token_types=types)


def after_padding(f: Fields, otherwise: int = 1) -> int:
    """RoBERTa counts positions from the one after the padding token's, so that many of the rows are lost."""
    rows, padding = f.size("max_position_embeddings"), f.maybe_size("pad_token_id", least=0)
    lost = 1 + (otherwise if padding is None else padding)
    return max(1, rows - lost)


ROBERTA = {
    "roberta": "Roberta",
    "xlm-roberta": "XLMRoberta",
    "camembert": "Camembert",
    "data2vec-text": "Data2VecText",
}


def roberta(f: Fields) -> Network:
    """RoBERTa (arXiv:1907.11692) and those of its shape."""
    return bert_like(f, context=after_padding(f), token_types=f.extent("type_vocab_size"))


for _type, _prefix in ROBERTA.items():
    reads(_type, _prefix, tasks=ROBERTA_TASKS, head="mlm", no_effect="output_past")(roberta)


@reads("roberta-prelayernorm", "RobertaPreLayerNorm", tasks=ROBERTA_TASKS, head="mlm")
def roberta_prelayernorm(f: Fields) -> Network:
    """RoBERTa with norms before each sublayer and at the end."""
    types = f.extent("type_vocab_size")
    return bert_like(f, context=after_padding(f), token_types=types, placement="pre", final_norm=True)


@reads("xlm-roberta-xl", "XLMRobertaXL", tasks=ROBERTA_TASKS, head="mlm")
def xlm_roberta_xl(f: Fields) -> Network:
    """XLM-RoBERTa-XL (arXiv:2105.00572): norms before each sublayer and at the end, none after the tables."""
    types = f.extent("type_vocab_size")
    return bert_like(
        f, context=after_padding(f), token_types=types, placement="pre", embedding_norm=False, final_norm=True
    )


@reads(
    "distilbert",
    "DistilBert",
    also={
        "hidden_size": "dim",
        "num_attention_heads": "n_heads",
        "num_hidden_layers": "n_layers",
        "intermediate_size": "hidden_dim",
        "hidden_act": "activation",
    },
    tasks=BARE_TASKS,
    head="mlm",
    no_effect="sinusoidal_pos_embds",
)
def distilbert(f: Fields) -> Network:
    """DistilBERT (arXiv:1910.01108): BERT without segments and pooler."""
    top = on_top(f, twice=False)
    return bert_like(f, context=f.size("max_position_embeddings"), token_types=0, top=top)


@reads("electra", "Electra", tasks=BARE_TASKS, head="mlm")
def electra(f: Fields) -> Network:
    """ELECTRA (arXiv:2003.10555), the smaller sizes with narrow tables."""
    width, types = f.size("embedding_size"), f.extent("type_vocab_size")
    return bert_like(
        f,
        context=f.size("max_position_embeddings"),
        token_types=types,
        factored=narrow(f),
        top=on_top(f, width=width, twice=False),
    )


@reads(
    "albert",
    "Albert",
    tasks=ENCODER_TASKS,
    head="mlm",
    no_effect="down_scale_factor gap_size net_structure_type num_memory_blocks",
)
def albert(f: Fields) -> Network:
    """ALBERT (arXiv:1909.11942): all layers share their weights, tables are narrow."""
    f.fixed("num_hidden_groups", 1)
    f.fixed("inner_group_num", 1)
    width, types = f.size("embedding_size"), f.extent("type_vocab_size")
    factored = Factored(width=width)
    found = bert_like(
        f,
        context=f.size("max_position_embeddings"),
        token_types=types,
        factored=factored,
        top=on_top(f, width=width),
    )
    return msgspec.structs.replace(found, blocks=[msgspec.structs.replace(b, shared=True) for b in found.blocks])


@reads("mpnet", "MPNet", tasks=ROBERTA_TASKS, head="mlm")
def mpnet(f: Fields) -> Network:
    """MPNet (arXiv:2004.09297): RoBERTa without segments, with T5's bias on scores, one table for all layers."""
    buckets, rows = f.size("relative_attention_num_buckets"), f.size("max_position_embeddings")
    channel = mlp(f, gated=False, bias=True)
    blocks = [
        Block(
            mixer=biased(f, RelativeBias(n_buckets=buckets, max_distance=128, holds_table=layer == 0)),
            mlp=channel,
            norm=LayerNorm(),
            norm_placement="post",
        )
        for layer in range(f.layers())
    ]
    embedding = ends(f, positions=rows)
    context = after_padding(f)
    return encoder(f, blocks, embedding, context=context, embedding_norm=LayerNorm(), output=on_top(f))


@reads("roformer", "RoFormer", tasks=BARE_TASKS, head="mlm", no_effect="rotary_value")
def roformer(f: Fields) -> Network:
    """RoFormer (arXiv:2104.09864): BERT with rotary positions."""
    width, types = f.maybe_size("embedding_size") or f.size("hidden_size"), f.extent("type_vocab_size")
    return bert_like(
        f,
        context=f.size("max_position_embeddings"),
        token_types=types,
        position=Rope(base=10000.0),
        factored=narrow(f),
        top=on_top(f, width=width),
    )


def rotated(f: Fields, *, bias: bool, channel: MLP, theta: str = "rope_theta", twice: bool = True) -> Network:
    """BERT's layers with rotary positions."""
    mixer = attention(f, position=rope(f, theta=theta), qkv_bias=bias, out_bias=bias)
    blocks = uniform(f, mixer, channel, LayerNorm(), "post")
    embedding = ends(f, token_types=f.extent("type_vocab_size"))
    context = f.size("max_position_embeddings")
    return encoder(f, blocks, embedding, context=context, embedding_norm=LayerNorm(), output=on_top(f, twice=twice))


@reads(
    "nomic_bert",
    "NomicBert",
    also={
        "hidden_size": "n_embd",
        "num_attention_heads": "n_head",
        "num_hidden_layers": "n_layer",
        "intermediate_size": "n_inner",
        "max_position_embeddings": "n_positions",
        "hidden_act": "activation_function",
    },
    tasks=BARE_TASKS,
    head="mlm",
    no_effect="dense_seq_output pad_vocab_size_multiple parallel_block_tied_norm "
    "rotary_emb_interleaved rotary_emb_scale_base rotary_scaling_factor use_xentropy max_trained_positions "
    "expert_choice_router moe_every_n_layers moe_impl moe_normalize_expert_weights moe_resid_pdrop "
    "moe_top_k ffn_div router_aux_loss_coef norm_factor scale_attn_weights",
)
def nomic_bert(f: Fields) -> Network:
    """Nomic Embed (arXiv:2402.01613): rotary positions, a gated MLP, no biases in the layers."""
    for field in (
        "parallel_block",
        "prenorm",
        "qkv_proj_bias",
        "mlp_fc1_bias",
        "mlp_fc2_bias",
        "use_rms_norm",
        "causal",
    ):
        f.fixed(field, False)
    f.fixed("rotary_emb_fraction", 1.0)
    f.fixed("num_experts", 0)
    return rotated(f, bias=False, channel=mlp(f, gated=True), theta="rotary_emb_base")


@reads("gte", "Gte", tasks=BARE_TASKS, head="mlm")
def gte(f: Fields) -> Network:
    """GTE v1.5 (arXiv:2407.19669): rotary positions, a gated MLP whose last matrix alone has a bias."""
    gated = mlp(f, gated=True)
    channel = MLP(d_ff=gated.d_ff, activation=gated.activation, gated=True, down_bias=True)
    return rotated(f, bias=True, channel=channel, twice=False)


@reads("jina_embeddings_v3", "JinaEmbeddingsV3", tasks=ROBERTA_TASKS, head="mlm")
def jina_embeddings_v3(f: Fields) -> Network:
    """jina-embeddings-v3 (arXiv:2409.10173) without its adapters: XLM-RoBERTa with rotary positions."""
    return rotated(f, bias=True, channel=mlp(f, gated=False, bias=True))


@reads("eurobert", "EuroBert", tasks=BARE_TASKS, head="mlm", no_effect="mask_token clf_pooling")
def eurobert(f: Fields) -> Network:
    """EuroBERT (arXiv:2503.05500): LLaMA's layers that see both sides."""
    bias, inner = f.flag("attention_bias"), f.flag("mlp_bias")
    blocks = uniform(f, attention(f, qkv_bias=bias, out_bias=bias), mlp(f, gated=True, bias=inner), RMSNorm())
    context = f.size("max_position_embeddings")
    return encoder(f, blocks, ends(f, head_bias=inner), context=context, embedding_norm=None, final_norm=RMSNorm())
