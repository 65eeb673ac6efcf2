"""What Hydra composed, as plain data, and its errors in one line with the nearest name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec

from recipes.catalogue import CONF, Catalogue
from recipes.errors import LehrError, nearest


class Composed(msgspec.Struct, frozen=True):
    """One job: its configuration as plain data, the roots it came from and what the command line set."""

    config: dict[str, Any]
    catalogue: Catalogue
    overrides: list[str]
    multirun: bool

    def setting(self, name: str, kind: Any) -> Any:
        """The value of ``name`` as a ``kind``. Raises ``LehrError`` that says what may stand there."""
        from recipes.decode import plain

        try:
            return msgspec.convert(plain(self.config[name], name), kind)
        except msgspec.ValidationError as error:
            raise LehrError(f"{name}: {str(error).partition(' - at ')[0]} (found {self.config[name]!r})") from error


def composed(config: Any) -> Composed:
    """Resolve Hydra's configuration of a running job."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode
    from omegaconf import OmegaConf

    hydra = HydraConfig.get()
    sources = [Path(s.path) for s in hydra.runtime.config_sources if s.schema == "file"]
    data = OmegaConf.to_container(config, resolve=True)
    if not isinstance(data, dict):
        raise LehrError("the configuration is not a mapping")
    return Composed(
        {str(k): v for k, v in data.items()},
        # Hydra searches the first source first; in the catalogue the last root wins
        Catalogue([CONF, *(p for p in reversed(sources) if p.resolve() != CONF.resolve())]),
        list(hydra.overrides.task),
        hydra.mode == RunMode.MULTIRUN,
    )


def explain(error: Exception, verb: str, arguments: list[str]) -> str:  # noqa: PLR0911  (one return a kind of error)
    """One line for an error of Hydra's or OmegaConf's, with the nearest name where a name was wrong."""
    import yaml
    from hydra.errors import MissingConfigException, OverrideParseException

    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        return f"{mark.name}:{mark.line + 1}:{mark.column + 1}: not YAML: {error.problem}"
    if isinstance(error, OverrideParseException):
        return f"{error.override}: not understood; write key=value, and quote text that has brackets or commas"

    if isinstance(error, MissingConfigException) and error.options is not None and error.missing_cfg_file:
        group, _, name = str(error.missing_cfg_file).rpartition("/")
        return f"no {group} is called {name!r}; {nearest(name, error.options)}"
    message = str(error)
    cause = str(error.__cause__) if error.__cause__ is not None else ""
    if match := re.search(r"Could not override '([^']+)'", message):
        key = match[1]
        if "not in struct" in message + cause or "is not in struct" in message:
            return _unknown_key(key, verb, arguments)
        return f"{key}: cannot be set ({' '.join(cause.split()) or ' '.join(message.split())})"
    if match := re.search(r"Could not find '([^']+)'", message):
        group, _, name = match[1].rpartition("/")
        return f"no {group or 'configuration'} is called {name!r}; lehr {verb} --help says what may stand there"
    # Hydra's lines after the first are a listing or advice about its own flags
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    return "; ".join(lines[:2]) if lines else type(error).__name__


def _unknown_key(key: str, verb: str, arguments: list[str]) -> str:
    """Say which part of ``key`` is unknown by composing again without it."""
    options: list[str] = []
    parts = key.split(".")
    node = _composition(verb, [a for a in arguments if "=" in a and not a.lstrip("+~").startswith(key)])
    for depth, part in enumerate(parts):
        if not isinstance(node, dict):
            break
        options = [str(k) for k in node]
        if part not in node:
            prefix = ".".join(parts[:depth])
            return f"{prefix + '.' if prefix else ''}{part}: unknown key; {nearest(part, options)}"
        node = node[part]
    return f"{key}: unknown key; +{key}=... adds one"


def _composition(verb: str, overrides: list[str]) -> Any:
    """The configuration as plain data, or nothing where it does not compose."""
    from hydra import compose, initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra
    from omegaconf import OmegaConf

    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(CONF), version_base=None):
            return OmegaConf.to_container(compose(verb, overrides=overrides), resolve=False)
    except Exception:
        # this only looks for a better message; the error in hand is reported anyway
        return {}
