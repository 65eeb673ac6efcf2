"""What qualifies the numbers: conventions, published figures and warnings."""

from __future__ import annotations

from lehr.recipes.presenting.document import Bullets, Cell, Column, Mark, Table, Text
from lehr.recipes.presenting.numbers import quantity, rate, whole
from lehr.recipes.report.facts import ReportData
from lehr.recipes.report.headline import NOTHING_TO_COMPARE
from lehr.simulators.counting import ACTIVE_CONVENTIONS, FLOP_CONVENTIONS, N_CONVENTIONS
from lehr.simulators.laws.base import LOSS_UNITS
from lehr.simulators.schedules.base import STEP_CONVENTIONS, Convention


def conventions(data: ReportData) -> Bullets:
    """Every convention that a number in the report depends on."""
    count = data.projection.parameters
    sparse = count.active["all"] < count.total
    items = [("N, total", "every trained parameter of the main model; buffers and extra modules are counted apart")]
    if sparse:
        items += [(f"N, active, {name}", says) for name, says in ACTIVE_CONVENTIONS.items()]
    else:
        items.append(("N, non-embedding", "without the vocabulary's table and the output head"))
    used = list(dict.fromkeys(s.flop_convention for s in data.projection.stages))
    used += ["causal_with_router"] if sparse else []
    items += [(f"FLOPs, {name}", FLOP_CONVENTIONS[name].says.replace("`", "")) for name in dict.fromkeys(used)]
    items += [
        ("FLOPs, all", "2 FLOP forward and 4 backward for each parameter that a token uses; nothing is recomputed"),
        (
            "6ND",
            f"6 × N × D with N {'active, all' if sparse else 'total'}, D the tokens; attention is left out",
        ),
        (
            "MFU",
            "model FLOPs over what the devices could do at their dense peak (no structured sparsity) in the stated "
            "precision; recomputation is not counted as work",
        ),
        (
            "Accelerator-hours",
            "training FLOPs / (peak × MFU), all devices together; a failed or repeated run is not counted",
        ),
        (
            "Cost",
            "accelerator-hours × the dated price of an hour; no storage, staff or networking, nor the time that "
            "failures take, which lehr cost adds",
        ),
    ]
    items += [
        (
            f"Loss, {law.name}",
            f"{law.title}: {law.loss_unit} ({LOSS_UNITS[law.loss_unit]}); "
            f"N is {N_CONVENTIONS[law.n_convention]}; D is all tokens of pre-training so far, "
            "those of a base model included",
        )
        for law in data.laws
    ]
    if sparse and data.laws:
        items.append(
            (
                "Loss of a mixture of experts",
                "these laws are of dense models: the interval runs from a dense model of the total (low) to one of the "
                "active parameters (high), and the value stands at the geometric mean of the two sizes",
            )
        )
    items += [
        *((f"Learning rate, {name}", STEP_CONVENTIONS[name]) for name in _step_conventions(data)),
        ("Suffixes", "K, M, B and T are powers of 1,000"),
    ]
    return Bullets(items)


def warnings(data: ReportData) -> Bullets | Text:
    """What limits the projection, each with the stages it concerns."""
    stages: dict[str, list[str]] = {}
    context = data.model.shape().context_length
    for stage in data.projection.stages:
        longer = data.recipe.stages[stage.name].sequence_length
        if longer is not None and longer > context:
            said = f"sequences of {whole(longer)} tokens are longer than the context of this model, {whole(context)}"
            stages.setdefault(said, []).append(stage.name)
        for warning in stage.warnings:
            stages.setdefault(warning, []).append(stage.name)
    if not stages:
        return Text("None.")
    return Bullets([(", ".join(names), text) for text, names in stages.items()])


def _step_conventions(data: ReportData) -> list[Convention]:
    """Where in its schedule the first update stands, for every schedule of the recipe."""
    schedules = [stage.schedule for _, stage in data.recipe.ordered() if stage.schedule is not None]
    return list(dict.fromkeys(schedule.convention for schedule in schedules))


def verdict_mark(verdict: str) -> Mark:
    """How a verdict is shown."""
    marks: dict[str, Mark] = {"agrees": "agrees", "differs, known cause": "differs", "FAILS": "fails"}
    return marks[verdict]


def comparison(data: ReportData, *, agreeing: bool) -> Table | Text:
    """Every published figure beside its projection: those that agree, or what fails and then what differs."""
    chosen = [row for row in data.comparisons if (row.verdict == "agrees") is agreeing]
    if not data.comparisons:
        return Text(NOTHING_TO_COMPARE)
    if not chosen:
        return Text("Every published figure agrees with its projection.")
    order = ("FAILS", "differs, known cause", "agrees")
    rows = [
        [
            Cell(row.quantity.replace("_", " "), below=row.subject),
            Cell(row.reported, "published"),
            Cell(_projected(row.projected), "projected", row.unit),
            Cell(row.rule),
            Cell(row.verdict, verdict_mark(row.verdict), row.cause or ""),
            Cell(row.place, source=row.source),
        ]
        for row in sorted(chosen, key=lambda r: order.index(r.verdict))
    ]
    return Table(
        name="agreeing" if agreeing else "comparison",
        caption="Published figures that agree; the tolerance is that of the printed digits"
        if agreeing
        else "What fails comes first, then what differs; the tolerance is that of the printed digits",
        columns=[
            Column("Quantity", "of"),
            Column("Published", "as printed", True),
            Column("Projected", "unit", True),
            Column("Rule", "and convention"),
            Column("Verdict", "and cause"),
            Column("Source", "and place"),
        ],
        rows=rows,
    )


def _projected(value: float | str | None) -> str:
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    if float(value).is_integer() and abs(value) < 1e15:
        return whole(value)
    return rate(value) if 0 < abs(value) < 1e-3 else quantity(value, 4)
