"""Low-rank adapters: which matrices get one, and how many parameters they train."""

from __future__ import annotations

import msgspec

from lehr.simulators.architecture import Architecture
from lehr.simulators.layers.base import Weight
from lehr.simulators.quantities import Size

GROUPS = ("all", "attention", "mlp", "experts")
"""Names for more than one matrix: every matrix of the blocks; those of the mixers; of dense and shared MLPs; of routed
experts."""


class LoRA(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Two matrices beside each of ``targets``, from ``d_in`` to ``rank`` features and from there to ``d_out`` (Hu et
    al., arXiv:2106.09685, section 4.1). ``targets`` are names of matrices or ``GROUPS``."""

    rank: Size
    targets: tuple[str, ...] = ("all",)


def adapter_parameters(architecture: Architecture, lora: LoRA) -> int:
    """Trainable parameters: ``rank`` x (``d_in`` + ``d_out``) for each matrix of ``targets``, each expert with its own
    [parameters].

    Table, head and router have none. Raises ``ValueError`` where a target names no matrix of the network.

    >>> from lehr.simulators.planning.ladder import dense, mixture
    >>> llama3_8b = dense(4096, vocab_size=128256, context_length=8192)
    >>> adapter_parameters(llama3_8b, LoRA(rank=8, targets=("q_proj", "v_proj")))    # 32 x 8 x (2 x 4096 + 4096 + 1024)
    3407872
    >>> adapter_parameters(llama3_8b, LoRA(rank=16))
    41943040
    """
    matrices = [(w, n) for w, n in body(architecture) if w.role == "matrix" and len(w.shape) == 2]
    total, missed = 0, set(lora.targets)
    for weight, n in matrices:
        hit = {t for t in lora.targets if targeted(weight, t)}
        missed -= hit
        if hit:
            total += lora.rank * sum(weight.shape) * weight.copies * n
    if missed:
        names = sorted({w.name for w, _ in matrices})
        raise ValueError(f"no matrix is called {sorted(missed)[0]!r}; write {', '.join([*GROUPS, *names])}")
    return total


def body(architecture: Architecture) -> list[tuple[Weight, int]]:
    """The tensors of the blocks with how often each occurs; tables, head and the norms at the ends are left out."""
    stacks = [(architecture.d_model, architecture.stack()), (architecture.d_encoder, architecture.encoder_stack())]
    return [(w, block.stored(n)) for width, stack in stacks for block, n in stack for w in block.weights(width)]


def targeted(weight: Weight, target: str) -> bool:
    """Does ``target`` name this matrix?

    >>> from lehr.simulators.layers.base import linear
    >>> [targeted(linear("q_proj", 8, 8, "attention")[0], t) for t in ("q_proj", "attention", "mlp", "all")]
    [True, True, False, True]
    """
    if target == "all":
        return True
    if target == "experts":
        return weight.component == "experts"
    if target == "mlp":
        return weight.component in ("mlp", "shared experts")
    if target == "attention":
        return weight.component not in ("mlp", "shared experts", "experts", "router")
    return weight.name in (target, f"experts.{target}", f"shared.{target}")
