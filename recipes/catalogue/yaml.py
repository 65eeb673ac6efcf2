"""YAML and JSON as plain data: numbers as OmegaConf reads them, no key twice, an error that names the line."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import yaml

from lehr.recipes.errors import LehrError

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
