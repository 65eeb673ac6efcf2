"""One sweep: its jobs, which of them are done, and their rows."""

from __future__ import annotations

import functools
import hashlib
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from lehr.recipes.catalogue.yaml import load_yaml, texts
from lehr.recipes.composing.job import composed, with_settings
from lehr.recipes.composing.settings import form_of
from lehr.recipes.errors import LehrError
from lehr.recipes.presenting.files import file_name, write_folder
from lehr.recipes.sweeping import axes
from lehr.recipes.sweeping.arguments import Arguments
from lehr.recipes.sweeping.journal import Journal, fingerprint, read_rows
from lehr.recipes.sweeping.merging import GROUPS, Merger, NotPlainError
from lehr.recipes.sweeping.progress import progress
from lehr.recipes.sweeping.rows import failed
from lehr.recipes.sweeping.runner import Runner, globs

if TYPE_CHECKING:
    import pyarrow as pa
    from hydra.core.override_parser.types import Override

    from lehr.recipes.projecting.job import ProjectedJob
    from lehr.recipes.sweeping.grid import Place

GRID_FROM = 2000
"""Jobs from which a sweep over numbers alone is computed as arrays."""

_NAMES = re.compile(r"[\w./-]+")


def _same_place(one: str, other: str) -> bool:
    """Do two keys name the same value, or one a part of the other's? Then their order matters.

    >>> _same_place("a.b", "a"), _same_place("a.b", "a.c")
    (True, False)
    """
    a, b = one.split("."), other.split(".")
    n = min(len(a), len(b))
    return a[:n] == b[:n] and not (n == 1 and a[0] in GROUPS)


class Sweep:
    """One sweep: its jobs, what is done, and its result. Made inside the Hydra job that composed the base."""

    def __init__(
        self,
        config: Any,
        given: Arguments,
        *,
        words: Sequence[str] = (),
        params: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        from hydra.core.global_hydra import GlobalHydra
        from hydra.core.hydra_config import HydraConfig

        self.job = composed(config, "report")
        hydra = HydraConfig.get()
        self._loader = GlobalHydra.instance().config_loader()
        self._name = str(hydra.job.config_name)
        self.given = given
        said = hydra.sweeper.get("params") or {} if params is None else params
        self.params = {str(k): str(v) for k, v in said.items()}
        self.slots = axes.slots(given.words, self.params, self._loader, given.base)
        if not any(slot.swept for slot in self.slots):
            raise LehrError("nothing varies; write a sweep such as model=starcoder,santacoder, or leave -m out")
        self._refuse_what_is_not_added({str(k): v for k, v in hydra.runtime.choices.items()})
        self._refuse_several_sweeps()
        self.total = axes.n_jobs(self.slots)
        if self.total > axes.MOST_JOBS:
            raise LehrError(f"the sweep has {self.total:.3g} jobs; write fewer values, for at most {axes.MOST_JOBS:,}")
        self.varies = [slot.swept for slot in self.slots]
        self._numeric = [slot.numbers() is not None for slot in self.slots]
        self._globbed = [slot.globbed for slot in self.slots]
        keys = dict.fromkeys(s.key.split(".")[-1] for s in self.slots if s.swept)
        # the folder is one sweep's own: the same command finds it again
        asked = json.dumps([words, [slot.texts for slot in self.slots]])
        own = f"{'-'.join(keys)}-{hashlib.sha256(asked.encode()).hexdigest()[:6]}"
        self.folder = folder or Path(str(hydra.sweep.dir)) / file_name([own])
        self.form = form_of(self.job, "csv")
        self.reports = self.job.setting("reports", bool)
        self.engine = str(hydra.runtime.choices.get("hydra/launcher"))
        self.runner = Runner(
            self._merger(config), [s.each for s in self.slots], self._compose, self.job.catalogue,
            repeating=axes.repeats(self.slots),
        )  # fmt: skip
        self.mark = fingerprint(self.job.catalogue)

    def _refuse_what_is_not_added(self, choices: Mapping[str, str]) -> None:
        """Raise ``LehrError`` for a group that no configuration has yet, and that is not added with +; one that the
        same command line takes away is Hydra's to compose."""
        known = {*choices, *(word[1:].partition("=")[0] for word in self.given.words if word.startswith("~"))}
        for slot in self.slots:
            if slot.swept and not slot.prefix and self._is_group(slot.key) and slot.key not in known:
                raise LehrError(f"{slot.key}: is in no configuration yet; write +{slot.key}=... to add it")

    def _refuse_several_sweeps(self) -> None:
        """Raise ``LehrError`` where an experiment that varies is a sweep itself, of which Hydra would run one job."""
        for slot in self.slots:
            swept = slot.values() if slot.swept and slot.key == "experiment" else []
            for name in [name for value in swept for name in (value if isinstance(value, list) else [value])]:
                content = load_yaml(self.job.catalogue.path("experiment", str(name))) or {}
                if ((content.get("hydra") or {}).get("sweeper") or {}).get("params"):
                    raise LehrError(f"experiment={name} is a sweep itself; write one such experiment a command")

    def _merger(self, config: Any) -> Merger | None:
        """What merges the files of a job, or ``None`` where only Hydra can compose them: files of groups that are not
        of data, values that are computed, an order that matters."""
        from hydra.core.hydra_config import HydraConfig
        from omegaconf import OmegaConf

        choices = {str(k): v for k, v in HydraConfig.get().runtime.choices.items()}
        groups = [s.key.partition("@")[0] for s in self.slots if s.each and self._is_group(s.key.partition("@")[0])]
        read = [self._file(group, str(name)) for group, name in choices.items() if self._is_foreign(group) and name]
        read += [
            self._file(slot.key, str(value))
            for slot in self.slots
            if slot.each and slot.key in groups and slot.key not in GROUPS
            for value in slot.values()
        ]
        computed = any("${" in text for text in texts(OmegaConf.to_container(config, resolve=False)))
        ordered = any(_same_place(a.key, b.key) for a in self.slots if not a.each for b in self.slots if b.each)
        if self._name != "report" or computed or ordered or not set(groups) <= set(GROUPS):
            return None
        if any("recipe" in str(entry) or "${" in str(entry) for content in read for entry in content):
            return None
        chosen = any(o.startswith("recipe=") for o in self.given.base)
        try:
            return Merger(self.job.config, choices, self.job.catalogue, recipe_chosen=chosen)
        except NotPlainError:
            return None

    def _is_group(self, key: str) -> bool:
        return any(source.is_group(key) for source in self._loader.get_sources())

    @staticmethod
    def _is_foreign(group: str) -> bool:
        return group not in (*GROUPS, "runtime") and not group.startswith("hydra/")

    def _file(self, group: str, name: str) -> Any:
        """The defaults list of a file of a group; it is looked at before any job runs. Raises ``LehrError`` where it is
        not there or brings code."""
        where = f"{group.partition('@')[0]}/{name}"
        for source in self._loader.get_sources():
            if _NAMES.fullmatch(name) and source.is_config(where):
                content: Any = source.load_config(where).config
                return content.get("defaults") or []
        return []

    def _compose(self, overrides: Sequence[str]) -> dict[str, Any]:
        """A job's configuration by Hydra itself."""
        from hydra.errors import HydraException
        from hydra.types import RunMode
        from omegaconf import OmegaConf
        from omegaconf.errors import OmegaConfBaseException

        from lehr.recipes.composing.explain import explain

        written = [*(o for o in self.given.base if o not in self.given.words), *overrides]
        try:
            config = self._loader.load_configuration(self._name, written, run_mode=RunMode.RUN)
            OmegaConf.set_struct(config, False)
            config.pop("hydra")
            data = OmegaConf.to_container(config, resolve=True)
        except (HydraException, OmegaConfBaseException) as error:
            raise LehrError(explain(error, "report", written)) from error
        return with_settings("report", {str(k): v for k, v in data.items()}) if isinstance(data, dict) else {}

    def jobs(self) -> Iterator[tuple[int, tuple[Override, ...]]]:
        """The jobs with their numbers."""
        return enumerate(axes.jobs(self.slots))

    def inputs(self, job: Sequence[Override]) -> dict[str, Any]:
        """The values of a job's axes, for its row."""
        found: dict[str, Any] = {}
        for slot, override, numeric in zip(self.slots, job, self._numeric, strict=True):
            if slot.swept:
                value: Any = override.value()
                found[slot.key] = float(value) if numeric else override.get_value_element_as_str()
        return found

    def row(self, number: int, job: Sequence[Override]) -> dict[str, Any]:
        """The row of one job; its report too where reports are wanted."""
        figures = self.runner.row(job, globs(job, self._globbed))
        if self.reports and figures["status"] == "done":
            from lehr.recipes.report import render
            from lehr.recipes.report.run import report_data

            write_folder(self.folder / "reports" / str(number), render(report_data(self.runner.job(job))))
        # a name that the sweep set stands in the row even where the job failed
        inputs = self.inputs(job)
        return {**inputs, **{k: v for k, v in figures.items() if v is not None or k not in inputs}}

    def done(self) -> dict[int, dict[str, Any]]:
        """The rows that an interrupted run, or the batches of an engine, left behind."""
        rows = read_rows(self.folder / "journal", self.mark)
        return {job: row for job, row in rows.items() if job < self.total}

    def run(self) -> dict[int, dict[str, Any]]:
        """The rows of all jobs: those that are done, and the others now."""
        rows = self.done()
        if rows:
            print(f"{len(rows):,} of {self.total:,} jobs were done before", file=sys.stderr)
        path = self.folder / "journal" / "0.jsonl"
        with Journal(path, self.mark) as journal, progress(self.total, len(rows)) as step:
            for number, job in self.jobs():
                if number not in rows:
                    rows[number] = self.row(number, job)
                    journal.add(number, rows[number])
                    step(axes.words(job, self.varies))
        return rows

    def collected(self) -> dict[int, dict[str, Any]]:
        """The rows that the engine's batches wrote; a job of a batch that broke has failed."""
        rows = self.done()
        lost = failed(f"its batch on {self.engine} did not finish")
        return {number: rows.get(number) or {**self.inputs(job), **lost} for number, job in self.jobs()}

    @property
    def searches(self) -> bool:
        """Is it a search, with an interval among what varies?"""
        return any(slot.interval is not None for slot in self.slots)

    def label(self, number: int) -> str:
        """What tells one job from the others."""
        return axes.words(next(islice(axes.jobs(self.slots), number, None)), self.varies)

    def grid(self) -> pa.Table | None:
        """The result where only numbers of one recipe vary, all at once; ``None`` where jobs must run one by one. Jobs
        with a number that no recipe takes, such as a utilisation of 0, are run one by one and fail by name."""
        import numpy as np
        import pyarrow as pa

        from lehr.recipes.sweeping import grid
        from lehr.recipes.sweeping.result import from_rows, inputs, plain

        within = [grid.within(slot) for slot in self.slots]
        if all(map(all, within)):
            return self._at_once(self.slots)
        if not all(map(any, within)):
            return None
        slots = [
            msgspec.structs.replace(slot, options=[o for o, kept in zip(slot.options, keep, strict=True) if kept])
            for slot, keep in zip(self.slots, within, strict=True)
        ]
        kept = functools.reduce(np.logical_and.outer, [np.array(keep) for keep in within]).ravel()
        table = self._at_once(slots)
        if table is None:
            return None
        varies = inputs(self.slots)
        rows = {number: self.row(number, job) for number, job in self.jobs() if not kept[number]}
        table = plain(table, varies).set_column(0, "job", pa.array(np.flatnonzero(kept)))
        return pa.concat_tables([table, from_rows(rows, varies)]).sort_by("job")

    def _at_once(self, slots: Sequence[axes.Slot]) -> pa.Table | None:
        """The result over numbers that may stand in a recipe, or ``None`` as above."""
        from lehr.recipes.projecting.job import project_job
        from lehr.recipes.sweeping import grid
        from lehr.recipes.sweeping.result import from_columns, inputs
        from lehr.recipes.sweeping.rows import row

        swept, total = grid.axes(slots), axes.n_jobs(slots)
        if total < GRID_FROM or swept is None or self.reports or self.job.setting("forecast", bool):
            return None
        if self.job.config.get("train_flops") is not None and any(key.startswith("recipe.") for key in swept):
            # the length follows from the budget, whatever the recipe says of it
            return None
        try:
            first = project_job(self.runner.job(next(iter(axes.jobs(slots)))))
            for shortest in (True, False):
                project_job(self.runner.job([grid.extreme(slot, shortest) for slot in slots]))
            places = grid.places(slots)
            if 1 < len(places) > min(total // grid.ROWS_A_PLACE, grid.MOST_PLACES):
                return None
            columns = grid.over_places(slots, swept, self._placed(places, slots))
        except LehrError:
            # some fail: the jobs are run one by one, and those that do are named
            return None
        if columns is None:
            return None
        if grid.too_many_curves(first, swept):
            print(f"final_rate is left out of more than {grid.MOST_CURVES:,} schedules of a sweep", file=sys.stderr)
        same = {k: v for k, v in row(first).items() if k not in grid.VARYING}
        return from_columns(columns, same, inputs(slots), total)

    def _placed(self, places: Sequence[Place], slots: Sequence[axes.Slot]) -> Iterator[tuple[Place, ProjectedJob]]:
        """A job of each place, with a bar of how many are left."""
        from lehr.recipes.projecting.job import project_job
        from lehr.recipes.sweeping import grid

        with progress(len(places), 0) as step:
            for place in places:
                yield place, project_job(self.runner.job(grid.job_at(slots, place)))
                step("")
