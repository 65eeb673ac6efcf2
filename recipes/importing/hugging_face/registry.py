"""Every class, entered: importing this module fills ``CLASSES``."""

from recipes.importing.hugging_face import dense, gemma, gpt
from recipes.importing.hugging_face.classes import CLASSES

__all__ = ["CLASSES", "dense", "gemma", "gpt"]
