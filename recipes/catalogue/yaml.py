"""YAML and JSON as plain data: numbers as OmegaConf reads them, no key twice, no tag, an error that names the line.

A file may come from anyone: its bytes, depth, parts and digits are bounded, so that reading it ends.
"""

from __future__ import annotations

import json
import math
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from lehr.recipes.errors import LehrError

MOST_BYTES = 4 << 20
"""Of one file of the catalogue's kind; the largest law has 21 kB."""

MOST_PARTS = 200_000
"""Of one file; aliases of aliases make more of a few lines than any machine holds."""

MOST_DEPTH = 50
"""Of one part in another; a recipe has 8."""

MOST_DIGITS = 40
"""Of a whole number; Python refuses 4,300, and a double ends at 309."""

_Loader: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class NumberLoader(_Loader):  # type: ignore[misc]
    """YAML 1.1 without its trap: ``8.03e9`` is a number here, as OmegaConf reads it, not a string."""

    yaml_implicit_resolvers = {k: list(v) for k, v in _Loader.yaml_implicit_resolvers.items()}  # type: ignore[attr-defined]

    def resolve(self, kind: type, value: str | None, implicit: Any) -> str:
        """The tag of a node; that of a plain word is looked up, as a catalogue says the same words over and over."""
        if kind is yaml.ScalarNode and implicit[0] and value is not None:
            if value not in _TAGS:
                _TAGS[value] = super().resolve(kind, value, implicit)
            return _TAGS[value]
        tag: str = super().resolve(kind, value, implicit)
        return tag

    def plain(self, node: yaml.Node, depth: int = 0) -> Any:
        """The data of a node: what yaml's constructor makes, in a third of its time, no key twice and no tag."""
        self.n_built = getattr(self, "n_built", 0) + 1
        if self.n_built > MOST_PARTS:
            raise _wrong(f"more than {MOST_PARTS:,} parts", node)
        if depth > MOST_DEPTH:
            raise _wrong(f"nested more than {MOST_DEPTH} deep", node)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if node.tag == _LIST and isinstance(node, yaml.SequenceNode):
            return [self.plain(below, depth + 1) for below in node.value]
        if node.tag == _MAP and isinstance(node, yaml.MappingNode):
            return self._mapping(node, depth)
        raise _wrong(f"the tag {node.tag.replace('tag:yaml.org,2002:', '!!')}; a file of data has none", node)

    def _mapping(self, node: yaml.MappingNode, depth: int) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        merged: dict[Any, Any] = {}
        for key, below in node.value:
            value = self.plain(below, depth + 1)
            if key.tag == _MERGE:
                # the first of several that are merged wins, and what the mapping itself says wins over all
                for part in value if isinstance(value, list) else [value]:
                    if not isinstance(part, dict):
                        raise _wrong("<< takes a mapping", key)
                    merged = {**part, **merged}
                    self.n_built += len(part)
                continue
            name = self.plain(key, depth + 1)
            if isinstance(name, (list, dict)):
                raise _wrong("a key is no word", key)
            if name in found:
                raise _wrong(f"{name!r} stands there twice", key)
            found[name] = value
        return {**merged, **found} if merged else found

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        value: str = node.value
        if node.tag == _TEXT and (node.style or value not in _TAGS):
            return value
        said = _TEXT if node.style else self.resolve(yaml.ScalarNode, value, (True, False))
        if node.tag != said:
            raise _wrong(f"the tag {node.tag.replace('tag:yaml.org,2002:', '!!')}; a file of data has none", node)
        if node.tag == _TEXT:
            return value
        if len(value) > MOST_DIGITS and node.tag == _INT:
            raise _wrong(f"a whole number of more than {MOST_DIGITS} digits", node)
        try:
            return self.construct_object(node, deep=True)
        except (ValueError, KeyError, OverflowError) as error:
            raise _wrong(f"{value[:40]!r} is not understood", node) from error


def _wrong(what: str, node: yaml.Node) -> yaml.constructor.ConstructorError:
    return yaml.constructor.ConstructorError(None, None, what, node.start_mark)


_TEXT, _LIST, _MAP, _MERGE, _INT = (f"tag:yaml.org,2002:{name}" for name in ("str", "seq", "map", "merge", "int"))
_TAGS: dict[str, str] = {}


_FLOAT = re.compile(
    r"^(?:[-+]?(?:[0-9][0-9_]*)\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[-+]?(?:[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)"
    r"|\.[0-9_]+(?:[eE][-+][0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
)
for _character in "-+0123456789.":
    _resolvers = NumberLoader.yaml_implicit_resolvers.get(_character, [])
    NumberLoader.yaml_implicit_resolvers[_character] = [("tag:yaml.org,2002:float", _FLOAT), *_resolvers]
for _character, _resolvers in NumberLoader.yaml_implicit_resolvers.items():
    # dates stay the text that they are
    NumberLoader.yaml_implicit_resolvers[_character] = [r for r in _resolvers if r[0] != "tag:yaml.org,2002:timestamp"]


def read_bounded(path: Path, most: int = MOST_BYTES) -> bytes:
    """The bytes of a file. Raises ``LehrError`` where it cannot be read, is no file (a pipe, a device: they have no
    end), or holds more than ``most``."""
    try:
        # opening a pipe without a writer would wait for one
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(handle, "rb") as file:
            about = os.fstat(handle)
            if stat.S_ISDIR(about.st_mode):
                raise LehrError(f"{path}: cannot be read (Is a directory)")
            if not stat.S_ISREG(about.st_mode):
                raise LehrError(f"{path}: cannot be read (it is a pipe or a device; write the name of a file)")
            content = file.read(most + 1)
    except ValueError as error:
        raise LehrError(f"{str(path)!r}: cannot be read (no file has such a name)") from error
    except OSError as error:
        raise LehrError(f"{path}: cannot be read ({error.strerror})") from error
    if len(content) > most:
        raise LehrError(f"{path}: cannot be read (more than {most / 2**20:,.0f} MiB)")
    return content


def refuse_endless(path: Path) -> None:
    """Raise ``LehrError`` where ``path`` is a pipe or a device, whose reading would not end."""
    try:
        kind = path.stat().st_mode
    except (OSError, ValueError):
        # opening it says what is wrong
        return
    if not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):
        raise LehrError(f"{path}: cannot be read (it is a pipe or a device; write the name of a file)")


def load_yaml(path: Path) -> Any:
    """The plain data of a YAML file.

    Raises ``LehrError`` where the file cannot be read or is not YAML, with its line.
    """
    return parse_yaml(read_bounded(path), str(path))


def parse_yaml(content: bytes, where: str) -> Any:
    """The plain data of YAML; ``where`` names it in errors. Raises ``LehrError`` where it is not YAML."""
    if nested(content) > _PARSER_DEPTH:
        raise LehrError(f"{where}: not YAML: nested more than {MOST_DEPTH} deep")
    try:
        loader = NumberLoader(content)
        try:
            node = loader.get_single_node()
            return None if node is None else loader.plain(node)
        finally:
            loader.dispose()
    except RecursionError as error:
        raise LehrError(f"{where}: not YAML: a part of it holds itself, or it is nested too deep") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"{where}:{mark.line + 1}:{mark.column + 1}" if mark else where
        raise LehrError(f"{place}: not YAML: {error.problem}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise LehrError(f"{where}: not YAML: {' '.join(str(error).split())}") from error


_PARSER_DEPTH = 2000
"""The parser follows depth with its own stack, which a file could exhaust."""


def nested(content: bytes) -> int:
    """How deep brackets or indentation go in ``content``, or more: brackets inside text count too.

    >>> nested(b"a: [[1], {b: 2}]"), nested(b"- - - 1")
    (2, 6)
    """
    deepest = max((len(run[0]) for run in re.finditer(rb"(?m)^[ \t?:-]+", content)), default=0)
    depth = 0
    for sign in re.finditer(rb"[\[\]{}]", content):
        depth = depth + 1 if sign[0] in b"[{" else max(0, depth - 1)
        deepest = max(deepest, depth)
    return deepest


def load_json(path: Path, most: int = 16 << 20) -> Any:
    """The plain data of a JSON file. Raises ``LehrError`` where it cannot be read, is not JSON (with its line), or says
    a key twice."""
    return parse_json(read_bounded(path, most), str(path))


def parse_json(content: bytes, where: str) -> Any:
    """The plain data of JSON; ``where`` names it in errors. Raises ``LehrError`` where it is not JSON."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            seen: set[str] = set()
            twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
            raise LehrError(f"{where}: {twice!r} stands there twice; keep one of the two")
        return found

    def whole(digits: str) -> int:
        if len(digits) > MOST_DIGITS:
            raise LehrError(f"{where}: not JSON: a whole number of more than {MOST_DIGITS} digits")
        return int(digits)

    try:
        data = json.loads(content, object_pairs_hook=once, parse_int=whole)
    except json.JSONDecodeError as error:
        raise LehrError(f"{where}:{error.lineno}:{error.colno}: not JSON: {error.msg}") from error
    except UnicodeDecodeError as error:
        raise LehrError(f"{where}: not JSON: {error}") from error
    except RecursionError as error:
        raise LehrError(f"{where}: not JSON: nested too deep") from error
    if b"\\u" in content and any(not encodable(text) for text in texts(data)):
        raise LehrError(f"{where}: not JSON: a text holds half a character (a surrogate); write the whole of it")
    return data


def encodable(text: str) -> bool:
    """Can ``text`` be written as UTF-8?

    >>> encodable("é"), encodable("\\ud800")
    (True, False)
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def texts(value: Any) -> Iterator[str]:
    """Every text in plain data, keys too.

    >>> list(texts({"a": ["b", 1]}))
    ['a', 'b']
    """
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, below in value.items():
            yield from texts(key)
            yield from texts(below)
    elif isinstance(value, list):
        for below in value:
            yield from texts(below)


def plain(value: Any, where: str) -> Any:
    """``value`` with integral floats as integers, so that 14.8e12 counts tokens exactly.

    Raises ``LehrError`` for a number that is not finite.

    >>> plain({"tokens": 14.8e12, "peak": 2.2e-4}, "recipe")
    {'tokens': 14800000000000, 'peak': 0.00022}
    """
    if isinstance(value, dict):
        return {k if isinstance(k, str) else str(k): plain(v, f"{where}.{k}") for k, v in value.items()}
    if isinstance(value, list):
        return [plain(v, f"{where}.{i}") for i, v in enumerate(value)]
    if isinstance(value, float):
        if not math.isfinite(value):
            raise LehrError(f"{where}: {value} is not a finite number; write a number, or leave the key out")
        if value.is_integer() and abs(value) < 2**53:
            return int(value)
    return value
