"""Plan the training of a language model: published recipes as data, exact counts, schedules, loss and cost.

>>> import lehr
>>> lehr.count("deepseek_v3")["parameters"]["total"]
671026404352
"""

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


def __getattr__(name: str) -> str:
    # the version is looked up only where it is asked for: its reading costs more than a count
    if name == "__version__":
        from importlib.metadata import version

        return version("lehr")
    raise AttributeError(f"module 'lehr' has no attribute {name!r}")
