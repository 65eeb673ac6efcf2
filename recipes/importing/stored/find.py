"""Which files of a folder hold the tensors of a checkpoint."""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath

import msgspec

from lehr.recipes.errors import LehrError
from lehr.recipes.importing.stored.gguf import read_gguf
from lehr.recipes.importing.stored.inventory import MOST_TENSORS, Inventory, Tensor, size_of
from lehr.recipes.importing.stored.safetensors import read_safetensors

MOST_INDEX = 2**26
"""Of an index file [bytes]; that of a checkpoint of 200,000 tensors has a third of it."""

INDEX = "*.index.json"


class Index(msgspec.Struct, frozen=True):
    """An index file: which part holds which tensor, and how many bytes there are."""

    weight_map: dict[str, str]
    metadata: dict[str, msgspec.Raw] = {}


def stored(path: Path) -> Inventory:
    """What ``path`` holds: a safetensors, GGUF or index file, or a folder with some.

    Raises ``LehrError`` where there is none, or where one cannot be read.
    """
    if path.is_dir():
        found = beside(path)
        if found is None:
            raise LehrError(f"{path}: holds no *.safetensors, *.index.json or *.gguf; write stored= with one")
        return found
    if path.name.endswith(".index.json"):
        return read_index(path)
    if path.suffix == ".safetensors":
        return read_safetensors(path)
    if path.suffix == ".gguf":
        return read_gguf(path)
    raise LehrError(f"{path}: is no *.safetensors, *.index.json or *.gguf; write stored= with one, or its folder")


def beside(folder: Path) -> Inventory | None:
    """The checkpoint of a folder, nothing where it has none."""
    if indices := sorted(folder.glob(INDEX)):
        # a folder that has both formats has safetensors' first
        return read_index(sorted(indices, key=lambda path: "safetensors" not in path.name)[0])
    parts = sorted(folder.glob("*.safetensors"))
    if parts:
        return joined([read_safetensors(path) for path in parts])
    parts = sorted(folder.glob("*.gguf"))
    return joined([read_gguf(path) for path in parts]) if parts else None


def joined(parts: list[Inventory]) -> Inventory:
    """Several files as one checkpoint. Raises ``LehrError`` where two hold a tensor of one name."""
    tensors: dict[str, Tensor] = {}
    for part in parts:
        for tensor in part.tensors:
            if tensor.name in tensors:
                raise LehrError(f"{part.files[0]}: tensor {tensor.name!r} stands in another file too; keep one of them")
            tensors[tensor.name] = tensor
    return Inventory(
        tensors=list(tensors.values()),
        files=[name for part in parts for name in part.files],
        notes=[note for part in parts for note in part.notes],
    )


def read_index(path: Path) -> Inventory:
    """The checkpoint that an index file names: its parts where all are there, else how many bytes it says there are.

    Raises ``LehrError`` where it is no index, and where it and its parts do not agree.
    """
    try:
        if (whole := size_of(path)) > MOST_INDEX:
            raise LehrError(f"{path}: {whole:,} bytes; {MOST_INDEX:,} at most are read")
        index = msgspec.json.decode(path.read_bytes(), type=Index)
        total = index.metadata.get("total_size")
        size = None if total is None else msgspec.json.decode(total, type=int | float)
    except OSError as error:
        raise LehrError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise LehrError(f"{path}: is no index of a checkpoint ({error})") from error
    names = sorted(set(index.weight_map.values()))
    if len(index.weight_map) > MOST_TENSORS:
        raise LehrError(f"{path}: {len(index.weight_map):,} tensors; {MOST_TENSORS:,} at most are read")
    for name in names:
        if not name or name in (".", "..") or PurePosixPath(name).name != name or PureWindowsPath(name).name != name:
            raise LehrError(f"{path}: {name[:60]!r} is no name of a file beside it")
    parts = [path.parent / name for name in names]
    if not parts or not all(part.is_file() and part.suffix == ".safetensors" for part in parts):
        if size is None or not 0 <= size < 2**63:
            raise LehrError(f"{path}: its parts are not there, and it does not say how many bytes they have")
        return Inventory(tensors=[], files=[path.name], total_bytes=int(size))
    found = joined([read_safetensors(part) for part in parts])
    differs = {tensor.name for tensor in found.tensors} ^ set(index.weight_map)
    if differs:
        raise LehrError(f"{path}: tensor {min(differs)!r} is in the index or in its files, not in both")
    return found
