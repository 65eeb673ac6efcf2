"""What Hydra composed, as plain data, and its errors in one line with the nearest name."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from recipes.catalogue import CONF, Catalogue
from recipes.errors import LehrError, nearest
from recipes.writing import file_name


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

    def folder(self, *named: str) -> Path:
        """Where the job writes: ``out``, and in a multirun a folder of each job's own below it, called by its overrides
        but those of ``named``, which the verb's own path tells."""
        out = Path(self.setting("out", str))
        if not self.multirun:
            return out
        left_out = tuple(f"{key}=" for key in ("out", *named))
        return out / "multirun" / file_name(o for o in self.overrides if not o.startswith(left_out))

    def choice(self, name: str, options: Sequence[str]) -> str:
        """The value of ``name``, one of ``options``. Raises ``LehrError`` with the nearest of them."""
        value: str = self.setting(name, str)
        if value not in options:
            raise LehrError(f"{name}: {value!r} is not known; {nearest(value, options)}")
        return value


def composed(config: Any, primary: str) -> Composed:
    """Resolve Hydra's configuration of a running job, whose settings ``conf/<primary>.yaml`` has.

    What a primary config of the user's own leaves out, or an override takes away, is as there. Raises ``LehrError``
    where a value cannot be resolved, and where a file is missing that the verb cannot do without.
    """
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode
    from omegaconf import OmegaConf

    hydra = HydraConfig.get()
    sources = [Path(s.path) for s in hydra.runtime.config_sources if s.schema == "file"]
    data = OmegaConf.to_container(config, resolve=True)
    if not isinstance(data, dict):
        raise LehrError("the configuration is not a mapping")
    given = {str(k): v for k, v in data.items()}
    _refuse_shadows({str(k): v for k, v in hydra.runtime.choices.items()}, sources)
    return Composed(
        {**_settings(primary, given), **given},
        # Hydra searches the first source first; in the catalogue the last root wins
        Catalogue([CONF, *(p for p in reversed(sources) if p.resolve() != CONF.resolve())]),
        list(hydra.overrides.task),
        hydra.mode == RunMode.MULTIRUN,
    )


def _refuse_shadows(choices: Mapping[str, Any], sources: Sequence[Path]) -> None:
    """Raise ``LehrError`` where a file that was chosen stands in the catalogue and in a user's folder: Hydra takes the
    catalogue's, and would not say so."""
    for group, name in choices.items():
        file = Path(group) / f"{name}.yaml"
        for root in sources:
            if root.resolve() != CONF.resolve() and (root / file).is_file() and (CONF / file).is_file():
                said = f"rename yours, or write {group}={root / file}"
                raise LehrError(f"{root / file}: the catalogue has a {group} of that name; {said}")


def _settings(primary: str, given: Collection[str]) -> dict[str, Any]:
    """The settings of a primary config. Raises ``LehrError`` where ``given`` lacks one of its groups."""
    from recipes.decode import load_yaml

    whole: dict[str, Any] = load_yaml(CONF / f"{primary}.yaml")
    for entry in whole.pop("defaults"):
        for group, name in entry.items() if isinstance(entry, dict) else ():
            if group.isidentifier() and group != "runtime" and name is not None and group not in given:
                raise LehrError(f"{group}: is missing; write {group}={name}")
    whole.pop("hydra")
    return whole


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
        group = group.rstrip("/")
        return f"no {group} is called {name!r}; {nearest(name, error.options)}"
    message = str(error)
    if "Got NoneType" in message and (nulls := [a for a in arguments if a.endswith("=null")]):
        return f"{nulls[0]}: null names no file; write ~{nulls[0].removesuffix('=null')} to go without one"
    cause = str(error.__cause__) if error.__cause__ is not None else ""
    if match := re.search(r"Could not override '([^']+)'", message):
        key = match[1]
        if "not in struct" in message + cause or "is not in struct" in message:
            return _unknown_key(key, verb, arguments)
        return f"{key}: cannot be set ({' '.join(cause.split()) or ' '.join(message.split())})"
    if match := re.search(r"Ambiguous value for argument '([^']+)'", message):
        return f"{match[1]}: several values; add -m to run each of them, or write key=[a,b] where a list may stand"
    if match := re.search(r"Could not (?:find|load) '([^']+)'", message):
        group, _, name = match[1].rpartition("/")
        return f"no {group or 'configuration'} is called {name!r}; lehr {verb} --help says what may stand there"
    # Hydra's lines after the first are a listing or advice about its own flags
    lines = [line.strip() for line in message.splitlines() if line.strip() and not line.rstrip().endswith(":")]
    lines = [line for line in lines if not line.startswith("provider=")]
    return "; ".join(lines[:2]) if lines else type(error).__name__


def _unknown_key(key: str, verb: str, arguments: list[str]) -> str:
    """Say which part of ``key`` is unknown by composing again without it."""
    if key.startswith("hydra."):
        return f"{key}: unknown key; +{key}=... adds one, and --cfg hydra shows what is there"
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
