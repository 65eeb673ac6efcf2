"""The page of a model that has no recipe: what is known of it, what is not, and its sources."""

from __future__ import annotations

from importlib.metadata import version

import msgspec

from lehr.recipes.catalogue.entries import Model
from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.counting import count, held_beside
from lehr.recipes.presenting.document import (
    Card,
    Cards,
    Cell,
    Cited,
    Column,
    Document,
    Part,
    Section,
    Sources,
    Table,
    Text,
)
from lehr.recipes.presenting.html import as_html
from lehr.recipes.presenting.markdown import as_markdown
from lehr.recipes.presenting.numbers import quantity, whole
from lehr.recipes.report.citing import short_authors
from lehr.simulators.evidence import Source

OPENNESS = {
    "weights": "weights that can be had",
    "dimensions": "published dimensions, without weights",
    "closed": "closed: neither weights nor dimensions are public",
}
"""What is open of a model."""


def sheet_files(catalogue: Catalogue, model: Model) -> dict[str, bytes]:
    """``report.html`` and ``report.md`` of a model without a recipe, by relative path."""
    document = sheet(model, catalogue.sources, version("lehr"))
    return {"report.html": as_html(document, {}).encode(), "report.md": as_markdown(document).encode()}


def sheet(model: Model, sources: dict[str, Source], edition: str) -> Document:
    """The document of what is on record of ``model``.

    >>> from lehr.recipes.catalogue.files import Catalogue
    >>> catalogue = Catalogue()
    >>> page = sheet(catalogue.model("claude_opus_4_5"), catalogue.sources, "0")
    >>> [section.title for section in page.sections]
    ['In short', 'What is not known', 'Scores', 'Sources']
    """
    cited = _cited(model, sources)
    numbers = {entry.key: entry.number for entry in cited}
    sections = [
        Section(name="headline", title="In short", parts=[Cards(_cards(model))]),
        Section(name="unknown", title="What is not known", parts=[Text(_unknown(model))]),
        *_section("counts", "The network", _counts(model)),
        *_section("scores", "Scores", _scores(model)),
        *_section("reported", "Published figures", _reported(model)),
        Section(name="sources", title="Sources", parts=[Sources(cited)]),
    ]
    return Document(
        title=model.hf_id.rpartition("/")[2] if model.hf_id else model.name,
        subtitle=f"{model.name}{f' ({model.hf_id})' if model.hf_id else ''}, {OPENNESS[model.open]}."
        + (f" {model.note}" if model.note else ""),
        verdict="No recipe is on record",
        verdict_mark="",
        sections=sections,
        version=edition,
        numbers=numbers,
        beside=[("report.md", "holds the same")],
    )


def _cards(model: Model) -> list[Card]:
    released = str(model.released) if model.released else "not on record"
    context = model.architecture.context_length if model.architecture else model.context_length
    kind = [] if model.kind == "unknown" else [model.kind.replace("_", " ")]
    cards = [
        Card(label="Released", value=released, lines=[f"by {model.owner}"] if model.owner else []),
        Card(label="Family", value=model.family, lines=kind),
        Card(label="Context", value=f"{whole(context)} tokens" if context else "not on record", lines=[]),
    ]
    if model.architecture is not None:
        parameters = count(model)["parameters"]
        active = parameters["active"]["all"]
        lines = [f"{whole(parameters['total'])}, counted"]
        lines += [f"active per token: {quantity(active)}"] if active < parameters["total"] else []
        cards.append(Card(label="Parameters", value=quantity(parameters["total"], 4), lines=lines))
    return cards


def _unknown(model: Model) -> str:
    """What is not on record, in a line."""
    what = ["how it was trained: no stage, tokens, rates, hardware or hours"]
    if model.architecture is None:
        what.insert(0, "its architecture, so that nothing is counted")
    if model.released is None:
        what.append("its date")
    if model.license is None and model.open == "weights":
        what.append("its licence")
    said = f"On record is not {'; nor '.join(what)}."
    if model.architecture is None:
        return said
    return f"{said} lehr report model={model.name} recipe=NAME projects the recipe of another model on it."


def _section(name: str, title: str, part: Part | None) -> list[Section]:
    return [] if part is None else [Section(name=name, title=title, parts=[part])]


def _counts(model: Model) -> Table | None:
    if model.architecture is None:
        return None
    found = count(model)
    parameters, n, beside = found["parameters"], found["sequence_length"], held_beside(found)
    rows = [
        ("Layers", whole(model.architecture.n_layers), ""),
        ("Width", whole(model.architecture.d_model), "features"),
        ("Vocabulary", whole(model.architecture.embedding.vocab_size), "tokens"),
        ("Parameters, total", whole(parameters["total"]), "trained, main model"),
        ("Parameters, non-embedding", whole(parameters["non_embedding"]), "without the vocabulary's tables"),
        *(
            (f"Parameters, active, {name}", whole(value), "of one token")
            for name, value in parameters["active"].items()
        ),
        ("Training FLOPs", f"{quantity(found['flops_per_token']['causal'], 4)}", f"a token, causal, at {n:,}"),
        ("KV cache", whole(found["kv_cache_bytes_per_token"]), f"bytes a token, bf16{beside and f', and {beside}'}"),
    ]
    return Table(
        name="counts",
        caption="Counted",
        columns=[Column("Quantity"), Column("Value", "", True), Column("Unit or convention")],
        rows=[[Cell(name), Cell(value, "projected"), Cell(unit)] for name, value, unit in rows],
    )


def _scores(model: Model) -> Table | None:
    if not model.scores:
        return None
    return Table(
        name="scores",
        caption="As printed; settings differ between sources",
        columns=[Column("Benchmark"), Column("Score", "", True), Column("Metric"), Column("Setting"), Column("Source")],
        rows=[
            [
                Cell(score.benchmark.replace("_", " ")),
                Cell(f"{score.value:g}", "published"),
                Cell(score.metric or ""),
                Cell(score.setting or ""),
                Cell(score.place, source=score.source),
            ]
            for score in model.scores
        ],
    )


def _reported(model: Model) -> Table | None:
    if not model.reported:
        return None
    return Table(
        name="reported",
        caption="As printed",
        columns=[Column("Quantity"), Column("Published", "", True), Column("Source")],
        rows=[
            [
                Cell(row.quantity.replace("_", " ").replace(".", ", ")),
                Cell(row.printed, "published", row.known_cause or ""),
                Cell(row.place, source=row.source),
            ]
            for row in model.reported
        ],
    )


def _cited(model: Model, sources: dict[str, Source]) -> list[Cited]:
    """Every source that the entry rests on, numbered in the order of use, with the places that were read."""
    uses: dict[str, list[tuple[str, str]]] = {}
    facts = [("all values not listed elsewhere", model.provenance.default), *model.provenance.exceptions.items()]
    for what, fact in facts:
        if fact.source:
            uses.setdefault(fact.source, []).append((fact.place or "", what))
    for row in model.reported:
        uses.setdefault(row.source, []).append((row.place, row.quantity.replace("_", " ")))
    for score in model.scores:
        uses.setdefault(score.source, []).append((score.place, score.benchmark.replace("_", " ")))
    return [_entry(i, key, places, sources) for i, (key, places) in enumerate(uses.items(), start=1)]


def _entry(number: int, key: str, places: list[tuple[str, str]], sources: dict[str, Source]) -> Cited:
    blank = Cited(number=number, key=key, title=key, url="", by="", note="not in the bibliography", uses=places)
    if (source := sources.get(key)) is None:
        return blank
    by = ", ".join(part for part in (short_authors(source.authors or ""), str(source.year or "")) if part)
    return msgspec.structs.replace(blank, title=source.title, url=source.url, by=by, note=source.remark)
