"""``lehr plan``: from a budget to a model and its recipe."""

from __future__ import annotations

from pathlib import Path

import msgspec

from lehr.recipes.catalogue.files import CONF
from lehr.recipes.composing.job import Composed
from lehr.recipes.composing.settings import form_of, name_of
from lehr.recipes.errors import LehrError
from lehr.recipes.planning.run import planned
from lehr.recipes.planning.text import as_bytes, as_text
from lehr.recipes.presenting.files import write_folder, writing
from lehr.recipes.presenting.locks import claimed


def run(job: Composed) -> int:
    """Print the plan and write its folder; with ``format=json`` print it alone."""
    form, name = form_of(job), name_of(job)
    if (CONF / "model" / f"{name}.yaml").is_file():
        raise LehrError(f"name: the catalogue has a model called {name}; write another name")
    head = f"lehr plan {' '.join(job.overrides)}"
    plans, asked = job.folder() / "plan", name
    if form == "text":
        name = free_name(plans, asked, head)
    plan = planned(_named(job, name))
    if form == "json":
        print(as_bytes(plan).decode(), end="")
        return 0
    from lehr.recipes.planning.page import files

    with writing(plans):
        plans.mkdir(parents=True, exist_ok=True)
        with claimed(plans / asked):
            # another run may have taken the name meanwhile
            name = free_name(plans, asked, head)
            plan = plan if name == plan.name else planned(_named(job, name))
            folder = plans / name
            write_folder(folder, files(plan, head))
    print(as_text(plan))
    print(f"\n{folder / 'plan.html'}")
    # what was given of the machine is no part of the recipe
    given = "".join(f" {word}" for word in job.overrides if word.partition("=")[0] in ("mfu", "usd_per_hour"))
    print(f"next: lehr report --config-dir {folder} model={name}{given}")
    print("      which forecasts the loss under the plan's own schedules")
    return 0


def _named(job: Composed, name: str) -> Composed:
    return msgspec.structs.replace(job, config={**job.config, "name": name})


def free_name(folder: Path, name: str, head: str) -> str:
    """``name``, or with a number behind it where another command's plan stands under it; the same command writes over
    its own."""
    tried, number = name, 1
    while (file := folder / tried / "recipe" / f"{tried}.yaml").is_file():
        if file.read_text(encoding="utf-8").partition("\n")[0] == f"# {head}":
            return tried
        number += 1
        tried = f"{name}_{number}"
    return tried
