"""A report says what is known, what is not, who said it and what was computed, the same in every format."""

import json
import re
import subprocess
import sys
from collections import Counter
from html import unescape
from pathlib import Path
from types import ModuleType

import msgspec
import pytest

from lehr.recipes.presenting.document import Cell, Column, Document, Section, Table
from lehr.recipes.presenting.html import as_html
from lehr.recipes.report import citing, optimum, render, reward
from lehr.recipes.report.content import compose
from lehr.simulators.evidence import Comparison
from lehr.simulators.quantities import Amount
from tests.recipes.report_case import COMPARISONS, MODEL, RECIPE, SOURCES, dense, rendered, report, sparse
from tests.recipes.report_page import FIGURES, Page, page_of

ROOT = Path(__file__).parents[2]


@pytest.fixture
def files() -> dict[str, bytes]:
    return rendered()


def test_a_report_is_these_files(files: dict[str, bytes]) -> None:
    plots = {f"plots/{name}.{suffix}" for name in FIGURES for suffix in ("svg", "png")}
    assert set(files) == {"report.html", "report.md", "projection.json"} | plots


@pytest.mark.slow
def test_a_second_run_gives_the_same_bytes_in_another_process() -> None:
    code = (
        "import hashlib; from tests.recipes.report_case import sparse; from lehr.recipes.report import render;"
        "print([(n, hashlib.sha256(b).hexdigest()) for n, b in render(sparse()).items()])"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PATH": ""},
            cwd=ROOT,
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(runs) == 1


@pytest.mark.slow
def test_neither_torch_nor_pyplot_is_imported() -> None:
    code = (
        "import sys; from tests.recipes.report_case import sparse; "
        "from lehr.recipes.report import render; render(sparse());"
        "print(*sorted({'torch', 'scipy', 'matplotlib.pyplot', 'transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def bare(text: str) -> str:
    """Text without what only a format needs: spaces, brackets, marks of emphasis, numbers of sources."""
    return re.sub(r"\[\d+\]|[^\w.,×%†‡§$⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+", "", text)


def test_both_formats_say_the_same(files: dict[str, bytes]) -> None:
    text = bare(files["report.md"].decode())
    cells = [bare(cell) for cell in page_of(files).cells]
    assert len(cells) > 200
    assert [cell for cell in cells if cell not in text] == []


def test_what_was_looked_for_and_what_nobody_read_for_are_told_apart(files: dict[str, bytes]) -> None:
    table = {row[0].text: row for row in tables(sparse())["stages-stated"].rows}
    assert [c.text for c in table["rl"][2:]] == [
        "not read", "4,096", "not published", *["not read"] * 4,
    ]  # fmt: skip
    assert table["rl"][3].sign == "†"
    assert b'<span class="value is-unknown">not published</span>' in files["report.html"]


def test_what_a_second_hand_source_says_is_listed_as_such() -> None:
    data = sparse()
    key = next(
        use.fact.source for use in citing.facts(data) if use.fact.origin == "published" and use.group == "recipe"
    )
    assert key
    sources = data.sources | {key: msgspec.structs.replace(data.sources[key], second_hand=True)}
    before, after = (tables(d)["assumptions"].rows for d in (data, msgspec.structs.replace(data, sources=sources)))
    more = [row for row in after if row[2].text == "second-hand"]
    assert len(more) == len(after) - len(before) > 0
    assert {row[3].source for row in more} == {key}


def test_published_derived_assumed_and_set_are_told_apart() -> None:
    found = tables(sparse(overridden=["recipe.stages.cpt.tokens"]))
    cpt = found["stages-stated"].rows[0]
    assert {c.mark for c in cpt} == {"", "published", "set", "assumed", "projected"}
    assert (cpt[2].text, cpt[2].sign) == ("200B", "§")
    assert (cpt[4].text, cpt[4].sign) == ("2.1M", "†")
    hours = found["stages-projected"].rows[0][5]
    assert (hours.text, hours.sign) == ("5K", "‡")
    reasons = {row[0].text: row[3].text for row in found["assumptions"].rows}
    assert reasons["recipe.stages.cpt.hardware.hours"] == "64 x 78 h"
    assert reasons["recipe.stages.cpt.tokens"] == "set for this report"
    assert "fallback_accelerator=" in reasons["hardware of long"]


@pytest.mark.parametrize(
    ("path", "signs"),
    [
        ("recipe.stages.cpt.batch", ("", "§")),
        ("recipe.stages.cpt.batch.sequences", ("", "§")),
        ("recipe.stages.cpt", ("§", "§")),
        ("recipe.stages.long.batch", ("", "†")),
    ],
)
def test_an_override_marks_what_it_stands_for_and_what_is_in_it(path: str, signs: tuple[str, str]) -> None:
    row = tables(sparse(overridden=[path]))["stages-stated"].rows[0]
    assert (row[2].sign, row[4].sign) == signs


def test_the_stages_without_a_published_length_are_named() -> None:
    document = compose(sparse(), {})
    cards = {card.label: card for card in document.sections[0].parts[0].cards}  # type: ignore[union-attr]
    assert "2 of 4 stages; length not known: sft, rl" in cards["Training tokens"].lines
    assert "after 100B tokens of tiny_base" in cards["Training tokens"].lines


def test_only_the_sources_that_were_used_are_listed_each_with_its_places(files: dict[str, bytes]) -> None:
    listed = json.loads(files["projection.json"])["sources"]
    # the law of rewards has no stage whose hours are known
    assert set(SOURCES) - set(listed) == {"of_nothing_used", "rl_paper"}
    assert set(listed) <= set(SOURCES)
    assert listed["paper"]["places"] == ["Table 1", "abstract", "section 2"]
    text = files["report.md"].decode()
    assert "of_nothing_used" not in text
    assert "quantiles over 5 models of [" in text


@pytest.mark.slow
def test_a_source_that_is_in_no_bibliography_is_named_by_its_key() -> None:
    text = render(sparse(sources={}))["report.md"].decode()
    assert "1. paper. not in the bibliography" in text


@pytest.mark.parametrize(
    ("verdicts", "line"),
    [
        (["agrees"], "1 published figure agrees, 0 differ for a known cause, 0 fail"),
        (
            ["agrees", "agrees", "differs, known cause"],
            "2 published figures agree, 1 differs for a known cause, 0 fail",
        ),
        (["FAILS", "agrees"], "1 published figure agrees, 0 differ for a known cause, 1 fails"),
    ],
)
def test_the_verdict_counts(verdicts: list[str], line: str) -> None:
    rows = [msgspec.structs.replace(COMPARISONS[0], verdict=v) for v in verdicts]
    assert compose(sparse(comparisons=rows), {}).verdict == line


def test_the_verdict_on_what_nobody_published_is_the_answer() -> None:
    """As the cards beneath say it, and no count of figures that there are not."""
    document = compose(sparse(comparisons=[]), {})
    cards = {card.label: card.value for card in document.sections[0].parts[0].cards}  # type: ignore[union-attr]
    assert document.verdict.startswith(f"Loss {cards['Loss after pre-training']} nats/token")
    for label, unit in (("Training tokens", " tokens"), ("Accelerator-hours", " accelerator-hours"), ("Cost", "")):
        assert f" {cards[label]}{unit}" in document.verdict
    assert " of work, to which lehr cost adds what failures take" in document.verdict
    assert document.verdict_mark == ""


def test_a_legend_names_only_origins_that_the_page_has() -> None:
    table = Table(name="stages", caption="Work", columns=[Column("Stage")], rows=[[Cell("pt")]])
    for cell, legend in ((Cell("1"), False), (Cell("1", "projected"), True)):
        shown = msgspec.structs.replace(table, rows=[[cell]])
        page = as_html(
            Document(title="m", subtitle="", verdict="", verdict_mark="", version="0", numbers={},
                     sections=[Section(name="stages", title="Stages", parts=[shown])]), {}
        )  # fmt: skip
        assert ('class="legend"' in page) is legend
        assert 'is-published">published' not in page


def test_what_fails_stands_first() -> None:
    failing = msgspec.structs.replace(COMPARISONS[0], verdict="FAILS", cause="no known cause")
    found = tables(sparse(comparisons=[*COMPARISONS, failing]))
    rows = found["comparison"].rows
    assert [row[4].mark for row in rows] == ["fails", "differs"]
    assert [row[4].mark for row in found["agreeing"].rows] == ["agrees", "agrees"]
    assert rows[0][4].below == "no known cause"


@pytest.mark.slow
def test_markup_in_a_users_own_file_stays_text() -> None:
    row = Comparison(
        subject="<b>x</b>",
        quantity="parameters.total",
        reported="<script>alert(1)</script>",
        projected="a | b",
        unit="",
        rule="same",
        verdict="agrees",
        source="paper",
        place="x",
    )
    made = render(sparse(comparisons=[row]))
    assert b"<script>" not in made["report.html"]
    assert b"<b>x" not in made["report.html"]
    table = next(line for line in made["report.md"].decode().splitlines() if "alert" in line)
    assert table.count("|") - table.count("\\|") == 7
    assert "<script>" not in table.replace("\\<", "")


@pytest.mark.slow
def test_a_link_that_is_no_web_address_is_not_made() -> None:
    data = sparse()
    bad = msgspec.structs.replace(data.sources["paper"], url="javascript:alert(1)")
    page = Page(render(msgspec.structs.replace(data, sources={**data.sources, "paper": bad}))["report.html"].decode())
    assert [a for a in page.all("a") if "javascript" in str(a["href"])] == []


def test_a_dense_model_is_not_set_beside_dense_ones() -> None:
    document = compose(dense(), {})
    assert "dense" not in [section.name for section in document.sections]
    assert "dense" in [section.name for section in compose(sparse(), {}).sections]
    found = tables(dense())
    assert [c.heading for c in found["components"].columns] == ["Component", "Parameters", "Share"]
    assert "phases" not in found


def test_a_mixture_of_experts_costs_what_its_active_parameters_cost() -> None:
    data = sparse()
    rows = tables(data)["dense"].rows
    count = data.projection.parameters
    # a dense model of the same total does 6 FLOP more for each parameter that is idle here
    assert data.projection.dense is not None
    ratio = 1 + 6 * (count.total - count.active["all"]) / data.projection.dense.moe
    assert [row[4].text for row in rows] == ["1.00 ×", f"{ratio:.2f} ×", "1.00 ×"]


def test_the_components_add_up_to_the_totals() -> None:
    rows = tables(sparse())["components"].rows
    for column in (1, 3):
        numbers = [int(row[column].text.replace(",", "")) for row in rows]
        assert sum(numbers[:-1]) == numbers[-1]


def test_what_is_not_known_of_any_stage_is_a_line_and_no_picture() -> None:
    files = render(dense())
    assert "plots/learning_rate.svg" not in files
    assert "Not known of any stage: the learning rate" in files["report.md"].decode()


def test_a_curve_is_drawn_with_the_jumps_of_its_phases() -> None:
    recipe = json.loads(json.dumps(RECIPE))
    recipe["stages"]["cpt"]["schedule"] = {
        "kind": "multi_step",
        "peak": 4e-4,
        "milestones": [{"fraction": 0.5, "ratio": 0.5}, {"fraction": 0.75, "ratio": 0.25}],
    }
    rows = tables(report(MODEL, recipe))["phases"].rows
    assert [row[6].text for row in rows[:3]] == ["4 × 10⁻⁴", "2 × 10⁻⁴", "1 × 10⁻⁴"]
    lengths, firsts = ([int(row[column].text.replace(",", "")) for row in rows[:3]] for column in (3, 4))
    assert sum(lengths) == 98650
    assert firsts == [0, lengths[0], lengths[0] + lengths[1]]


def test_an_amount_without_an_interval_has_none_in_the_table() -> None:
    data = sparse()
    stages = [
        msgspec.structs.replace(s, loss={"law": Amount(value=2.0, unit="nats/token")}) if s.loss else s
        for s in data.projection.stages
    ]
    projection = msgspec.structs.replace(data.projection, stages=stages)
    cell = tables(msgspec.structs.replace(data, projection=projection))["stages-projected"].rows[0][8]
    assert (cell.text, cell.below) == ("2.000", "")


def test_the_alternative_text_is_in_both_formats(files: dict[str, bytes]) -> None:
    labels = [unescape(str(a["aria-label"])) for a in page_of(files).all("svg")]
    images = re.findall(r"!\[(.*)\]\(plots/(\w+)\.png\)", files["report.md"].decode())
    assert [name for _, name in images] == list(FIGURES)
    assert [text.replace("\\", "") for text, _ in images] == labels


def tables(data) -> dict[str, Table]:  # type: ignore[no-untyped-def]
    document = compose(data, {})
    return {part.name: part for section in document.sections for part in section.parts if isinstance(part, Table)}


# The data


def keys_of(value: object) -> set[str]:
    """Every key at any depth, but those that are names of things (accelerators, laws, components, sources)."""
    if isinstance(value, list):
        return {key for item in value for key in keys_of(item)}
    if not isinstance(value, dict):
        return set()
    by_name = {"loss", "accelerators", "sources", "components", "extras", "peak", "flops"}
    found = set(value)
    for key, below in value.items():
        inside = list(below.values()) if key in by_name and isinstance(below, dict) else below
        found |= keys_of(inside)
    return found


def test_every_key_of_the_projection_is_documented(files: dict[str, bytes]) -> None:
    documented = set(re.findall(r"[`\"](\w+)[`\"]", (ROOT / "docs" / "projection.md").read_text()))
    data = json.loads(files["projection.json"])
    assert len(keys_of(data)) > 60
    assert keys_of(data) - documented == set()


def test_the_projection_keeps_the_numbers_whole(files: dict[str, bytes]) -> None:
    data = json.loads(files["projection.json"])
    expected = sparse().projection
    assert data["version"] == 1
    assert data["overridden"] == ["recipe.stages.cpt.tokens"]
    assert data["parameters"]["total"] == expected.parameters.total
    assert [s["flops"] for s in data["stages"]] == [s.flops for s in expected.stages]
    assert sum(data["parameters"]["components"].values()) == data["parameters"]["total"]


@pytest.mark.slow
def test_what_several_parts_show_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    data, calls = sparse(), Counter[str]()

    def counted(module: ModuleType, name: str) -> None:
        compute = getattr(module, name)

        def call(*given: object, **named: object) -> object:
            calls[name] += 1
            return compute(*given, **named)

        monkeypatch.setattr(module, name, call)

    for module, name in ((optimum, "allocate"), (optimum, "dense_equivalent"), (reward, "_row"), (citing, "_entry")):
        counted(module, name)
    files = render(data)
    shown = json.loads(files["projection.json"])
    # frontiers are asked by another function
    assert calls["allocate"] == sum(row["loss"] is not None for row in shown["compute_optimal"])
    assert calls["dense_equivalent"] == len(shown["equal_loss"]) > 0
    # the one stage of policy gradients, of which neither hours nor work are known
    assert calls["_row"] == 1
    assert calls["_entry"] == len(shown["sources"]) > 0
