"""Positions that change between stages, as for a longer context: what each stage turns by, and what it begins from."""

from __future__ import annotations

import json
from typing import NamedTuple

import msgspec

from lehr.recipes.catalogue.recipe_files import RecipeFile
from lehr.recipes.exporting.hub_config import config_of
from lehr.recipes.exporting.rates import RefusedError
from lehr.simulators.architecture import Architecture
from lehr.simulators.layers.position import Position, Rope

SCRIPT = "set_position.py"
"""The program that writes them into a folder's config.json."""


class Turning(NamedTuple):
    """The positions that a stage ``trains`` with, and those in the weights' config.json that it begins from; ``None``
    where nothing says them."""

    trains: Position | None
    held: Position | None


def position_in(architecture: Architecture | None) -> Position | None:
    """The rotary positions of all layers where they are one; ``None`` else."""
    if architecture is None:
        return None
    found = [getattr(block.mixer, "position", None) for block in architecture.blocks.values()]
    turned = [position for position in found if isinstance(position, Rope)]
    return turned[0] if turned and all(position == turned[0] for position in turned) else None


def turning(recipe: RecipeFile, own: Architecture | None, base: Architecture | None) -> dict[str, Turning]:
    """Each stage's positions: as stated, or else as the stage before had them, or the base, or the network itself.
    Nothing where no stage states them."""
    if not any(stage.position for _, stage in recipe.ordered()):
        return {}
    found: dict[str, Turning] = {}
    held = position_in(base) if recipe.base else None
    for name, stage in recipe.ordered():
        trains = stage.position or held or position_in(own)
        # random weights take what the first stage trains with
        found[name] = Turning(trains, held if found or recipe.base else trains)
        held = trains
    return found


def turned(architecture: Architecture, position: Position) -> Architecture:
    """The network with these positions in every layer. Raises ``RefusedError`` where layers have several."""
    if position_in(architecture) is None:
        raise RefusedError("states its positions, and the network's layers have several, or none that turn")
    blocks = {
        name: msgspec.structs.replace(block, mixer=msgspec.structs.replace(block.mixer, position=position))  # type: ignore[type-var]
        if isinstance(getattr(block.mixer, "position", None), Rope)
        else block
        for name, block in architecture.blocks.items()
    }
    return msgspec.structs.replace(architecture, blocks=blocks)


def said_as(position: Position | None) -> str:
    """Positions as one reads them."""
    return "unknown positions" if position is None else json.dumps(msgspec.to_builtins(position))


def changes(architecture: Architecture, position: Position) -> bytes:
    """What a config.json says of ``position``. Raises ``RefusedError`` where no class of transformers says it."""
    config = config_of(turned(architecture, position))
    if config is None or "rope_theta" not in config:
        raise RefusedError("changes its positions, which no config.json of transformers is known here to say")
    keys = ("rope_theta", "partial_rotary_factor", "rope_scaling")
    return (json.dumps({key: config[key] for key in keys if key in config}, indent=2) + "\n").encode()
