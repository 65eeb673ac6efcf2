"""``lehr plan``: from a budget to a model and its recipe."""

from __future__ import annotations

from pathlib import Path

import msgspec

from lehr.recipes.catalogue.files import CONF
from lehr.recipes.composing.job import Composed
from lehr.recipes.composing.settings import form_of, name_of
from lehr.recipes.errors import LehrError
from lehr.recipes.planning.result import Planned
from lehr.recipes.planning.run import planned
from lehr.recipes.planning.text import as_bytes, as_text, beside_the_report
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
            write_folder(folder, {**files(plan, head), **own_law(job, plan)})
    if name != asked:
        print(f"Written as {name}: {asked} holds the plan of another command.")
    print(as_text(plan))
    print(f"\n{folder / 'plan.html'}")
    # what was given of money is no part of the recipe, nor is the law
    also = ("usd_per_hour", *(("law",) if plan.law is plan.surface else ()))
    given = "".join(f" {word}" for word in job.overrides if word.partition("=")[0] in also)
    print(f"next: lehr report --config-dir {folder} model={name}{given}")
    print(f"      {beside_the_report(plan)}")
    return 0


def own_law(job: Composed, plan: Planned) -> dict[str, bytes]:
    """A law of the person's own that reads the plan's loss, by its path in the plan's folder, in which ``lehr report``
    finds it by its name."""
    named = [word.partition("=")[2] for word in job.overrides if word.startswith("law=")]
    if not named or plan.law is not plan.surface or (CONF / "law" / f"{named[-1]}.yaml").is_file():
        return {}
    return {f"law/{named[-1]}.yaml": job.catalogue.path("law", named[-1]).read_bytes()}


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
