"""Files that are written whole or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from lehr.recipes.errors import LehrError

MOST_BYTES = 200
"""Of a name, which file systems hold to 255 with what is written beside it."""


def file_name(parts: Iterable[str]) -> str:
    """``parts`` as one name of a file or folder; a longer one is cut, and still tells its parts from others.

    >>> file_name(["mfu=0.3", "law=a/b"])
    'mfu=0.3_law=a-b'
    """
    name = "_".join(parts).replace("/", "-")
    if len(name.encode()) > MOST_BYTES:
        digest = hashlib.sha256(name.encode()).hexdigest()[:12]
        name = f"{name.encode()[: MOST_BYTES - 13].decode(errors='ignore')}-{digest}"
    return name


def write_file(path: Path, content: bytes) -> None:
    """Put ``content`` at ``path``; a reader sees the old file or the new one, never half of it.

    Raises ``LehrError`` where the folder cannot be written.
    """
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise unwritable(path, error) from error
        raise


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make ``folder`` hold exactly ``files`` (relative path to content), in place of what it held.

    Everything is written beside it first and put in its place at the end. Raises ``LehrError`` where that cannot be
    done, and where the folder holds something else: none of ``files``. What stood there before then stands there still.
    """
    new: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        if folder.exists() and not folder.is_dir():
            raise NotADirectoryError(20, "it is a file", str(folder))
        if folder.exists() and any(folder.iterdir()) and not any((folder / name).exists() for name in files):
            raise LehrError(f"{folder}: holds files of another kind, which stay; write another folder with out=...")
        new = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        new.chmod(0o755)
        for name, content in files.items():
            path = new / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        if folder.exists():
            old = new.with_name(f"{new.name}.old")
            folder.rename(old)
            try:
                new.rename(folder)
            except BaseException:
                old.rename(folder)
                raise
            shutil.rmtree(old)
        else:
            new.rename(folder)
    except BaseException as error:
        # someone who stops the run leaves nothing half-written either
        if new is not None:
            shutil.rmtree(new, ignore_errors=True)
        if isinstance(error, OSError):
            raise unwritable(folder, error) from error
        raise


def unwritable(path: Path, error: OSError) -> LehrError:
    """The error that says which path cannot be written, and why."""
    return LehrError(f"{path}: cannot be written ({error.strerror}); write another folder with out=...")
