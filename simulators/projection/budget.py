"""A recipe cut down to a budget of work."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from lehr.simulators.architecture import Architecture
from lehr.simulators.counting import training_flops_per_token
from lehr.simulators.projection.stage_work import stage_convention, worked_sequence
from lehr.simulators.training import Recipe

R = TypeVar("R", bound=Recipe)


def first_stage_of(recipe: R, architecture: Architecture, flops: float) -> R:
    """``recipe`` with its first stage alone, on as many tokens as take ``flops`` of model work [FLOP].

    The stage keeps its sequence length and batch; its schedule, which may fit one length only, is left out. Raises
    ``ValueError`` where there is no stage or ``flops`` is not positive.

    >>> from lehr.simulators.planning.ladder import dense
    >>> from lehr.simulators.objectives import NextToken
    >>> from lehr.simulators.training import Stage
    >>> llama3_8b = dense(4096, vocab_size=128256, context_length=8192)
    >>> stage = Stage(kind="PT", objective=NextToken(), tokens=2e12, sequence_length=4096)
    >>> recipe = Recipe(name="x", model="x", order=["pt"], stages={"pt": stage})
    >>> f"{first_stage_of(recipe, llama3_8b, 7.2e23).stages['pt'].tokens:.3g}"
    '1.49e+13'
    """
    if not recipe.order or not flops > 0:
        raise ValueError(f"train_flops: {flops:g}; write an amount of work above 0, for a recipe with a stage")
    name, stage = recipe.ordered()[0]
    length = worked_sequence(stage, architecture)
    per_token = training_flops_per_token(architecture, length, stage_convention(architecture, stage))
    short = msgspec.structs.replace(
        stage, tokens=flops / per_token, steps=None, examples=None, epochs=None, schedule=None
    )
    return msgspec.structs.replace(recipe, order=[name], stages={name: short})
