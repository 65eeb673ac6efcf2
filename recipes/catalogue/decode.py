"""From YAML to the types of ``simulators``, strictly: an unknown key or a wrong value is an error that says where."""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec

from lehr.recipes.catalogue.yaml import plain
from lehr.recipes.errors import LehrError, in_words, nearest

T = TypeVar("T")


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
        raise LehrError(f"{where}{below}: {in_words(message)}{shown}") from error
