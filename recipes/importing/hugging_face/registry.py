"""Every class, entered: importing this module fills ``CLASSES``."""

from recipes.importing.hugging_face import (
    corrected,
    dense,
    encoders,
    gemma,
    gpt,
    hybrid,
    latent,
    mixtures,
    modern,
    novel,
    recent,
    recurrent,
    remote,
    remote_mixtures,
    remote_recurrent,
    seq2seq,
    streams,
)
from recipes.importing.hugging_face.classes import CLASSES

__all__ = [
    "CLASSES",
    "corrected",
    "dense",
    "encoders",
    "gemma",
    "gpt",
    "hybrid",
    "latent",
    "mixtures",
    "modern",
    "novel",
    "recent",
    "recurrent",
    "remote",
    "remote_mixtures",
    "remote_recurrent",
    "seq2seq",
    "streams",
]
