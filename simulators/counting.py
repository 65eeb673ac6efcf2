"""Parameters, FLOPs per token and decoding state of an architecture, each by a named convention."""

from __future__ import annotations

from typing import Literal

import msgspec

from lehr.simulators.architecture import Architecture, Block
from lehr.simulators.layers.base import Kept, Weight
from lehr.simulators.numerics.adding import plain_sum

ACTIVE_CONVENTIONS = {
    "all": "every parameter that one token uses, both tables included",
    "excl_input_embedding": "without the input embedding; the output head stays (and a tied table, which is the head)",
    "excl_embeddings": "without the input embedding and the output head",
}
"""The three conventions in which reports give active parameters."""

NConvention = Literal["total", "non_embedding", "with_head", "active", "flops_per_token"]

N_CONVENTIONS: dict[NConvention, str] = {
    "total": "every trained parameter",
    "with_head": "without the input embedding; the output head counts",
    "non_embedding": "without the input embedding and the output head",
    "active": "the parameters that one token uses",
    "flops_per_token": "a sixth of the training FLOPs per token",
}
"""What a law means by N."""


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

    @property
    def sparse(self) -> bool:
        """Whether a token leaves parameters unused, as in a mixture of experts."""
        return self.active["all"] < self.total

    def at(self, convention: NConvention, flops_per_token: float | None = None) -> tuple[float, float]:
        """N by a law's ``convention``: of the dense networks of as many parameters as one token uses, and as there are
        in all; the same number twice for a dense network [parameters].

        ``flops_per_token`` is the training work of a token at the run's sequence length [FLOP], of which N is a sixth
        where the law counts so; idle parameters, which would bring 6 FLOP each, are added. Raises ``ValueError`` where
        the law counts so and it is not given.

        >>> deepseek_v3 = ParameterCount(total=671_026_404_352, non_embedding=669_173_154_816, buffers=0, extras={},
        ...     active={"all": 37_552_282_624, "excl_input_embedding": 36_625_603_584,
        ...             "excl_embeddings": 35_698_924_544}, components={})
        >>> [f"{n / 1e9:.1f}B" for n in deepseek_v3.at("with_head")]
        ['36.6B', '670.1B']
        """
        if convention == "active":
            return float(self.active["all"]), float(self.active["all"])
        if convention == "flops_per_token":
            if flops_per_token is None:
                raise ValueError("the law counts N as FLOPs of a token, which depend on the sequence length")
            used = flops_per_token / 6
        else:
            rule = {"total": "all", "with_head": "excl_input_embedding", "non_embedding": "excl_embeddings"}
            used = float(self.active[rule[convention]])
        return used, used + (self.total - self.active["all"])


class FlopConvention(msgspec.Struct, frozen=True, kw_only=True):
    """What a count of training FLOPs includes.

    Every convention counts 2 FLOP forward for each parameter that a token uses and twice that backward
    (the 6N rule, which takes norms and biases for matrices), without recomputation.
    """

    name: str
    causal: bool
    router: bool = True
    mtp: bool = False
    head: bool = True
    input_embedding: bool = False
    vectors: bool = True
    softmax: bool = False
    says: str = ""


FLOP_CONVENTIONS = {
    c.name: c
    for c in (
        FlopConvention(
            name="causal",
            causal=True,
            router=False,
            says="6 x (active - input embedding - router) + causal attention, as Megatron-LM counts",
        ),
        FlopConvention(
            name="full",
            causal=False,
            router=False,
            says="as `causal`, but attention over the whole square, masked half included",
        ),
        FlopConvention(name="causal_with_router", causal=True, says="`causal` and the router of a mixture of experts"),
        FlopConvention(name="full_with_router", causal=False, says="`full` and the router of a mixture of experts"),
        FlopConvention(
            name="causal_with_mtp",
            causal=True,
            router=False,
            mtp=True,
            says="`causal` and the modules for multi-token prediction, with their pass through the head",
        ),
        FlopConvention(
            name="chinchilla",
            causal=False,
            head=False,
            vectors=False,
            softmax=True,
            says="Hoffmann et al., arXiv:2203.15556, Table A4: the matrices of the blocks, full attention, softmax; "
            "neither embedding nor head",
        ),
        FlopConvention(
            name="chinchilla_appendix_f",
            causal=False,
            input_embedding=True,
            vectors=False,
            softmax=True,
            says="the formula that their appendix F prints: embedding and head as matrices too. Their own Table A4 "
            "leaves both out (author's word in karpathy/nanoGPT, scaling_laws.ipynb)",
        ),
    )
}
"""The named conventions; ``causal`` is the one that costs are computed with."""


def count_parameters(architecture: Architecture) -> ParameterCount:
    """Count every parameter of ``architecture`` [parameters], exactly.

    >>> from lehr.simulators.architecture import Block, Layers
    >>> from lehr.simulators.layers import Attention, Embedding, MLP, RMSNorm, Rope
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
    """What stands beside the main model, by name: trained parameters and stored values [values].

    >>> from lehr.simulators.planning.ladder import dense
    >>> from lehr.simulators.architecture import Checkpoint
    >>> llama3_8b = dense(4096, vocab_size=128256, context_length=8192)
    >>> count_extras(msgspec.structs.replace(llama3_8b, checkpoint=Checkpoint(rotary_buffers="layer")))
    {'rotary_buffers': 2048}
    """
    extras: dict[str, int] = {}
    mtp, stored, d_model = architecture.mtp, architecture.checkpoint, architecture.d_model
    if mtp is not None:
        weights = mtp.weights(d_model, architecture.blocks)
        extras["mtp"] = sum(w.size for w in weights if w.role != "buffer")
        extras["mtp_buffers"] = sum(w.size for w in weights if w.role == "buffer")
        if mtp.stores_tables:
            extras["mtp_stored_tables"] = mtp.depth * sum(w.size for w in architecture.embedding.weights(d_model))
    if architecture.embedding_head is not None:
        extras["embedding_head"] = sum(w.size for w in architecture.embedding_head.weights(d_model))
    if stored is not None:
        if stored.fp8_block is not None:
            side = stored.fp8_block
            extras["fp8_scales"] = sum(
                b.stored(n) * block_scales(b.weights(d_model), side) for b, n in architecture.stack()
            )
            if mtp is not None:
                block = architecture.blocks[mtp.block]
                extras["mtp_fp8_scales"] = mtp.depth * block_scales(block.weights(d_model), side)
        if stored.stores_head:
            extras["stored_head"] = architecture.embedding.vocab_size * architecture.embedding.width(d_model)
        extras["rotary_buffers"] = rotary_buffers(architecture)
        extras |= stored.modules
    return {name: values for name, values in extras.items() if values}


def block_scales(weights: list[Weight], side: int) -> int:
    """Scales of matrices that are stored in 8 bits, one for each square of ``side`` [values].

    DeepSeek-V3, arXiv:2412.19437, section 3.3.2; the router, norms and biases stay in 16 or 32 bits.

    >>> from lehr.simulators.layers.base import linear
    >>> block_scales(linear("kv_a_proj", 7168, 576, "attention"), 128)        # 5 x 56 squares, the last row cut short
    280
    """
    return sum(
        w.copies * -(-w.shape[0] // side) * -(-w.shape[1] // side)
        for w in weights
        if w.role == "matrix" and len(w.shape) == 2 and not w.full_precision
    )


def rotary_buffers(architecture: Architecture) -> int:
    """Inverse frequencies that a checkpoint stores for its rotary embedding [values].

    >>> from lehr.simulators.planning.ladder import dense
    >>> from lehr.simulators.architecture import Checkpoint
    >>> llama3_8b = dense(4096, vocab_size=128256, context_length=8192)
    >>> rotary_buffers(msgspec.structs.replace(llama3_8b, checkpoint=Checkpoint(rotary_buffers="layer")))    # 32 x 64
    2048
    """
    stored = architecture.checkpoint.rotary_buffers if architecture.checkpoint else None
    if stored is None:
        return 0
    each = [(block.mixer.rotary_frequencies(), n) for block, n in architecture.stack() if block.mixer is not None]
    return sum(f * n for f, n in each) if stored == "layer" else max(f for f, _ in each)


def forward_flops_per_token(
    architecture: Architecture, seq_len: int, convention: FlopConvention, target_len: int | None = None
) -> float:
    """Forward work per token, averaged over a sequence of ``seq_len`` tokens [FLOP].

    With an encoder, ``seq_len`` tokens enter it and ``target_len`` (as many, where it is absent) the decoder; the
    average is over both.

    >>> from lehr.simulators.planning.ladder import dense
    >>> llama3_8b = dense(4096, vocab_size=128256, context_length=8192)
    >>> round(forward_flops_per_token(llama3_8b, 8192, FLOP_CONVENTIONS["causal"]) / 1e9, 2)       # [GFLOP]
    17.16
    """
    d_model, embedding = architecture.d_model, architecture.embedding
    causal = convention.causal and architecture.causal
    n_decoded = target_len or seq_len
    if architecture.encoder is None:
        n_decoded = seq_len

    table = 2.0 * embedding.vocab_size * embedding.width(d_model)
    head = table if embedding.head and convention.head else 0.0
    ends = [w for w in architecture.ends() if w.name != "head"]
    flops = matrix_flops(ends, convention) + head
    if convention.input_embedding:
        flops += table
    blocks = architecture.stack()
    if convention.mtp and architecture.mtp is not None:
        mtp = architecture.mtp
        flops += (matrix_flops(mtp.own_weights(d_model), convention) + head) * mtp.depth
        blocks = [*blocks, (architecture.blocks[mtp.block], mtp.depth)]
    flops += plain_sum(
        n * block_flops(block, d_model, n_decoded, convention, causal=causal, n_memory=seq_len) for block, n in blocks
    )
    if architecture.embedding_head is not None:
        flops += matrix_flops(architecture.embedding_head.weights(d_model), convention)
        flops += architecture.embedding_head.mixing_flops(d_model, n_decoded, causal=causal)
    if architecture.encoder is None:
        return flops
    encoded = matrix_flops(architecture.encoder_ends(), convention) + plain_sum(
        n * block_flops(block, architecture.d_encoder, seq_len, convention, causal=False)
        for block, n in architecture.encoder_stack()
    )
    return (flops * n_decoded + encoded * seq_len) / (n_decoded + seq_len)


def matrix_flops(weights: list[Weight], convention: FlopConvention) -> float:
    """Forward work per token of ``weights``: 2 FLOP for each that the token uses [FLOP].

    >>> from lehr.simulators.layers.base import linear
    >>> matrix_flops(linear("o_proj", 4096, 4096, "attention"), FLOP_CONVENTIONS["causal"])
    33554432.0
    """
    skipped = {"buffer", "lookup", "once"}
    skipped |= set() if convention.router else {"router"}
    skipped |= set() if convention.vectors else {"bias", "scale"}
    return plain_sum(2.0 * w.active_size for w in weights if w.role not in skipped)


def block_flops(
    block: Block, d_model: int, seq_len: int, convention: FlopConvention, *, causal: bool, n_memory: int = 0
) -> float:
    """Forward work per token of one block, averaged over ``seq_len`` tokens; ``n_memory`` is the encoder's length.

    >>> from lehr.simulators.planning.ladder import dense
    >>> llama3_8b = dense(4096, vocab_size=128256, context_length=8192)
    >>> decoder = llama3_8b.blocks["decoder"]
    >>> round(block_flops(decoder, 4096, 8192, FLOP_CONVENTIONS["causal"], causal=True) / 1e6)             # [MFLOP]
    503
    """
    flops = matrix_flops(block.weights(d_model), convention)
    flops += plain_sum(branch.mixing_flops(d_model, seq_len, causal=causal) for branch in block.branches)
    for layer in (block.mixer, block.mlp):
        if layer is not None:
            flops += layer.mixing_flops(d_model, seq_len, causal=causal)
            flops += 3.0 * layer.softmax_rows() * seq_len if convention.softmax else 0.0
    if block.cross is not None:
        memory = matrix_flops(block.cross.memory_weights(d_model), convention)
        flops += block.cross.mixing_flops(d_model, n_memory, causal=False) + memory * (n_memory / seq_len - 1.0)
        flops += 3.0 * block.cross.softmax_rows() * n_memory if convention.softmax else 0.0
    return flops


def training_flops_per_token(
    architecture: Architecture, seq_len: int, convention: FlopConvention, target_len: int | None = None
) -> float:
    """Forward and backward work per token [FLOP]; backward is twice forward, nothing is recomputed.

    Raises ``ValueError`` if ``seq_len`` is below 1.

    >>> from lehr.simulators.planning.ladder import dense
    >>> llama3_8b = dense(4096, vocab_size=128256, context_length=8192)
    >>> round(training_flops_per_token(llama3_8b, 8192, FLOP_CONVENTIONS["causal"]) / 1e9, 2)      # 6 N is 48.2
    51.47
    """
    if seq_len < 1:
        raise ValueError(f"seq_len is {seq_len}; write a sequence length of 1 or more")
    return 3.0 * forward_flops_per_token(architecture, seq_len, convention, target_len)


def state_values(architecture: Architecture, n_tokens: int, n_memory: int = 0) -> int:
    """What decoding must remember of ``n_tokens`` tokens, and of ``n_memory`` that an encoder read [values].

    Keys and values grow with the tokens, up to a window; the state of a recurrent layer has its size from the start.

    >>> from lehr.simulators.planning.ladder import dense
    >>> llama3_8b = dense(4096, vocab_size=128256, context_length=8192)
    >>> state_values(llama3_8b, 8192)       # keys and values of 8 heads of 128 in 32 layers
    536870912
    """
    d_model = architecture.d_model
    values = 0
    for block, n in architecture.stack():
        own = sum(layer.state_values(d_model, n_tokens) for layer in block.sublayers())
        values += n * (own + (block.cross.memory_values(d_model, n_memory) if block.cross else 0))
    return values


def activation_bytes_per_token(architecture: Architecture, seq_len: int, kept: Kept) -> float:
    """What one token leaves for the backward pass in the whole stack, nothing recomputed [bytes].

    Of the ends: the input of the last norm, that of the head and the logits in 32 bits, with dropout the embedding's
    mask (Korthikanti et al., arXiv:2205.05198, section 4.3: 5 s b h + 4 s b v). An encoder's stack is not in it.

    >>> from lehr.simulators.architecture import Layers
    >>> from lehr.simulators.layers import KORTHIKANTI, Attention, Embedding, LayerNorm, MLP, NoPosition
    >>> gpt3 = Architecture(
    ...     d_model=12288, context_length=2048, embedding=Embedding(vocab_size=51200, tied=True),
    ...     blocks={"decoder": Block(
    ...         mixer=Attention(n_heads=96, n_kv_heads=96, d_head=128, position=NoPosition()),
    ...         mlp=MLP(d_ff=49152, activation="gelu", bias=True), norm=LayerNorm())},
    ...     layers=[Layers(blocks=["decoder"], repeat=96)], final_norm=LayerNorm())
    >>> round(activation_bytes_per_token(gpt3, 2048, KORTHIKANTI) * 2048 / 2**30, 1)       # one sequence [GiB]
    257.0
    """
    d_model, embedding = architecture.d_model, architecture.embedding
    layers = plain_sum(n * block.activation_bytes(d_model, seq_len, kept) for block, n in architecture.stack())
    norm = architecture.final_norm.activation_bytes(d_model, seq_len, kept) if architecture.final_norm else 0.0
    head = kept.bytes(d_model, full=embedding.vocab_size) if embedding.head else 0.0
    return layers + norm + head + kept.bytes(0.0, dropped=d_model)
