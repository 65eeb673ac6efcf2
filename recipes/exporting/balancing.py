"""The auxiliary loss that keeps a mixture's experts in use alike, in the words of trainers over transformers."""

from __future__ import annotations

from collections.abc import Collection

from lehr.recipes.exporting.stage import ExportStage, Said
from lehr.recipes.exporting.trainer import Network
from lehr.simulators.architecture import Architecture
from lehr.simulators.layers.moe import MoE

WITH_LOSS = frozenset({
    "deepseek_v4", "ernie4_5_moe", "flex_olmo", "gpt_oss", "granitemoe", "granitemoehybrid", "granitemoeshared",
    "jamba", "laguna", "llama4", "mellum", "minimax", "minimax_m2", "mixtral", "olmoe", "phimoe", "qwen2_moe",
    "qwen3_5_moe", "qwen3_moe", "qwen3_next",
})  # fmt: skip
"""Types whose class in transformers 5.23 has the loss: ``router_aux_loss_coef`` and ``output_router_logits``."""
COEFFICIENT = "router_aux_loss_coef"


def coefficient(
    stage: ExportStage, network: Network, where: str, types: Collection[str] = WITH_LOSS
) -> tuple[float | None, list[Said]]:
    """What the class's loss is multiplied by, and the line of ``export.json`` about it; nothing where the stage does
    not say it, or where the class has no such loss.

    The loss of transformers' classes is N sum f P over the tokens of all layers at once, f counting every choice of a
    token: as large as these choices are many where experts are used alike.
    """
    balance, architecture = stage.balance, network.architecture
    if balance is None or balance.auxiliary is None or architecture is None:
        return None, []
    if network.model_type not in types or not mixes(architecture):
        return None, []
    found, apart = balance.auxiliary, []
    if balance.counted == "layers" and found:
        each = [(block.mlp.top_k, n) for block, n in architecture.stack() if isinstance(block.mlp, MoE)]
        layers, choices = sum(n for _, n in each), max(top_k for top_k, _ in each)
        found *= layers / choices
        apart.append(f"{layers} layers over {choices} choices, whose tokens are counted together here")
    if balance.over not in (None, "micro_batch") and found and (balance.over, stage.micro_batch) != ("sequence", 1):
        whole = "each sequence" if balance.over == "sequence" else "the whole batch"
        apart.append(f"over a device's micro-batch instead of {whole}")
    how = f"approximate: {'; '.join(apart)}" if apart else "exact"
    return found, [Said(what="balance.auxiliary", value=found, where=where, how=how)]


def mixes(architecture: Architecture) -> bool:
    """Whether any block has experts of which a token takes some."""
    return any(isinstance(block.mlp, MoE) for block in architecture.blocks.values())
