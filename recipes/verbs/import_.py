"""``lehr import``: a model file of a Hugging Face ``config.json``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lehr.recipes.catalogue.files import CONF
from lehr.recipes.catalogue.yaml import load_json
from lehr.recipes.composing.job import Composed
from lehr.recipes.errors import LehrError
from lehr.recipes.importing.hugging_face.config import Imported, import_config
from lehr.recipes.importing.hugging_face.families import defaults
from lehr.recipes.importing.model_file import model_file
from lehr.recipes.presenting.files import write_file
from lehr.simulators.counting import count_parameters

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def run(job: Composed) -> int:
    """Read the file, write the model file, and say what was found."""
    path, name = job.setting("path", str | None), job.setting("name", str | None)
    if path is None:
        raise LehrError("path: no file to read; write path=config.json")
    if name is None:
        raise LehrError("name: the model needs one; write name=my_model")
    if (CONF / "model" / f"{name}.yaml").is_file():
        raise LehrError(f"name: the catalogue has a model called {name}; write another name")
    source = Path(path)
    source = source / "config.json" if source.is_dir() else source
    found = read_config(source, job.setting("ignore", list[str]))
    target = write_model(
        name,
        found,
        Path(job.setting("out", str)),
        str(source),
        hf_id=job.setting("hf_id", str | None),
        overwrite=job.setting("overwrite", bool),
    )
    print("\n".join(told(name, found, target)))
    return 0


def read_config(path: Path, ignore: Sequence[str] = ()) -> Imported:
    """The architecture that the ``config.json`` at ``path`` describes, without the fields to ``ignore``.

    Raises ``LehrError`` where it cannot be read, is no JSON object, a field is wrong or not understood, or a core size
    is missing beside others.
    """
    try:
        data = load_json(path)
    except ValueError as error:
        # a number with more digits than Python reads
        raise LehrError(f"{path}: not JSON: {' '.join(str(error).split())}") from error
    if not isinstance(data, dict):
        raise LehrError(f"{path}: holds a {type(data).__name__}; write a mapping of fields, as a config.json is")
    found = import_config(data, str(path), ignore=ignore)
    refuse_partial(data, found, path)
    return found


def refuse_partial(data: dict[str, Any], found: Imported, path: Path) -> None:
    """Raise ``LehrError`` where the file itself, not a part of it, gives some of the core sizes and leaves one out.

    transformers writes every size of a class; only a part of a larger model's file leaves out what is the default.
    """
    missing = [name for name in found.core if name in found.defaulted]
    if missing and any(data.get(name) is not None for name in found.core):
        raise LehrError(
            f"{path}: {missing[0]}: is missing beside other sizes; write it too "
            f"(the default of model_type {found.model_type} is {defaults(found.model_type)[missing[0]]})"
        )


def write_model(
    name: str, found: Imported, out: Path, path: str, *, hf_id: str | None = None, overwrite: bool = False
) -> Path:
    """Write ``<out>/model/<name>.yaml`` and return its path; ``path`` is what was read.

    Raises ``LehrError`` where the name is no name, where another file stands there already and ``overwrite`` is
    false, and where the folder cannot be written.
    """
    if not NAME.fullmatch(name):
        raise LehrError(f"name: {name!r} cannot be a model's name; write letters, digits, _ and - only")
    if out.resolve() == CONF.resolve():
        raise LehrError(f"out: {out} holds the catalogue itself; write a folder of your own, such as out=my_conf")
    target = out / "model" / f"{name}.yaml"
    content = model_file(name, found, path, hf_id)
    try:
        there = target.read_bytes() if target.is_file() else None
    except OSError as error:
        raise LehrError(f"{target}: cannot be read ({error.strerror}); write another folder with out=...") from error
    if there is not None and there != content and not overwrite:
        raise LehrError(f"{target}: stands there already; write another name, or overwrite=true")
    write_file(target, content)
    return target


def told(name: str, found: Imported, target: Path) -> list[str]:
    """What is said of an import: what was read, what was assumed, and how to go on."""
    counts = count_parameters(found.architecture)
    lines = [
        f"{target}: model_type {found.model_type}, {found.architecture.n_layers} layers, "
        f"{counts.total:,} parameters ({counts.active['all']:,} active)"
    ]
    if found.defaulted:
        lines.append(f"left out in the file, by the class's own default: {', '.join(sorted(found.defaulted))}")
    if found.context_assumed:
        lines.append(f"no context length in the file: {found.architecture.context_length} assumed")
    lines += [f"note: {note}" for note in found.notes]
    return [*lines, f"next: lehr count --config-dir {target.parent.parent} model={name}"]
