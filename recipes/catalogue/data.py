"""What a file of data may hold, and what a file of configuration from outside the package may.

A model, a recipe or a law is something that people send each other. It is read as data: nothing in it is executed, and
nothing of the reader's machine enters it. An experiment is configuration: it composes as Hydra's users expect, and
brings no code either.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from lehr.recipes.catalogue.yaml import parse_yaml, read_bounded, texts
from lehr.recipes.errors import LehrError, UnsafeError, nearest

GROUPS = ("model", "recipe", "law", "dataset", "accelerator", "method", "sources")
"""Groups whose files are data."""

REFERENCE = re.compile(r"\$\{\.*[\w.-]+\}")
"""An interpolation that names another value: ``${.tokens}``, ``${recipe.stages.pt.tokens}``."""

RESOLVED = re.compile(r"\$\{oc\.(?:select|dict\.keys|dict\.values):[\w., -]*\}|\$\{hydra:job\.num\}")
"""Resolvers that compute from the configuration alone."""

OF_HYDRA = {"sweeper": {"params", "max_batch_size"}, "mode": None, "help": None, "searchpath": None}
"""What a file outside the package may say under ``hydra:``; the rest names code, folders or an environment."""

LOGGING = ("hydra/job_logging", "hydra/hydra_logging")
"""Groups of Hydra's own that a defaults list may choose: they are in every configuration that a report writes."""

_CODE = ("_target_", "_partial_", "_args_", "_recursive_", "_convert_")


def load_data(path: Path, group: str) -> Any:
    """The data of a file of ``group``, with its references to its own values resolved.

    Raises ``LehrError`` where it cannot be read, and where it holds more than data.
    """
    content = read_bounded(path)
    data = parse_yaml(content, str(path))
    check_data(data, content, group, str(path))
    return resolved(data, group, str(path)) if b"${" in content else data


def check_data(data: Any, content: bytes, group: str, where: str) -> None:
    """Raise ``UnsafeError`` where ``data``, read from ``content``, is more than data of ``group``."""
    if header(content):
        raise UnsafeError(f"{where}: begins with a package header; a {group} is data: leave out # {header(content)}")
    if not isinstance(data, dict):
        return
    for key in ("defaults", "hydra"):
        if key in data:
            raise UnsafeError(f"{where}: `{key}` has no place here; a {group} is data, and names no other file or code")
    for path, key, value in walk(data):
        if key in _CODE:
            raise UnsafeError(f"{where}: {path}: names code; a {group} is data, leave it out")
        if value == "???":
            raise UnsafeError(f"{where}: {path}: is left open (???); write a value")
        if isinstance(key, str) and "${" in key:
            raise UnsafeError(f"{where}: {path}: a key cannot be computed; write it out")
        if isinstance(value, str) and "${" in value and not REFERENCE.fullmatch(value):
            raise UnsafeError(f"{where}: {path}: {value[:60]!r} is computed; a {group} is data: write the value itself")


def check_configuration(data: Any, content: bytes, name: str, where: str, *, primary: bool = False) -> None:
    """Raise ``UnsafeError`` where a file of configuration from outside the package brings code.

    ``name`` is its path from the config root, ``primary`` says that it is the first file of a composition.
    """
    if "hydra" in re.split(r"[/.@]", name):
        raise UnsafeError(f"{where}: configures Hydra itself; a file of your own cannot, the command line can")
    package = header(content)
    if "hydra" in re.split(r"\W+", package) or "$" in package:
        raise UnsafeError(f"{where}: {package}: reaches into Hydra; write # @package _global_, or leave it out")
    if not isinstance(data, dict):
        return
    for path, key, value in walk(data):
        if key in _CODE:
            raise UnsafeError(f"{where}: {path}: names code, which no file may bring; leave it out")
        if isinstance(value, str) and "${" in RESOLVED.sub("", REFERENCE.sub("", value)):
            said = "reads the environment or what is no part of the configuration; write the value itself"
            raise UnsafeError(f"{where}: {path}: {value[:60]!r} {said}")
    for entry in data.get("defaults") or [] if isinstance(data.get("defaults"), list) else []:
        for key in entry if isinstance(entry, dict) else [entry]:
            group = str(key).split()[-1] if str(key).split() else ""
            if group.lstrip("/") not in LOGGING and "hydra" in re.split(r"[/.@:]", group):
                raise UnsafeError(f"{where}: defaults: {key}: chooses Hydra's own code; write it on the command line")
    _check_hydra(data.get("hydra"), where, primary)


def _check_hydra(said: Any, where: str, primary: bool) -> None:
    for key, below in said.items() if isinstance(said, dict) else ():
        allowed = OF_HYDRA.get(key)
        strange = set(below) - allowed if allowed and isinstance(below, dict) else set()
        if key not in OF_HYDRA or strange or (allowed and not isinstance(below, dict)):
            name = ".".join(["hydra", str(key), *map(str, sorted(strange, key=str)[:1])])
            raise UnsafeError(f"{where}: {name}: cannot stand in a file; write it on the command line")
        for name in (below.get("params") or {}) if key == "sweeper" else ():
            if "hydra" in re.split(r"\W+", str(name)):
                raise UnsafeError(f"{where}: hydra.sweeper.params: {name}: configures Hydra itself; leave it out")
        if key == "searchpath":
            folders = below if isinstance(below, list) else [below]
            if not primary or any(":" in str(f) and not str(f).startswith(("file://", "pkg://lehr.")) for f in folders):
                raise UnsafeError(f"{where}: hydra.searchpath: names a package's code; write it on the command line")


def check_keys(data: Any, content: bytes, known: Collection[str], where: str) -> None:
    """Raise ``LehrError`` where a file that says settings (``# @package _global_``) says one that nothing reads: no
    setting or group is called so, and no value of the file is computed from it."""
    if not isinstance(data, dict) or header(content).split()[1:] != ["_global_"]:
        return
    asked = {part for text in texts(data) for found in REFERENCE.findall(text) for part in re.split(r"[${}.]+", found)}
    for key in data:
        if key not in known and key not in ("defaults", "hydra") and str(key) not in asked:
            raise LehrError(f"{where}: {key}: no setting is called so; {nearest(str(key), known)}")


def header(content: bytes) -> str:
    """The header that Hydra reads before the first key, such as ``@package _global_``; empty where there is none.

    >>> header(b"# @package _global_\\nmfu: 0.3"), header(b"# my model\\nname: a")
    ('@package _global_', '')
    """
    for line in content[:4096].decode(errors="replace").lstrip("\ufeff").splitlines():
        if re.match(r"\s*#\s*@", line):
            return line.strip().lstrip("#").strip()
        if line.strip():
            return ""
    return ""


def walk(data: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Path, key and value of everything in plain data, from the outside in.

    >>> list(walk({"a": [1]}))
    [('a', 'a', [1]), ('a.0', 0, 1)]
    """
    pairs = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in pairs:
        here = f"{path}.{key}" if path else str(key)
        yield here, key, value
        if isinstance(value, (dict, list)):
            yield from walk(value, here)


def resolved(data: Any, group: str, where: str) -> Any:
    """``data`` with each reference in place of which its own value stands, as OmegaConf would give.

    Raises ``LehrError`` where it names nothing of the file, a whole part of it, or itself.

    >>> resolved({"tokens": 5, "stages": {"pt": "${..tokens}", "sft": "${recipe.tokens}"}}, "recipe", "a.yaml")
    {'tokens': 5, 'stages': {'pt': 5, 'sft': 5}}
    """

    def value_of(text: str, at: tuple[Any, ...], asked: tuple[str, ...]) -> Any:
        name = text[2:-1]
        dots = len(name) - len(name.lstrip("."))
        parts = [part for part in name[dots:].split(".") if part]
        if dots:
            parts = [*at[: len(at) - dots], *parts]
        elif parts and parts[0] == group:
            parts = parts[1:]
        else:
            raise LehrError(f"{where}: {text}: names nothing of this file; write the value itself")
        node: Any = data
        for part in parts:
            if isinstance(node, list) and str(part).isdigit() and int(part) < len(node):
                node = node[int(part)]
            elif isinstance(node, dict) and part in node:
                node = node[part]
            else:
                raise LehrError(f"{where}: {text}: names nothing of this file; write the value itself")
        if isinstance(node, (dict, list)) or text in asked:
            raise LehrError(f"{where}: {text}: names no value; write the value itself")
        if isinstance(node, str) and REFERENCE.fullmatch(node):
            return value_of(node, tuple(parts), (*asked, text))
        return node

    def through(node: Any, at: tuple[Any, ...]) -> Any:
        if isinstance(node, dict):
            return {key: through(below, (*at, key)) for key, below in node.items()}
        if isinstance(node, list):
            return [through(below, (*at, i)) for i, below in enumerate(node)]
        return value_of(node, at, ()) if isinstance(node, str) and REFERENCE.fullmatch(node) else node

    return through(data, ())
