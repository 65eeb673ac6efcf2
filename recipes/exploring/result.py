"""What a page over the catalogue holds."""

from __future__ import annotations

from typing import Any

import msgspec


class Explored(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """``data`` is what the page's script reads, ``selected`` the models that it compares when it opens."""

    data: dict[str, Any]
    selected: list[str]

    @property
    def models(self) -> list[dict[str, Any]]:
        """Every model with its counts, its recipe's projection, its curves and its sources."""
        found: list[dict[str, Any]] = self.data["models"]
        return found
