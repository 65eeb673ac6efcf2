"""A job that a Python program asks for, composed as the command composes one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any

from lehr.recipes.catalogue.files import CONF
from lehr.recipes.composing import HYDRA_VERSION_BASE
from lehr.recipes.composing.group_files import is_path, named_files
from lehr.recipes.composing.job import Composed, composed
from lehr.recipes.composing.overrides import written
from lehr.recipes.errors import LehrError

Folder = str | PathLike[str] | None


def job_of(
    verb: str, settings: Mapping[str, Any], *, config_dir: Folder = None, overrides: Sequence[str] = ()
) -> Composed:
    """The job of ``verb`` (``plan``, ``plan_schedule``) with ``settings``, and with ``overrides`` as they are written
    after the command; files of ``config_dir`` stand beside the catalogue's. A setting of ``None`` is left out.

    Raises ``LehrError`` as the command does.

    >>> job_of("plan", {"flops": 1e22, "network": "dense"}).config["flops"]
    1e+22
    """
    with composing(verb, settings, config_dir=config_dir, overrides=overrides) as config:
        return composed(config, verb)


@contextmanager
def composing(
    verb: str, settings: Mapping[str, Any], *, config_dir: Folder = None, overrides: Sequence[str] = ()
) -> Iterator[Any]:
    """The same as Hydra's configuration, while Hydra is set up for it; a Hydra application around this one is left as
    it was."""
    import yaml
    from hydra import compose, initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.hydra_config import HydraConfig
    from hydra.errors import HydraException
    from omegaconf import OmegaConf, open_dict
    from omegaconf.errors import OmegaConfBaseException

    from lehr.recipes.composing.explain import explain

    words = [f"{key}={_of_group(key, value)}" for key, value in settings.items() if value is not None]
    holder, around = HydraConfig.instance(), GlobalHydra.instance().hydra
    before = holder.cfg
    GlobalHydra.instance().clear()
    try:
        flags = [] if config_dir is None else ["--config-dir", str(config_dir)]
        with named_files(verb, [*words, *overrides], flags) as given, _guarded(given):
            arguments = searched(given, config_dir)
            try:
                with initialize_config_dir(str(CONF), version_base=HYDRA_VERSION_BASE):
                    whole = compose(verb, arguments, return_hydra_config=True)
                    holder.set_config(whole)
                    config = whole.copy()
                    OmegaConf.set_readonly(config, False)
                    with open_dict(config):
                        config.pop("hydra")
                    yield config
            except (HydraException, OmegaConfBaseException, yaml.YAMLError) as error:
                raise LehrError(explain(error, verb, list(arguments))) from error
    finally:
        # Hydra has another instance now
        holder.cfg, GlobalHydra.instance().hydra = before, around


def _of_group(key: str, value: Any) -> str:
    """``value`` as an override of ``key`` has it; the path of a group's file as it is, as a name takes its place."""
    path = str(value)
    return path if isinstance(value, (str, PathLike)) and (CONF / key).is_dir() and is_path(path) else written(value)


def searched(arguments: Sequence[str], config_dir: Folder) -> list[str]:
    """``arguments`` with the folder among those that Hydra searches. Raises ``LehrError`` where there is none."""
    if config_dir is None:
        return list(arguments)
    folder = Path(config_dir)
    if not folder.is_dir():
        raise LehrError(f"config_dir: there is no folder {folder}; write one that holds model/, recipe/ or law/")
    own = f"file://{folder.resolve()}"
    start = "hydra.searchpath=["
    rest = [a for a in arguments if not a.startswith(start)]
    further = [a.removeprefix(start).removesuffix("]") for a in arguments if a.startswith(start)]
    return [f"{start}{','.join([*further, own])}]", *rest]


@contextmanager
def _guarded(words: Sequence[str]) -> Iterator[None]:
    """Hydra reads files as data within this, and as before after it."""
    from hydra.core.plugins import Plugins
    from hydra.plugins.config_source import ConfigSource
    from omegaconf import OmegaConf
    from omegaconf.resolvers import oc

    from lehr.recipes.composing.sources import guard, sweepers_module

    found = [
        s for s in Plugins.instance().discover(ConfigSource) if issubclass(s, ConfigSource) and s.scheme() == "file"
    ]
    before = [(source, source.load_config) for source in found]
    guard(words)
    try:
        yield
    finally:
        for source, load in before:
            source.load_config = load  # type: ignore[method-assign]
        OmegaConf.register_new_resolver("oc.env", oc.env, replace=True)
        sweepers_module().OmegaConf = OmegaConf
