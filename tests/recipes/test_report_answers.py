"""A report answers first: what was published before what is projected, one forecast, a page for every model."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.composing.python import job_of
from lehr.recipes.presenting.document import Cards, Document
from lehr.recipes.projecting.model import project_by_name
from lehr.recipes.report.content import compose
from lehr.recipes.report.facts import ReportData
from lehr.recipes.report.headline import headline
from lehr.recipes.report.run import report_data
from lehr.recipes.report.sheet import sheet, sheet_files
from lehr.recipes.verbs.report import run

CATALOGUE = Catalogue()
LAWS = [CATALOGUE.surface("besiroglu")]
CARDS = {"tokens": "Training tokens", "accelerator_hours": "Accelerator-hours", "cost_usd": "Cost",
         "training_flops": "Training FLOPs", "parameters.total": "Parameters"}  # fmt: skip
"""The card that a published quantity stands on."""


def page_of(model: str, *overrides: str, **settings: object) -> Document:
    data = report_data(job_of("report", {"model": model, "further_laws": [], **settings}, overrides=overrides))
    return compose(data, {})


def cards_of(document: Document) -> dict[str, tuple[str, list[str]]]:
    cards = next(part for part in document.sections[0].parts if isinstance(part, Cards))
    return {card.label: (card.value, card.lines) for card in cards.cards}


def cards_in_the_catalogue(name: str) -> dict[str, tuple[str, list[str]]]:
    """The cards of a recipe as it stands, without composing a job for each."""
    recipe, _, projection = project_by_name(CATALOGUE, name, LAWS)
    model = CATALOGUE.model(recipe.model)
    data = ReportData(
        model=model,
        recipe=recipe,
        projection=projection,
        comparisons=[],
        laws=LAWS,
        sources={},
        accelerators={},
        version="0",
    )
    return {card.label: (card.value, card.lines) for card in headline(data)}


@pytest.mark.slow
@pytest.mark.parametrize("name", CATALOGUE.files("recipe"))
def test_a_published_figure_comes_before_its_projection(name: str) -> None:
    recipe = CATALOGUE.recipe(name)
    model = CATALOGUE.model(recipe.model)
    cards = cards_in_the_catalogue(name)
    wanted = {row.quantity for row in (*recipe.reported, *model.reported) if re.search(r"\d", row.printed)}
    if any(stage.hardware and stage.hardware.stated_hours for stage in recipe.stages.values()):
        wanted.add("accelerator_hours")
    for quantity in wanted & set(CARDS):
        value, lines = cards[CARDS[quantity]]
        assert value != "unknown"
        assert lines[0].startswith("published"), (quantity, lines)
    for label in ("Accelerator-hours", "Cost"):
        value, lines = cards[label]
        if lines and "published" in lines[0]:
            assert any(line.startswith("projected:") for line in lines), (label, lines)


def test_the_flagship_says_what_was_published_first_and_one_loss() -> None:
    cards = cards_of(page_of("deepseek_v3"))
    assert cards["Accelerator-hours"][0] == "2788K"
    assert cards["Cost"][0] == "$5.576M"
    assert cards["Loss after pre-training"][1][1].startswith("the forecast:")
    assert "besiroglu" in cards["Loss after pre-training"][1][2]


def test_money_and_hours_of_adjacent_cards_have_one_basis() -> None:
    cards = cards_of(page_of("llama_3_1_405b"))
    assert cards["Accelerator-hours"][0] == "30.84M"
    # $3.00 an hour, dated
    assert cards["Cost"][0] == "$92.5M"
    assert not any(re.search(r"\((\S+) to \1\)", line) for _, lines in cards.values() for line in lines)


@pytest.mark.parametrize(
    ("overrides", "settings"),
    [(("recipe.stages.long_32k.steps=2000",), {}), ((), {"mfu": 0.4}), ((), {"accelerator": "h100"})],
)
def test_what_was_published_of_another_recipe_is_not_this_ones(
    overrides: tuple[str, ...], settings: dict[str, object]
) -> None:
    document = page_of("deepseek_v3", *overrides, **settings)
    cards = cards_of(document)
    assert cards["Accelerator-hours"][0] != "2788K"
    projected = next(p for s in document.sections for p in s.parts if getattr(p, "name", "") == "stages-projected")
    assert projected.rows[0][5].below == "of the recipe as published"  # type: ignore[union-attr]


def test_a_figure_that_an_override_moved_has_that_cause_and_no_other() -> None:
    job = job_of("report", {"model": "llama_3_1_8b", "accelerator": "a100"}, overrides=["recipe.stages.pt.tokens=1T"])
    data = report_data(job)
    causes = {row.quantity: row.cause for row in data.comparisons if row.verdict != "agrees"}
    # carbon follows from what was published, whatever is set
    assert "implied" in str(causes.pop("carbon_t"))
    assert set(causes) == {"tokens", "accelerator_hours"}
    assert all(str(cause).startswith("set otherwise than published: accelerator, ") for cause in causes.values())
    assert "2 of the recipe as published, 1 differ" in compose(data, {}).verdict


@pytest.mark.slow
def test_draws_are_named_and_never_listed() -> None:
    document = page_of("deepseek_v3")
    table = next(p for s in document.sections for p in s.parts if getattr(p, "name", "") == "assumptions")
    row = next(row for row in table.rows if row[0].text == "law.besiroglu.uncertainty")  # type: ignore[union-attr]
    assert row[1].text == "400 draws of E, A, B, alpha, beta"


def test_a_sequence_longer_than_the_context_is_remarked_on() -> None:
    document = page_of("starcoder", "recipe.stages.pt.sequence_length=65536")
    section = next(s for s in document.sections if s.name == "warnings")
    assert "sequences of 65,536 tokens are longer than the context of this model, 8,192" in str(section.parts)


def test_every_model_of_the_catalogue_without_a_recipe_has_a_page() -> None:
    known = CATALOGUE.sources
    without = [model for name, model in CATALOGUE.models().items() if not CATALOGUE.has("recipe", name)]
    assert len(without) > 100
    for model in without:
        page = sheet(model, known, "0")
        assert page.sections[-1].parts[0].sources, model.name  # type: ignore[union-attr]
        assert "On record is not" in str(page.sections[1].parts[0])


def test_a_closed_model_is_reported_with_what_is_known(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(job_of("report", {"model": "Claude Opus 4.5", "out": str(tmp_path)})) == 0
    assert "no recipe of claude_opus_4_5 is on record" in capsys.readouterr().out
    text = (tmp_path / "claude_opus_4_5" / "report.md").read_text()
    assert "200,000 tokens" in text
    assert "its architecture" in text
    assert sheet_files(CATALOGUE, CATALOGUE.model("claude_opus_4_5"))["report.md"].decode() == text
