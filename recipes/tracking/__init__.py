"""A running job's log beside its forecast: reading, saying and drawing it."""

from recipes.tracking.figure import draw
from recipes.tracking.reading import read_rows
from recipes.tracking.words import as_json, as_line, as_text

__all__ = ["as_json", "as_line", "as_text", "draw", "read_rows"]
