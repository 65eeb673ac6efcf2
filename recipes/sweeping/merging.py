"""A job's configuration by a plain merge of loaded files, the same that Hydra would compose.

Hydra composes each job anew, which costs some 45 ms; merging costs less than one. Where a file does what only Hydra
understands (a defaults list, an interpolation, a package), or an experiment changes what is inside a group, every job
is composed by Hydra instead.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lehr.recipes.catalogue.files import Catalogue, load
from lehr.recipes.catalogue.yaml import plain, texts
from lehr.recipes.errors import LehrError, nearest

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override

GROUPS = ("model", "recipe", "law", "accelerator")

_NAME = re.compile(r"[\w.-]+")

_ONLY_HYDRA = re.compile(r"\$\{|^defaults:|@package", re.MULTILINE)


class NotPlainError(Exception):
    """A configuration that only Hydra can compose."""


class Merger:
    """Merges the overrides of each job into ``base``, the configuration without them.

    ``choices`` are the options that Hydra chose for the groups of ``base``; ``recipe_chosen`` says that the recipe does
    not follow the model. Raises ``NotPlainError`` where ``base`` is more than its files.
    """

    def __init__(
        self,
        base: Mapping[str, Any],
        choices: Mapping[str, str | None],
        catalogue: Catalogue,
        *,
        recipe_chosen: bool,
    ) -> None:
        self._base, self._catalogue, self._recipe_chosen = dict(base), catalogue, recipe_chosen
        self._nodes: dict[tuple[str, str], Any] = {}
        for group in GROUPS:
            option = choices.get(group)
            if option is not None and self._base.get(group) is None:
                # an optional recipe that is not there
                continue
            if (self.node(group, option) if option else None) != self._base.get(group):
                raise NotPlainError(group)
            if option:
                self._base[group] = self.node(group, option)

    def node(self, group: str, option: str) -> Any:
        """The content of one file, the same object every time.

        Raises ``LehrError`` with the nearest name, and ``NotPlainError`` for a file that only Hydra understands.
        """
        if (group, option) not in self._nodes:
            path = self._catalogue.path(group, option)
            if sum((root / group / f"{option}.yaml").is_file() for root in self._catalogue.roots) > 1:
                # which one is meant is Hydra's to say
                raise NotPlainError(str(path))
            if _ONLY_HYDRA.search(path.read_text()):
                raise NotPlainError(str(path))
            self._nodes[group, option] = plain(load(path, group), str(path))
        return self._nodes[group, option]

    def job(self, overrides: Sequence[Override]) -> dict[str, Any]:
        """The configuration of one job; what it shares with others it shares as the same objects.

        Raises ``LehrError`` where a key is not there or a value cannot stand.
        """
        config = dict(self._base)
        recipe_chosen = self._recipe_chosen
        for override in overrides:
            if override.package is not None or "@" in override.key_or_group:
                raise NotPlainError(override.key_or_group)
            if override.key_or_group in GROUPS:
                value = override.value()
                plain_choice = isinstance(value, str) and _NAME.fullmatch(value)
                if not plain_choice or override.is_add() or override.is_force_add() or override.is_delete():
                    raise NotPlainError(override.key_or_group)
                option = str(value)
                config[override.key_or_group] = self.node(override.key_or_group, option)
                recipe_chosen = recipe_chosen or override.key_or_group == "recipe"
                if override.key_or_group == "model" and not recipe_chosen:
                    known = self._catalogue.has("recipe", str(option))
                    config["recipe"] = self.node("recipe", str(option)) if known else None
        for override in overrides:
            if override.key_or_group not in GROUPS:
                config = apply(config, override)
        return config


def apply(config: dict[str, Any], override: Override) -> dict[str, Any]:
    """``config`` with one value changed, as ``OmegaConf.update`` merges it; parts that stay are the same objects.

    Raises ``LehrError`` where the key is not there.
    """
    parts = override.key_or_group.split(".")
    value = override.value()
    if any("${" in text or text == "???" for text in texts(value)):
        raise NotPlainError(override.key_or_group)
    if override.is_delete():
        if value is not None:
            raise NotPlainError(override.key_or_group)
        return _without(config, parts, override.key_or_group)
    adds = override.is_add() or override.is_force_add()
    if override.is_add() and not isinstance(value, (dict, list)) and _at(config, parts) is not None:
        raise LehrError(f"{override.key_or_group}: is there already; write it without +")
    changed: dict[str, Any] = _with(config, parts, plain(value, override.key_or_group), adds, override.key_or_group)
    return changed


def _at(node: Any, parts: Sequence[str]) -> Any:
    for part in parts:
        if isinstance(node, list):
            node = node[int(part)] if part.isdigit() and int(part) < len(node) else None
        else:
            node = node.get(part) if isinstance(node, dict) else None
    return node


def _with(node: Any, parts: Sequence[str], value: Any, adds: bool, key: str) -> Any:
    if not parts:
        # a mapping merges into a mapping, anything else takes its place
        if isinstance(value, dict) and isinstance(node, dict):
            merged = dict(node)
            for name, below in value.items():
                if name not in node and not adds:
                    raise LehrError(f"{key}.{name}: unknown key; {nearest(name, node)}")
                merged[name] = _with(node.get(name), [], below, adds, f"{key}.{name}")
            return merged
        return value
    part, *rest = parts
    if isinstance(node, list):
        if not part.isdigit() or int(part) >= len(node):
            raise LehrError(f"{key}: {part} is no place in a list of {len(node)}")
        return [_with(x, rest, value, adds, key) if i == int(part) else x for i, x in enumerate(node)]
    if not isinstance(node, dict):
        if not adds:
            raise LehrError(f"{key}: there is nothing to set {part!r} in; +{key}=... adds it")
        node = {}
    if part not in node and not adds:
        raise LehrError(f"{key}: unknown key; {nearest(part, node)}")
    return {**node, part: _with(node.get(part), rest, value, adds, key)}


def _without(config: dict[str, Any], parts: Sequence[str], key: str) -> dict[str, Any]:
    above = _at(config, parts[:-1])
    if not isinstance(above, dict) or parts[-1] not in above:
        raise LehrError(f"{key}: is not there, so that it cannot be taken away")
    rest = {name: below for name, below in above.items() if name != parts[-1]}
    changed: dict[str, Any] = rest if len(parts) == 1 else _replaced(config, parts[:-1], rest)
    return changed


def _replaced(node: Any, parts: Sequence[str], value: Any) -> Any:
    if not parts:
        return value
    part, *rest = parts
    if isinstance(node, list):
        return [_replaced(x, rest, value) if i == int(part) else x for i, x in enumerate(node)]
    return {**node, part: _replaced(node[part], rest, value)}
