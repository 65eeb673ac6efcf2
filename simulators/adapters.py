"""Low-rank adapters: which matrices get one, and how many parameters they train."""

from __future__ import annotations

import msgspec

from lehr.simulators.architecture import Architecture
from lehr.simulators.layers.base import Weight
from lehr.simulators.quantities import Size

GROUPS = ("all", "attention", "mlp", "experts")
"""Names for more than one matrix: every matrix of the blocks; those of the mixers; of dense and shared MLPs; of routed
experts."""


SHORT = {"q": "q_proj", "k": "k_proj", "v": "v_proj", "o": "o_proj"}
"""Short names of attention's matrices."""


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
    targets = {SHORT.get(t, t) for t in lora.targets}
    matrices = [(w, n) for w, n in body(architecture) if w.role == "matrix" and len(w.shape) == 2]
    total, missed = 0, set(targets)
    for weight, n in matrices:
        hit = {t for t in targets if targeted(weight, t)}
        missed -= hit
        if hit:
            total += lora.rank * sum(weight.shape) * weight.copies * n
    if missed:
        names = sorted({w.name for w, _ in matrices})
        raise ValueError(f"no matrix is called {sorted(missed)[0]!r}; write {', '.join([*GROUPS, *names])}")
    return total


class Adapters(msgspec.Struct, frozen=True, kw_only=True):
    """What adapters add to a network: their parameters, those of them that stand beside routed ``experts``, and the
    features of a token that they read in the whole stack [values], which they keep for their own gradients."""

    parameters: float
    experts: float
    features: float


def adapters_of(architecture: Architecture, lora: LoRA) -> Adapters:
    """The adapters of ``lora``. Raises ``ValueError`` where a target names no matrix of the network.

    The matrices of a mixer that read the block's input (queries, keys and values) read it once; a routed expert reads
    its own tokens.

    >>> from lehr.simulators.planning.ladder import dense
    >>> llama3_8b = dense(4096, vocab_size=128256, context_length=8192)
    >>> adapters_of(llama3_8b, LoRA(rank=8, targets=("q_proj", "v_proj")))           # 32 x 4096 features
    Adapters(parameters=3407872.0, experts=0.0, features=131072.0)
    >>> adapters_of(llama3_8b, LoRA(rank=8)).features == 32 * (2 * 4096 + 2 * 4096 + 14336)
    True
    """
    features, experts = 0.0, 0.0
    for block, n in architecture.stack():
        mixed = False
        for weight in block.weights(architecture.d_model):
            if weight.role != "matrix" or len(weight.shape) != 2 or not any(targeted(weight, t) for t in lora.targets):
                continue
            reads = weight.shape[1] == architecture.d_model and not weight.name.endswith(("o_proj", "out_proj"))
            shared = reads and targeted(weight, "attention")
            features += 0 if shared and mixed else n * weight.shape[1] * weight.active
            experts += lora.rank * sum(weight.shape) * weight.copies * n if weight.component == "experts" else 0
            mixed = mixed or shared
    return Adapters(parameters=float(adapter_parameters(architecture, lora)), experts=experts, features=features)


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
