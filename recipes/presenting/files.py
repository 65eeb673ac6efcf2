"""Files that are written whole or not at all, beside a person's own, which stay.

A folder keeps account of what was written in it (``.lehr.json``: names and digests). What is not listed there, or was
edited since, is a person's. The new folder is made beside the old one, with links to the person's files, and takes
its place in one step.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from lehr.recipes.errors import LehrError
from lehr.recipes.presenting.locks import beside, claimed, exchange

Content = bytes | Callable[[BinaryIO], None]
"""Of a file: its bytes, or what writes them, where they are many."""

MANIFEST = ".lehr.json"
"""The account of a folder's files."""

SINGLE = ".lehr.files.json"
"""The account of files that were each written beside whatever else their folder holds."""

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


def copy_of(path: Path) -> Content:
    """The bytes of another file, copied when they are written."""

    def write(out: BinaryIO) -> None:
        with path.open("rb") as file:
            shutil.copyfileobj(file, out)

    return write


def write_file(path: Path, content: bytes, *, overwrite: bool = True) -> None:
    """Put ``content`` at ``path``; a reader sees the old file or the new one, never half of it.

    Raises ``LehrError`` where the folder cannot be written, and without ``overwrite`` where another content stands
    there, be it by a run that began after this one.
    """
    with writing(path):
        path = followed(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with claimed(path):
            if not overwrite and path.exists() and not (path.is_file() and path.read_bytes() == content):
                raise LehrError(f"{path}: stands there already; write another name, or overwrite=true")
            new = beside(path, "new")
            try:
                new.write_bytes(content)
                new.chmod(0o644)
                new.replace(path)
            except BaseException:
                new.unlink(missing_ok=True)
                raise


def write_folder(
    folder: Path, files: Mapping[str, Content], *, drop: Sequence[str] = (), ours: Callable[[Path], bool] | None = None
) -> None:
    """Make ``folder`` hold ``files`` (relative path to content) in place of those that were written there before; a
    person's own stay.

    ``drop`` are folders in it that are of no more use; ``ours`` says of a file whether it is not a person's, where
    a folder keeps no account. Raises ``LehrError`` where that cannot be done, where a person's file has the name
    of a new one or was edited since, and where the folder holds something else: none of ``files``. What stood there
    before then stands there still.
    """
    with writing(folder):
        folder = followed(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        if folder.exists() and not folder.is_dir():
            raise NotADirectoryError(20, "it is a file", str(folder))
        with claimed(folder):
            seen = {*_below(folder)} if folder.exists() else set()
            stays = [path for path in _persons(folder, files, ours) if path.parts[0] not in drop]
            new = beside(folder, "new")
            try:
                _fill(new, folder, files, stays, account=ours is None)
                _change_over(new, folder, lambda path: path not in seen or path in stays)
            except BaseException:
                # someone who stops the run leaves nothing half-written either
                shutil.rmtree(new, ignore_errors=True)
                raise


def write_beside(folder: Path, files: Mapping[str, bytes]) -> None:
    """Put ``files`` (name to content) into ``folder`` beside all else, in place of those that were written before.

    Raises ``LehrError`` where that cannot be done, and where a person's file has the name of one or was edited since.
    """
    with writing(folder):
        folder = followed(folder)
        folder.mkdir(parents=True, exist_ok=True)
        with claimed(folder / SINGLE):
            account = _account(folder, SINGLE) or {}
            for name, content in files.items():
                listed, where = account.get(name), folder / name
                if listed != "" and where.is_file() and where.read_bytes() != content and _digest(where) != listed:
                    raise _stays(where, listed)
            # a run that is killed between the files and their account leaves files that are known as written here
            write_file(folder / SINGLE, _account_of(account | dict.fromkeys(files, "")))
            for name, content in files.items():
                write_file(folder / name, content)
            write_file(folder / SINGLE, _account_of(account | _digests(files)))


def begin_folder(folder: Path) -> None:
    """Begin a folder that is worked in before its files are there, so that it is known as one of ours.

    Raises ``LehrError`` where it holds something else.
    """
    refuse_others(folder)
    with writing(folder):
        if _account(followed(folder)) is None:
            write_file(followed(folder) / MANIFEST, _account_of({}))


def refuse_others(folder: Path) -> None:
    """Raise ``LehrError`` where ``folder`` holds files, and no account of ours."""
    with writing(folder):
        # what a run leaves that is killed before the account stands there is no person's
        there = [path for path in _below(followed(folder)) if ".lehr-" not in path.name]
        if there and _account(followed(folder)) is None:
            raise LehrError(f"{folder}: holds files of another kind, which stay; write another folder with out=...")


def _persons(folder: Path, files: Mapping[str, Content], ours: Callable[[Path], bool] | None) -> list[Path]:
    """The files in ``folder`` that stay, and empty folders. Raises ``LehrError`` where one is in the way."""
    if not folder.exists():
        return []
    account = _account(folder)
    found = sorted(_below(folder))
    if ours is not None:
        account = {str(path): "" for path in found if ours(folder / path)}
    elif found and account is None and not any((folder / name).exists() for name in files):
        raise LehrError(f"{folder}: holds files of another kind, which stay; write another folder with out=...")
    parents = {str(parent) for name in files for parent in Path(name).parents}
    stays = []
    for path in found:
        name, where = path.as_posix(), folder / path
        listed = (account or {}).get(name)
        plain = where.is_file() and not where.is_symlink()
        if name == MANIFEST or (listed is not None and (not listed or (plain and _digest(where) == listed))):
            continue
        if name in files and plain and where.read_bytes() == files[name]:
            continue
        if (
            name in files
            or (name in parents and (where.is_symlink() or not where.is_dir()))
            or any(str(p) in files for p in path.parents)
        ):
            raise _stays(where, listed, accounted=account is not None)
        stays.append(path)
    return stays


def _stays(where: Path, listed: str | None, *, accounted: bool = True) -> LehrError:
    said = "was edited since it was written" if listed else "was not written by lehr"
    if not accounted:
        said = f"{said}, or by one that kept no account ({MANIFEST}) yet"
    return LehrError(f"{where}: {said}, and stays; move it away, or write another folder with out=...")


def _below(folder: Path) -> Iterator[Path]:
    """Every file and link, and every empty folder, by its path in ``folder``."""
    for at, folders, names in os.walk(folder):
        here = Path(at).relative_to(folder)
        links = [name for name in folders if (Path(at) / name).is_symlink()]
        yield from (here / name for name in [*names, *links])
        if not folders and not names and at != str(folder):
            yield here


def _fill(new: Path, old: Path, files: Mapping[str, Content], stays: Sequence[Path], *, account: bool) -> None:
    new.mkdir()
    for name, content in files.items():
        path = new / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            with path.open("wb") as out:
                content(out)
    if account:
        (new / MANIFEST).write_bytes(_account_of({name: _digest(new / name) for name in files}))
    for path in stays:
        _take_along(old / path, new / path)
    if old.exists():
        shutil.copystat(old, new)


def _take_along(old: Path, new: Path) -> None:
    """The same file under a further name, until the first goes; where the file system has no such links, a copy."""
    if old.is_dir() and not old.is_symlink():
        new.mkdir(parents=True)
        return
    new.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(old, new, follow_symlinks=False)
    except OSError:
        shutil.copy2(old, new, follow_symlinks=False)


def _change_over(new: Path, folder: Path, late: Callable[[Path], bool]) -> None:
    """Put ``new`` in the place of ``folder`` in one step; where there is none, in two that the next run can undo.
    ``late`` says of a file of the old folder whether it may have come since that was looked at."""
    if not folder.exists():
        new.rename(folder)
        return
    if exchange(new, folder):
        _take_late(new, folder, late)
        shutil.rmtree(new)
        return
    old = beside(folder, "old")
    folder.rename(old)
    try:
        new.rename(folder)
    except BaseException:
        old.rename(folder)
        raise
    _take_late(old, folder, late)
    shutil.rmtree(old)


def _take_late(old: Path, folder: Path, late: Callable[[Path], bool]) -> None:
    """What a person put into the old folder while the new one was made, or wrote there anew, comes along: it has one
    name only, what stayed has two."""
    for path in _below(old):
        where = old / path
        is_file = where.is_symlink() or where.is_file()
        if is_file and late(path) and os.lstat(where).st_nlink == 1 and (folder / path).parent.is_dir():
            where.replace(folder / path)


def _account(folder: Path, kept: str = MANIFEST) -> dict[str, str] | None:
    """Name to digest of what was written, or ``None`` where the folder keeps no account."""
    try:
        found = json.loads((folder / kept).read_bytes())["files"]
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise LehrError(f"{folder / kept}: is not as it was written; remove it, or write another out=...") from error
    return {str(name): str(digest) for name, digest in found.items()}


def _digests(files: Mapping[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


def _account_of(digests: Mapping[str, str]) -> bytes:
    listed = {"version": 1, "files": dict(sorted(digests.items()))}
    return (json.dumps(listed, indent=1, ensure_ascii=False) + "\n").encode()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def followed(path: Path) -> Path:
    """``path``, or what it is a link to. Raises ``LehrError`` where the link leads nowhere."""
    if not path.is_symlink():
        return path
    target = Path(os.path.realpath(path))
    if not os.path.exists(target) or target.is_symlink():
        raise LehrError(f"{path}: is a link to {os.readlink(path)}, which is not there; write another out=...")
    return target


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Errors of the file system within this say which path cannot be written, and why."""
    try:
        yield
    except OSError as error:
        raise unwritable(path, error) from error


def unwritable(path: Path, error: OSError) -> LehrError:
    """The error that says which path cannot be written, and why."""
    return LehrError(f"{path}: cannot be written ({error.strerror or error}); write another folder with out=...")
