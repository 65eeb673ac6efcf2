"""One trainer, one file; every file here is found by itself."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from lehr.recipes.exporting.trainer import Trainer


@cache
def trainers() -> dict[str, Trainer]:
    """Every trainer by name.

    >>> "trl" in trainers()
    True
    """
    found = [import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)]
    made = [module.TRAINER for module in found if hasattr(module, "TRAINER")]
    return {trainer.name: trainer for trainer in sorted(made, key=lambda t: t.name)}
