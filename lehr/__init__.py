"""Plan the training of a language model: published recipes as data, exact counts, schedules, loss and cost.

>>> import lehr
>>> lehr.count(lehr.load_model("deepseek_v3"))["parameters"]["total"]
671026404352
"""

from lehr.recipes.library import check, count, load_model, load_recipe, project

__all__ = ["__version__", "check", "count", "load_model", "load_recipe", "project"]


def __getattr__(name: str) -> str:
    # the version is looked up only where it is asked for: its reading costs more than a count
    if name == "__version__":
        from importlib.metadata import version

        return version("lehr")
    raise AttributeError(f"module 'lehr' has no attribute {name!r}")
