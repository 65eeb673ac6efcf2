"""What the command line says of groups, as Hydra takes it: a file by its path, and a setting that is called like one.

``law=./fit.yaml`` names a file where Hydra takes names only; ``law=skaling`` of a verb whose ``law`` is plain text is
an error to Hydra, as there is a folder ``law`` in the config root.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lehr.recipes.catalogue.accelerators import accelerator_called
from lehr.recipes.catalogue.data import load_data
from lehr.recipes.catalogue.files import CONF
from lehr.recipes.catalogue.yaml import load_yaml
from lehr.recipes.errors import LehrError

PLAIN = "plain"
"""The key under which a plain setting arrives that is called like a group."""


def is_path(value: str) -> bool:
    """Is ``value`` of a group a path rather than a name?

    >>> is_path("./fit.yaml"), is_path("besiroglu")
    (True, False)
    """
    return value.endswith((".yaml", ".yml")) or value.startswith(("/", "./"))


@contextmanager
def named_files(config: str, arguments: Sequence[str]) -> Iterator[list[str]]:
    """The arguments as Hydra takes them, while this lasts: every path of a group's file is a name that Hydra finds.

    ``config`` is the primary config, whose defaults list says what the groups are. A file is called what its ``name``
    says, or like the file. Raises ``LehrError`` where there is no such file.
    """
    given = list(arguments)
    pairs = [(i, *argument.partition("=")[::2]) for i, argument in enumerate(given)]
    pairs = [(i, key, value) for i, key, value in pairs if key.isidentifier() and (CONF / key).is_dir()]
    groups = _groups(config) if pairs else set()
    for _, key, value in pairs:
        if (config, key) == ("report", "model") and value.startswith("[") and value.endswith("]"):
            each = value.strip("[]").replace(" ", "")
            raise LehrError(
                f"{key}={value}: one file stands here; write {key}=NAME, or -m {key}={each} for each of them"
            )
    files = [(i, key, value) for i, key, value in pairs if key in groups and is_path(value)]
    for i, key, value in pairs:
        if key == "accelerator" and key in groups and not is_path(value):
            given[i] = f"{key}={','.join(_usual(word) for word in value.split(','))}"
    for i, key, value in pairs:
        if key not in groups and key != "experiment" and value and value[0] not in "{[":
            given[i] = f"{key}={','.join(f'{{{PLAIN}: {word}}}' for word in value.split(','))}"
    if not files:
        yield given
        return
    _clear()
    with _temporary() as folder:
        for i, key, value in files:
            words = [_put(Path(word), key, Path(folder)) if is_path(word) else word for word in value.split(",")]
            given[i] = f"{key}={','.join(words)}"
        # beside the other: the parser of flags takes overrides in one piece only
        given.insert(files[0][0], f"hydra.searchpath=[file://{folder}]")
        yield given


@contextmanager
def _temporary() -> Iterator[str]:
    try:
        folder = tempfile.mkdtemp(prefix=f"lehr-{os.getpid()}-")
    except OSError as error:
        raise LehrError(f"{error.filename}: a temporary folder cannot be made ({error.strerror})") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _clear() -> None:
    """Remove the temporary folders of runs that were killed."""
    for folder in Path(tempfile.gettempdir()).glob("lehr-*-*"):
        number = folder.name.split("-")[1]
        if number.isdigit() and folder.stat().st_uid == os.getuid() and not _runs(int(number)):
            shutil.rmtree(folder, ignore_errors=True)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def unwrapped(config: Mapping[str, Any], key: str) -> dict[str, Any]:
    """``config`` with the plain setting ``key`` as it was written.

    >>> unwrapped({"law": {"plain": "skaling"}, "data": "runs.csv"}, "law")
    {'law': 'skaling', 'data': 'runs.csv'}
    """
    value = config[key]
    return {**config, key: value[PLAIN]} if isinstance(value, dict) and set(value) == {PLAIN} else dict(config)


def as_written(overrides: Sequence[str]) -> str:
    """A job's overrides as they were given.

    >>> as_written(["law={plain:skaling}", "data=runs.csv"])
    'law=skaling data=runs.csv'
    """
    return re.sub(r"\{plain: ?([^{}]*)\}", r"\1", " ".join(overrides))


def _groups(config: str) -> set[str]:
    """The groups of a primary config."""
    path = CONF / f"{config}.yaml"
    defaults = (load_yaml(path) or {}).get("defaults", []) if path.is_file() else []
    keys = [str(key).split() for entry in defaults if isinstance(entry, dict) for key in entry]
    return {words[-1] for words in keys if "override" not in words and words[-1] != "runtime"}


def _usual(word: str) -> str:
    """The accelerator's name in the catalogue where ``word`` is what people call it; else the word itself.

    >>> _usual("h100"), _usual("h100_sxm"), _usual("my_own")
    ('h100_sxm', 'h100_sxm', 'my_own')
    """
    names = [path.stem for path in (CONF / "accelerator").glob("*.yaml")]
    return word if word in names else accelerator_called(word, names) or word


def _put(path: Path, group: str, folder: Path) -> str:
    """Put a copy under ``folder``; its name there."""
    data = load_data(path, group)
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
