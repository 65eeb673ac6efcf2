"""``lehr report``: project one recipe, set it beside what was published, write it down."""

from __future__ import annotations

from lehr.recipes.composing.job import Composed
from lehr.recipes.composing.settings import form_of
from lehr.recipes.presenting.files import write_folder
from lehr.recipes.report.projection_json import as_json
from lehr.recipes.report.run import report_data, report_files


def run(job: Composed) -> int:
    """Write the report's folder and say where it lies, or print the projection as JSON."""
    form = form_of(job)
    data = report_data(job)
    if form == "json":
        print(as_json(data), end="")
        return 0
    folder = job.folder("model") / data.model.name
    write_folder(folder, report_files(job, data))
    verdicts = [row.verdict for row in data.comparisons]
    print(
        f"{folder / 'report.html'}  ({len(verdicts)} published figures: {verdicts.count('agrees')} agree, "
        f"{verdicts.count('differs, known cause')} differ for a known cause, {verdicts.count('FAILS')} fail)"
    )
    return 0
