"""Everything that the command does, from Python: each function returns its result as a value, and writes files only
where ``out`` names a folder for them.

``config_dir`` is a folder of your own with ``model/``, ``recipe/``, ``law/`` and so on, whose files stand beside the
catalogue's. Settings that a signature does not list are those of the command: ``lehr plan --help`` names them, and
``conf/plan.yaml`` says what each is. ``overrides`` change a value inside a file, as they are written after the command
(``"recipe.stages.pt.steps=500000"``). A mistake in the input raises ``LehrError``.

>>> import lehr
>>> lehr.count("deepseek_v3")["parameters"]["total"]
671026404352
"""

from __future__ import annotations

from lehr.recipes.errors import LehrError
from lehr.recipes.library.catalogued import cite, export_data, models, reference
from lehr.recipes.library.computing import (
    cost,
    design,
    fit,
    generation_speed,
    layout,
    layouts,
    plan,
    plan_schedule,
    report,
    rollout,
    sweep,
)
from lehr.recipes.library.measuring import calibrate
from lehr.recipes.library.reading import (
    check,
    compare,
    count,
    explore,
    find,
    import_config,
    load_model,
    load_recipe,
    project,
)
from lehr.recipes.library.training import export, rehearse, track
from lehr.recipes.projecting.training_rates import lr_scheduler

__all__ = [
    "LehrError",
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
