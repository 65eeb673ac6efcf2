"""What ``lehr calibrate`` does: a machine measured, a table fitted, or the catalogue's constants beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec

from lehr.recipes.catalogue.files import checked_name
from lehr.recipes.composing.job import Composed
from lehr.recipes.errors import LehrError
from lehr.recipes.laying_out.calibrating import Calibration, Compared
from lehr.recipes.laying_out.measuring import Measurement
from lehr.recipes.presenting.files import write_file

Ranks = Annotated[int, msgspec.Meta(ge=2, le=1024)]


class Calibrated(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured, fitted or compared; the file that says it, or ``None`` of a comparison; the rows of a table
    that could not be read, each with its reason."""

    found: Measurement | Calibration | Compared
    path: Path | None
    content: bytes
    left_out: list[str]
    overwrite: bool
    """Whether the file takes the place of another."""

    def write(self) -> None:
        """Write the file. Raises ``LehrError`` where another came to stand there meanwhile."""
        if self.path is not None:
            write_file(self.path, self.content, overwrite=self.overwrite)


def calibrate_job(job: Composed) -> Calibrated:
    """Measure, fit or compare, as the settings ask. Raises ``LehrError`` for a mistake in the input."""
    name = checked_name(job.setting("name", str), "name")
    table = job.setting("table", str | None)
    return _measured(job, name) if table is None else _of_table(job, table, name)


def _measured(job: Composed, name: str) -> Calibrated:
    """Time this machine."""
    from lehr.recipes.laying_out.measuring import accelerator_yaml, measure

    seconds = job.setting("seconds", float)
    if not 0 < seconds <= 3600:
        raise LehrError(f"seconds: {seconds:g} cannot be; write how long measuring may take, such as 30")
    device = job.choice("device", ("auto", "cpu", "cuda"))
    path = _free(job, Path("accelerator") / f"{name}.yaml")
    ranks = job.bounded("processes", Ranks | None, "how many ranks send messages, such as 2")
    found = measure(device, seconds, ranks)
    content = accelerator_yaml(name, found).encode()
    return Calibrated(found=found, path=path, content=content, left_out=[], overwrite=_overwrite(job))


def _of_table(job: Composed, table: str, name: str) -> Calibrated:
    """Fit constants to a table, or set the catalogue's beside it."""
    from lehr.recipes.laying_out.calibrating import as_yaml, calibrate, compared, load
    from lehr.recipes.laying_out.tables import MEASUREMENT, read_rows

    source = MEASUREMENT / "step_time.csv" if table == "catalogue" else Path(table)
    if not source.is_file():
        raise LehrError(f"table: there is no file {table}; write the path of a table, or catalogue")
    rows, left = read_rows(source, job.catalogue)
    if not rows:
        raise LehrError(f"table: no row of {table} can be read; the first: {left[0] if left else 'it is empty'}")
    if not job.setting("fit", bool):
        found = compared(rows, job.catalogue.accelerators, load())
        return Calibrated(found=found, path=None, content=b"", left_out=left, overwrite=False)
    rows = [row for row in rows if row.tokens_per_second]
    if not rows:
        raise LehrError(f"table: no row of {table} has a speed; write a column tokens_per_second, or step_seconds")
    path = _free(job, Path("calibration") / f"{name}.yaml")
    fitted = calibrate(rows, job.catalogue.accelerators)
    content = as_yaml(fitted).encode()
    return Calibrated(found=fitted, path=path, content=content, left_out=left, overwrite=_overwrite(job))


def _free(job: Composed, relative: Path) -> Path:
    path: Path = Path(job.setting("out", str)) / relative
    if path.exists() and not _overwrite(job):
        raise LehrError(f"{path}: stands there already; write another name, or overwrite=true")
    return path


def _overwrite(job: Composed) -> bool:
    return bool(job.setting("overwrite", bool))
