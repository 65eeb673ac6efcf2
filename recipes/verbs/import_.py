"""``lehr import``: a model file of a Hugging Face ``config.json``."""

from __future__ import annotations

from pathlib import Path

from lehr.recipes.catalogue.files import CONF
from lehr.recipes.composing.job import Composed
from lehr.recipes.errors import LehrError
from lehr.recipes.importing.hugging_face.config import Imported
from lehr.recipes.importing.run import count_beside, read_config, write_model
from lehr.simulators.counting import count_parameters


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
    if source.suffix in (".safetensors", ".gguf") or source.name.endswith(".index.json"):
        raise LehrError(f"path: {source} holds tensors, no fields; write path=config.json stored={source}")
    found = read_config(source, job.setting("ignore", list[str]))
    beside = count_beside(found, source, job.setting("stored", str | None))
    target = write_model(
        name,
        found,
        Path(job.setting("out", str)),
        str(source),
        hf_id=job.setting("hf_id", str | None),
        overwrite=job.setting("overwrite", bool),
    )
    lines = as_text(name, found, target)
    print("\n".join([*lines[:1], *beside, *lines[1:]]))
    return 0


def as_text(name: str, found: Imported, target: Path) -> list[str]:
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
