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
from itertools import pairwise
from pathlib import Path
from typing import Any

from lehr.recipes.catalogue.data import load_data
from lehr.recipes.catalogue.files import CONF, Catalogue
from lehr.recipes.catalogue.numbers import understood_override
from lehr.recipes.catalogue.resolving import resolve
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
def named_files(config: str, arguments: Sequence[str], flags: Sequence[str] = ()) -> Iterator[list[str]]:
    """The arguments as Hydra takes them, while this lasts: what a person calls a group's file is its name, and every
    path of one is a name that Hydra finds.

    ``config`` is the primary config, whose defaults list says what the groups are; ``flags`` are Hydra's, of which some
    name further folders. A file is called what its ``name`` says, or like the file. Raises ``LehrError`` where there is
    no such file, or where several are meant.
    """
    given = [understood_override(argument) for argument in arguments]
    pairs = [(i, *argument.partition("=")[::2]) for i, argument in enumerate(given)]
    pairs = [(i, key, value) for i, key, value in pairs if key.isidentifier() and (CONF / key).is_dir()]
    groups = _groups(config) if pairs else set()
    for _, key, value in pairs:
        # Hydra would lay one file over the other
        if key in groups and value.startswith("[") and value.endswith("]"):
            each = value.strip("[]").replace(" ", "")
            raise LehrError(
                f"{key}={value}: one file stands here; write {key}=NAME, or -m {key}={each} for each of them"
            )
    files = [(i, key, value) for i, key, value in pairs if key in groups and is_path(value)]
    catalogue = searched_catalogue(given, flags) if groups else None
    for i, key, value in pairs:
        if catalogue is not None and key in groups and _is_name(value):
            spoken = [word.strip(" '\"") for word in value.split(",")]
            names = [word if is_path(word) else resolve(word, key, catalogue, key) for word in spoken]
            given[i] = f"{key}={','.join(names)}"
    if catalogue is not None and {"model", "recipe"} <= groups and "model" not in {key for _, key, _ in pairs}:
        given += [f"model={model}" for model in _trained_by([value for _, key, value in pairs if key == "recipe"],
                                                            catalogue)]  # fmt: skip
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


def _trained_by(recipes: list[str], catalogue: Catalogue) -> set[str]:
    """The model of the recipes that are named, where none is: a recipe is of its own model, not of the one that
    a verb takes where nothing is said. Raises ``LehrError`` where they are of several."""
    words = [word.strip(" '\"") for word in recipes[-1].split(",")] if recipes and _is_name(recipes[-1]) else []
    own: dict[str, str] = {}
    for word in words:
        path = (
            Path(word) if is_path(word) else catalogue.files("recipe").get(resolve(word, "recipe", catalogue, "recipe"))
        )
        said = load_data(path, "recipe") if path is not None and path.is_file() else None
        if isinstance(said, dict) and isinstance(said.get("model"), str):
            own[word] = said["model"]
    if len({*own.values()}) > 1:
        told = ", ".join(f"{recipe} {model}" for recipe, model in own.items())
        raise LehrError(f"recipe: these train several models ({told}); write model=NAME, or one of them")
    return {*own.values()}


def _is_name(value: str) -> bool:
    """Is ``value`` what a person calls a file, and neither nothing nor one of Hydra's own ways to say several?

    >>> [_is_name(value) for value in ("Kimi K2", "StarCoder2 (15B)", "null", "glob(*)", "${model}", "[a,b]")]
    [True, True, False, False, False, False]
    """
    return value not in ("", "null") and not re.match(r"\w+\(|[\[{]", value) and "${" not in value


def searched_catalogue(arguments: Sequence[str], flags: Sequence[str]) -> Catalogue | None:
    """The catalogue with the folders that Hydra will search beside it; ``None`` where a config of the user's own, or a
    package, may name further ones, among which only Hydra can look."""
    if any(flag.partition("=")[0] in ("--config-name", "-cn", "--config-path", "-cp") for flag in flags):
        return None
    folders = [after for flag, after in pairwise([*flags, ""]) if flag in ("--config-dir", "-cd")]
    folders += [f.partition("=")[2] for f in flags if f.startswith(("--config-dir=", "-cd="))]
    for argument in arguments:
        key, _, value = argument.partition("=")
        if key == "hydra.searchpath":
            said = value.strip("[]").split(",")
            if not all(place.startswith("file://") for place in said):
                return None
            folders += [place.removeprefix("file://") for place in said]
    return Catalogue([CONF, *map(Path, folders)])


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
