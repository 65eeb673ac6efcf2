"""From YAML to the types of ``simulators``, strictly: an unknown key or a wrong value is an error that says where.

Where a number belongs it may be written as people do: 2T, 2,000,000, 500k, 40 % of what is a share.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any, TypeVar

import msgspec

from lehr.recipes.catalogue.numbers import number_of, refuse_short_length
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
    except msgspec.ValidationError:
        info = msgspec.inspect.type_info(kind)
        data = plain(_numbers(data, info, where), where)
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        _explain(data, info, where)
        raise LehrError(f"{where}: {in_words(str(error).partition(' - at ')[0])}") from error


def _numbers(data: Any, kind: msgspec.inspect.Type, where: str) -> Any:
    """``data`` with what is written as people write numbers read, where its type takes a number and no such text.

    >>> _numbers({"a": "2T", "b": ["40 %"], "c": "2T"}, msgspec.inspect.type_info(dict[str, float | list[float]]), "")
    {'a': 2000000000000, 'b': ['40 %'], 'c': 2000000000000}
    """
    info = msgspec.inspect
    kinds = kind.types if isinstance(kind, info.UnionType) else (kind,)
    if isinstance(data, str):
        if any(isinstance(k, (info.StrType, info.AnyType)) for k in kinds):
            return data
        told = [number for k in kinds if isinstance(k, (info.IntType, info.FloatType)) for number in _told(data, k)]
        if told:
            refuse_short_length(data, where)
        return told[0] if told else data
    structs = [k for k in kinds if isinstance(k, info.StructType)]
    if structs and isinstance(data, dict):
        tags = {str(s.tag): s for s in structs}
        chosen = structs[0] if len(structs) == 1 else tags.get(str(data.get("kind")))
        fields = {f.encode_name: f.type for f in chosen.fields} if chosen else {}
        return {k: _numbers(v, fields[k], f"{where}.{k}") if k in fields else v for k, v in data.items()}
    of = next((k for k in kinds if isinstance(k, (info.DictType, info.ListType))), None)
    if isinstance(of, info.DictType) and isinstance(data, dict):
        return {k: _numbers(v, of.value_type, f"{where}.{k}") for k, v in data.items()}
    if isinstance(of, info.ListType) and isinstance(data, list):
        return [_numbers(v, of.item_type, f"{where}.{i}") for i, v in enumerate(data)]
    return data


def _told(text: str, kind: msgspec.inspect.IntType | msgspec.inspect.FloatType) -> list[int | float]:
    """The number that ``text`` says, if it is one; of what is at most one a share, in per cent too."""
    number = number_of(text, "1" if kind.le == 1 else "")
    return [] if number is None else [number]


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


def _instead(key: str, fields: Collection[str]) -> str:
    """The nearest key and all that there are.

    >>> _instead("xyz", ["steps", "power"]), _instead("stepps", ["steps", "power"])
    ('write one of steps, power', 'did you mean steps? The keys here are steps, power')
    """
    if not fields:
        return nearest(key, fields)
    guess, keys = nearest(key, fields), ", ".join(fields)
    return f"{guess} The keys here are {keys}" if guess.endswith("?") else f"write one of {keys}"


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
            raise LehrError(f"{where}.{key}: unknown key; {_instead(key, fields)}")
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
