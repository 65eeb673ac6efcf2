"""Models and their recipes side by side, what differs first."""

from __future__ import annotations

import csv
from importlib.metadata import version
from io import StringIO
from typing import Any

import msgspec

from lehr.recipes.catalogue.entries import Model
from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.catalogue.recipe_files import AcceleratorFile, RecipeFile
from lehr.recipes.catalogue.resolving import joined
from lehr.recipes.checking import attention_variants
from lehr.recipes.counting import DEFAULT_SEQUENCE, count
from lehr.recipes.errors import LehrError
from lehr.recipes.presenting.document import Cell, Column, Document, Section, Table
from lehr.recipes.presenting.files import file_name
from lehr.recipes.presenting.html import as_html
from lehr.recipes.presenting.numbers import dollars
from lehr.recipes.presenting.tables import short, text_table
from lehr.recipes.projecting.model import DEFAULT_LAWS, FALLBACK_ACCELERATOR, project_model
from lehr.simulators.architecture import Architecture
from lehr.simulators.counting import count_parameters
from lehr.simulators.evidence import parse_figure
from lehr.simulators.layers import MoE
from lehr.simulators.machine.accelerator import Accelerator
from lehr.simulators.numerics.adding import plain_sum
from lehr.simulators.projection.project import Assumptions, Projection
from lehr.simulators.projection.stage_time import as_runs_reach, expected_mfu
from lehr.simulators.projection.totals import Totals
from lehr.simulators.quantities import Amount, Interval, Relation
from lehr.simulators.training import Recipe, Stage

Machine = tuple[Accelerator, int]
"""Accelerators of a kind, and how many."""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """On what hours and cost of all models rest: one accelerator at one utilisation [1], precision and price [USD/h];
    or, where they are ``published``, what each recipe printed."""

    device: AcceleratorFile | None = None
    precision: str = "bf16"
    mfu: float | None = None
    usd_per_hour: float | None = None
    published: bool = False


BOUNDS: dict[Relation, str] = {"at least": "the least", "at most": "the most", "between": "the least"}
"""What sums are that hold a bound."""

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


def facts(
    catalogue: Catalogue, name: str, sequence_length: int, machine: Machine | None = None, terms: Terms | None = None
) -> Facts:
    """Everything that can be said of the model ``name``, and of its speed on a ``machine``. Raises ``LehrError`` where
    there is no such model."""
    model = catalogue.model(name)
    values, on, fastest, held = shape(model, sequence_length), {}, None, True
    if machine is not None and model.architecture is not None:
        # a layout takes numpy, which nothing else here waits for
        from lehr.recipes.laying_out.answer import Found, UnfitError
        from lehr.recipes.laying_out.same_machine import best_on, on_one_machine

        best = best_on(catalogue, model, *machine, sequence_length)
        on, held = on_one_machine(best, *machine), not isinstance(best, UnfitError)
        fastest = best.reached if isinstance(best, Found) else None
    if model.architecture is not None and catalogue.has("recipe", name):
        laws = [catalogue.surface(law) for law in DEFAULT_LAWS]
        recipe, terms = catalogue.recipe(name), terms or Terms()
        device = terms.device or (machine[0] if machine else catalogue.accelerators[FALLBACK_ACCELERATOR])
        # what a machine does not hold takes no time there; all else is the same on any
        asked = msgspec.structs.replace(terms, device=device) if held else Terms()
        sparse = count_parameters(model.architecture).sparse
        assumptions, where, reached = same_for_all(catalogue, asked, sparse=sparse, fastest=fastest)
        projection = project_model(
            catalogue, model, recipe, laws, assumptions=assumptions,
            accelerators={**catalogue.accelerators, where.name: where},
        )  # fmt: skip
        values |= training(recipe, projection)
        if terms.published:
            values |= as_published(recipe)
        else:
            at = f"on {device.name} in {terms.precision}"
            values |= on_the_machine(at, projection.totals, reached) if held else on_the_machine(at, None, None)
    values |= {("sources", ""): ", ".join(sources_of(catalogue, model, name)), **on}
    return Facts(name=name, values=values)


def shape(model: Model, sequence_length: int) -> dict[tuple[str, str], Any]:
    """Kind, architecture and counts."""
    values: dict[tuple[str, str], Any] = {("family", ""): model.family, ("kind", ""): model.kind}
    values |= {("open", ""): model.open, ("owner", ""): model.owner}
    values |= {("released", ""): str(model.released) if model.released else None}
    architecture = model.architecture
    if architecture is None:
        return values
    counts = count(model, sequence_length)
    parameters = counts["parameters"]
    return values | {
        ("layers", "layers"): architecture.n_layers,
        ("d_model", "features"): architecture.d_model,
        ("mixers", ""): attention_variants(model),
        ("heads", ""): heads(architecture),
        ("experts", ""): experts(architecture),
        ("context length", "tokens"): architecture.context_length,
        ("vocabulary", "tokens"): architecture.embedding.vocab_size,
        ("parameters, total", "parameters"): parameters["total"],
        ("parameters, non-embedding", "parameters"): parameters["non_embedding"],
        **{(f"parameters, active, {name}", "parameters"): n for name, n in parameters["active"].items()},
        (f"training FLOPs, causal, at {counts['sequence_length']:,}", "FLOP/token"): counts["flops_per_token"][
            "causal"
        ],
        ("KV cache that grows, bf16", "bytes/token"): counts["kv_cache_bytes_per_token"],
        ("KV cache of full windows, bf16", "bytes"): counts["full_windows_bytes"],
        ("recurrent states, bf16", "bytes"): counts["recurrent_states_bytes"],
    }


def same_for_all(
    catalogue: Catalogue, terms: Terms, *, sparse: bool, fastest: Interval | None = None
) -> tuple[Assumptions, AcceleratorFile, Interval]:
    """One accelerator and precision for every model, at the utilisation that is given, else at what is expected where
    the ``fastest`` layout reaches so much, with the interval of what runs printed [1].

    Raises ``LehrError`` where none is on record.
    """
    device = terms.device or catalogue.accelerators[FALLBACK_ACCELERATOR]
    if terms.mfu is not None:
        reached = Interval(low=terms.mfu, central=terms.mfu, high=terms.mfu)
    else:
        try:
            reached = as_runs_reach(expected_mfu(device, terms.precision, sparse=sparse, fastest=fastest)[0])
        except ValueError as error:
            raise LehrError(f"mfu: {error}") from error
    given = Assumptions(
        fallback=device.name,
        accelerator=device.name,
        precision=terms.precision,
        mfu=reached.central,
        usd_per_hour=terms.usd_per_hour,
    )
    return given, device, reached


def on_the_machine(on: str, totals: Totals | None, reached: Interval | None) -> dict[tuple[str, str], Any]:
    """Hours and cost ``on`` the one machine at what is ``reached`` there; both go by its inverse. Nothing where the
    machine does not hold the model."""
    rows: dict[tuple[str, str], Any] = {(f"MFU taken {on}", ""): None if reached is None else f"{reached.central:.1%}"}
    hours, cost = (None, None) if totals is None else (totals.hours, totals.cost)
    for name, unit, amount in (("hours", "h", hours), ("cost", "USD", cost)):
        value = amount.value if amount else None
        rows[(f"{name} {on}, projected", unit)] = value
        if value is not None and reached is not None and reached.low < reached.high:
            rows[(f"{name}, low", unit)] = value * reached.central / reached.high
            rows[(f"{name}, high", unit)] = value * reached.central / reached.low
    return rows


def as_published(recipe: RecipeFile) -> dict[tuple[str, str], Any]:
    """Hours and hardware as the recipe has them, and the cost as printed."""
    stages = [(name, stage.hardware) for name, stage in recipe.ordered() if stage.hardware is not None]
    ran = dict.fromkeys(f"{h.count or ''} {h.accelerator} {h.precision or ''}".strip() for _, h in stages)
    hours = [(name, h.stated_hours) for name, h in stages if h.stated_hours]
    if not hours:
        printed = [row for row in recipe.reported if row.quantity == "accelerator_hours"]
        hours = [(row.stage or "all", float(parse_figure(row.printed).value)) for row in printed[:1]]
    costs = [row.printed for row in recipe.reported if row.quantity == "cost_usd" and row.stage is None]
    return {
        ("published hardware", ""): ", ".join(ran) or None,
        ("published accelerator-hours", "h"): plain_sum(h for _, h in hours) if hours else None,
        ("stages of these hours", ""): ", ".join(name for name, _ in hours) or None,
        ("published cost", ""): costs[0] if costs else None,
    }


def hours_published(catalogue: Catalogue, name: str) -> float | None:
    """Accelerator-hours as the recipe of the model ``name`` has them [h]; ``None`` where it has none.

    >>> hours_published(Catalogue(), "llama_3_1_405b")
    30840000.0
    """
    if not catalogue.has("recipe", name):
        return None
    hours: float | None = as_published(catalogue.recipe(name))["published accelerator-hours", "h"]
    return hours


def experts(architecture: Architecture) -> str:
    """The experts of the mixture's blocks, in words.

    >>> experts(Catalogue().model("deepseek_v3").shape()), experts(Catalogue().model("starcoder").shape())
    ('256, 8 a token, 1 shared', 'none')
    """
    found = [b.mlp for b in architecture.blocks.values() if isinstance(b.mlp, MoE)]
    said = [
        f"{m.n_experts}, {m.top_k} a token" + (f", {m.n_shared_experts} shared" if m.n_shared_experts else "")
        for m in found
    ]
    return "; ".join(dict.fromkeys(said)) or "none"


def heads(architecture: Architecture) -> str | None:
    """Heads of the attention, and how many of them have keys and values of their own.

    >>> heads(Catalogue().model("llama_3_1_8b").shape())
    '32, 8 of keys and values'
    """
    said = []
    for block in architecture.blocks.values():
        n, n_kv = getattr(block.mixer, "n_heads", None), getattr(block.mixer, "n_kv_heads", None)
        if n is not None:
            said.append(f"{n}" + (f", {n_kv} of keys and values" if n_kv not in (None, n) else ""))
    return "; ".join(dict.fromkeys(said)) or None


def mix(stage: Stage) -> str | None:
    """The shares of a stage's data."""
    return ", ".join(f"{name.replace('_', ' ')} {share:.0%}" for name, share in stage.data.items()) or None


def sources_of(catalogue: Catalogue, model: Model, name: str) -> list[str]:
    """The keys of the sources that a model and its recipe rest on (``lehr cite``)."""
    held = [model.provenance]
    held += [catalogue.recipe(name).provenance] if catalogue.has("recipe", name) else []
    found = [fact.source for p in held for fact in (p.default, *p.exceptions.values())]
    return [key for key in dict.fromkeys(found) if key]


def training(recipe: Recipe, projection: Projection) -> dict[tuple[str, str], Any]:
    """Stages, totals and the loss by each law."""
    totals = projection.totals
    values: dict[tuple[str, str], Any] = {
        ("stages", ""): ", ".join(stage.kind for _, stage in recipe.ordered()),
        ("base model", ""): recipe.base.model if recipe.base else "none",
        ("base model's tokens", "tokens"): recipe.base.n_tokens if recipe.base else 0,
        ("tokens, known stages", "tokens"): totals.tokens or None,
        ("training FLOPs, known stages", "FLOP"): totals.flops or None,
        ("stages of unknown length", ""): ", ".join(totals.unknown) or "none",
        ("these tokens and FLOPs are", ""): BOUNDS[totals.bound] if totals.bound else None,
        ("these hours and this cost are", ""): BOUNDS[totals.hours_bound] if totals.hours_bound else None,
    }
    for stage in projection.stages:
        values[(f"{stage.kind}: peak learning rate", "")] = stage.peak_rate
        values[(f"{stage.kind}: batch", "tokens")] = stage.batch_tokens
        values[(f"{stage.kind}: data", "")] = mix(recipe.stages[stage.name])
    last = [stage.loss for stage in projection.stages if stage.loss]
    for law, loss in (last[-1] if last else {}).items():
        values |= _amount(f"loss after pre-training, {law}", loss.unit, loss)
    return values


def _amount(name: str, unit: str, amount: Amount | None) -> dict[tuple[str, str], Any]:
    if amount is None:
        return {(name, unit): None}
    bounds = {} if amount.low is None else {(f"{name}, low", unit): amount.low, (f"{name}, high", unit): amount.high}
    return {(name, unit): amount.value, **bounds}


def compare(
    catalogue: Catalogue, names: list[str], machine: Machine | None = None, terms: Terms | None = None
) -> list[Row]:
    """A row for each quantity that any of the models has; the rows that differ come first. With a ``machine``, an
    accelerator and how many, the best layout of each on it. ``terms`` say what hours and cost rest on: one machine for
    all, or what was published, never one beside the other.

    Raises ``LehrError`` for fewer than two models.
    """
    if len(names) < 2:
        raise LehrError("compare needs two models or more; write lehr compare starcoder santacoder")
    contexts = [a.context_length for name in names if (a := catalogue.model(name).architecture) is not None]
    sequence_length = min([DEFAULT_SEQUENCE, *contexts])
    found = [facts(catalogue, name, sequence_length, machine, terms) for name in names]
    quantities = dict.fromkeys(key for one in found for key in one.values)
    rows = [Row(quantity=q, unit=u, values=[one.values.get((q, u)) for one in found]) for q, u in quantities]
    known = [row for row in rows if any(value is not None for value in row.values)]
    return sorted(known, key=lambda row: not row.differs)


def shown(value: float | str | None, *, exact: bool = False, unit: str = "") -> str:
    """A value as a person reads it: money with its sign, counts with every digit up to nine of them, and where they are
    to be exact."""
    if isinstance(value, int) and (exact or abs(value) < 10**9):
        return f"{value:,}"
    if unit == "USD" and isinstance(value, (int, float)):
        return dollars(value)
    return value if isinstance(value, str) else short(value, digits=4)


def as_text(names: list[str], rows: list[Row], width: int | None) -> str:
    """What differs and what is alike as tables; models that do not fit into ``width`` characters stand below."""
    tables = []
    for heading, differs in (("differs", True), ("alike", False)):
        # sources are many, and for lehr cite
        chosen = [row for row in rows if row.differs == differs and row.quantity != "sources"]
        at = 0 if chosen else len(names)
        while at < len(names):
            # one model at least, however narrow
            for end in range(len(names), at, -1):
                cells = [
                    [row.quantity, *(shown(v, unit=row.unit) for v in row.values[at:end]), row.unit] for row in chosen
                ]
                table = text_table([heading, *names[at:end], "unit"], cells)
                if width is None or max(map(len, table.splitlines())) <= width:
                    break
            tables.append(table)
            at = end
    return "\n\n".join(tables)


def page(names: list[str], rows: list[Row], titles: list[str] | None = None) -> tuple[str, bytes]:
    """The comparison as a page: what its file is called, and its content."""
    return f"{file_name(names)}.html", as_html(as_document(names, rows, version("lehr"), titles), {}).encode()


def as_csv(names: list[str], rows: list[Row]) -> str:
    """The comparison as CSV, a row a quantity, numbers as they are."""
    out = StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(["quantity", "unit", *names])
    table.writerows([row.quantity, row.unit, *("" if v is None else v for v in row.values)] for row in rows)
    return out.getvalue()


def title_of(model: Model) -> str:
    """What people call a model.

    >>> title_of(Catalogue().model("deepseek_v3")), title_of(Catalogue().model("gpt_4"))
    ('DeepSeek-V3', 'GPT-4')
    """
    if model.hf_id:
        return model.hf_id.rpartition("/")[2]
    return model.family if joined(model.family) == joined(model.name) else model.name


def as_document(names: list[str], rows: list[Row], edition: str, titles: list[str] | None = None) -> Document:
    """The comparison as a page: what differs, then what is the same. ``titles`` are what people call the models."""
    heads = titles or names
    below = [name if title != name else "" for name, title in zip(names, heads, strict=True)]
    columns = [Column("Quantity"), *(Column(t, b, numeric=True) for t, b in zip(heads, below, strict=True))]

    def section(title: str, chosen: list[Row]) -> Section:
        cells = [
            [
                Cell(row.quantity, below=row.unit),
                *(Cell(shown(v, exact=row.unit == "parameters", unit=row.unit)) for v in row.values),
            ]
            for row in chosen
        ]
        anchor = title.rsplit(maxsplit=1)[-1]
        table = Table(name=anchor, caption=f"{title}, by model", columns=columns, rows=cells)
        return Section(name=anchor, title=title, parts=[table])

    different, same = [row for row in rows if row.differs], [row for row in rows if not row.differs]
    sections = [
        section(title, chosen) for title, chosen in (("What differs", different), ("What is alike", same)) if chosen
    ]
    return Document(
        title=" beside ".join(heads) if len(names) <= MOST_NAMED else f"{len(names)} models side by side",
        subtitle="Counts are exact; loss is projected; hours and cost are of one machine for all, or as published.",
        verdict=f"{len(different)} of {len(rows)} quantities differ",
        verdict_mark="",
        sections=sections,
        about="models side by side",
        version=edition,
        numbers={},
    )
