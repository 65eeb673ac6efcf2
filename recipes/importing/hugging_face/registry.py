"""Every class, entered: importing this module fills ``CLASSES`` from the files of ``models``."""

from __future__ import annotations

from importlib import import_module

from lehr.recipes.importing.hugging_face import models
from lehr.recipes.importing.hugging_face.classes import CLASSES
from lehr.recipes.importing.hugging_face.families import FAMILIES

__all__ = ["CLASSES"]

for _name in FAMILIES:
    import_module(f"{models.__name__}.{_name}")
