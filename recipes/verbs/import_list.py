"""``lehr import list``: every ``model_type`` that ``lehr import`` reads."""

from __future__ import annotations

import json

from lehr.recipes.composing.job import Composed
from lehr.recipes.composing.settings import form_of
from lehr.recipes.importing.hugging_face.families import family
from lehr.recipes.importing.hugging_face.registry import CLASSES
from lehr.recipes.importing.hugging_face.undescribed import WHY
from lehr.recipes.importing.hugging_face.wrappers import text_of
from lehr.recipes.presenting.tables import text_table


def run(job: Composed) -> int:
    """Print the types by family, those whose text model is read, and those that cannot be described, with the
    reason."""
    if form_of(job) == "json":
        print(json.dumps(listed(), indent=2))
        return 0
    found = listed()
    rows = [[row["model_type"], row["family"], row["says"]] for row in found["read"]]
    print(f"{len(rows)} types are read:\n")
    print(text_table(["model_type", "family", "what it is"], rows))
    print(f"\nof {len(found['inside'])} larger models the text model is read:\n")
    print(text_table(["model_type", "read as"], [[row["model_type"], row["read_as"]] for row in found["inside"]]))
    print(f"\n{len(WHY)} are known and cannot be described yet:\n")
    print(text_table(["model_type", "why"], [[row["model_type"], row["why"]] for row in found["not_described"]]))
    return 0


def listed() -> dict[str, list[dict[str, str]]]:
    """What is read, what is read of a larger model, and what is not, each in the order of its name.

    >>> [row["family"] for row in listed()["read"] if row["model_type"] == "glm_moe_dsa"]
    ['glm']
    """
    return {
        "read": [
            {
                "model_type": name,
                "family": family(name) or "",
                "says": " ".join((reader.read.__doc__ or "").replace("``", "").split()),
            }
            for name, reader in sorted(CLASSES.items(), key=lambda item: item[0].casefold())
        ],
        "inside": [{"model_type": name, "read_as": text} for name, text in sorted(text_of().items())],
        "not_described": [{"model_type": name, "why": why} for name, why in sorted(WHY.items())],
    }
