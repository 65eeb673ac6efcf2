"""From a ``config.json`` to a model file of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lehr.recipes.catalogue.files import CONF, checked_name
from lehr.recipes.catalogue.yaml import load_json
from lehr.recipes.errors import LehrError
from lehr.recipes.importing.hugging_face.config import Imported, import_config
from lehr.recipes.importing.hugging_face.families import defaults
from lehr.recipes.importing.model_file import model_file
from lehr.recipes.importing.stored.find import beside, stored
from lehr.recipes.importing.stored.inventory import compared
from lehr.recipes.presenting.files import write_file
from lehr.simulators.counting import count_parameters


def count_beside(found: Imported, source: Path, given: str | None = None) -> list[str]:
    """What a checkpoint's own files say of the count: those at ``given``, or those beside a ``config.json``.

    Raises ``LehrError`` where those that were given cannot be read; of others that is said.
    """
    ours, n_layers = count_parameters(found.architecture).total, found.architecture.n_layers
    if given is not None:
        return compared(stored(Path(given)), ours, n_layers)
    if source.name != "config.json":
        return []
    try:
        inventory = beside(source.parent)
    except LehrError as error:
        return [f"stored: {error}"]
    return [] if inventory is None else compared(inventory, ours, n_layers)


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
    checked_name(name, "name")
    if out.resolve() == CONF.resolve():
        raise LehrError(f"out: {out} holds the catalogue itself; write a folder of your own, such as out=my_conf")
    target = out / "model" / f"{name}.yaml"
    content = model_file(name, found, path, hf_id)
    write_file(target, content, overwrite=overwrite)
    return target
