"""The architecture as tables: its dimensions, its blocks and where its parameters are."""

from __future__ import annotations

from typing import Any

import msgspec

from lehr.recipes.catalogue.encode import stated_fields
from lehr.recipes.presenting.document import Cell, Column, Table
from lehr.recipes.presenting.numbers import percent, quantity, whole
from lehr.recipes.report.facts import ReportData
from lehr.recipes.report.stages import mark_of
from lehr.simulators.architecture import Architecture
from lehr.simulators.counting import ACTIVE_CONVENTIONS
from lehr.simulators.layers import Attention


def dimensions(data: ReportData) -> Table:
    """What belongs to the network as a whole."""
    a = data.model.shape()
    embedding = a.embedding
    rows = [
        ("Width", "d_model", whole(a.d_model)),
        ("Layers", "layers", whole(a.n_layers)),
        ("Context length", "context_length", f"{whole(a.context_length)} tokens"),
        (
            "Vocabulary",
            "embedding",
            f"{whole(embedding.vocab_size)} rows, head {'tied' if embedding.tied else 'untied'}",
        ),
    ]
    if embedding.learned_positions:
        rows.append(("Learned positions", "embedding", f"{whole(embedding.learned_positions)} rows"))
    if a.mtp is not None:
        rows.append(
            ("Multi-token prediction", "mtp", f"{a.mtp.depth} module{'s' * (a.mtp.depth > 1)}, block {a.mtp.block}")
        )
    if not a.causal:
        rows.append(("Mask", "causal", "none: every token sees all others"))
    return Table(
        name="dimensions",
        caption="The network as a whole",
        columns=[Column("Dimension"), Column("Value")],
        rows=[[Cell(name), Cell(value, mark_of(data, f"model.architecture.{path}"))] for name, path, value in rows],
    )


def blocks(data: ReportData) -> Table:
    """The kinds of block, in the order in which the stack names them first."""
    a = data.model.shape()
    times = {id(block): n for block, n in a.stack()}
    rows = []
    for name, block in a.blocks.items():
        if (n := times.get(id(block))) is None:
            continue
        weights = [w for w in block.weights(a.d_model) if w.role != "buffer"]
        path = f"model.architecture.blocks.{name}"
        size, active = sum(w.size for w in weights), sum(w.active_size for w in weights)
        rows.append(
            [
                Cell(name, below=f"{n} of {a.n_layers} layers"),
                Cell(layer(block.mixer), mark_of(data, f"{path}.mixer"), position(block.mixer)),
                Cell(layer(block.mlp), mark_of(data, f"{path}.mlp")),
                Cell(layer(block.norm), mark_of(data, f"{path}.norm"), block.norm_placement),
                Cell(quantity(size, 4), "projected", f"{quantity(active, 4)} active" if active < size else ""),
            ]
        )
    return Table(
        name="blocks",
        caption="The blocks of the stack",
        columns=[
            Column("Block"),
            Column("Mixer", "position"),
            Column("MLP or experts"),
            Column("Norm", "placement"),
            Column("Parameters", "per block", True),
        ],
        rows=rows,
    )


def layer(of: msgspec.Struct | None) -> str:
    """A layer in words: its kind and every setting that is not the default.

    >>> from lehr.simulators.layers import MLP
    >>> layer(MLP(d_ff=8192, activation="gelu_tanh", bias=True))
    'MLP: d_ff 8,192, activation gelu_tanh, bias'
    """
    if of is None:
        return "none"
    tag = str(of.__struct_config__.tag)
    kind = getattr(of, "variant", None) or {
        "mlp": "MLP",
        "moe": "MoE",
        "rms_norm": "RMSNorm",
        "layer_norm": "LayerNorm",
    }.get(tag)
    # the position has a place of its own
    settings = [_setting(name, own) for name, own in stated_fields(of).items() if name != "position"]
    if isinstance(of, Attention) and of.variant == "MHA":
        settings = [s for s in settings if not s.startswith("n_kv_heads")]
    return (kind or tag.replace("_", " ")) + (f": {', '.join(settings)}" if settings else "")


def _setting(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return name if value else f"no {name}"
    if isinstance(value, msgspec.Struct):
        return f"{name} ({layer(value)})"
    return f"{name} {whole(value) if isinstance(value, int) else value}"


def position(of: msgspec.Struct | None) -> str:
    """How a mixer knows where a token stands, in words; nothing for one that does not say."""
    where = getattr(of, "position", None)
    if where is None:
        return ""
    if (base := getattr(where, "base", None)) is None:
        return "no position in the mixer"
    scaling = getattr(where, "scaling", None)
    scaled = f", {scaling.__struct_config__.tag}" if scaling is not None else ""
    # LongRoPE has a factor for each frequency, and no single one
    if (factor := getattr(scaling, "factor", None)) is not None:
        scaled += f" × {factor:g}"
    return f"RoPE, base {base:,.0f}{scaled}"


def parameters(data: ReportData) -> Table:
    """Parameters by component and under every convention."""
    count = data.projection.parameters
    active = active_components(data.model.shape())
    sparse = count.active["all"] < count.total
    rows = [
        [
            Cell(name),
            Cell(whole(n), "projected"),
            Cell(percent(n / count.total), "projected"),
            *([Cell(whole(active.get(name, 0)), "projected")] if sparse else []),
        ]
        for name, n in sorted(count.components.items(), key=lambda item: -item[1])
    ]
    rows.append(
        [Cell("Total"), Cell(whole(count.total), "projected"), Cell("100 %", "projected")]
        + ([Cell(whole(count.active["all"]), "projected")] if sparse else [])
    )
    return Table(
        name="components",
        caption="Parameters by component",
        columns=[
            Column("Component"),
            Column("Parameters", "trained, main model", True),
            Column("Share", "of the total", True),
            *([Column("Active", "used by one token", True)] if sparse else []),
        ],
        rows=rows,
        totals=1,
    )


def counts(data: ReportData) -> Table:
    """The same model counted by each convention."""
    count = data.projection.parameters
    rows = [
        ("Total", count.total, "trained, main model"),
        ("Non-embedding", count.non_embedding, "without the vocabulary's table and the head"),
        *((f"Active, {name}", n, ACTIVE_CONVENTIONS[name]) for name, n in count.active.items()),
    ]
    if count.buffers:
        rows.append(("Buffers", count.buffers, "stored beside the parameters, not trained"))
    rows += [(f"Extra, {name}", n, "beside the main model") for name, n in count.extras.items()]
    return Table(
        name="counts",
        caption="The same network by each convention",
        columns=[Column("Count"), Column("Parameters", "", True), Column("Convention")],
        rows=[[Cell(name), Cell(whole(n), "projected"), Cell(says)] for name, n, says in rows],
    )


def active_components(architecture: Architecture) -> dict[str, int]:
    """Parameters that one token uses, by component [parameters]."""
    active: dict[str, int] = {}
    for weight, n in architecture.weights():
        if weight.role != "buffer":
            active[weight.component] = active.get(weight.component, 0) + weight.active_size * n
    return active
