"""Files and jobs that the functions share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from lehr.recipes.errors import LehrError

if TYPE_CHECKING:
    from typing import Any

    from lehr.recipes.catalogue.files import Catalogue
    from lehr.recipes.composing.job import Composed

Folder = str | PathLike[str] | None
"""A folder of the user's own, or none."""

# what follows is imported where it is used, so that a count does not pay for numpy


def catalogue_of(config_dir: Folder) -> Catalogue:
    """The catalogue, with the files of ``config_dir`` beside it. Raises ``LehrError`` where there is no such folder."""
    from lehr.recipes.catalogue.files import CONF, Catalogue

    if config_dir is None:
        return Catalogue()
    if not Path(config_dir).is_dir():
        raise LehrError(f"config_dir: there is no folder {config_dir}; write one that holds model/, recipe/ or law/")
    return Catalogue([CONF, Path(config_dir)])


def meant(text: str, group: str, catalogue: Catalogue) -> str:
    """The name of what people call ``text``. Raises ``LehrError`` where that is nothing, or several."""
    from lehr.recipes.catalogue.resolving import resolve

    return resolve(text, group, catalogue)


def job_of(verb: str, settings: Mapping[str, Any], config_dir: Folder, overrides: Sequence[str] = ()) -> Composed:
    """The job of ``verb``. Raises ``LehrError`` as the command does."""
    from lehr.recipes.composing.python import job_of as composed_job

    return composed_job(verb, settings, config_dir=config_dir, overrides=overrides)


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make ``folder`` hold ``files``."""
    from lehr.recipes.presenting.files import write_folder

    write_folder(folder, dict(files))
