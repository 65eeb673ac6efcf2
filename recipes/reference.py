"""Reference projections: what every recipe projected when its figures were last accepted.

A reference holds no truth; the published figures do that (``lehr.recipes.checking``). It says that a number moved.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.catalogue.yaml import load_json
from lehr.recipes.errors import LehrError
from lehr.recipes.presenting.tables import short
from lehr.recipes.projecting.model import DEFAULT_LAWS, project_by_name
from lehr.simulators.projection.project import Projection

TOLERANCE = 1e-12
"""Relative. A projection is some hundred roundings in double precision, each of 1.1e-16 at most; another machine's
libraries may round each otherwise."""

NAMED = 12
"""New recipes that the changelog names; more are counted."""

LEFT_OUT = ("warnings", "assumed", "seller", "swings", "parts", "fastest", "tokens_before", "totals_of_base")
"""Words, what a rollout's hours are made of, which move with them, layouts, which move what rests on them, and what a
base's own reference holds."""

Figures = dict[str, float | str | None]


class Change(msgspec.Struct, frozen=True):
    """One figure that moved; ``None`` on a side where it is not there."""

    recipe: str
    path: str
    before: float | str | None
    after: float | str | None

    def __str__(self) -> str:
        """One line."""
        shown = [v if isinstance(v, str) else short(v, digits=6) for v in (self.before, self.after)]
        moved = ""
        if isinstance(self.before, (int, float)) and isinstance(self.after, (int, float)) and self.before:
            moved = f" ({(self.after - self.before) / self.before:+.3%})"
        return f"{self.recipe}: {self.path}: {shown[0]} to {shown[1]}{moved}"


def figures(projection: Projection) -> Figures:
    """Every number and name of a projection by dotted path; words are no figures."""
    flat: Figures = {}

    def walk(value: Any, path: str) -> None:
        if isinstance(value, dict):
            for key, below in value.items():
                if key not in LEFT_OUT:
                    walk(below, f"{path}.{key}" if path else str(key))
        elif isinstance(value, list):
            for i, below in enumerate(value):
                name = below["name"] if isinstance(below, dict) and "name" in below else str(i)
                walk(below, f"{path}.{name}")
        elif value is None or isinstance(value, (int, float, str)):
            flat[path] = value

    walk(msgspec.to_builtins(projection), "")
    return flat


def project_all(catalogue: Catalogue) -> dict[str, Figures]:
    """The figures of every recipe of the catalogue, by its name."""
    laws = [catalogue.surface(name) for name in DEFAULT_LAWS]
    return {name: figures(project_by_name(catalogue, name, laws)[2]) for name in catalogue.files("recipe")}


def read(folder: Path) -> dict[str, Figures]:
    """The references in ``folder``, by recipe; empty where there are none."""
    return {path.stem: load_json(path) for path in sorted(folder.glob("*.json")) if is_reference(path)}


def is_reference(path: Path) -> bool:
    """Is the file at ``path`` a reference, and no notes of a person's? Raises ``LehrError`` for broken JSON."""
    if path.suffix != ".json" or not path.is_file():
        return False
    found = load_json(path)
    return isinstance(found, dict) and any(str(key).startswith("totals.") for key in found)


def as_json(reference: Figures) -> bytes:
    """One reference as a file: a key a line, so that a difference of files means something."""
    return (json.dumps(reference, indent=1, ensure_ascii=False) + "\n").encode()


def changes(before: Mapping[str, Figures], after: Mapping[str, Figures], tolerance: float = TOLERANCE) -> list[Change]:
    """The figures that differ by more than ``tolerance``, relatively, in the order of the recipes."""
    found = []
    for recipe in sorted({*before, *after}):
        if recipe not in before or recipe not in after:
            found.append(Change(recipe, "recipe", *(("none", "new") if recipe in after else ("there", "none"))))
            continue
        old, new = before[recipe], after[recipe]
        for path in dict.fromkeys([*old, *new]):
            if path not in old or path not in new or not _same(old[path], new[path], tolerance):
                found.append(Change(recipe, path, old.get(path), new.get(path)))
    return found


def stated(reason: str | None) -> str | None:
    """The reason for accepting, if any. Raises ``LehrError`` where it says nothing."""
    if reason is not None and not reason.strip():
        raise LehrError("accept: says nothing; write why the figures moved")
    return reason


def accept(now: Mapping[str, Figures], moved: list[Change], reason: str, folder: Path, changelog: Path) -> bool:
    """Make the figures of ``now`` the references in ``folder``, and write ``reason`` into the changelog; false where
    nothing moved. Raises ``LehrError`` where there is no such changelog."""
    from lehr.recipes.presenting.files import write_file, write_folder
    from lehr.recipes.presenting.locks import claimed

    if not moved:
        # a run that was killed at its very end left its claim
        with claimed(folder):
            return False
    if not changelog.is_file():
        raise LehrError(f"{changelog}: there is no such file; write changelog=...")
    text = into_changelog(changelog.read_text(encoding="utf-8"), moved, reason)
    # the reason first: where the run is stopped in between, the same command finds it there and goes on
    write_file(changelog, text.encode())
    write_folder(folder, {f"{name}.json": as_json(figures) for name, figures in now.items()}, ours=is_reference)
    return True


def _same(a: float | str | None, b: float | str | None, tolerance: float) -> bool:
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return abs(a - b) <= tolerance * max(abs(a), abs(b))
    return a == b


def into_changelog(text: str, moved: list[Change], reason: str) -> str:
    """``text`` of a changelog with the changes under its first *Figures* heading: one line a recipe.

    Raises ``LehrError`` where it has no such heading.
    """
    heading = "### Figures\n"
    if heading not in text:
        raise LehrError("the changelog has no heading '### Figures'; add one under the unreleased version")
    by_recipe: dict[str, list[Change]] = {}
    for change in moved:
        by_recipe.setdefault(change.recipe, []).append(change)
    added = [recipe for recipe, rows in by_recipe.items() if rows[0].after == "new"]
    named = ", ".join(added) if len(added) <= NAMED else f"{len(added)} recipes"
    lines = [f"- {reason}: projected for the first time: {named}"] if added else []
    for recipe, rows in by_recipe.items():
        if recipe in added:
            continue
        first = str(rows[0]).partition(": ")[2]
        more = f", and {len(rows) - 1} more" if len(rows) > 1 else ""
        lines.append(f"- {recipe}: {reason}: {first}{more}")
    before, _, after = text.partition(heading)
    if after.startswith("\n".join(lines) + "\n"):
        # an accept that was stopped before the references were written
        return text
    return before + heading + "\n".join(lines) + "\n" + after
