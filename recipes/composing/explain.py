"""Errors of Hydra and OmegaConf in one line with the nearest name."""

from __future__ import annotations

import re
from typing import Any

from lehr.recipes.catalogue.files import CONF
from lehr.recipes.errors import nearest

INSTALL = {
    "joblib": "pip install 'lehr[joblib]'",
    "submitit_slurm": "pip install 'lehr[slurm]'",
    "submitit_local": "pip install 'lehr[slurm]'",
    "ray": "docs/sweeps.md says which Ray goes with which Hydra",
    "optuna": "pip install 'lehr[search]' and write interval(...) without hydra/sweeper=",
}
"""What brings an engine or a sweeper."""


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
        if group in ("hydra/launcher", "hydra/sweeper"):
            return f"{group}={name}: is not installed; {INSTALL.get(name, 'install the plugin of Hydra that has it')}"
        return f"{group}: no {group} is called {name!r}; {nearest(name, error.options)}"
    message = str(error)
    if "Got NoneType" in message and (nulls := [a for a in arguments if a.endswith("=null")]):
        return f"{nulls[0]}: null names no file; write ~{nulls[0].removesuffix('=null')} to go without one"
    cause = str(error.__cause__) if error.__cause__ is not None else ""
    if match := re.search(r"Could not override '([^'@]+)[^']*'.\s*No match in the defaults list", message):
        return f"{match[1]}: is in no configuration yet; write +{match[1]}=... to add it"
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


OTHER_WORDS: dict[str, tuple[str, ...]] = {
    "data": ("log",),
    "log": ("data",),
    "logs": ("log", "data"),
    "file": ("log", "data"),
    "gpus": ("devices",),
    "gpu": ("accelerator",),
    "nodes": ("devices",),
    "trainer": ("to",),
    "hours": ("days",),
    "dollars": ("usd",),
    "cost": ("usd",),
    "budget": ("usd", "flops"),
    "seq_len": ("sequence_length",),
    "context": ("sequence_length", "context_length"),
    "experiment": ("recipe",),
}
"""What a person may call a setting that has another name, or that another verb calls so."""


def _unknown_key(key: str, verb: str, arguments: list[str]) -> str:
    """Say which part of ``key`` is unknown by composing again without it."""
    if key.startswith("hydra."):
        return f"{key}: unknown key; +{key}=... adds one, and --cfg hydra shows what is there"
    options: list[str] = []
    parts = key.split(".")
    node = _composition(verb, [a for a in arguments if "=" in a and not a.lstrip("+~").startswith(key)])
    whole = any(a.startswith(f"{key}={{") for a in arguments)
    if whole and parts[0] not in _taken(verb):
        takes = ", ".join([name for name in _taken(verb) if name != "runtime"][:6])
        return f"{parts[0]}: unknown key; lehr {verb} takes {takes}, … (lehr {verb} --help)"
    if whole and (not node or parts[0] not in node or _is_there(node, parts)):
        # Hydra sets the keys of a mapping one by one, and refuses those that are new
        return f"{key}: is given a key that is not there yet; write ++{key}={{...}}, which adds it"
    for depth, part in enumerate(parts):
        if not isinstance(node, dict):
            break
        options = [str(k) for k in node]
        if part not in node:
            prefix = ".".join(parts[:depth])
            other = next((word for word in OTHER_WORDS.get(part, ()) if word in options), None)
            instead = nearest(part, options) if other is None else f"did you mean {other}?"
            return f"{prefix + '.' if prefix else ''}{part}: unknown key; {instead}"
        node = node[part]
    return f"{key}: unknown key; +{key}=... adds one"


def _taken(verb: str) -> list[str]:
    """The settings and groups of a verb, also those that are there for some models alone."""
    base = _composition(verb, [])
    optional = re.findall(r"optional (\w+)", (CONF / f"{verb}.yaml").read_text(encoding="utf-8"))
    return [*(str(key) for key in base), *optional]


def _is_there(node: Any, parts: list[str]) -> bool:
    for part in parts:
        if not isinstance(node, dict) or part not in node:
            return False
        node = node[part]
    return True


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
