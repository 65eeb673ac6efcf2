"""The page to explore holds every model with the projection's own numbers, and nothing in it can break out of it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.checking import check_model, check_recipe
from lehr.recipes.cli import dispatch
from lehr.recipes.errors import LehrError
from lehr.recipes.exploring.data import explorer_data
from lehr.recipes.exploring.figures import N_SAMPLES, WITHIN, rate_curve
from lehr.recipes.exploring.page import as_html
from lehr.recipes.projecting.model import DEFAULT_LAWS, project_by_name

ROOT = Path(__file__).parents[2]
CATALOGUE = Catalogue()
LAWS = [CATALOGUE.surface(name) for name in DEFAULT_LAWS]
MEBIBYTES = 2**20


@pytest.fixture(scope="module")
def page() -> str:
    return as_html(explorer_data(CATALOGUE, LAWS), ["deepseek_v3"])


def embedded(html: str) -> dict[str, Any]:
    """The data as the page's script reads it: up to the first end of a script element."""
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script', html, flags=re.DOTALL)
    found: dict[str, Any] = json.loads(text)
    return found


def by_name(data: dict[str, Any]) -> dict[str, Any]:
    return {model["name"]: model for model in data["models"]}


@pytest.mark.slow
def test_every_model_and_every_recipe_is_there(page: str) -> None:
    data = embedded(page)
    assert [model["name"] for model in data["models"]] == list(CATALOGUE.files("model"))
    assert {model["name"] for model in data["models"] if "recipe" in model} == set(CATALOGUE.files("recipe"))


@pytest.mark.slow
def test_it_is_below_5_mb(page: str) -> None:
    assert 100_000 < len(page.encode()) < 5 * MEBIBYTES


@pytest.mark.slow
@pytest.mark.parametrize("name", ["deepseek_v3", "codellama_7b_python", "starcoder2_15b", "deepseek_coder_v2"])
def test_its_numbers_are_the_projections(page: str, name: str) -> None:
    model = by_name(embedded(page))[name]
    recipe, reported, projection = project_by_name(CATALOGUE, name, LAWS)
    assert model["parameters"] == projection.parameters.total
    assert model["active"] == projection.parameters.active
    for held, stage in zip(model["recipe"]["stages"], projection.stages, strict=True):
        plain = msgspec.to_builtins(stage)
        same = (
            "name",
            "kind",
            "tokens",
            "cumulative_tokens",
            "steps",
            "flops",
            "six_nd",
            "flops_per_token",
            "peak_rate",
        )
        assert {key: held[key] for key in same} == {key: plain[key] for key in same}
        assert held["loss"] == {law: [a.value, a.low, a.high] for law, a in stage.loss.items()}
    for held, totals in (
        (model["recipe"]["totals"], projection.totals),
        (model["recipe"]["totals_with_base"], projection.totals_with_base),
    ):
        if totals is None:
            assert held is None
            continue
        assert (held["tokens"], held["flops"], held["unknown"]) == (totals.tokens, totals.flops, totals.unknown)
        assert held["hours"] == (totals.hours and totals.hours.value)
        assert held["cost"] == (totals.cost and totals.cost.value)
    rows = [*check_model(CATALOGUE.model(recipe.model)), *check_recipe(recipe, reported, projection)]
    assert [(row["printed"], row["projected"]) for row in model["published"]] == [
        (r.reported, r.projected) for r in rows
    ]


@pytest.mark.slow
def test_every_source_that_is_named_is_listed_with_a_link(page: str) -> None:
    data = embedded(page)
    named = {
        key for model in data["models"] for key in [*model["uses"], *(row["source"] for row in model["published"])]
    }
    assert named <= set(data["sources"])
    assert all(source["url"].startswith("http") for source in data["sources"].values())


@pytest.mark.slow
def test_a_models_curves_end_at_its_losses(page: str) -> None:
    recipe = by_name(embedded(page))["deepseek_v3"]["recipe"]
    last = recipe["stages"][2]
    for law in DEFAULT_LAWS:
        curve = recipe["losses"][law]
        # the page's curves have six digits of the tokens and five of the loss
        assert curve["tokens"][-1] == pytest.approx(last["cumulative_tokens"], rel=5e-6)
        assert curve["value"][-1] == pytest.approx(last["loss"][law][0], abs=6e-5)
        assert curve["value"] == sorted(curve["value"], reverse=True)
    assert recipe["forecast"]["stages"][-1]["loss"] == pytest.approx(recipe["forecast"]["value"][-1], abs=6e-5)


@pytest.mark.parametrize(("name", "stage"), [("deepseek_v3", "pt"), ("santacoder", "pt"), ("opencoder_8b", "anneal")])
def test_a_drawn_learning_rate_is_the_schedules(name: str, stage: str) -> None:
    described = CATALOGUE.recipe(name).stages[stage]
    drawn, curve = rate_curve(described), described.curve()
    assert drawn is not None
    assert curve is not None
    assert len(drawn["x"]) < 100
    assert described.batch is not None
    assert described.sequence_length is not None
    clock = described.batch.clock(described.sequence_length)
    # updates of a grid that is not the one at which it was read
    steps = np.linspace(0.02, 0.98, 41) * curve.n_steps
    at = np.asarray(clock.tokens_at(steps.astype(int) + 1), dtype=float) / float(clock.tokens_at(curve.n_steps))
    rates = np.asarray(curve.at(steps.astype(np.int64)))
    # the points that are kept stay within WITHIN of those that were read; rates have four digits, 5e-4; between two of
    # the 240 updates that were read a cosine of this peak bends by h^2 / 8 of its second derivative, pi^2 / 2 peaks
    bend = curve.peak * (np.pi / N_SAMPLES) ** 2 / 16
    np.testing.assert_allclose(np.interp(at, drawn["x"], drawn["y"]), rates, rtol=WITHIN + 5e-4, atol=bend)


@pytest.mark.slow
def test_nothing_of_a_users_own_file_gets_out_of_the_data(tmp_path: Path) -> None:
    own = tmp_path / "model"
    own.mkdir()
    text = (ROOT / "conf/model/santacoder.yaml").read_text().replace("name: santacoder", "name: mine", 1)
    evil = "</script><script>alert(1)</script><!-- <script>"
    (own / "mine.yaml").write_text(text + f"note: {json.dumps(evil)}\n")
    catalogue = Catalogue([*CATALOGUE.roots, tmp_path])
    html = as_html(explorer_data(catalogue, LAWS, ["mine"]), [])
    assert embedded(html)["models"][0]["note"] == evil
    # the page's own: its data, and its script
    assert html.count("<script") == 2
    assert "alert(1)</script" not in html


@pytest.mark.slow
def test_a_link_that_is_none_is_not_held(tmp_path: Path) -> None:
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "own.yaml").write_text("allal_2023_santacoder: {title: Mine, url: 'javascript:alert(1)'}\n")
    data = explorer_data(Catalogue([*CATALOGUE.roots, tmp_path]), LAWS, ["santacoder"])
    assert data["sources"]["allal_2023_santacoder"]["title"] == "Mine"
    assert data["sources"]["allal_2023_santacoder"]["url"] == ""


@pytest.mark.slow
def test_the_timelines_hold_every_score_of_one_try(page: str) -> None:
    lines = {line["benchmark"]: line["points"] for line in embedded(page)["timelines"]}
    for benchmark, points in lines.items():
        expected = {
            (model.name, score.value, score.setting or "")
            for model in Catalogue().models().values()
            for score in model.scores
            if score.benchmark == benchmark and score.metric in ("pass@1", "resolved") and model.released
        }
        assert {(p["model"], p["value"], p["setting"]) for p in points} == expected
        assert [p["released"] for p in points] == sorted(p["released"] for p in points)
    assert min(len(points) for points in lines.values()) >= 24


@pytest.mark.slow
def test_it_asks_the_network_for_nothing(page: str) -> None:
    outside = page.replace(json.dumps(embedded(page)), "").partition('<script type="application/json"')[0]
    assert not re.findall(r"\bsrc=|@import|<link(?! rel=\"icon\" href=\"data:,\")|url\((?!#)", outside)
    script = page.rpartition("<script>")[2]
    assert not re.findall(r"\bfetch\(|XMLHttpRequest|\bimport\b|WebSocket|innerHTML|\beval\(", script)


@pytest.mark.slow
def test_the_same_bytes_whatever_the_hash_seed() -> None:
    program = (
        "import hashlib; from lehr.recipes.catalogue.files import Catalogue; "
        "from lehr.recipes.exploring.data import explorer_data; "
        "from lehr.recipes.exploring.page import as_html; c = Catalogue(); laws = [c.surface('besiroglu')]; "
        "print(hashlib.sha256(as_html(explorer_data(c, laws, ['deepseek_v3', 'starcoder']), []).encode()).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


@pytest.mark.slow
def test_a_mistake_leaves_the_old_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("explorer.html").write_text("old")
    with pytest.raises(LehrError, match="did you mean deepseek_v3"):
        dispatch(["explore", "out=.", "selected=[deepsek_v3]"])
    with pytest.raises(LehrError, match="6 at most"):
        dispatch(
            ["explore", "out=.", "selected=[starcoder,starcoder,starcoder,starcoder,starcoder,starcoder,starcoder]"]
        )
    assert [path.name for path in tmp_path.iterdir()] == ["explorer.html"]
    assert Path("explorer.html").read_text() == "old"


@pytest.mark.slow
def test_the_verb_writes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: str) -> None:
    monkeypatch.chdir(tmp_path)
    assert dispatch(["explore", "selected=[deepseek_v3]"]) == 0
    assert Path("outputs/explorer.html").read_text() == page
