"""One quantity as it was logged."""

from __future__ import annotations

import msgspec


class Series(msgspec.Struct, frozen=True):
    """One quantity as it was logged, in the order of the file."""

    steps: list[int]
    values: list[float]
