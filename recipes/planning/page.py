"""The plan as a page."""

from __future__ import annotations

from importlib.metadata import version

from lehr.recipes.planning.figures import draw_all
from lehr.recipes.planning.files import as_yaml, model, recipe
from lehr.recipes.planning.result import Planned
from lehr.recipes.planning.text import (
    STAGE_HEADINGS,
    advice_line,
    as_bytes,
    machine_lines,
    neighbours,
    shape_of,
    stage_rows,
    verdicts,
    warnings,
)
from lehr.recipes.presenting.document import Bullets, Cell, Column, Document, Section, Table, Text
from lehr.recipes.presenting.figures import drawn_of, plot_files
from lehr.recipes.presenting.html import as_html
from lehr.recipes.presenting.tables import short
from lehr.simulators.planning.choosing import Candidate


def files(plan: Planned, command: str) -> dict[str, bytes]:
    """All files of a plan by relative path: the model, its recipe, ``plan.json``, the page and its plots."""
    return {
        f"model/{plan.name}.yaml": as_yaml(model(plan), command),
        f"recipe/{plan.name}.yaml": as_yaml(recipe(plan), command),
        "plan.json": as_bytes(plan),
        **render(plan, command),
    }


def render(plan: Planned, command: str) -> dict[str, bytes]:
    """``plan.html`` and ``plots/``."""
    drawn = drawn_of(draw_all, plan)
    said = verdicts(plan)
    sections = [
        Section(
            name="plan",
            title="The plan",
            parts=[
                *(Text(line) for line in said[1:]),
                stages(plan),
                *(Text(f"{line}.") for line in machine_lines(plan)),
            ],
        ),
        Section(name="trade-off", title="The trade-off", parts=[*(p for p, _, _ in drawn), ranking(plan)]),
        Section(name="laws", title="Other laws", parts=[other_laws(plan)]),
        Section(name="rates", title="Peak rate and batch", parts=[settings(plan), rates(plan)]),
    ]
    if plan.at_bounds:
        sections.append(Section(name="budget", title="If the utilisation is another", parts=[at_bounds(plan)]))
    if plan.worries:
        sections.insert(1, Section(name="worries", title="What to worry about", parts=[
            Bullets([(worry.kind, worry.says) for worry in plan.worries])]))  # fmt: skip
    if notes := warnings(plan):
        outside = Bullets([(note.law, note.says) for note in notes])
        sections.append(Section(name="warnings", title="Outside the laws' ranges", parts=[outside]))
    document = Document(
        title=plan.name,
        subtitle=command,
        verdict=said[0],
        verdict_mark="",
        sections=sections,
        about="what to train",
        version=version("lehr"),
        numbers={},
        beside=[
            ("plan.json", "holds every rung of the ladder"),
            (f"model/{plan.name}.yaml", "the network"),
            (f"recipe/{plan.name}.yaml", "the recipe, for lehr report"),
        ],
    )
    page = as_html(document, {p.name: svg for p, svg, _ in drawn})
    return {"plan.html": page.encode(), **plot_files(drawn)}


def stages(plan: Planned) -> Table:
    """What each stage gets."""
    columns = [Column(h[0].upper() + h[1:], "", h in ("tokens", "time", "USD")) for h in STAGE_HEADINGS]
    rows = [[Cell(text) for text in row] for row in stage_rows(plan)]
    return Table(name="stages", caption="The stages, AdamW", columns=columns, rows=rows)


def settings(plan: Planned) -> Bullets:
    """Each hyper-parameter with its rule, its interval and the nearest published recipes."""
    said: dict[str, str] = {}
    for stage in plan.stages.values():
        for name, advice in stage.evidence.items():
            line = advice_line(plan, name, advice)
            if line not in said.values():
                said[f"{stage.name}, {name.replace('_', ' ')}"] = line
    return Bullets(list(said.items()))


def ranking(plan: Planned) -> Table:
    """The neighbours of the choice; regrets are over the best of them, intervals over the plan."""
    shown = neighbours(plan.plan)
    least = min(c.regret for c in shown)

    def cells(c: Candidate) -> list[Cell]:
        bounds = "" if c.regret_low is None or c.regret_high is None else f"{c.regret_low:+.4f} to {c.regret_high:+.4f}"
        return [
            Cell(shape_of(c, plan.top_k), below="the plan" if c == plan.plan.chosen else ""),
            Cell(short(c.active)),
            Cell(short(c.tokens), below="" if c.epochs <= 1 else f"{c.epochs:.3g} epochs"),
            Cell(short(c.tokens_per_parameter)),
            Cell(f"{c.memory / 1e9:.3g} GB"),
            Cell(f"{c.loss:.4f}"),
            Cell(f"{c.regret - least:+.4f}", below=bounds),
        ]

    return Table(
        name="ranking",
        caption="The choice and its neighbours",
        columns=[Column("Network"), Column("Active", "parameters", True), Column("Tokens", "", True),
                 Column("Tokens", "per active parameter", True), Column("Memory", "weights and cache, bf16", True),
                 Column("Loss", plan.plan.loss_unit, True), Column("Regret", plan.plan.loss_unit, True)],
        rows=[cells(c) for c in shown],
    )  # fmt: skip


def other_laws(plan: Planned) -> Table:
    """What other laws would choose."""
    rows = []
    for second in plan.seconds:
        c = second.plan.chosen
        regret = second.regret_of_choice
        rows.append([
            Cell(second.plan.law, below=second.plan.loss_unit), Cell(shape_of(c, plan.top_k)), Cell(short(c.tokens)),
            Cell(short(c.tokens_per_parameter)), Cell(f"{c.loss:.4f}"),
            Cell("–" if regret is None else f"{regret:+.4f}"),
        ])  # fmt: skip
    return Table(
        name="laws",
        caption="Where laws disagree; their losses are of other corpora and do not compare",
        columns=[Column("Law"), Column("Would train"), Column("Tokens", "", True),
                 Column("Tokens", "per active parameter", True), Column("Loss", "by it", True),
                 Column("This plan", "above it, by that law", True)],
        rows=rows,
    )  # fmt: skip


def rates(plan: Planned) -> Table:
    """Peak rate and batch by each law."""
    return Table(
        name="rates",
        caption="As each law has it, before the schedule's shape and what was published bind it",
        columns=[Column("Law"), Column("Peak rate", "", True), Column("Batch", "tokens", True)],
        rows=[
            [Cell(r.law, below="; ".join(r.warnings)), Cell("–" if r.peak_rate is None else f"{r.peak_rate:.2e}"),
             Cell(short(r.batch_tokens))]
            for r in plan.rates
        ],
    )  # fmt: skip


def at_bounds(plan: Planned) -> Table:
    """The choice at the ends of the budget's interval."""
    return Table(
        name="bounds",
        caption=f"The plan takes {short(plan.hours.value)} accelerator-hours of {plan.accelerator.title}; what work "
        "they buy depends on the utilisation",
        columns=[Column("Work", "FLOP", True), Column("Would train"), Column("Tokens", "", True),
                 Column("Loss", plan.plan.loss_unit, True)],
        rows=[
            [Cell(short(work)), Cell(shape_of(p.chosen, plan.top_k)), Cell(short(p.chosen.tokens)),
             Cell(f"{p.chosen.loss:.4f}")]
            for work, p in plan.at_bounds
        ],
    )  # fmt: skip
