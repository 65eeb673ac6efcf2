"""A group's file given by its path, as in ``law=./fit.yaml``, where Hydra takes names only."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from recipes.catalogue import CONF
from recipes.decode import load_yaml
from recipes.errors import LehrError


def is_path(value: str) -> bool:
    """Is ``value`` of a group a path rather than a name?

    >>> is_path("./fit.yaml"), is_path("besiroglu")
    (True, False)
    """
    return value.endswith((".yaml", ".yml"))


@contextmanager
def named_files(config: str, arguments: Sequence[str]) -> Iterator[list[str]]:
    """The arguments with every path of a group's file replaced by a name that Hydra finds, while this lasts.

    ``config`` is the primary config, whose defaults list says what the groups are. A file is called what its ``name``
    says, or like the file. Raises ``LehrError`` where there is no such file.
    """
    pairs = [(i, *a.partition("=")[::2]) for i, a in enumerate(arguments) if is_path(a)]
    pairs = [(i, key, value) for i, key, value in pairs if not key.startswith(("-", "+", "~", "hydra."))]
    groups = _groups(config) if pairs else set()
    pairs = [(i, key, value) for i, key, value in pairs if key in groups]
    if not pairs:
        yield list(arguments)
        return
    given = list(arguments)
    with tempfile.TemporaryDirectory(prefix="lehr-") as folder:
        for i, key, value in pairs:
            words = [_put(Path(word), key.partition("@")[0], Path(folder)) if is_path(word) else word
                     for word in value.split(",")]  # fmt: skip
            given[i] = f"{key}={','.join(words)}"
        yield [*given, f"hydra.searchpath=[file://{folder}]"]


def _groups(config: str) -> set[str]:
    """The groups of a primary config."""
    path = CONF / f"{config}.yaml"
    defaults = (load_yaml(path) or {}).get("defaults", []) if path.is_file() else []
    keys = [str(key).split() for entry in defaults if isinstance(entry, dict) for key in entry]
    return {words[-1] for words in keys if "override" not in words and words[-1] != "runtime"}


def _put(path: Path, group: str, folder: Path) -> str:
    """Put a copy under ``folder``; its name there."""
    data = load_yaml(path)
    said = data.get("name") if isinstance(data, dict) else None
    name = said if isinstance(said, str) and re.fullmatch(r"\w+", said) else re.sub(r"\W+", "_", path.stem)
    # a name of the catalogue would be found there first
    while (folder / group / f"{name}.yaml").exists() or (CONF / group / f"{name}.yaml").exists():
        name += "_"
    try:
        (folder / group).mkdir(exist_ok=True)
        shutil.copyfile(path, folder / group / f"{name}.yaml")
    except OSError as error:
        raise LehrError(f"{path}: cannot be read ({error.strerror})") from error
    return name
