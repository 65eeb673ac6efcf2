"""What is said of the page, and its file."""

from __future__ import annotations

from pathlib import Path

from lehr.recipes.exploring.page import as_html
from lehr.recipes.exploring.result import Explored


def as_text(explored: Explored, path: Path) -> str:
    """Where the page lies and how much it holds."""
    models = explored.models
    return f"{path}  ({len(models)} models, {sum('recipe' in model for model in models)} with a recipe)"


def files(explored: Explored) -> dict[str, bytes]:
    """``explorer.html``."""
    return {"explorer.html": as_html(explored.data, explored.selected).encode()}
