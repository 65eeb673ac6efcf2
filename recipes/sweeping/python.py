"""A sweep that a Python program asks for."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa

from lehr.recipes.composing.group_files import named_files
from lehr.recipes.composing.overrides import written
from lehr.recipes.composing.python import Folder, composing, searched
from lehr.recipes.errors import LehrError
from lehr.recipes.presenting.locks import release
from lehr.recipes.sweeping.arguments import take_apart
from lehr.recipes.sweeping.result import plain
from lehr.recipes.sweeping.run import claim_folder, swept
from lehr.recipes.sweeping.sweep import Sweep
from lehr.recipes.sweeping.text import write_files


def sweep_table(
    axes: Mapping[str, Sequence[Any] | str],
    settings: Mapping[str, Any],
    *,
    out: Folder = None,
    config_dir: Folder = None,
    overrides: Sequence[str] = (),
) -> pa.Table:
    """The rows of the sweep over ``axes``; its files are written where ``out`` is a folder.

    Raises ``LehrError`` as ``lehr report -m`` does.
    """
    words = [f"{key}={v if isinstance(v, str) else ','.join(map(written, v))}" for key, v in axes.items()]
    words += [*overrides, *(f"{key}={written(value)}" for key, value in settings.items() if value is not None)]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lehr-")) if out is None else out)
        flags = [] if config_dir is None else ["--config-dir", str(config_dir)]
        named = stack.enter_context(named_files("report", [*words, f"out={written(str(folder))}"], flags))
        given = take_apart(["-m", *searched(named, config_dir)])
        if given is None or any(o.startswith("hydra/launcher=") for o in words):
            raise LehrError("overrides: from Python a sweep has no flags and no launcher; write lehr report -m")
        config = stack.enter_context(composing("report", {}, overrides=given.base))
        whole = Sweep(config, given, words=words)
        claim_folder(whole)
        stack.callback(release, whole.folder)
        found = swept(whole)
        assert not isinstance(found, list)
        if out is not None:
            write_files(whole.folder, found, words)
        return plain(found.table, found.varies)
