"""A value as an override of Hydra's has it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_BARE = re.compile(r"(?!(?:null|true|false|nan|inf)$)[A-Za-z_./][\w./-]*", re.IGNORECASE)
"""Text that Hydra's grammar takes as it is."""


def written(value: Any) -> str:
    """``value`` as an override has it.

    >>> written(0.4), written(None), written(True), written("my runs.csv"), written(["a", 1]), written({"n": 1e9})
    ('0.4', 'null', 'true', "'my runs.csv'", '[a,1]', '{n:1000000000.0}')
    """
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Mapping):
        pairs = [re.sub(r"(\W)", r"\\\1", str(key)) + ":" + written(below) for key, below in value.items()]
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(written(v) for v in value) + "]"
    if isinstance(value, (int, float)):
        return repr(value)
    text = str(value)
    return text if _BARE.fullmatch(text) else "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
