"""Meta: RoBERTa."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import ROBERTA_TASKS, reads
from lehr.recipes.importing.hugging_face.encoders import after_padding, bert_like
from lehr.recipes.importing.hugging_face.parts import Network
from lehr.recipes.importing.hugging_face.reading import Fields


@reads("roberta", "Roberta", tasks=ROBERTA_TASKS, head="mlm", no_effect="output_past")
@reads("xlm-roberta", "XLMRoberta", tasks=ROBERTA_TASKS, head="mlm", no_effect="output_past")
def roberta(f: Fields) -> Network:
    """RoBERTa (arXiv:1907.11692) and those of its shape."""
    return bert_like(f, context=after_padding(f), token_types=f.extent("type_vocab_size"))


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
