"""A chosen schedule as a person reads it: text, JSON and figures."""

from lehr.recipes.scheduling.figures import draw_cool_downs, draw_search
from lehr.recipes.scheduling.text import cool_down_json, cool_down_text, search_json, search_text

__all__ = ["cool_down_json", "cool_down_text", "draw_cool_downs", "draw_search", "search_json", "search_text"]
