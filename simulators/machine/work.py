"""What a network asks of a machine: sums over its layers, of which memory and time of every layout follow."""

from __future__ import annotations

import msgspec

from lehr.simulators.architecture import Architecture, Block
from lehr.simulators.layers import MLA, MLP, Attention, MoE, RMSNorm
from lehr.simulators.layers.base import Kept, Weight
from lehr.simulators.numerics.adding import plain_sum

FLASH = Kept()
"""Attention that keeps no scores, nothing dropped: how nearly everyone has trained since 2022."""

UNFUSED = Kept(flash=False)
"""Attention that writes every score to memory."""

MULTIPLIES = ("matrix", "router")


class BlockWork(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of block: what each of its ``n`` copies holds [parameters], and does for one token.

    ``mixer``, ``mlp`` and ``shared`` are matrices that every token passes, cut by tensor parallelism; ``expert`` is
    one routed expert of ``n_experts``, of which a token passes ``top_k``; ``replicated`` are norms, biases and the
    router, which every rank of a tensor group holds. ``mixing`` is the forward work between tokens [FLOP/token],
    ``scores`` the scores that attention makes [1/token], ``key_values`` what ranks of a context group exchange
    [values/token], ``routed_width`` the features that travel to an expert.
    ``kept`` are the bytes that a token leaves for the backward pass: those that a tensor group shares, those that only
    sequence parallelism shares (``kept_sequence``), of routed experts (``kept_routed``), and of attention's scores
    where they are kept (``kept_scores``); ``fused_away`` is what of them a fused gate does not keep,
    ``again`` what recomputing norms, latent up-projections and activations saves. ``inputs``, ``unread`` and
    ``unread_routed`` are what of ``kept_sequence``, ``kept`` and ``kept_routed`` only the gradients of weights read, so
    that frozen ones keep none of it; ``read`` are the bytes that all matrices read, each tensor once; ``rms`` are the
    features of root-mean-square norms.
    ``largest`` is the largest matrix [parameters].
    """

    n: int
    mixer: float
    mlp: float
    shared: float
    expert: float
    n_experts: int
    top_k: int
    replicated: float
    mixing: float
    scores: float
    key_values: float
    routed_width: float
    n_sublayers: int
    kept: float
    kept_sequence: float
    kept_routed: float
    kept_scores: float
    kept_input: float
    fused_away: float
    fused_away_routed: float
    again: float
    again_routed: float
    inputs: float
    rms: float
    unread: float
    unread_routed: float
    read: float
    largest: float


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """A network at one sequence length: its blocks, and the tables at both ends.

    ``table`` and ``head`` are the parameters of the vocabulary's table and of the head [parameters], ``head_work``
    those that the head multiplies (a tied table too); ``heads`` and ``kv_heads`` bound the tensor group.
    """

    d_model: int
    n_layers: int
    seq_len: int
    vocab_size: int
    table: float
    head: float
    head_work: float
    ends: float
    blocks: tuple[BlockWork, ...]
    mtp: BlockWork | None
    heads: int
    kv_heads: int
    n_experts: int

    @property
    def parameters(self) -> float:
        """Trained parameters of the main model [parameters]."""
        return self.table + self.head + self.ends + plain_sum(b.n * held(b) for b in self.blocks)

    @property
    def routed(self) -> float:
        """Parameters of routed experts [parameters]."""
        return plain_sum(b.n * b.expert * b.n_experts for b in self.blocks)

    @property
    def sparse(self) -> bool:
        """Is any block a mixture of experts?"""
        return self.n_experts > 0


def held(block: BlockWork) -> float:
    """Parameters of one copy of a block [parameters]."""
    return block.mixer + block.mlp + block.shared + block.expert * block.n_experts + block.replicated


def work_of(architecture: Architecture, seq_len: int, *, mtp: bool = False) -> Work:
    """What ``architecture`` asks of a machine at ``seq_len`` tokens; ``mtp`` trains its modules for multi-token
    prediction too.

    Raises ``ValueError`` for a network with an encoder, whose two stacks no layout of ours splits.

    >>> from lehr.simulators.planning.ladder import dense
    >>> llama3_8b = work_of(dense(4096, vocab_size=128256, context_length=8192), 8192)
    >>> int(llama3_8b.parameters), llama3_8b.blocks[0].mixing == 4 * 32 * 128 * 4096
    (8030261248, True)
    """
    if architecture.encoder is not None:
        raise ValueError("a network with an encoder has two stacks; layouts are for decoders and encoders alone")
    d_model = architecture.d_model
    ends = architecture.ends()
    table = float(sum(w.size for w in ends if w.role == "lookup"))
    head = float(sum(w.size for w in ends if w.component == "head" and w.role == "matrix"))
    embedding = architecture.embedding
    width = embedding.width(d_model)
    blocks = tuple(_block(block, d_model, seq_len, n, causal=architecture.causal) for block, n in architecture.stack())
    module = None
    if mtp and architecture.mtp is not None:
        own, of = architecture.mtp, architecture.blocks[architecture.mtp.block]
        module = _block(of, d_model, seq_len, own.depth, causal=architecture.causal)
        projection = float(sum(w.size for w in own.own_weights(d_model) if w.role == "matrix"))
        module = msgspec.structs.replace(module, mlp=module.mlp + projection)
    mixers = [block.mixer for block, _ in architecture.stack()]
    heads = [m.n_heads for m in mixers if isinstance(m, Attention | MLA)]
    kv_heads = [m.n_kv_heads for m in mixers if isinstance(m, Attention)]
    others = [n for m in mixers if isinstance(n := getattr(m, "n_heads", None), int)]
    return Work(
        d_model=d_model,
        n_layers=architecture.n_layers,
        seq_len=seq_len,
        vocab_size=embedding.vocab_size,
        table=table,
        head=head,
        head_work=float(embedding.vocab_size * width) if embedding.head else 0.0,
        ends=float(sum(w.size for w in ends if w.role != "buffer")) - table - head,
        blocks=blocks,
        mtp=module,
        heads=min(heads or others or [d_model]),
        kv_heads=min(kv_heads or heads or others or [d_model]),
        n_experts=max((b.n_experts for b in blocks), default=0),
    )


def _block(block: Block, d_model: int, seq_len: int, n: int, *, causal: bool) -> BlockWork:
    mixer = block.mixer
    mixed = [*(mixer.weights(d_model) if mixer else []), *(w for b in block.branches for w in b.weights(d_model))]
    channel = block.mlp.weights(d_model) if block.mlp else []
    moe = block.mlp if isinstance(block.mlp, MoE) else None
    routed = [w for w in channel if w.copies > 1 or (moe is not None and w.name.startswith("experts."))]
    common = [w for w in channel if w not in routed]
    kept_mixer, kept_mlp, kept_norm = (
        plain_sum(x.activation_bytes(d_model, seq_len, FLASH) for x in layers)
        for layers in (
            [mixer, *block.branches] if mixer else [*block.branches],
            [block.mlp] if block.mlp else [],
            [block.norm] * block.n_norms,
        )
    )
    kept_routed = 0.0
    if moe is not None:
        inner = 4 if moe.gated else 2
        kept_routed = 2.0 * moe.top_k * (inner * moe.d_ff_expert + 2 * (moe.d_latent or d_model))
    inputs = 2.0 * d_model * len(block.sublayers())
    unread_routed = 2.0 * moe.top_k * (moe.d_ff_expert + (moe.d_latent or d_model)) if moe is not None else 0.0
    # what a mixer hands its last matrix
    returned = sum(w.shape[1] for w in mixed if w.name.endswith(("o_proj", "out_proj")) and w.role == "matrix")
    scores = 0.0
    if mixer is not None and mixer.softmax_rows():
        unfused = mixer.activation_bytes(d_model, seq_len, UNFUSED) - mixer.activation_bytes(d_model, seq_len, FLASH)
        scores = (unfused + 4.0 * mixer.softmax_rows()) / 2.0
    mixing = mixer.mixing_flops(d_model, seq_len, causal=causal) if mixer else 0.0
    key_values = 0.0
    if mixer is not None:
        key_values = float(mixer.state_values(d_model, 2) - mixer.state_values(d_model, 1))
    largest = max((float(w.size / w.copies) for w in (*mixed, *channel) if w.role == "matrix"), default=0.0)
    return BlockWork(
        n=n,
        mixer=_matrices(mixed),
        mlp=0.0 if moe else _matrices(common),
        shared=_matrices([w for w in common if w.role == "matrix"]) if moe else 0.0,
        expert=plain_sum(float(w.size / w.copies) for w in routed),
        n_experts=moe.n_experts if moe else 0,
        top_k=moe.top_k if moe else 0,
        replicated=_vectors([*mixed, *common])
        + _vectors(block.norm.weights(d_model)) * block.n_norms
        + sum(w.size for w in common if w.role == "router"),
        mixing=mixing + plain_sum(b.mixing_flops(d_model, seq_len, causal=causal) for b in block.branches),
        scores=scores,
        key_values=key_values,
        routed_width=float((moe.d_latent or d_model) if moe else 0),
        n_sublayers=len(block.sublayers()),
        kept=kept_mixer + kept_mlp - kept_routed - inputs,
        kept_sequence=kept_norm + inputs,
        kept_routed=kept_routed,
        kept_scores=2.0 * scores,
        kept_input=2.0 * d_model,
        fused_away=2.0 * _gate(block),
        fused_away_routed=2.0 * moe.top_k * moe.d_ff_expert if moe is not None and moe.gated else 0.0,
        again=2.0 * _gate(block)
        + (
            2.0 * mixer.n_heads * (2 * (mixer.d_nope + mixer.d_rope) + mixer.d_value) if isinstance(mixer, MLA) else 0.0
        ),
        again_routed=2.0 * moe.top_k * (moe.d_ff_expert + (moe.d_latent or d_model)) if moe is not None else 0.0,
        inputs=inputs,
        rms=float(d_model * block.n_norms) if isinstance(block.norm, RMSNorm) else 0.0,
        unread=2.0 * _last_input(block),
        unread_routed=unread_routed,
        read=inputs + 2.0 * (_last_input(block) + returned) + unread_routed,
        largest=largest,
    )


def _last_input(block: Block) -> float:
    """Features that the last matrix of a dense or shared MLP reads."""
    if isinstance(block.mlp, MoE):
        return float(block.mlp.d_ff_shared)
    return float(block.mlp.d_ff) if isinstance(block.mlp, MLP) else 0.0


def _gate(block: Block) -> float:
    """Features of a gate's nonlinearity, which a fused kernel computes again in the backward pass."""
    if isinstance(block.mlp, MoE):
        return float(block.mlp.d_ff_shared) if block.mlp.gated else 0.0
    return float(block.mlp.d_ff) if isinstance(block.mlp, MLP) and block.mlp.gated else 0.0


def _matrices(weights: list[Weight]) -> float:
    return float(sum(w.size for w in weights if w.role in ("matrix", "once")))


def _vectors(weights: list[Weight]) -> float:
    return float(sum(w.size for w in weights if w.role in ("bias", "scale", "lookup")))
