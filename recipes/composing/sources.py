"""How Hydra reads files here: those of facts as data, those of a user's own without code, and no environment.

Hydra instantiates what a composed configuration names under ``hydra.callbacks``, ``hydra.launcher`` or as a logging
handler. So every file outside the installed package is looked at when it is read, before anything is composed.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from hydra.core.plugins import Plugins
from hydra.plugins.config_source import ConfigLoadError, ConfigResult, ConfigSource
from hydra.plugins.sweeper import Sweeper
from omegaconf import OmegaConf

from lehr.recipes.catalogue.data import GROUPS, check_configuration, check_data, check_keys, header, resolved
from lehr.recipes.catalogue.files import CONF
from lehr.recipes.catalogue.yaml import load_yaml, parse_yaml, read_bounded
from lehr.recipes.errors import LehrError, UnsafeError

_OURS = Path(os.path.realpath(CONF))

_Hydra: Any = sys.modules["hydra.initialize"].Hydra
"""What composes a command, which no public name leads to."""

_looked_for = _Hydra.get_mode

_ASKED: set[str] = set()
"""Environment variables that the command line itself names."""


def load_config(self: ConfigSource, config_path: str) -> ConfigResult:
    """The content of one file, for Hydra. Raises ``LehrError`` where it holds what its kind may not."""
    name = self._normalize_file_name(config_path)
    full = Path(os.path.realpath(Path(self.path) / name))
    ours = full.is_relative_to(_OURS)
    parts = Path(config_path).parts
    group = parts[0] if parts[1:] else ""
    if not full.exists():
        raise ConfigLoadError(f"Config not found : {full}")
    shown = str(Path(self.path) / name)
    content = read_bounded(full)
    data = parse_yaml(content, shown)
    # a group of one's own may be called cluster too, and say settings
    is_data = group in GROUPS or (group == "cluster" and not header(content).startswith("@package _global_"))
    if is_data and not ours:
        check_data(data, content, group, shown)
        if b"${" in content:
            resolved(data, group, shown)
    elif not ours:
        check_configuration(data, content, config_path, shown, primary=not group)
        check_keys(data, content, settings_and_groups(Path(self.path)), shown)
    if data is not None and not isinstance(data, dict):
        raise LehrError(f"{shown}: holds a {type(data).__name__}; write key: value")
    package = self._get_header_dict(content[:512].decode(errors="replace"))
    where = f"{self.scheme()}://{self.path}"
    return ConfigResult(config=OmegaConf.create(data or {}), path=where, provider=self.provider, header=package)


def settings_and_groups(root: Path) -> set[str]:
    """Every setting of a verb, and every group, of the catalogue's and of those in ``root``."""
    groups = {path.name for folder in (CONF, root) for path in folder.iterdir() if path.is_dir()}
    return groups | _settings()


@cache
def _settings() -> set[str]:
    return {str(key) for path in CONF.glob("*.yaml") for key in load_yaml(path)}


def guard(words: Sequence[str]) -> None:
    """Have Hydra read files as above from here on; ``words`` are the command line's, whose author may name variables
    of the environment."""
    for source in Plugins.instance().discover(ConfigSource):
        # Hydra lets no other source take the place of its own for file://
        if issubclass(source, ConfigSource) and source.scheme() == "file":
            source.load_config = load_config  # type: ignore[method-assign]
    _ASKED.update(name for word in words for name in re.findall(r"oc\.env:\s*['\"]?(\w+)", word))
    OmegaConf.register_new_resolver("oc.env", _environment, replace=True)
    sweepers_module().OmegaConf = _Unsaved
    _compose_once(words)


def _compose_once(words: Sequence[str]) -> None:
    """Spare the composition by which Hydra looks for ``hydra.mode``, where no word and no file can have set it.

    The installed files do not set it, so without a folder of the user's and without a word of Hydra's nothing does.
    """
    # --config-dir, --config-path and --config-name, however shortened
    outside = any("hydra" in word or word.startswith(("--co", "-c")) for word in words)
    _Hydra.get_mode = _looked_for if outside else lambda *_, **__: None


def sweepers_module() -> Any:
    """The module of Hydra's basic sweeper, which no public name leads to."""
    basic = next(s for s in Plugins.instance().discover(Sweeper) if s.__name__ == "BasicSweeper")
    return sys.modules[basic.__module__]


class _Unsaved(OmegaConf):
    """OmegaConf for Hydra's sweeper, which would save a file of its own over a person's."""

    @staticmethod
    def save(*_: Any, **__: Any) -> None:
        """Write nothing."""


def _environment(name: str, *default: Any) -> Any:
    from omegaconf.resolvers import oc

    if str(name) not in _ASKED:
        raise UnsafeError(f"{name}: a variable of the environment, which only the command line may name")
    return oc.env(name, *default)
