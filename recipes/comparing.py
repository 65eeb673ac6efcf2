"""Models and their recipes side by side, what differs first."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import msgspec

from lehr.recipes.catalogue.entries import Model
from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.checking import attention_variants
from lehr.recipes.counting import DEFAULT_SEQUENCE, count
from lehr.recipes.errors import LehrError
from lehr.recipes.presenting.document import Cell, Column, Document, Section, Table
from lehr.recipes.presenting.files import file_name
from lehr.recipes.presenting.html import as_html
from lehr.recipes.presenting.tables import short, text_table
from lehr.recipes.projecting.model import DEFAULT_LAWS, project_by_name
from lehr.simulators.machine.accelerator import Accelerator
from lehr.simulators.projection.project import Projection
from lehr.simulators.quantities import Amount
from lehr.simulators.training import Recipe

Machine = tuple[Accelerator, int]
"""Accelerators of a kind, and how many."""
MOST_NAMED = 4
"""Models that a page's title names."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is compared: a value for each model, ``None`` where it is not known or not public."""

    quantity: str
    unit: str
    values: list[float | int | str | None]

    @property
    def differs(self) -> bool:
        """Is any value unlike the first?"""
        return any(value != self.values[0] for value in self.values)


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to compare of one model: (quantity, unit) to value, in the order of reading."""

    name: str
    values: dict[tuple[str, str], float | int | str | None]


def facts(catalogue: Catalogue, name: str, sequence_length: int, machine: Machine | None = None) -> Facts:
    """Everything that can be said of the model ``name``, and of its speed on a ``machine``. Raises ``LehrError`` where
    there is no such model."""
    model = catalogue.model(name)
    values = shape(model, sequence_length)
    if model.architecture is not None and catalogue.has("recipe", name):
        laws = [catalogue.surface(law) for law in DEFAULT_LAWS]
        recipe, _, projection = project_by_name(catalogue, name, laws)
        values |= training(recipe, projection)
    if machine is not None and model.architecture is not None:
        # a layout takes numpy, which nothing else here waits for
        from lehr.recipes.laying_out.same_machine import on_one_machine

        values |= on_one_machine(catalogue, model, *machine, sequence_length)
    return Facts(name=name, values=values)


def shape(model: Model, sequence_length: int) -> dict[tuple[str, str], Any]:
    """Kind, architecture and counts."""
    values: dict[tuple[str, str], Any] = {("family", ""): model.family, ("kind", ""): model.kind}
    values |= {("open", ""): model.open}
    architecture = model.architecture
    if architecture is None:
        return values
    counts = count(model, sequence_length)
    parameters = counts["parameters"]
    return values | {
        ("layers", "layers"): architecture.n_layers,
        ("d_model", "features"): architecture.d_model,
        ("mixers", ""): attention_variants(model),
        ("context length", "tokens"): architecture.context_length,
        ("vocabulary", "tokens"): architecture.embedding.vocab_size,
        ("parameters, total", "parameters"): parameters["total"],
        ("parameters, non-embedding", "parameters"): parameters["non_embedding"],
        **{(f"parameters, active, {name}", "parameters"): n for name, n in parameters["active"].items()},
        (f"training FLOPs, causal, at {counts['sequence_length']:,}", "FLOP/token"): counts["flops_per_token"][
            "causal"
        ],
        ("KV cache, bf16", "bytes/token"): counts["kv_cache_bytes_per_token"],
    }


def training(recipe: Recipe, projection: Projection) -> dict[tuple[str, str], Any]:
    """Stages, totals and the loss by each law."""
    totals = projection.totals
    values: dict[tuple[str, str], Any] = {
        ("stages", ""): ", ".join(stage.kind for _, stage in recipe.ordered()),
        ("base model", ""): recipe.base.model if recipe.base else "none",
        ("base model's tokens", "tokens"): recipe.base.n_tokens if recipe.base else 0,
        ("tokens, known stages", "tokens"): totals.tokens or None,
        ("training FLOPs, known stages", "FLOP"): totals.flops or None,
        **_amount("accelerator-hours", "h", totals.hours),
        **_amount("accelerator-hours of rollouts", "h", projection.rollout_hours),
        **_amount("cost", "USD", totals.cost),
        ("stages of unknown length", ""): ", ".join(totals.unknown) or "none",
    }
    for stage in projection.stages:
        values[(f"{stage.kind}: peak learning rate", "")] = stage.peak_rate
        values[(f"{stage.kind}: batch", "tokens")] = stage.batch_tokens
    last = [stage.loss for stage in projection.stages if stage.loss]
    for law, loss in (last[-1] if last else {}).items():
        values |= _amount(f"loss after pre-training, {law}", loss.unit, loss)
    return values


def _amount(name: str, unit: str, amount: Amount | None) -> dict[tuple[str, str], Any]:
    if amount is None:
        return {(name, unit): None}
    bounds = {} if amount.low is None else {(f"{name}, low", unit): amount.low, (f"{name}, high", unit): amount.high}
    return {(name, unit): amount.value, **bounds}


def compare(catalogue: Catalogue, names: list[str], machine: Machine | None = None) -> list[Row]:
    """A row for each quantity that any of the models has; the rows that differ come first. With a ``machine``, an
    accelerator and how many, the best layout of each on it.

    Raises ``LehrError`` for fewer than two models.
    """
    if len(names) < 2:
        raise LehrError("compare needs two models or more; write lehr compare starcoder santacoder")
    contexts = [a.context_length for name in names if (a := catalogue.model(name).architecture) is not None]
    sequence_length = min([DEFAULT_SEQUENCE, *contexts])
    found = [facts(catalogue, name, sequence_length, machine) for name in names]
    quantities = dict.fromkeys(key for one in found for key in one.values)
    rows = [Row(quantity=q, unit=u, values=[one.values.get((q, u)) for one in found]) for q, u in quantities]
    known = [row for row in rows if any(value is not None for value in row.values)]
    return sorted(known, key=lambda row: not row.differs)


def shown(value: float | str | None, *, exact: bool = False) -> str:
    """A value as a person reads it; counts with every digit up to nine of them, and where they are to be exact."""
    if isinstance(value, int) and (exact or abs(value) < 10**9):
        return f"{value:,}"
    return value if isinstance(value, str) else short(value, digits=4)


def as_text(names: list[str], rows: list[Row], width: int | None) -> str:
    """What differs and what is alike as tables; models that do not fit into ``width`` characters stand below."""
    tables = []
    for heading, differs in (("differs", True), ("alike", False)):
        chosen = [row for row in rows if row.differs == differs]
        at = 0 if chosen else len(names)
        while at < len(names):
            # one model at least, however narrow
            for end in range(len(names), at, -1):
                cells = [[row.quantity, *map(shown, row.values[at:end]), row.unit] for row in chosen]
                table = text_table([heading, *names[at:end], "unit"], cells)
                if width is None or max(map(len, table.splitlines())) <= width:
                    break
            tables.append(table)
            at = end
    return "\n\n".join(tables)


def page(names: list[str], rows: list[Row]) -> tuple[str, bytes]:
    """The comparison as a page: what its file is called, and its content."""
    return f"{file_name(names)}.html", as_html(as_document(names, rows, version("lehr")), {}).encode()


def as_document(names: list[str], rows: list[Row], edition: str) -> Document:
    """The comparison as a page: what differs, then what is the same."""
    columns = [Column("Quantity"), *(Column(name, numeric=True) for name in names)]

    def section(title: str, chosen: list[Row]) -> Section:
        cells = [
            [Cell(row.quantity, below=row.unit), *(Cell(shown(v, exact=row.unit == "parameters")) for v in row.values)]
            for row in chosen
        ]
        anchor = title.rsplit(maxsplit=1)[-1]
        return Section(name=anchor, title=title, parts=[Table(name=anchor, caption=title, columns=columns, rows=cells)])

    different, same = [row for row in rows if row.differs], [row for row in rows if not row.differs]
    sections = [
        section(title, chosen) for title, chosen in (("What differs", different), ("What is alike", same)) if chosen
    ]
    return Document(
        title=" beside ".join(names) if len(names) <= MOST_NAMED else f"{len(names)} models side by side",
        subtitle="Counts are exact; hours, cost and loss are projections, with their intervals.",
        verdict=f"{len(different)} of {len(rows)} quantities differ",
        verdict_mark="",
        sections=sections,
        version=edition,
        numbers={},
    )
