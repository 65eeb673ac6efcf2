"""The settings of `lehr layout`, each bounded by its type, and what to write where one lies outside it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Any, Literal

import msgspec

from lehr.recipes.catalogue.yaml import plain
from lehr.recipes.composing.job import Composed
from lehr.recipes.errors import LehrError, nearest
from lehr.simulators.quantities import Devices, Positive, Share

MOST_SEQUENCES = 1_000_000_000
MOST_TOKENS = 1_000_000_000

Sequences = Annotated[int, msgspec.Meta(ge=1, le=MOST_SEQUENCES)]
Tokens = Annotated[int, msgspec.Meta(ge=1, le=MOST_TOKENS)]
Rank = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
Rows = Annotated[int, msgspec.Meta(ge=1, le=10_000)]
Imbalance = Annotated[float, msgspec.Meta(ge=1.0, le=10_000.0)]

BOUNDS: dict[str, tuple[Any, str]] = {
    "stage": (str | None, "the name of a stage of the recipe, such as sft"),
    "devices": (Devices | None, "a number of accelerators from 1 to 10,000,000"),
    "sequence_length": (Tokens | None, f"a number of tokens from 1 to {MOST_TOKENS:,}"),
    "global_batch": (Sequences | None, f"the sequences of a step from 1 to {MOST_SEQUENCES:,}"),
    "tp": (Devices | None, "the size of a tensor group, such as 8"),
    "pp": (Devices | None, "a number of pipeline stages, such as 4"),
    "vpp": (Devices | None, "the chunks of layers of a pipeline rank, such as 2"),
    "cp": (Devices | None, "the size of a context group, such as 2"),
    "ep": (Devices | None, "the size of an expert group, such as 8"),
    "dp": (Devices | None, "the size of the data group, such as 8"),
    "micro_batch": (Sequences | None, "the sequences of a micro-batch, such as 1"),
    "zero": (Literal[0, 1, 2, 3] | None, "0, 1, 2 or 3"),
    "overlap_experts": (bool, "true or false"),
    "rank": (Rank | None, "a number of features, such as 8"),
    "targets": (list[str] | str | None, "all, attention, mlp, experts, or a list of matrices: [q_proj, v_proj]"),
    "offload": (Share, "a share from 0 to 1"),
    "loss_chunk": (Tokens | None, "a number of tokens, such as 1024, or null for all at once"),
    "imbalance": (Imbalance, "the fullest rank over the mean, such as 1.2"),
    "layout": (str | dict[str, Any], "best, published, or a layout: {tp: 8, pp: 4}"),
    "over": (dict[str, list[Any]] | None, "axes with their values: {devices: [64, 128], accelerator: [h100, h200]}"),
    "measured": (Positive | None, "tokens a second and device, such as 9100"),
    "show": (Rows, "how many layouts to list, such as 8"),
    "page": (bool, "true or false"),
}
"""What may stand at each setting that is no choice of words, and how to say so."""


def bounded(job: Composed, key: str) -> Any:
    """The value of a setting within its bounds. Raises ``LehrError`` that says what to write instead."""
    return job.bounded(key, *BOUNDS[key])


def word(job: Composed, key: str, options: Collection[str]) -> str:
    """The value of a setting that is one of ``options``. Raises ``LehrError`` that names them."""
    value = plain(job.config[key], key)
    if not isinstance(value, str) or value not in options:
        raise LehrError(f"{key}: {value!r} is not known; {nearest(str(value), options)}")
    return value


def word_or_none(job: Composed, key: str, options: Collection[str]) -> str | None:
    """As ``word``, where nothing may stand too."""
    return None if job.config[key] is None else word(job, key, options)
