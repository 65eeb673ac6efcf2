"""Plan the training of a language model: published recipes as data, exact counts, schedules, loss and cost.

>>> import lehr
>>> lehr.count("deepseek_v3")["parameters"]["total"]
671026404352
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lehr.recipes.library import (
        LehrError,
        calibrate,
        check,
        cite,
        compare,
        cost,
        count,
        design,
        explore,
        export,
        export_data,
        find,
        fit,
        generation_speed,
        import_config,
        layout,
        layouts,
        load_model,
        load_recipe,
        lr_scheduler,
        models,
        plan,
        plan_schedule,
        project,
        reference,
        rehearse,
        report,
        rollout,
        sweep,
        track,
    )

__all__ = [
    "LehrError",
    "__version__",
    "calibrate",
    "check",
    "cite",
    "compare",
    "cost",
    "count",
    "design",
    "explore",
    "export",
    "export_data",
    "find",
    "fit",
    "generation_speed",
    "import_config",
    "layout",
    "layouts",
    "load_model",
    "load_recipe",
    "lr_scheduler",
    "models",
    "plan",
    "plan_schedule",
    "project",
    "reference",
    "rehearse",
    "report",
    "rollout",
    "sweep",
    "track",
]


def __getattr__(name: str) -> Any:
    # nothing is read before it is asked for: the command begins here too, and the version costs more than a count
    if name == "__version__":
        from importlib.metadata import version

        return version("lehr")
    if name in __all__:
        from lehr.recipes import library

        return getattr(library, name)
    raise AttributeError(f"module 'lehr' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
