"""Salesforce: CodeT5+."""

from __future__ import annotations

import msgspec

from lehr.recipes.importing.hugging_face.classes import CLASSES, MODEL_TASKS, reads
from lehr.recipes.importing.hugging_face.families import defaults
from lehr.recipes.importing.hugging_face.models.gptj import gptj
from lehr.recipes.importing.hugging_face.parts import EncoderStack, Network
from lehr.recipes.importing.hugging_face.reading import Fields


@reads("codet5p", "CodeT5pEncoderDecoder", "CodeT5p", tasks=MODEL_TASKS, no_effect="is_encoder_decoder")
@reads("codet5p_module", "CodeT5pEncoderDecoder", "CodeT5p", tasks=MODEL_TASKS, no_effect="is_encoder_decoder")
def codet5p(f: Fields) -> Network:
    """CodeT5+ (arXiv:2305.07922): two CodeGen networks, one as the encoder of the other."""
    first, second = (half(f, name) for name in ("encoder", "decoder"))
    f.note("the cross-attention that joins encoder and decoder is not in the file and is left out")
    table = msgspec.structs.replace(first.embedding, tied=False, head=False, head_bias=False)
    return msgspec.structs.replace(
        second,
        encoder=EncoderStack(blocks=first.blocks, final_norm=first.final_norm, d_model=first.d_model, embedding=table),
    )


def half(f: Fields, name: str) -> Network:
    """One of the two, a CodeGen network with a section of its own."""
    section = f.section(name)
    codegen = CLASSES["codegen"]
    section.defaults, section.also = defaults("codegen"), dict(codegen.also)
    section.harmless = codegen.no_effect
    for field in ("architectures", "add_cross_attention", "tie_encoder_decoder", "is_encoder_decoder"):
        section.raw(field)
    return gptj(section)
