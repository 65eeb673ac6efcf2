"""A running job's log beside its forecast: reading, saying and drawing it."""

from lehr.recipes.reading.rows import read_rows
from lehr.recipes.tracking.figures import draw
from lehr.recipes.tracking.text import as_json, as_line, as_text

__all__ = ["as_json", "as_line", "as_text", "draw", "read_rows"]
