"""What every fit writes alike: its law as a file, lists as lines, numbers as JSON has them."""

from __future__ import annotations

from math import isfinite
from typing import Any

from lehr.recipes.catalogue.encode import stated
from lehr.recipes.presenting.yaml import as_yaml
from lehr.simulators.laws.base import Law


def law_file(law: Law) -> bytes:
    """The law as a file of the catalogue has it."""
    data = stated(law)
    return as_yaml({"name": data.pop("name"), "kind": data.pop("kind"), "title": data.pop("title"), **data})


def finite(value: Any) -> Any:
    """``value`` with every number that JSON has no word for as ``None``.

    >>> finite({"low": [1.0, float("inf")]})
    {'low': [1.0, None]}
    """
    if isinstance(value, dict):
        return {k: finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(v) for v in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def bullets(lines: list[str]) -> str:
    """A line each, indented.

    >>> bullets(["one", "two"])
    '  one\\n  two'
    """
    return "\n".join(f"  {line}" for line in lines)
