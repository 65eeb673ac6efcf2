"""Low-rank adapters in a trainer's words: the matrices by the names that transformers' class has for them."""

from __future__ import annotations

from lehr.recipes.exporting.rates import RefusedError
from lehr.recipes.exporting.stage import Said
from lehr.simulators.adapters import SHORT
from lehr.simulators.training import Adapter

LLAMA = {
    "q_proj": "q_proj", "k_proj": "k_proj", "v_proj": "v_proj", "o_proj": "o_proj", "gate": "gate_proj",
    "up": "up_proj", "down": "down_proj",
}  # fmt: skip
NAMES = {
    **dict.fromkeys(("llama", "qwen2", "qwen3", "mistral", "gemma", "gemma2", "olmo2", "olmo3", "cohere"), LLAMA),
    "starcoder2": {**{name: name for name in ("q_proj", "k_proj", "v_proj", "o_proj")}, "up": "c_fc", "down": "c_proj"},
}
"""Ours of a matrix to the class's, by ``model_type``."""


def modules(adapter: Adapter, model_type: str | None, every: str) -> list[str]:
    """The matrices of ``adapter`` as the class of ``model_type`` calls them; ``every`` is the trainer's word for all.

    Raises ``RefusedError`` for names that the class has not, and for a class whose names are not known here.
    """
    targets = [SHORT.get(name, name) for name in adapter.targets]
    if "all" in targets:
        return [every]
    names = NAMES.get(model_type or "", {})
    attention, mlp = ("q_proj", "k_proj", "v_proj", "o_proj"), ("gate", "up", "down")
    groups = {"attention": attention, "mlp": tuple(name for name in mlp if name in names)} if names else {}
    flat = [inner for name in targets for inner in groups.get(name, (name,))]
    if unknown := [name for name in flat if name not in names]:
        of = f"the class of {model_type}" if model_type else "this network"
        raise RefusedError(
            f"has an adapter beside {unknown[0]}, whose name in {of} is not known here; write adapter.targets=[all]"
        )
    return [names[name] for name in flat]


def alpha(adapter: Adapter) -> float:
    """Its scale; the rank where the recipe does not say it, so that what it adds is not scaled."""
    return float(adapter.rank) if adapter.alpha is None else float(adapter.alpha)


def adapter_said(adapter: Adapter, where: str) -> Said:
    """The line about the adapter; its scale is the rank where the recipe has none, and it drops nothing out."""
    told = f"{adapter.kind}, rank {adapter.rank}, alpha {alpha(adapter):g}, beside {', '.join(adapter.targets)}"
    return Said(
        what="adapter", value=told, where=where, how="exact" if adapter.alpha else "alpha: the rank, not stated"
    )


def whole(value: float) -> int:
    """``value`` where it is whole. Raises ``RefusedError`` for another: these trainers take whole ones only."""
    if value != int(value):
        raise RefusedError(f"has an adapter with alpha {value:g}; this trainer takes whole numbers")
    return int(value)
