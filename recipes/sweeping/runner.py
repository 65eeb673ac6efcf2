"""Running the jobs of a sweep in this process, or in batches on an engine that Hydra launches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.composing.job import Composed
from lehr.recipes.errors import LehrError, UnsafeError
from lehr.recipes.projecting.forecast import forecast_recipe
from lehr.recipes.projecting.job import Decoded, project_job
from lehr.recipes.sweeping.merging import Merger, NotPlainError
from lehr.recipes.sweeping.rows import failed, row

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override

Compose = Callable[[Sequence[str]], dict[str, Any]]
"""From a job's overrides to its configuration, by Hydra itself."""


class Runner:
    """Projects jobs one after the other. ``merger`` is ``None`` where only Hydra can compose them; ``each`` says
    which overrides of a job the base does not have yet, ``repeating`` whether the law of repeated data reads all."""

    def __init__(
        self, merger: Merger | None, each: Sequence[bool], compose: Compose, catalogue: Catalogue,
        *, repeating: bool = False,
    ) -> None:  # fmt: skip
        self._merger, self._each, self._compose, self._catalogue = merger, each, compose, catalogue
        self._decoded = Decoded(repeating=repeating)

    def job(self, overrides: Sequence[Override]) -> Composed:
        """The job's configuration. Raises ``LehrError`` where its overrides cannot stand."""
        texts = [o.input_line or "" for o in overrides]
        config: dict[str, Any] | None = None
        if self._merger is not None:
            try:
                config = self._merger.job([o for o, each in zip(overrides, self._each, strict=True) if each])
            except NotPlainError:
                config = None
        return Composed(config or self._compose(texts), self._catalogue, texts, True)

    def row(self, overrides: Sequence[Override], globbed: bool) -> dict[str, Any]:
        """The job's figures, or why it has none.

        ``globbed`` says that a pattern chose its model or recipe: then one that cannot be projected is left out.
        """
        try:
            job = self.job(overrides)
            config = job.config
            if globbed and config["model"].get("architecture") is None:
                return failed("its architecture is not public", "left out")
            if globbed and config.get("recipe") is None:
                return failed("no recipe", "left out")
            projected = project_job(job, self._decoded)
            course = None
            if job.setting("forecast", bool):
                recipe, projection = projected.recipe, projected.projection
                course = forecast_recipe(self._catalogue, recipe, projection, projected.laws[0], projected.curve)
            return row(projected, course)
        except UnsafeError:
            raise
        except LehrError as error:
            return failed(str(error))


def globs(overrides: Iterable[Override], globbed: Iterable[bool]) -> bool:
    """Did a pattern choose the model or the recipe?"""
    return any(g and o.key_or_group in ("model", "recipe") for o, g in zip(overrides, globbed, strict=True))
