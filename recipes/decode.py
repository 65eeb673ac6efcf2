"""From YAML to the types of ``simulators``, strictly: an unknown key or a wrong value is an error that says where."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml

from recipes.errors import LehrError, nearest

T = TypeVar("T")

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

    def plain(self, node: yaml.Node) -> Any:
        """The data of a node: what yaml's constructor makes, in a third of its time, and no key twice."""
        self.n_built = getattr(self, "n_built", 0) + 1
        if self.n_built > MOST_PARTS:
            raise yaml.constructor.ConstructorError(None, None, f"more than {MOST_PARTS:,} parts", node.start_mark)
        if node.tag == _TEXT:
            return node.value
        if node.tag == _LIST and isinstance(node, yaml.SequenceNode):
            return [self.plain(below) for below in node.value]
        if node.tag == _MAP and isinstance(node, yaml.MappingNode):
            if any(key.tag == _MERGE for key, _ in node.value):
                self.flatten_mapping(node)
                return {self.plain(key): self.plain(below) for key, below in node.value}
            found = {}
            for key, below in node.value:
                name = self.plain(key)
                if isinstance(name, (list, dict)):
                    raise yaml.constructor.ConstructorError(None, None, "a key is no word", key.start_mark)
                if name in found:
                    raise yaml.constructor.ConstructorError(None, None, f"{name!r} stands there twice", key.start_mark)
                found[name] = self.plain(below)
            return found
        return self.construct_object(node, deep=True)


_TEXT, _LIST, _MAP, _MERGE = (f"tag:yaml.org,2002:{name}" for name in ("str", "seq", "map", "merge"))
_TAGS: dict[str, str] = {}

MOST_PARTS = 1_000_000
"""Of one file; aliases of aliases make more of a few lines than any machine holds."""


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


def load_yaml(path: Path) -> Any:
    """The plain data of a YAML file.

    Raises ``LehrError`` where the file cannot be read or is not YAML, with its line.
    """
    try:
        loader = NumberLoader(path.read_bytes())
        try:
            node = loader.get_single_node()
            return None if node is None else loader.plain(node)
        finally:
            loader.dispose()
    except RecursionError as error:
        raise LehrError(f"{path}: not YAML: a part of it holds itself, or it is nested too deep") from error
    except OSError as error:
        raise LehrError(f"{path}: cannot be read ({error.strerror})") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        raise LehrError(f"{place}: not YAML: {error.problem}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise LehrError(f"{path}: not YAML: {' '.join(str(error).split())}") from error


def load_json(path: Path) -> Any:
    """The plain data of a JSON file. Raises ``LehrError`` where it cannot be read, is not JSON (with its line), or says
    a key twice."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise LehrError(f"{path}: {twice!r} stands there twice; keep one of the two")
        return found

    try:
        return json.loads(path.read_bytes(), object_pairs_hook=once)
    except OSError as error:
        raise LehrError(f"{path}: cannot be read ({error.strerror})") from error
    except json.JSONDecodeError as error:
        raise LehrError(f"{path}:{error.lineno}:{error.colno}: not JSON: {error.msg}") from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise LehrError(f"{path}: not JSON: {error}") from error


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


def decode(data: Any, kind: type[T], where: str) -> T:
    """``data`` as a ``kind``; ``where`` names the file or group in errors.

    Raises ``LehrError`` that names the key path, what was found and what may stand there.
    """
    data = plain(data, where)
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        _explain(data, msgspec.inspect.type_info(kind), where)
        raise LehrError(f"{where}: {error}") from error


def _explain(data: Any, kind: msgspec.inspect.Type, where: str) -> None:
    """Walk ``data`` beside its type and raise for the deepest thing that is wrong."""
    info = msgspec.inspect
    if isinstance(kind, info.UnionType):
        _explain_union(data, kind, where)
    elif isinstance(kind, info.LiteralType):
        if isinstance(data, str) and data not in kind.values:
            raise LehrError(f"{where}: {data!r} is not known; {nearest(data, map(str, kind.values))}")
    elif isinstance(kind, info.StructType):
        _explain_struct(data, kind, where)
    elif isinstance(kind, info.DictType) and isinstance(data, dict):
        for key, value in data.items():
            _explain(value, kind.value_type, f"{where}.{key}")
    elif isinstance(kind, info.ListType) and isinstance(data, list):
        for index, value in enumerate(data):
            _explain(value, kind.item_type, f"{where}.{index}")


def _explain_union(data: Any, kind: msgspec.inspect.UnionType, where: str) -> None:
    info = msgspec.inspect
    structs = [t for t in kind.types if isinstance(t, info.StructType)]
    if structs and isinstance(data, dict):
        _explain(data, _by_tag(data, structs, where), where)
    elif structs and not isinstance(data, (list, type(None))) and len(structs) == len(kind.types):
        raise LehrError(f"{where}: found {data!r}; write a mapping with `kind:`")
    elif isinstance(data, str) and not any(isinstance(t, info.StrType) for t in kind.types):
        for literal in (t for t in kind.types if isinstance(t, info.LiteralType)):
            _explain(data, literal, where)
    lists = [t for t in kind.types if isinstance(t, (info.DictType, info.ListType))]
    if lists and isinstance(data, (dict, list)):
        _explain(data, lists[0], where)


def _by_tag(data: dict[str, Any], structs: list[msgspec.inspect.StructType], where: str) -> msgspec.inspect.StructType:
    if len(structs) == 1:
        return structs[0]
    tags = {str(s.tag): s for s in structs}
    if "kind" not in data:
        raise LehrError(f"{where}: has no `kind`; write kind: one of {', '.join(tags)}")
    if not isinstance(data["kind"], str) or data["kind"] not in tags:
        raise LehrError(f"{where}.kind: {data['kind']!r} is not known; {nearest(str(data['kind']), tags)}")
    return tags[data["kind"]]


def _explain_struct(data: Any, kind: msgspec.inspect.StructType, where: str) -> None:
    if not isinstance(data, dict):
        raise LehrError(
            f"{where}: found {data!r}; write a mapping with {', '.join(f.encode_name for f in kind.fields)}"
        )
    fields = {f.encode_name: f for f in kind.fields}
    for key, value in data.items():
        if key in fields:
            _explain(value, fields[key].type, f"{where}.{key}")
        elif key != kind.tag_field:
            raise LehrError(f"{where}.{key}: unknown key; {nearest(key, fields)}")
    for name, field in fields.items():
        if field.required and name not in data:
            raise LehrError(f"{where}: `{name}` is missing; write {name}: ...")
    try:
        msgspec.convert(data, kind.cls)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at ")
        below = re.sub(r"\[(\d+)\]", r".\1", path.strip("`").removeprefix("$"))
        found = data.get(below.strip(".").split(".")[0]) if below else None
        shown = f" (found {found!r})" if below and not isinstance(found, (dict, list)) else ""
        raise LehrError(f"{where}{below}: {message}{shown}") from error
