"""``lehr rehearse``: from settings to a trained recipe and what it says."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from lehr.recipes.catalogue.decode import decode
from lehr.recipes.catalogue.entries import Model
from lehr.recipes.catalogue.recipe_files import RecipeFile
from lehr.recipes.composing.job import Composed, without_recipe
from lehr.recipes.errors import LehrError
from lehr.recipes.presenting.files import begin_folder, copy_of, refuse_others, write_folder, writing
from lehr.recipes.presenting.locks import claimed
from lehr.recipes.rehearsing import checkpoints
from lehr.recipes.rehearsing.arguments import RehearsalSettings, settings_of
from lehr.recipes.rehearsing.corpus import read_corpus
from lehr.recipes.rehearsing.result import Rehearsed, Row
from lehr.recipes.rehearsing.small_recipe import Rehearsal, as_it_stands, small
from lehr.recipes.rehearsing.tasks import Tasks, tasks_of
from lehr.recipes.rehearsing.text import files
from lehr.simulators.counting import count_parameters
from lehr.simulators.objectives import NextToken

ONE_THREAD = 1_000_000
"""Parameters below which threads wait for each other longer than they compute, the more so on a busy machine."""

Seen = Callable[[str, Row, int], None]
"""Called after each update with the stage's name, its row and the number of updates of all stages."""


TRAINING = "training"
"""In a rehearsal's folder: what is trained in, until all of it takes the place of an earlier rehearsal in one step."""


def rehearse_job(job: Composed, seen: Seen | None = None) -> tuple[Rehearsed, Path]:
    """Train what the settings ask for, write its folder, and both. Raises ``LehrError`` for a mistake in the input."""
    model = decode(job.config["model"], Model, "model")
    if job.config.get("recipe") is None:
        raise without_recipe(job, model.name)
    recipe = decode(job.config["recipe"], RecipeFile, "recipe")
    settings = settings_of(job, f"{model.name}_{job.config['scale']}"[:100])
    folder = job.folder() / "rehearse" / settings.name
    command = f"lehr rehearse {' '.join(job.overrides)}"
    return rehearse(model, recipe, settings, folder, command=command, seen=seen), folder


def rehearse(
    model: Model,
    recipe: RecipeFile,
    settings: RehearsalSettings,
    folder: Path,
    *,
    command: str,
    seen: Seen | None = None,
) -> Rehearsed:
    """Train ``recipe`` small within ``folder``, or go on where a run there was stopped; set it beside its plan, and
    write ``folder``. Its files say by which ``command``.

    Raises ``LehrError`` where torch is missing, and for what cannot be trained.
    """
    began = time.perf_counter()
    done = (
        as_it_stands(model, recipe, settings.name, settings.stages)
        if settings.scale_name == "own"
        else small(model, recipe, settings.scale, settings.name, settings.stages)
    )
    text_length = done.recipe.stages[done.recipe.order[0]].sequence_length or 1
    try:
        import torch
    except ImportError as error:
        raise LehrError("rehearsing takes torch; pip install 'lehr[torch]'") from error
    from lehr.recipes.rehearsing import checks, training
    from lehr.recipes.rehearsing.forecasting import forecasts

    corpus = read_corpus(settings.corpus)
    stages = done.recipe.ordered()
    tasks: Tasks | None = None
    if any(not isinstance(stage.objective, NextToken) for _, stage in stages):
        tasks = tasks_of(corpus, text_length)
    device = settings.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise LehrError("device: torch finds no cuda device; write device=cpu")
    parameters = count_parameters(done.model.shape()).total
    if settings.threads is not None or parameters < ONE_THREAD:
        torch.set_num_threads(settings.threads or 1)
    setup = training.Setup(
        shape=done.model.shape(), recipe=done.recipe, corpus=corpus, tasks=tasks,
        text_length=text_length, seed=settings.seed, device=device, save_every=settings.save_every,
        held_out_bytes=settings.held_out_bytes, measurements=settings.measurements,
        fingerprint=fingerprint(done, settings, corpus.digest, device),
    )  # fmt: skip
    with writing(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with claimed(folder, wait=False):
            begin_folder(folder)
            trained = where_it_goes_on(folder, setup.fingerprint, overwrite=settings.overwrite)
            whole = sum(stage.n_steps or 0 for _, stage in stages)
            logs = training.train(setup, trained, lambda name, row: seen(name, row, whole) if seen else None)
            found, law = forecasts(stages, logs)
            with torch.device(device):
                work = [checks.work_of(setup, name, stage) for name, stage in stages]
                speed = checks.speed_of(setup, done, machine=settings.machine)
            said = Rehearsed(
                name=settings.name, of=f"{recipe.name} of {model.name}", scale=settings.scale_name, small=done,
                parameters=parameters, of_parameters=count_parameters(model.shape()).total,
                corpus=f"{corpus.name}: {len(corpus.train):,} bytes of {corpus.n_files:,} files, "
                       f"{len(corpus.held_out):,} of {corpus.n_held_out:,} held out ({corpus.n_left_out} that share a "
                       f"passage left out); {corpus.digest}",
                logs=logs, forecasts=found, rates=checks.rates_of(stages, logs), work=work, speed=speed,
                torch=str(torch.__version__), seconds=time.perf_counter() - began, law=law,
            )  # fmt: skip
            kept = {path.relative_to(trained).as_posix(): copy_of(path) for path in checkpoints.files_of(trained)}
            write_folder(folder, {**kept, **files(said, command)})
            checkpoints.remove(folder / TRAINING)
    return said


def where_it_goes_on(folder: Path, fingerprint: str, *, overwrite: bool) -> Path:
    """Where this rehearsal is already, or else where it begins. Raises ``LehrError`` where another one is there."""
    begun = folder / TRAINING
    # a folder of a person's that is called so, or that a link leads to
    refuse_others(begun)
    for there in (begun,) if overwrite else (begun, folder):
        try:
            if checkpoints.load(there, fingerprint) is not None:
                return there
        except LehrError:
            if not overwrite:
                raise
    checkpoints.remove(begun)
    begin_folder(begun)
    return begun


def fingerprint(done: Rehearsal, settings: RehearsalSettings, corpus: str, device: str) -> str:
    """What tells a rehearsal from others: all that its bytes depend on, on one machine."""
    import torch

    parts = [
        msgspec.to_builtins(done.model), msgspec.to_builtins(done.recipe), settings.scale_name,
        settings.seed, corpus, device, torch.get_num_threads(), str(torch.__version__), settings.held_out_bytes,
        settings.measurements,
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
