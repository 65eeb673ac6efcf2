"""Classes that are known and cannot be described, each with the reason."""

from __future__ import annotations

from lehr.recipes.errors import nearest
from lehr.recipes.importing.hugging_face.reading import shown
from lehr.recipes.importing.hugging_face.registry import CLASSES

SHARED = "its layers share weights"
FACTORED = "its tables are narrower than the network"
OWN = "its layers have tensors of a kind of their own"

WHY = {
    "big_bird": "its sparse attention has no description",
    "blt": "its patches of bytes have no description",
    "canine": OWN,
    "convbert": OWN,
    "doge": OWN,
    "encoder-decoder": "its two halves are files of their own; import each of them",
    "flaubert": OWN,
    "fnet": "its Fourier mixing has no description",
    "funnel": OWN,
    "hrm_text": "its two stacks are run several times over",
    "inkling2_text": OWN,
    "inkling_text": "its convolutions and relative scores in attention have no description",
    "jetmoe": "its mixture of attention heads has no description",
    "led": "its second set of projections for global attention has no description",
    "longt5": "its local and transient-global attention has no description",
    "mllama_text_model": "its layers that attend to an image have no description",
    "mobilebert": OWN,
    "nllb-moe": "its router's second expert and its layers have no description",
    "openelm": "each of its layers has a width of its own",
    "qwen4_exp_text": "its tables of n-grams and gated streams have no description",
    "reformer": "its hashed attention has no description",
    "rembert": FACTORED,
    "t5gemma": "its merged attention has no description",
    "vision-encoder-decoder": "its two halves are files of their own; import each of them",
    "xlm": OWN,
    "xlnet": OWN,
    "xlstm": "its recurrence has no description",
    "zamba": SHARED,
    "zamba2": SHARED,
    "zaya": "its convolutions of queries and keys and its router have no description",
}


def unknown(model_type: object) -> str:
    """What to say of a ``model_type`` that nobody here reads.

    >>> unknown("zamba2")
    "model_type: 'zamba2' cannot be described yet: its layers share weights"
    """
    if isinstance(model_type, str) and model_type in WHY:
        return f"model_type: {model_type!r} cannot be described yet: {WHY[model_type]}"
    return f"model_type: {shown(model_type)} is not known; {nearest(str(model_type), CLASSES)}"
