"""``lehr check``: what others reported, beside what is projected."""

from __future__ import annotations

import json
import shutil
import textwrap
from collections import Counter

import msgspec

from lehr.recipes.catalogue.decode import decode
from lehr.recipes.catalogue.entries import Model
from lehr.recipes.catalogue.gaps import FIELDS, bare, counted, entries
from lehr.recipes.checking import check_all, check_model, check_recipe
from lehr.recipes.composing.job import Composed
from lehr.recipes.composing.settings import form_of
from lehr.recipes.presenting.files import write_beside
from lehr.recipes.presenting.tables import short, text_table
from lehr.recipes.projecting.model import project_by_name
from lehr.simulators.evidence import Comparison, State

VERSION = 1


def run(job: Composed) -> int:
    """Say what is missing, or compare, write ``<out>/check/check.json``, print; 1 where a figure fails, else 0."""
    catalogue, form = job.catalogue, form_of(job)
    if job.setting("gaps", bool):
        return print_gaps(job, form)
    if job.config.get("model") is None:
        rows = check_all(catalogue, lambda name: project_by_name(catalogue, name))
    else:
        model = decode(job.config["model"], Model, "model")
        rows = check_model(model)
        if catalogue.has("recipe", model.name):
            rows += check_recipe(*project_by_name(catalogue, model.name))
    table = as_json(rows)
    path = job.folder() / "check" / "check.json"
    write_beside(path.parent, {path.name: table.encode()})
    if form == "json":
        print(table, end="")
    else:
        print(as_text(rows, everything=job.setting("all", bool)))
        print(f"\n{path}")
    return 1 if any(row.verdict == "FAILS" for row in rows) else 0


def print_gaps(job: Composed, form: str) -> int:
    """Print what is not on record of the stages: of one model's recipe, or of all."""
    if job.config.get("model") is None:
        recipes = list(job.catalogue.recipes().values())
    else:
        recipes = [job.catalogue.recipe(decode(job.config["model"], Model, "model").name)]
    found = [entry for recipe in recipes for entry in entries(recipe)]
    counts, n_bare = counted(found), sum(len(bare(recipe)) for recipe in recipes)
    open_ones = [entry for entry in found if entry.state in ("not published", "not read")]
    if form == "json":
        data = {"version": VERSION, "summary": counts, "bare_stages": n_bare, "gaps": msgspec.to_builtins(open_ones)}
        print(json.dumps(data, indent=2, ensure_ascii=False))
        return 0
    listed: dict[tuple[str, str, str, State], list[str]] = {}
    for e in open_ones:
        listed.setdefault((e.recipe, e.stage, e.kind, e.state), []).append(e.what)
    if job.setting("all", bool) or len(recipes) == 1:
        rows = [[*key, ", ".join(what)] for key, what in listed.items()]
        print(text_table(["recipe", "stage", "kind", "state", "what"], rows) + "\n")
    n_stages = sum(len(recipe.order) for recipe in recipes)
    of_state = ", ".join(f"{n:,} {state}" for state, n in counts.items())
    print(
        f"{len(FIELDS)} things are asked of each of {n_stages} stages: {of_state}.\n"
        f"Neither length nor rate nor batch is on record of {n_bare} stages."
    )
    return 0


def as_json(rows: list[Comparison]) -> str:
    """The comparisons as JSON: ``{"version": 1, "summary": {...}, "figures": [...]}``."""
    data = {
        "version": VERSION,
        "summary": dict(sorted(Counter(row.verdict for row in rows).items())),
        "figures": [msgspec.to_builtins(row) for row in rows],
    }
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def as_text(rows: list[Comparison], *, everything: bool) -> str:
    """What does not simply agree, or everything, failures last so that they stand above the sum in a terminal."""
    order = ("agrees", "differs, known cause", "FAILS")
    listed = [row for row in rows if everything or row.verdict != "agrees"]
    listed.sort(key=lambda row: order.index(row.verdict))
    width = max(60, min(shutil.get_terminal_size((120, 24)).columns, 140))
    lines = []
    for row in listed:
        projected = row.projected if isinstance(row.projected, str) else short(row.projected, digits=4)
        lines.append(f"{row.verdict}: {row.subject}, {row.quantity}: {row.reported} reported, {projected} projected")
        said = f"{row.source}, {row.place}" + (f": {row.cause}" if row.cause else "")
        lines += textwrap.wrap(said, width, initial_indent="    ", subsequent_indent="    ", break_long_words=False)
    counts = Counter(row.verdict for row in rows)
    lines.append(
        f"{len(rows)} figures: {counts['agrees']} agree, {counts['differs, known cause']} differ for a known cause, "
        f"{counts['FAILS']} fail"
    )
    return "\n".join(lines)
