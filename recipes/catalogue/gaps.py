"""What the catalogue does not have of each stage: looked for in vain, or not read for yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import msgspec

from lehr.recipes.catalogue.recipe_files import RecipeFile
from lehr.simulators.evidence import STATES, Searched, State
from lehr.simulators.training import Stage

FIELDS: dict[str, tuple[str, ...]] = {
    "length": ("tokens", "steps", "examples", "epochs"),
    "rate": ("schedule",),
    "batch": ("batch",),
    "sequence length": ("sequence_length",),
    "optimiser": ("optimizer",),
    "data": ("data", "datasets"),
    "hardware": ("hardware",),
    "hours": ("hardware.hours",),
}
"""What a report may print of a stage, and the keys that say it; one of them is enough."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is asked of one stage, and what is known of it."""

    recipe: str
    stage: str
    kind: str
    what: str
    state: State
    searched: list[Searched] = []


def entries(recipe: RecipeFile) -> list[Entry]:
    """Each of ``FIELDS`` of each stage of ``recipe``, with its state.

    >>> from lehr.recipes.catalogue.files import Catalogue
    >>> found = entries(Catalogue().recipe("deepseek_v3"))
    >>> [e.state for e in found if e.stage == "pt"][:3]
    ['published', 'published', 'published']
    """
    return [_entry(recipe, name, stage, what) for name, stage in recipe.ordered() for what in FIELDS]


def _entry(recipe: RecipeFile, name: str, stage: Stage, what: str) -> Entry:
    paths = [f"stages.{name}.{key}" for key in FIELDS[what]]
    stated = [path for key, path in zip(FIELDS[what], paths, strict=True) if has(recipe, name, stage, key)]
    at = stated[0] if stated else paths[0]
    state = recipe.provenance.state(at, there=bool(stated))
    searched = recipe.provenance.searched(at) if state == "not published" else []
    return Entry(recipe=recipe.name, stage=name, kind=stage.kind, what=what, state=state, searched=searched)


def has(recipe: RecipeFile, name: str, stage: Stage, key: str) -> bool:
    """Does the stage say ``key``, or another whose hours cover it?"""
    if key != "hardware.hours":
        return getattr(stage, key) not in (None, {}, [])
    mine = stage.hardware is not None and stage.hardware.hours is not None
    return mine or any(name in other.shares_hours_with for other in recipe.stages.values())


def bare(recipe: RecipeFile) -> list[str]:
    """The stages of which neither length nor rate nor batch is on record."""
    asked = ("length", "rate", "batch")
    known = {e.stage for e in entries(recipe) if e.what in asked and e.state not in ("not published", "not read")}
    return [name for name in recipe.order if name not in known]


def counted(found: Iterable[Entry]) -> dict[State, int]:
    """How many things are in each state, all states named."""
    counts = Counter(entry.state for entry in found)
    return {state: counts[state] for state in STATES}
