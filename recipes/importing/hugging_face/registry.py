"""Every class, entered: importing this module fills ``CLASSES``."""

from recipes.importing.hugging_face import corrected, dense, gemma, gpt, hybrid, latent, mixtures, recurrent
from recipes.importing.hugging_face.classes import CLASSES

__all__ = ["CLASSES", "corrected", "dense", "gemma", "gpt", "hybrid", "latent", "mixtures", "recurrent"]
