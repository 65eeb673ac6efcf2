"""``lehr fit``: the constants of a law from runs."""

from __future__ import annotations

from lehr.recipes.composing.job import Composed
from lehr.recipes.composing.settings import form_of
from lehr.recipes.fitting.run import fit_job
from lehr.recipes.presenting.files import write_folder


def run(job: Composed) -> int:
    """Fit the law's form, write ``<out>/fit/<name>/`` and print what was found."""
    from lehr.recipes.fitting.text import as_json, as_text, files

    form = form_of(job)
    fitted = fit_job(job)
    folder = job.folder() / "fit" / fitted.settings.name
    write_folder(folder, files(fitted))
    print(as_json(fitted).decode(), end="") if form == "json" else print(as_text(fitted, folder))
    return 0
