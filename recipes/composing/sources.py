"""How Hydra reads files here: those of facts as data, those of a user's own without code, and no environment.

Hydra instantiates what a composed configuration names under ``hydra.callbacks``, ``hydra.launcher`` or as a logging
handler. So every file outside the installed package is looked at when it is read, before anything is composed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.plugins import Plugins
from hydra.plugins.config_source import ConfigLoadError, ConfigResult, ConfigSource
from omegaconf import OmegaConf

from lehr.recipes.catalogue.data import GROUPS, check_configuration, check_data, resolved
from lehr.recipes.catalogue.files import CONF
from lehr.recipes.catalogue.yaml import parse_yaml, read_bounded
from lehr.recipes.errors import LehrError, UnsafeError

_OURS = Path(os.path.realpath(CONF))

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
    if group in GROUPS and not ours:
        check_data(data, content, group, shown)
        if b"${" in content:
            resolved(data, group, shown)
    elif not ours:
        check_configuration(data, content, config_path, shown, primary=not group)
    if data is not None and not isinstance(data, dict):
        raise LehrError(f"{shown}: holds a {type(data).__name__}; write key: value")
    header = self._get_header_dict(content[:512].decode(errors="replace"))
    where = f"{self.scheme()}://{self.path}"
    return ConfigResult(config=OmegaConf.create(data or {}), path=where, provider=self.provider, header=header)


def guard(words: Sequence[str]) -> None:
    """Have Hydra read files as above from here on; ``words`` are the command line's, whose author may name variables
    of the environment."""
    for source in Plugins.instance().discover(ConfigSource):
        # Hydra lets no other source take the place of its own for file://
        if issubclass(source, ConfigSource) and source.scheme() == "file":
            source.load_config = load_config  # type: ignore[method-assign]
    _ASKED.update(name for word in words for name in re.findall(r"oc\.env:\s*['\"]?(\w+)", word))
    OmegaConf.register_new_resolver("oc.env", _environment, replace=True)


def _environment(name: str, *default: Any) -> Any:
    from omegaconf.resolvers import oc

    if str(name) not in _ASKED:
        raise UnsafeError(f"{name}: a variable of the environment, which only the command line may name")
    return oc.env(name, *default)
