"""What Hydra composed, as plain data, and its errors in one line with the nearest name."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from lehr.recipes.catalogue.decode import decode
from lehr.recipes.catalogue.files import CONF, Catalogue
from lehr.recipes.catalogue.numbers import otherwise, refuse_short_length, share_of, understood
from lehr.recipes.catalogue.resolving import joined, resolve
from lehr.recipes.composing.manual import units_of
from lehr.recipes.errors import LehrError, in_words, nearest
from lehr.recipes.presenting.files import file_name
from lehr.simulators.quantities import Devices, HourlyPrice, Utilisation

SIDES = {">=": "is below", "<=": "is above", ">": "is not above"}


BYTES = re.compile(r"\s*([\d.]+)\s*([KMGT])i?B\s*")
PREFIXES = {"K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
BYTES_A_TOKEN = 4.0
"""Of a vocabulary of a hundred thousand entries, to the digit that a hint needs."""


class Composed(msgspec.Struct, frozen=True):
    """One job: its configuration as plain data, the roots it came from and what the command line set."""

    config: dict[str, Any]
    catalogue: Catalogue
    overrides: list[str]
    multirun: bool

    def setting(self, name: str, kind: Any) -> Any:
        """The value of ``name`` as a ``kind``. Raises ``LehrError`` that says what may stand there."""
        from lehr.recipes.catalogue.yaml import plain

        value = plain(self.config[name], name)
        if isinstance(value, dict):
            # what is wrong within a mapping stands at its own place
            return decode(value, kind, name)
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            if isinstance(value, float) and value.is_integer():
                # 2e4 steps are a whole number of them
                with suppress(msgspec.ValidationError):
                    return msgspec.convert(int(value), kind)
            if isinstance(value, str) and re.match(r"Expected `(int|float)", str(error)):
                said = otherwise(value, name)
                if (amount := BYTES.fullmatch(value)) and "tokens" in name:
                    tokens = float(amount[1]) * PREFIXES[amount[2]] / BYTES_A_TOKEN
                    said = f"is an amount of bytes; a token of text or code is some 4 of them: write {tokens:.3g}"
                raise LehrError(f"{name}: {value!r} {said}") from error
            said = in_words(str(error).partition(" - at ")[0])
            raise LehrError(f"{name}: {said} (found {self.config[name]!r})") from error

    def bounded(self, name: str, kind: Any, write: str) -> Any:
        """As ``setting``, of a ``kind`` with bounds. Raises ``LehrError`` that says what to ``write``."""
        from lehr.recipes.catalogue.yaml import plain

        try:
            return self.setting(name, kind)
        except LehrError as error:
            if not isinstance(error.__cause__, msgspec.ValidationError):
                raise
            value = plain(self.config[name], name)
            bound = re.search(r"(>=|<=|>) (\S+)", str(error.__cause__))
            said = f"{SIDES[bound[1]]} {float(bound[2]):,.15g}" if bound else "will not do"
            raise LehrError(f"{name}: {value!r} {said}; write {write}") from error

    def devices(self) -> int | None:
        """How many accelerators ``devices`` asks for. Raises ``LehrError`` where there are not so many."""
        n: int | None = self.bounded("devices", Devices | None, "a number of accelerators from 1 to 10,000,000")
        return n

    def mfu(self) -> float | None:
        """The utilisation that ``mfu`` sets [1]. Raises ``LehrError`` for one that no training reaches."""
        share: float | None = self.bounded("mfu", Utilisation | None, "a share of the peak, such as 0.4")
        return share

    def usd_per_hour(self) -> float | None:
        """The price of an hour that ``usd_per_hour`` sets [USD/h]. Raises ``LehrError`` for one that nobody asks."""
        price: float | None = self.bounded("usd_per_hour", HourlyPrice | None, "what an hour costs in USD, such as 2.5")
        return price

    def folder(self, *named: str) -> Path:
        """Where the job writes: ``out``, and in a multirun a folder of each job's own below it, called by its overrides
        but those of ``named``, which the verb's own path tells."""
        out = Path(self.setting("out", str))
        if not self.multirun:
            return out
        left_out = tuple(f"{key}=" for key in ("out", *named))
        return out / "multirun" / file_name(o for o in self.overrides if not o.startswith(left_out))

    def choice(self, name: str, options: Sequence[str]) -> str:
        """The value of ``name``, one of ``options``, however it is spelt. Raises ``LehrError`` with the nearest."""
        value = str(self.setting(name, Any))
        alike = [option for option in options if joined(option) == joined(value)]
        if value not in options and len(alike) == 1:
            return alike[0]
        if value not in options:
            raise LehrError(f"{name}: {value!r} is not known; {nearest(value, options)}")
        return value


def without_recipe(job: Composed, model: str) -> LehrError:
    """The error that says which recipe is missing: the one that was asked for, or the model's own."""
    asked = [o.partition("=")[2].strip("'\"") for o in job.overrides if o.startswith("recipe=")]
    if asked and asked[-1] not in ("", "null", model):
        return LehrError(f"no recipe is called {asked[-1]!r}; {nearest(asked[-1], job.catalogue.files('recipe'))}")
    return LehrError(f"{model} has no recipe; write recipe=<name of one>, or a file recipe/{model}.yaml")


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
    for override in hydra.overrides.task:
        if primary == "report" and override.partition("=")[0] == "~recipe":
            raise LehrError(f"{override}: takes away what a report projects; write recipe=NAME for another")
    data = OmegaConf.to_container(config, resolve=True)
    if not isinstance(data, dict):
        raise LehrError("the configuration is not a mapping")
    given = {str(k): v for k, v in data.items()}
    _refuse_shadows({str(k): v for k, v in hydra.runtime.choices.items()}, sources)
    # Hydra searches the first source first; in the catalogue the last root wins
    catalogue = Catalogue([CONF, *(p for p in reversed(sources) if p.resolve() != CONF.resolve())])
    return Composed(
        with_names(with_settings(primary, given), primary, catalogue),
        catalogue,
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


NAMES = {
    ("compare", "names"): "model",
    ("explore", "selected"): "model",
    ("explore", "laws"): "law",
    ("plan", "base"): "model",
    ("report", "fallback_accelerator"): "accelerator",
}
"""Settings that are names of the catalogue's files, beside the laws that are called so."""


def with_names(config: dict[str, Any], primary: str, catalogue: Catalogue) -> dict[str, Any]:
    """``config`` with what its settings call files of the catalogue by their names, and its numbers as they are said.

    Raises ``LehrError`` that says the key where a name means no file, or several.
    """
    units = units_of(primary)

    def meant(key: str, value: Any) -> Any:
        if isinstance(value, list):
            return [meant(key, v) for v in value]
        group = NAMES.get((primary, key)) or ("law" if key.endswith(("_law", "_laws")) else None)
        if group and isinstance(value, str):
            return resolve(value, group, catalogue, key)
        if key not in units:
            return value
        refuse_short_length(value, key)
        said = understood(value, units[key])
        return share_of(said, key) if units[key] == "1" else said

    return {key: meant(key, value) for key, value in config.items()}


def with_settings(primary: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """``given`` with the settings of a primary config that it leaves out. Raises ``LehrError`` where it lacks one of
    its groups."""
    return {**_settings(primary, given), **given}


def _settings(primary: str, given: Collection[str]) -> dict[str, Any]:
    """The settings of a primary config. Raises ``LehrError`` where ``given`` lacks one of its groups."""
    from lehr.recipes.catalogue.yaml import load_yaml

    whole: dict[str, Any] = load_yaml(CONF / f"{primary}.yaml")
    for entry in whole.pop("defaults"):
        for group, name in entry.items() if isinstance(entry, dict) else ():
            if group.isidentifier() and group != "runtime" and name is not None and group not in given:
                raise LehrError(f"{group}: is missing; write {group}={name}")
    whole.pop("hydra")
    return whole
