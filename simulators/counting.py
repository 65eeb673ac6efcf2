"""Parameters, FLOPs per token and decoding state of an architecture, each by a named convention."""

from __future__ import annotations

import msgspec

from simulators.architecture import Architecture
from simulators.layers.base import Weight

ACTIVE_CONVENTIONS = {
    "all": "every parameter that one token uses, both tables included",
    "excl_input_embedding": "without the input embedding; the output head stays (and a tied table, which is the head)",
    "excl_embeddings": "without the input embedding and the output head",
}
"""The three conventions in which reports give active parameters."""


class ParameterCount(msgspec.Struct, frozen=True):
    """Parameters of one architecture [parameters].

    ``total`` is what is trained in the main model; ``buffers`` is stored beside it untrained; ``extras``
    are modules beside the main model. ``non_embedding`` is ``total`` without the vocabulary's table and the
    head (learned positions stay in). ``active`` has one figure for each of ``ACTIVE_CONVENTIONS``.
    """

    total: int
    non_embedding: int
    active: dict[str, int]
    buffers: int
    extras: dict[str, int]
    components: dict[str, int]


class FlopConvention(msgspec.Struct, frozen=True, kw_only=True):
    """What a count of training FLOPs includes.

    Every convention counts 2 FLOP forward for each parameter that a token uses and twice that backward
    (the 6N rule, which takes norms and biases for matrices), without recomputation.
    """

    name: str
    causal: bool
    router: bool = True
    mtp: bool = False
    input_embedding: bool = False
    softmax: bool = False
    says: str = ""


FLOP_CONVENTIONS = {
    c.name: c
    for c in (
        FlopConvention(
            name="causal", causal=True, router=False,
            says="6 x (active - input embedding - router) + causal attention, as Megatron-LM counts",
        ),
        FlopConvention(
            name="full", causal=False, router=False,
            says="as `causal`, but attention over the whole square, masked half included",
        ),
        FlopConvention(name="causal_with_router", causal=True, says="`causal` and the router of a mixture of experts"),
        FlopConvention(name="full_with_router", causal=False, says="`full` and the router of a mixture of experts"),
        FlopConvention(
            name="causal_with_mtp", causal=True, router=False, mtp=True,
            says="`causal` and the modules for multi-token prediction, with their pass through the head",
        ),
        FlopConvention(
            name="chinchilla", causal=False, input_embedding=True, softmax=True,
            says="Hoffmann et al., arXiv:2203.15556, appendix F: embedding as a matrix, full attention, softmax",
        ),
    )
}
"""The named conventions; ``causal`` is the one that costs are computed with."""


def count_parameters(architecture: Architecture) -> ParameterCount:
    """Count every parameter of ``architecture`` [parameters], exactly.

    >>> from simulators.architecture import Block, Layers
    >>> from simulators.layers import Attention, Embedding, MLP, RMSNorm, Rope
    >>> llama2_7b = Architecture(
    ...     d_model=4096, context_length=4096, embedding=Embedding(vocab_size=32000, tied=False),
    ...     blocks={"decoder": Block(
    ...         mixer=Attention(n_heads=32, n_kv_heads=32, d_head=128, position=Rope(base=10000.0)),
    ...         mlp=MLP(d_ff=11008, activation="silu", gated=True), norm=RMSNorm())},
    ...     layers=[Layers(blocks=["decoder"], repeat=32)], final_norm=RMSNorm())
    >>> count_parameters(llama2_7b).total
    6738415616
    """
    weights = architecture.weights()
    table = sum(w.size for w, _ in weights if w.name == "token")
    head = sum(w.size for w, _ in weights if w.component == "head")
    total = sum(w.size * n for w, n in weights if w.role != "buffer")
    active = sum(w.active_size * n for w, n in weights if w.role != "buffer")
    components: dict[str, int] = {}
    for w, n in weights:
        if w.role != "buffer":
            components[w.component] = components.get(w.component, 0) + w.size * n
    return ParameterCount(
        total=total,
        non_embedding=total - table - head,
        active={
            "all": active,
            # a tied table is the head too, and the head stays
            "excl_input_embedding": active if architecture.embedding.tied else active - table,
            "excl_embeddings": active - table - head,
        },
        buffers=sum(w.size * n for w, n in weights if w.role == "buffer"),
        extras=count_extras(architecture),
        components=components,
    )


def count_extras(architecture: Architecture) -> dict[str, int]:
    """What stands beside the main model, by name: trained parameters and stored values [values]."""
    if architecture.mtp is None:
        return {}
    weights = architecture.mtp.weights(architecture.d_model, architecture.blocks)
    extras = {"mtp": sum(w.size for w in weights if w.role != "buffer")}
    if buffers := sum(w.size for w in weights if w.role == "buffer"):
        extras["mtp_buffers"] = buffers
    if architecture.mtp.stores_tables:
        tables = sum(w.size for w in architecture.embedding.weights(architecture.d_model))
        extras["mtp_stored_tables"] = tables * architecture.mtp.depth
    return extras


def forward_flops_per_token(architecture: Architecture, seq_len: int, convention: FlopConvention) -> float:
    """Forward work per token, averaged over a sequence of ``seq_len`` tokens [FLOP]."""
    d_model, embedding = architecture.d_model, architecture.embedding
    causal = convention.causal and architecture.causal

    def matrices(weights: list[tuple[Weight, int]]) -> float:
        skipped = {"buffer", "lookup"} | (set() if convention.router else {"router"})
        return sum(2.0 * w.active_size * n for w, n in weights if w.role not in skipped)

    head = 2.0 * embedding.vocab_size * d_model
    flops = matrices(architecture.weights()) + (head if embedding.tied else 0.0)
    if convention.input_embedding:
        flops += 2.0 * embedding.vocab_size * d_model
    blocks = list(architecture.stack())
    if convention.mtp and architecture.mtp is not None:
        mtp = architecture.mtp
        flops += matrices([(w, 1) for w in mtp.weights(d_model, architecture.blocks)]) + head * mtp.depth
        blocks.append((architecture.blocks[mtp.block], mtp.depth))
    for block, n in blocks:
        if block.mixer is not None:
            flops += n * block.mixer.mixing_flops(d_model, seq_len, causal=causal)
            if convention.softmax:
                flops += n * 3.0 * block.mixer.softmax_rows() * seq_len
    return flops


def training_flops_per_token(architecture: Architecture, seq_len: int, convention: FlopConvention) -> float:
    """Forward and backward work per token [FLOP]; backward is twice forward, nothing is recomputed.

    Raises ``ValueError`` if ``seq_len`` is below 1.
    """
    if seq_len < 1:
        raise ValueError(f"seq_len is {seq_len}; write a sequence length of 1 or more")
    return 3.0 * forward_flops_per_token(architecture, seq_len, convention)


def kv_cache_bytes_per_token(architecture: Architecture, bytes_per_value: int = 2) -> int:
    """What each further token adds to the decoding state, while every window still has room [bytes].

    ``bytes_per_value`` is 2 for bf16. A recurrent layer adds nothing.
    """
    d_model = architecture.d_model
    values = sum(
        n * (block.mixer.state_values(d_model, 1) - block.mixer.state_values(d_model, 0))
        for block, n in architecture.stack()
        if block.mixer is not None
    )
    return values * bytes_per_value
