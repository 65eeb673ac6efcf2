"""The classes of transformers that are known: which fields each reads, and what its class names put on top."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from lehr.recipes.importing.hugging_face.parts import Network
from lehr.recipes.importing.hugging_face.reading import Fields

Reader = Callable[[Fields], Network]

DECODER_TASKS = {
    "ForCausalLM": "lm",
    "LMHeadModel": "lm",
    "Model": "none",
    "ForSequenceClassification": "task",
    "ForTokenClassification": "task",
    "ForQuestionAnswering": "task",
    "ForConditionalGeneration": "lm",
}
"""What follows a class's prefix in its name, and the head that it has: the vocabulary's, none, or a task's."""

MODEL_TASKS = {**DECODER_TASKS, "Model": "lm", "ModelLM": "lm"}
"""Where the class called ...Model has the vocabulary's head."""

ENCODER_TASKS = {
    "ForMaskedLM": "mlm",
    "ForPreTraining": "pretraining",
    "ForCausalLM": "mlm",
    "LMHeadModel": "mlm",
    "Model": "pooled",
    "ForSequenceClassification": "pooled task",
    "ForMultipleChoice": "pooled task",
    "ForNextSentencePrediction": "pooled task",
    "ForTokenClassification": "task",
    "ForQuestionAnswering": "task",
}
"""The same of an encoder: its head over the vocabulary has a layer of its own; some have a pooler in its place."""

ROBERTA_TASKS = {**ENCODER_TASKS, "ForSequenceClassification": "task"}
"""The same where classifying a text needs no pooler."""

BARE_TASKS = {task: {"pooled": "none", "pooled task": "task"}.get(head, head) for task, head in ENCODER_TASKS.items()}
"""The same of an encoder without a pooler."""

SEQ2SEQ_TASKS = {
    "ForConditionalGeneration": "lm",
    "WithLMHeadModel": "lm",
    "MTModel": "lm",
    "Model": "none",
    "ForSequenceClassification": "task",
    "ForTokenClassification": "task",
    "ForQuestionAnswering": "task",
}
"""The same of an encoder with a decoder."""


class HFClass(msgspec.Struct, frozen=True, kw_only=True):
    """One ``model_type``: ``prefixes`` of its class names, and ``read``, which makes a network of its fields.

    ``inside`` are the types of larger models whose text model it is, where their file does not say so. ``no_effect``
    are fields of this class that change no count and no shape; ``named`` and ``also`` are its own names of fields, as
    in ``Fields``; ``head`` is the one where ``architectures`` says nothing. ``any_heads``
    says that the class rounds down where the heads do not divide the width; the others refuse.
    """

    model_type: str
    prefixes: tuple[str, ...]
    read: Reader
    no_effect: frozenset[str]
    named: dict[str, str]
    also: dict[str, str]
    tasks: dict[str, str]
    head: str
    inside: tuple[str, ...] = ()
    any_heads: bool = False


CLASSES: dict[str, HFClass] = {}
"""By ``model_type``; the modules of this folder enter theirs."""


def reads(
    model_type: str,
    *prefixes: str,
    no_effect: str = "",
    named: Mapping[str, str] | None = None,
    also: Mapping[str, str] | None = None,
    tasks: Mapping[str, str] = DECODER_TASKS,
    head: str = "lm",
    inside: str = "",
    any_heads: bool = False,
) -> Callable[[Reader], Reader]:
    """Enter a reader for ``model_type``; one reader may serve several."""

    def enter(read: Reader) -> Reader:
        CLASSES[model_type] = HFClass(
            model_type=model_type,
            prefixes=prefixes,
            read=read,
            no_effect=frozenset(no_effect.split()),
            named=dict(named or {}),
            also=dict(also or {}),
            tasks=dict(tasks),
            head=head,
            inside=tuple(inside.split()),
            any_heads=any_heads,
        )
        return read

    return enter
