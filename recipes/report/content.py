"""The report in its order: verdict, headline, stages, figures, comparison, shape, what qualifies it, sources."""

from __future__ import annotations

from collections.abc import Mapping

from lehr.recipes.laying_out.text import as_lines, rests_on
from lehr.recipes.presenting.document import Cards, Document, Part, Picture, Section, Sources, Text
from lehr.recipes.report import notes, shape, stages
from lehr.recipes.report.assumptions import assumptions
from lehr.recipes.report.citing import cited
from lehr.recipes.report.course import course
from lehr.recipes.report.facts import ReportData
from lehr.recipes.report.headline import headline, verdict
from lehr.recipes.report.optimum import equal_loss, optimal
from lehr.recipes.report.phases import phases
from lehr.recipes.report.reward import reward
from lehr.recipes.report.rollouts import rollouts

APART = ("reward", "rollout", "time", "memory")
"""Pictures that stand in sections of their own."""


def compose(data: ReportData, pictures: Mapping[str, Picture]) -> Document:
    """The document of ``data``, with the figures that could be drawn."""
    text, mark = verdict(data)
    entries = cited(data)
    model, recipe = data.model, data.recipe
    order = " → ".join(f"{name} ({stage.kind})" for name, stage in recipe.ordered())
    sections = [
        Section(name="headline", title="In short", parts=[Cards(headline(data))]),
        Section(name="stages", title="Stages", parts=_stages(data)),
        Section(name="figures", title="Figures", parts=[p for name, p in pictures.items() if name not in APART]),
        *course(data),
        *optimal(data),
        Section(name="published", title="Projected beside published", parts=[notes.comparison(data)]),
        *_machine(data, pictures),
        *_dense(data),
        *reward(data, pictures.get("reward")),
        *rollouts(data, pictures.get("rollout")),
        Section(
            name="architecture",
            title="Architecture",
            parts=[shape.dimensions(data), shape.blocks(data), shape.parameters(data), shape.counts(data)],
        ),
        Section(name="conventions", title="Conventions", parts=[notes.conventions(data)]),
        Section(name="assumptions", title="Assumptions", parts=[assumptions(data)]),
        Section(name="warnings", title="Warnings", parts=[notes.warnings(data)]),
        Section(name="sources", title="Sources", parts=[Sources(entries)]),
    ]
    base = f" It starts from {recipe.base.model}." if recipe.base else ""
    return Document(
        title=model.hf_id.rpartition("/")[2] if model.hf_id else model.name,
        subtitle=f"{model.name}{f' ({model.hf_id})' if model.hf_id else ''}. Stages: {order}.{base}",
        verdict=text,
        verdict_mark=mark,
        sections=sections,
        version=data.version,
        numbers={entry.key: entry.number for entry in entries},
        beside=[
            ("report.md", "and"),
            ("projection.json", "hold the same numbers"),
            ("recipe.yaml", "holds the recipe"),
        ],
    )


def _stages(data: ReportData) -> list[Part]:
    tables = (stages.as_stated(data), stages.as_projected(data), phases(data))
    return [table for table in tables if table is not None]


def _machine(data: ReportData, pictures: Mapping[str, Picture]) -> list[Section]:
    """Does it fit, how is it laid out, how long does a step take."""
    found = data.laid_out
    if found is None:
        return []
    said = [found] if isinstance(found, str) else [*as_lines(found), rests_on(found)]
    parts: list[Part] = [*map(Text, said), *(pictures[name] for name in ("time", "memory") if name in pictures)]
    return [Section(name="machine", title="On the machine", parts=parts)]


def _dense(data: ReportData) -> list[Section]:
    table = stages.beside_dense(data)
    if table is None:
        return []
    parts: list[Part] = [
        Text(
            "The work of a token follows from the parameters that it uses, attention being the same in all three. "
            "A dense model of the same total would be stronger, one of the same active parameters weaker."
        ),
        table,
        *equal_loss(data),
    ]
    return [Section(name="dense", title="Beside dense models", parts=parts)]
