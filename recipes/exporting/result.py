"""What an export is: the files, what every value became, and what was refused."""

from __future__ import annotations

import msgspec

from lehr.recipes.exporting.gaps import Gap
from lehr.recipes.exporting.stage import Exported, ExportStage


class StageResult(msgspec.Struct, frozen=True, kw_only=True):
    """One stage in the trainer's words; ``gaps`` are what the recipe does not say, and what stands there."""

    stage: ExportStage
    exported: Exported
    gaps: list[Gap] = []


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """A recipe in a trainer's words: ``files`` by path below the export's folder; of a trainer that ``builds``
    the network no folder of first weights is needed."""

    model: str
    trainer: str
    title: str
    version: str
    package: str
    unproven: str | None
    keeps: str
    stages: list[StageResult]
    files: dict[str, bytes]
    total: int | None
    config_class: str | None
    builds: bool = False

    @property
    def inexact(self) -> list[StageResult]:
        """Stages whose rates the trainer runs otherwise than the recipe says."""
        return [result for result in self.stages if not result.exported.deviation.exact]

    @property
    def to_fill_in(self) -> list[tuple[str, Gap]]:
        """Every stand-in with its stage: nothing may run before they are the person's own."""
        return [(r.stage.name, gap) for r in self.stages for gap in r.gaps if gap.whose == "stand-in"]
