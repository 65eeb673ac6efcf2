"""``lehr calibrate``: measure a machine, or fit the step-time model to measured speeds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import msgspec

from lehr.recipes.catalogue.files import NAME
from lehr.recipes.composing.job import Composed
from lehr.recipes.errors import LehrError
from lehr.recipes.presenting.files import write_folder

Ranks = Annotated[int, msgspec.Meta(ge=2, le=1024)]


def run(job: Composed) -> int:
    """Measure, fit or compare, as the settings ask."""
    form = job.choice("format", ("text", "json"))
    name = job.setting("name", str)
    if not NAME.fullmatch(name):
        raise LehrError(f"name: {name!r} cannot be a file's name; write letters, digits, _ and - only")
    table = job.setting("table", str | None)
    return _measured(job, name, form) if table is None else _table(job, table, name, form)


def _measured(job: Composed, name: str, form: str) -> int:
    """Time this machine and write its file."""
    from lehr.recipes.laying_out.measuring import accelerator_yaml, as_text, measure

    seconds = job.setting("seconds", float)
    if not 0 < seconds <= 3600:
        raise LehrError(f"seconds: {seconds:g} cannot be; write how long measuring may take, such as 30")
    device = job.choice("device", ("auto", "cpu", "cuda"))
    path = _free(job, Path("accelerator") / f"{name}.yaml")
    ranks = job.bounded("processes", Ranks | None, "how many ranks send messages, such as 2")
    found = measure(device, seconds, ranks)
    write_folder(path.parent, {path.name: accelerator_yaml(name, found).encode()})
    if form == "json":
        print(json.dumps({**msgspec.to_builtins(found, str_keys=True), "file": str(path)}, indent=2))
    else:
        said = path if path.is_absolute() else f"./{path}"
        print(f"{as_text(found)}\n\n{path}\nnext: lehr layout model=gpt2_124m devices=1 accelerator={said}")
    return 0


def _table(job: Composed, table: str, name: str, form: str) -> int:
    """Fit constants to a table, or set the catalogue's beside it."""
    from lehr.recipes.laying_out.calibrating import as_yaml, calibrate, compared, errors_text, load
    from lehr.recipes.laying_out.tables import MEASUREMENT, read_rows

    source = MEASUREMENT / "step_time.csv" if table == "catalogue" else Path(table)
    if not source.is_file():
        raise LehrError(f"table: there is no file {table}; write the path of a table, or catalogue")
    rows, left = read_rows(source, job.catalogue)
    if not rows:
        raise LehrError(f"table: no row of {table} can be read; the first: {left[0] if left else 'it is empty'}")
    fitting = job.setting("fit", bool)
    if not fitting:
        result = compared(rows, job.catalogue.accelerators, load())
        shown = {**msgspec.to_builtins(result), "left_out": left}
        print(json.dumps(shown, indent=2, ensure_ascii=False) if form == "json" else result.text(left))
        return 0
    rows = [row for row in rows if row.tokens_per_second]
    path = _free(job, Path("calibration") / f"{name}.yaml")
    found = calibrate(rows, job.catalogue.accelerators)
    write_folder(path.parent, {path.name: as_yaml(found).encode()})
    if form == "json":
        print(json.dumps({"file": str(path), "rows": found.rows, **msgspec.to_builtins(found.errors)}, indent=2))
    else:
        print(f"{errors_text(found)}\n\n{path}" + "".join(f"\nleft out: {line}" for line in left))
    return 0


def _free(job: Composed, relative: Path) -> Path:
    path: Path = Path(job.setting("out", str)) / relative
    if path.exists() and not job.setting("overwrite", bool):
        raise LehrError(f"{path}: is there already; write another name, or overwrite=true")
    return path
