"""A machine measured, and measured speeds beside the model of a step."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lehr.recipes.library.common import Folder, job_of

if TYPE_CHECKING:
    from lehr.recipes.laying_out.calibration_run import Calibrated


def calibrate(
    table: Path | str | None = None,
    *,
    fit: bool = True,
    name: str | None = None,
    overwrite: bool = False,
    out: Folder = None,
    config_dir: Folder = None,
    **settings: Any,
) -> Calibrated:
    """This machine measured (``device``, ``seconds``), or the constants of the step-time model fitted to a ``table`` of
    training speeds; with ``fit=False`` those of the catalogue set beside it. ``.found`` is the result.

    With ``out`` the file is written to ``<out>/accelerator/`` or ``<out>/calibration/`` (``lehr calibrate``).

    >>> import tempfile
    >>> heading = "model,accelerator,devices,sequence_length,tp,pp,dp,micro_batch,global_batch,tokens_per_second"
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     speeds = Path(folder, "speeds.csv")
    ...     size = speeds.write_text(heading + "\\nllama_2_7b,h100_sxm,8,4096,1,1,8,1,64,95000\\n")
    ...     found = calibrate(speeds, fit=False).found
    >>> found.rows[0].model, found.rows[0].measured
    ('llama_2_7b', 95000.0)
    """
    from lehr.recipes.laying_out.calibration_run import calibrate_job

    given = {"table": None if table is None else str(table), "fit": fit, "name": name, "overwrite": overwrite}
    done = calibrate_job(job_of("calibrate", {**given, **settings, "out": out}, config_dir))
    if out is not None:
        done.write()
    return done
