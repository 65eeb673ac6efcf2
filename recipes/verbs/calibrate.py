"""``lehr calibrate``: measure a machine, or fit the step-time model to measured speeds."""

from __future__ import annotations

import json

import msgspec

from lehr.recipes.composing.job import Composed
from lehr.recipes.composing.settings import form_of


def run(job: Composed) -> int:
    """Measure, fit or compare, as the settings ask; write the file and print what it says."""
    from lehr.recipes.laying_out.calibrating import Calibration, Compared, errors_text
    from lehr.recipes.laying_out.calibration_run import calibrate_job
    from lehr.recipes.laying_out.measuring import as_text

    form = form_of(job)
    done = calibrate_job(job)
    found, path, left = done.found, done.path, done.left_out
    done.write()
    if isinstance(found, Compared):
        shown = {**msgspec.to_builtins(found), "left_out": left}
        print(json.dumps(shown, indent=2, ensure_ascii=False) if form == "json" else found.text(left))
    elif isinstance(found, Calibration):
        fitted = {"file": str(path), "rows": found.rows, **msgspec.to_builtins(found.errors)}
        said = f"{errors_text(found)}\n\n{path}" + "".join(f"\nleft out: {line}" for line in left)
        print(json.dumps(fitted, indent=2) if form == "json" else said)
    elif form == "json":
        print(json.dumps({**msgspec.to_builtins(found, str_keys=True), "file": str(path)}, indent=2))
    else:
        where = path if path is None or path.is_absolute() else f"./{path}"
        print(f"{as_text(found)}\n\n{path}\nnext: lehr layout model=gpt2_124m devices=1 accelerator={where}")
    return 0
