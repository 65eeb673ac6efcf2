"""From a list of blocks, one for each layer, to an architecture with named blocks and runs of them."""

from __future__ import annotations

from collections.abc import Sequence

from lehr.recipes.importing.hugging_face.parts import Network
from lehr.simulators.architecture import MTP, Architecture, Block, Checkpoint, Encoder, Layers
from lehr.simulators.layers import Attention, MoE, RelativeBias, Rope

LONGEST_PERIOD = 64
"""A pattern of layers that repeats is looked for up to this length."""


def assembled(network: Network, checkpoint: Checkpoint | None, context_length: int) -> Architecture:
    """The architecture of ``network``."""
    encoder = network.encoder
    stacks = [network.blocks, encoder.blocks if encoder else [], [network.mtp_block] if network.mtp_block else []]
    names = named(stacks, causal=network.causal)
    last = network.mtp_block or network.blocks[-1]
    blocks: dict[str, Block] = {}
    for stack in stacks:
        blocks |= {names[block]: block for block in stack}
    return Architecture(
        d_model=network.d_model,
        context_length=context_length,
        embedding=network.embedding,
        blocks=blocks,
        layers=runs([names[b] for b in network.blocks]),
        final_norm=network.final_norm,
        embedding_norm=network.embedding_norm,
        causal=network.causal,
        encoder=None
        if encoder is None
        else Encoder(
            layers=runs([names[b] for b in encoder.blocks]),
            final_norm=encoder.final_norm,
            d_model=None if encoder.d_model == network.d_model else encoder.d_model,
            embedding=encoder.embedding,
            embedding_norm=encoder.embedding_norm,
            learned_positions=encoder.learned_positions,
            projection=encoder.projection,
        ),
        mtp=None
        if not network.mtp
        else MTP(block=names[last], norm=last.norm, depth=network.mtp, stores_tables=network.mtp_tables),
        output=network.output,
        checkpoint=checkpoint,
    )


def named(stacks: Sequence[Sequence[Block]], *, causal: bool) -> dict[Block, str]:
    """A name for each kind of block, by what tells it from the others of its stack.

    The first stack is the network's own, the second its encoder's, the third that of modules beside it.
    """
    own = "decoder" if causal else "encoder"
    names: dict[Block, str] = {}
    for stack, whole in zip(stacks, (own, "encoder", "mtp"), strict=True):
        kinds = [block for block in dict.fromkeys(stack) if block not in names]
        prefix = f"{whole}_" if whole == "encoder" and causal else ""
        for block in kinds:
            name = whole if len(kinds) == 1 else prefix + ("_".join(marks(block, kinds)) or whole)
            taken, n = set(names.values()), 2
            unique = name
            while unique in taken:
                unique, n = f"{name}_{n}", n + 1
            names[block] = unique
    return names


def marks(block: Block, kinds: Sequence[Block]) -> list[str]:
    """The words that tell ``block`` from the other ``kinds``."""
    words = []
    for of in (mixer_word, reach_word, position_word, channel_word):
        if len({of(kind) for kind in kinds}) > 1 and (word := of(block)):
            words.append(word)
    return words


def mixer_word(block: Block) -> str:
    """What mixes: the layer's kind."""
    return str(block.mixer.__struct_config__.tag) if block.mixer is not None else ""


def reach_word(block: Block) -> str:
    """How far attention sees."""
    if not isinstance(block.mixer, Attention):
        return ""
    return "global" if block.mixer.window is None and block.mixer.chunk is None else "local"


def position_word(block: Block) -> str:
    """Whether it knows positions; in T5, whether it holds the table."""
    if not isinstance(block.mixer, Attention):
        return ""
    position = block.mixer.position
    if isinstance(position, RelativeBias):
        return "first" if position.holds_table else "later"
    return "rope" if isinstance(position, Rope) else "nope"


def channel_word(block: Block) -> str:
    """Dense or a mixture of experts."""
    return "" if block.mlp is None else "moe" if isinstance(block.mlp, MoE) else "dense"


def runs(names: Sequence[str]) -> list[Layers]:
    """``names`` as the fewest repeated patterns.

    >>> [(r.blocks, r.repeat) for r in runs(["dense"] + ["moe"] * 60)]
    [(['dense'], 1), (['moe'], 60)]
    >>> [(r.blocks, r.repeat) for r in runs((["local"] * 5 + ["global"]) * 5 + ["local"] * 4)]
    [(['local', 'local', 'local', 'local', 'local', 'global'], 5), (['local'], 4)]
    """
    found: list[Layers] = []
    start = 0
    while start < len(names):
        period, repeat = best_period(names, start)
        found.append(Layers(blocks=list(names[start : start + period]), repeat=repeat))
        start += period * repeat
    return found


def best_period(names: Sequence[str], start: int) -> tuple[int, int]:
    """The pattern from ``start`` on that covers the most layers when repeated, the shortest of several."""
    best = (1, 1)
    for period in range(1, min(LONGEST_PERIOD, (len(names) - start) // 2) + 1):
        pattern, repeat = names[start : start + period], 1
        while list(names[start + repeat * period : start + (repeat + 1) * period]) == list(pattern):
            repeat += 1
        if repeat > 1 and period * repeat > best[0] * best[1]:
            best = (period, repeat)
    if best == (1, 1):
        # nothing repeats from here on: one layer, or all that are left and differ
        rest = len(names) - start
        return (rest, 1) if rest <= LONGEST_PERIOD and len(set(names[start:])) > 1 and rest < 4 else (1, 1)
    return best
