"""``lehr report``: project one recipe, set it beside what was published, write it down."""

from __future__ import annotations

from lehr.recipes.catalogue.decode import decode
from lehr.recipes.catalogue.entries import Model
from lehr.recipes.catalogue.files import checked_name
from lehr.recipes.composing.job import Composed
from lehr.recipes.composing.settings import form_of
from lehr.recipes.presenting.files import write_folder
from lehr.recipes.report.headline import verdict
from lehr.recipes.report.projection_json import as_json
from lehr.recipes.report.run import report_data, report_files
from lehr.recipes.report.sheet import sheet_files


def run(job: Composed) -> int:
    """Write the report's folder and say where it lies, or print the projection as JSON."""
    form = form_of(job)
    if job.config.get("recipe") is None and form == "text" and not any(o.startswith("recipe=") for o in job.overrides):
        return _sheet(job)
    data = report_data(job)
    if form == "json":
        print(as_json(data), end="")
        return 0
    folder = job.folder("model") / data.model.name
    write_folder(folder, report_files(job, data))
    verdicts = [row.verdict for row in data.comparisons]
    counts = (
        f"{len(verdicts)} published figures: {verdicts.count('agrees')} agree, "
        f"{verdicts.count('differs, known cause')} differ for a known cause, {verdicts.count('FAILS')} fail"
    )
    print(f"{folder / 'report.html'}  ({counts if verdicts else verdict(data)[0]})")
    return 0


def _sheet(job: Composed) -> int:
    """Write the page of a model that has no recipe."""
    model = decode(job.config["model"], Model, "model")
    folder = job.folder("model") / checked_name(model.name, "model.name")
    write_folder(folder, sheet_files(job.catalogue, model))
    print(f"{folder / 'report.html'}  (no recipe of {model.name} is on record: what is known of the model)")
    return 0
