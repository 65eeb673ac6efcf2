"""The settings of a rehearsal, checked."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from lehr.recipes.composing.job import Composed
from lehr.recipes.composing.settings import name_of
from lehr.recipes.errors import LehrError
from lehr.recipes.rehearsing.scale import OF_NAME, SCALES, Scale

SIZES = ("d_model", "n_layers", "sequence_length", "batch_tokens", "updates", "least_updates", "tuning_updates")
BOUNDS = {
    "d_model": (16, 8192), "n_layers": (1, 200), "sequence_length": (32, 65_536), "batch_tokens": (32, 2**24),
    "updates": (8, 10_000_000), "least_updates": (4, 10_000_000), "tuning_updates": (4, 10_000_000),
}  # fmt: skip
"""The least and the most of each size."""
STEP = 16
"""A width is a multiple of so many features, as many as a head has."""


class RehearsalSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line says; ``scale_name`` says whose sizes stand where nothing was written."""

    scale_name: str
    scale: Scale
    stages: list[str] | None
    corpus: str | None
    seed: int
    device: str
    threads: int | None
    save_every: int
    held_out_bytes: int
    measurements: int
    machine: bool
    overwrite: bool
    name: str


def settings_of(job: Composed, default_name: str) -> RehearsalSettings:
    """The settings. Raises ``LehrError`` that names the one that is wrong, and what to write."""
    scale_name = job.choice("scale", tuple(SCALES))
    scale = OF_NAME["tiny" if scale_name == "own" else scale_name]
    given: dict[str, Any] = {}
    for key in (*SIZES, "peak") if scale_name == "own" else ():
        if job.config.get(key) is not None:
            raise LehrError(f"{key}: with scale=own model and recipe say it; write scale=tiny, or leave it out")
    for key in SIZES:
        value = job.setting(key, int | None)
        low, high = BOUNDS[key]
        if value is not None and not low <= value <= high:
            raise LehrError(f"{key}: {value:,} cannot be; write a whole number from {low:,} to {high:,}")
        given |= {} if value is None else {key: value}
    if given.get("d_model", STEP) % STEP:
        nearest = max(STEP, STEP * round(given["d_model"] / STEP))
        raise LehrError(f"d_model: {given['d_model']} is no multiple of {STEP}; write {nearest}")
    peak = job.setting("peak", float | None)
    if peak is not None:
        if not 0 < peak <= 1:
            raise LehrError(f"peak: {peak:g} is no learning rate; write one above 0, such as 4e-3")
        given["peak"] = peak
    return RehearsalSettings(
        scale_name=scale_name,
        scale=msgspec.structs.replace(scale, **given),
        stages=job.setting("stages", list[str] | None),
        corpus=job.setting("corpus", str | None),
        seed=job.setting("seed", Annotated[int, msgspec.Meta(ge=0, lt=2**31)]),
        device=job.choice("device", ("auto", "cpu", "cuda")),
        threads=job.setting("threads", Annotated[int, msgspec.Meta(ge=1, le=1024)] | None),
        save_every=job.setting("save_every", Annotated[int, msgspec.Meta(ge=1)]),
        held_out_bytes=job.setting("held_out_bytes", Annotated[int, msgspec.Meta(ge=1024, le=2**26)]),
        measurements=job.setting("measurements", Annotated[int, msgspec.Meta(ge=1, le=100_000)]),
        machine=job.setting("machine", bool),
        overwrite=job.setting("overwrite", bool),
        name=name_of(job, default_name),
    )
