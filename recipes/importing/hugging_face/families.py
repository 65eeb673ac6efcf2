"""The families of importers, each a file of ``models``; which one a ``model_type`` belongs to, its name says."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from lehr.recipes.catalogue.yaml import load_yaml

MODELS = Path(__file__).parent / "models"

FAMILIES = tuple(sorted(path.stem for path in MODELS.glob("[a-z]*.py")))
"""The families, each by the name of its file."""


def family(model_type: str) -> str | None:
    """The file that reads ``model_type``, or will: the one with the longest name that stands in it.

    >>> family("gemma5_text"), family("xlm-roberta"), family("zamba2")
    ('gemma', 'roberta', None)
    """
    written = model_type.lower().replace("-", "_")
    return max((name for name in FAMILIES if name in written), key=len, default=None)


def defaults(model_type: str) -> dict[str, Any]:
    """The class's own defaults of the fields that are read.

    >>> defaults("gemma")["head_dim"], defaults("zamba2")
    (256, {})
    """
    of = family(model_type)
    return tables(of).get(model_type, {}) if of else {}


@cache
def tables(of: str) -> dict[str, dict[str, Any]]:
    """Those of a whole family, from the YAML file beside its reader."""
    path = MODELS / f"{of}.yaml"
    found: dict[str, dict[str, Any]] = load_yaml(path) if path.is_file() else {}
    return found
