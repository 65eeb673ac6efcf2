"""The report in its order: verdict, headline, stages, figures, comparison, shape, what qualifies it, sources."""

from __future__ import annotations

from collections.abc import Mapping

from lehr.recipes.laying_out.text import as_lines, rests_on
from lehr.recipes.presenting.document import Cards, Document, Part, Picture, Section, Sources, Text
from lehr.recipes.report import notes, projected, shape, stages
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

OPEN = ("learning_rate", "loss", "data")
"""Figures that are seen at once; where work and parameters go is asked for, and reward stands with its table."""


def compose(data: ReportData, pictures: Mapping[str, Picture]) -> Document:
    """The document of ``data``, with the figures that could be drawn."""
    text, mark = verdict(data)
    entries = cited(data)
    model, recipe = data.model, data.recipe
    order = " → ".join(f"{name} ({stage.kind})" for name, stage in recipe.ordered())
    n_agree = sum(row.verdict == "agrees" for row in data.comparisons)
    sections = [
        Section(name="headline", title="In short", parts=[Cards(headline(data))]),
        Section(name="stages", title="Stages", parts=[stages.as_stated(data), projected.as_projected(data)]),
        Section(name="figures", title="Figures", parts=_figures(pictures)),
        Section(name="published", title="Projected beside published", parts=[notes.comparison(data, agreeing=False)]),
        *_warnings(data),
        *_folded("agreeing", f"The {n_agree} figures that agree", n_agree and notes.comparison(data, agreeing=True)),
        *_folded("phases", "Learning rate, phase by phase", phases(data)),
        *_breakdown(pictures),
        *course(data),
        *_folded("laws", "The loss by each law", projected.by_law(data)),
        *optimal(data),
        *_machine(data, pictures),
        *_dense(data),
        *reward(data, pictures.get("reward")),
        *rollouts(data, pictures.get("rollout")),
        Section(
            name="architecture",
            title="Architecture",
            parts=[shape.dimensions(data), shape.blocks(data), shape.parameters(data), shape.counts(data)],
            folded=True,
        ),
        Section(name="conventions", title="Conventions", parts=[notes.conventions(data)], folded=True),
        Section(name="assumptions", title="Assumptions", parts=[assumptions(data)], folded=True),
        Section(name="sources", title="Sources", parts=[Sources(entries)], folded=True),
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


def _folded(name: str, title: str, part: Part | int | None) -> list[Section]:
    """A folded section of one part, where there is one."""
    return [] if part is None or isinstance(part, int) else [Section(name=name, title=title, parts=[part], folded=True)]


NAMES = {"learning_rate": "the learning rate", "loss": "the loss", "data": "the data mix"}


def _figures(pictures: Mapping[str, Picture]) -> list[Part]:
    """The pictures that there is something to show for; of the others one line says what is not known."""
    unknown = [says for name, says in NAMES.items() if name not in pictures]
    shown: list[Part] = [p for name, p in pictures.items() if name in OPEN]
    return [*shown, Text(f"Not known of any stage: {', '.join(unknown)}.")] if unknown else shown


def _breakdown(pictures: Mapping[str, Picture]) -> list[Section]:
    parts: list[Part] = [p for name, p in pictures.items() if name not in (*OPEN, *APART)]
    title = "Where the work and the parameters go"
    return [Section(name="breakdown", title=title, parts=parts, folded=True)] if parts else []


def _warnings(data: ReportData) -> list[Section]:
    """What limits the projection; nothing where nothing does."""
    found = notes.warnings(data)
    return [] if isinstance(found, Text) else [Section(name="warnings", title="Warnings", parts=[found])]


def _machine(data: ReportData, pictures: Mapping[str, Picture]) -> list[Section]:
    """Does it fit, how is it laid out, how long does a step take."""
    found = data.laid_out
    if found is None:
        return []
    if isinstance(found, str):
        return [Section(name="machine", title="On the machine", parts=[Text(found)])]
    taken = [f"Taken: {'; '.join(found.question.notes)}."] if found.question.notes else []
    said = [*as_lines(found), *taken, rests_on(found)]
    parts: list[Part] = [*map(Text, said), *(pictures[name] for name in ("time", "memory") if name in pictures)]
    return [Section(name="machine", title="On the machine", parts=parts, folded=True)]


def _dense(data: ReportData) -> list[Section]:
    table = projected.beside_dense(data)
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
    return [Section(name="dense", title="Beside dense models", parts=parts, folded=True)]
