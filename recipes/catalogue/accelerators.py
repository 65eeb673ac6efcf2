"""What people call accelerators."""

from __future__ import annotations

import re
from collections.abc import Iterable


def accelerator_called(text: str, names: Iterable[str]) -> str | None:
    """The accelerator that ``text`` speaks of: the longest name in it, of several parts the usual one; ``None`` where
    there is none.

    >>> names = ["a100_40gb", "a100_80gb", "b200", "gb200", "h100_sxm", "tpu_v5e"]
    >>> [accelerator_called(text, names) for text in ("DGX-GB200", "A100-40GB SXM", "TPU v5e", "A100")]
    ['gb200', 'a100_40gb', 'tpu_v5e', 'a100_80gb']
    >>> [accelerator_called(text, names) for text in ("h100", "H100_80GB", "h1000")]
    ['h100_sxm', 'h100_sxm', None]
    """
    names, plain = list(names), _plain(text)
    whole = [name for name in names if _plain(name) in plain]
    if whole:
        return max(whole, key=lambda name: len(_plain(name)))
    heads: dict[str, list[str]] = {}
    for name in names:
        heads.setdefault(_plain(name.split("_")[0]), []).append(name)
    # h100_80gb is one, h1000 is not
    words = re.sub(r"[^a-z0-9]+", " ", text.lower())
    found = [head for head in heads if head[-1].isdigit() and re.search(rf"{head}(?!\d)", words)]
    # of a100_40gb and a100_80gb the larger one is usual
    return sorted(heads[max(found, key=len)])[-1] if found else None


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())
