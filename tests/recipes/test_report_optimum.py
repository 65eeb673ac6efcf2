"""The report's answers on compute-optimality, the worth of experts and reinforcement learning."""

import json
from typing import Any

import msgspec
import pytest

from lehr.recipes.errors import LehrError
from lehr.recipes.presenting.document import Table, Text
from lehr.recipes.report import ReportData, render
from lehr.recipes.report.content import compose
from lehr.recipes.report.optimum import allocations, corpus_of, equivalents, verdict
from lehr.recipes.report.reward import reward_rows
from lehr.simulators.laws.base import ValidRange
from lehr.simulators.laws.frontier import Frontier, PowerOfCompute
from lehr.simulators.laws.moe import JointMoe
from lehr.simulators.laws.sft import RectifiedLaw
from lehr.simulators.projection.assessment import Allocation, sparsity_of
from tests.recipes.report_case import MODEL, RECIPE, dense, report, sparse


def parts(data: ReportData, section: str) -> list[Any]:
    return [part for s in compose(data, {}).sections if s.name == section for part in s.parts]


def by_law(data: ReportData) -> dict[str, Allocation]:
    return {a.law: a for _, a in allocations(data)}


def test_dense_laws_read_a_mixture_at_its_active_parameters() -> None:
    data = sparse()
    found = by_law(data)
    count = data.projection.parameters
    # 100e9 tokens of the base, 200e9 of the stage, 1,000 steps of 128 sequences of 8,192
    tokens = 300e9 + 1000 * 128 * 8192
    assert found["law"].parameters == count.active["all"]
    assert found["law"].tokens == tokens
    assert found["law"].ratio == tokens / count.active["all"]
    # the law of mixtures is read at 16 experts of which 2 are used
    joint = next(law for law in data.further_laws if isinstance(law, JointMoe))
    assert found["joint"].loss == pytest.approx(float(joint.loss(count.active["all"], tokens, 8)))


def test_a_law_of_code_is_asked_where_most_of_the_data_is_code() -> None:
    assert corpus_of(sparse()) == "code"
    assert "code" in by_law(sparse())
    assert "code" not in by_law(dense())
    stages = {**RECIPE["stages"], "cpt": {**RECIPE["stages"]["cpt"], "data": {"code": 0.2, "web": 0.8}}}
    assert "code" not in by_law(report(MODEL, {**RECIPE, "stages": stages}))
    named = {**RECIPE["stages"]["cpt"], "data": {}, "datasets": ["the_stack_v1"]}
    assert corpus_of(report(MODEL, {**RECIPE, "stages": {**RECIPE["stages"], "cpt": named}})) == "code"
    python = {**named, "data": {"python": 1.0}, "datasets": []}
    assert corpus_of(report(MODEL, {**RECIPE, "stages": {**RECIPE["stages"], "cpt": python}})) is None
    python["code"] = ["python"]
    assert corpus_of(report(MODEL, {**RECIPE, "stages": {**RECIPE["stages"], "cpt": python}})) == "code"
    with pytest.raises(LehrError, match="no part of `data`"):
        report(MODEL, {**RECIPE, "stages": {**RECIPE["stages"], "cpt": {**python, "code": ["java"]}}})
    mixed = {**named, "datasets": ["the_stack_v1", "the_pile"]}
    assert corpus_of(report(MODEL, {**RECIPE, "stages": {**RECIPE["stages"], "cpt": mixed}})) is None


def test_the_cheapest_run_of_equal_loss_reaches_the_loss() -> None:
    for law, a in allocations(sparse()):
        if a.equal_loss_flops is None or isinstance(law, JointMoe):
            continue
        n, d = law.optimum(a.equal_loss_flops)  # type: ignore[union-attr, call-arg]
        # the budget is bracketed to the last digits of a double
        assert float(law.loss(n, d)) == pytest.approx(a.loss, rel=1e-9)  # type: ignore[union-attr, arg-type, call-arg]
        assert a.equal_loss_flops < a.flops
        assert a.best_loss is not None
        assert a.loss is not None
        assert a.best_loss < a.loss


@pytest.mark.parametrize(
    ("tokens", "begins"),
    [(1e8, "No, it is under-trained"), (0.9e9, "Yes, within a factor of two"), (1e12, "No, it is over-trained")],
)
def test_the_verdict_follows_the_first_law(tokens: float, begins: str) -> None:
    data = dense()
    recipe = {"pt": {"kind": "PT", "objective": {"kind": "next_token"}, "tokens": tokens}}
    plain = {
        "name": "tiny",
        "model": "tiny",
        "order": ["pt"],
        "stages": recipe,
        "provenance": {"default": {"origin": "published", "source": "paper", "place": "Table 1"}},
    }
    data = report({**MODEL, **msgspec.to_builtins(data.model)}, plain, comparisons=[])
    assert verdict(data, allocations(data)).startswith(begins)


def test_no_verdict_is_given_on_a_mixture() -> None:
    """Not even by laws of mixtures, which disagree: what they say is set beside it."""
    data = sparse()
    said = verdict(data, allocations(data))
    assert said.startswith("No verdict on a mixture of experts")
    assert "times the optimum (joint, outside its runs)" in said
    assert "besiroglu" not in said


def test_laws_that_point_both_ways_are_said_to_disagree() -> None:
    mixture = sparse()
    rows = allocations(mixture)
    data = msgspec.structs.replace(mixture, projection=msgspec.structs.replace(mixture.projection, dense=None))
    law, a = rows[0]
    other = msgspec.structs.replace(a, best_ratio=a.ratio * 10)
    assert verdict(data, [(law, a), (rows[2][0], other)]).startswith("The laws disagree: ")
    assert "Those of code, which is what most of the data is, say 0.1 times." in verdict(
        data, [(law, a), (rows[2][0], other)]
    )


def test_the_table_says_which_inputs_lie_outside() -> None:
    (text, table) = parts(sparse(), "optimal")
    assert isinstance(text, Text)
    assert isinstance(table, Table)
    assert [row[0].text for row in table.rows] == ["law", "joint", "code"]
    assert table.rows[0][-1].text == "tokens, 1B to 200B"
    assert table.rows[0][5].below == "nats/token"
    assert table.rows[2][5].below == "bits/char"


def test_experts_are_counted_by_their_parameters() -> None:
    sparsity = sparsity_of(sparse().model.shape())
    assert sparsity is not None
    # 16 experts, 2 used, none shared, of width 384 beside d_model 512
    assert (sparsity.expansion, sparsity.activation) == (8.0, 0.125)
    assert sparsity.granularity == pytest.approx(2 * 512 / 384)
    assert sparsity_of(dense().model.shape()) is None


def test_a_mixture_is_set_beside_the_dense_model_of_equal_loss() -> None:
    ((law, found),) = equivalents(sparse())
    assert isinstance(law, JointMoe)
    assert found.parameters is not None
    assert found.work_same_tokens is not None
    assert found.work_same_tokens > 1
    tables = [part for part in parts(sparse(), "dense") if isinstance(part, Table)]
    assert [table.name for table in tables] == ["dense", "equal-loss"]
    assert equivalents(dense()) == []


def rewarded(**rl: Any) -> ReportData:
    stages = {**RECIPE["stages"], "rl": {**RECIPE["stages"]["rl"], **rl}}
    return report(MODEL, {**RECIPE, "stages": stages})


def test_generating_is_a_quarter_of_the_work_and_updating_the_rest() -> None:
    data = rewarded(tokens=1e9)
    (row,) = reward_rows(data)
    (stage,) = (s for s in data.projection.stages if s.name == "rl")
    assert stage.flops is not None
    assert row.generating == pytest.approx(stage.flops / 4)
    assert row.updating == pytest.approx(3 * stage.flops / 4)
    assert stage.time is not None
    assert row.hours == stage.time.hours.value


@pytest.mark.slow
def test_published_hours_are_placed_on_the_curve() -> None:
    data = rewarded(hardware={"accelerator": "fast", "hours": 2500})
    (row,) = reward_rows(data)
    assert row.generating is None
    assert row.by_law == {"sigmoid": 2500.0}
    (_, table) = parts(data, "reward")
    # the law's midpoint
    assert table.rows[0][-1].text == "50 %"
    files = render(data)
    assert "plots/reward.svg" in files
    assert "rl_paper" in json.loads(files["projection.json"])["sources"]


def test_hours_are_scaled_by_the_dense_peaks_in_16_bits() -> None:
    data = rewarded(hardware={"accelerator": "fast", "hours": 2500})
    slow = msgspec.structs.replace(data.accelerators["fast"], name="slow", peak={"bf16": 100e12})
    sigmoid = msgspec.structs.replace(data.further_laws[-1], accelerator="slow")  # type: ignore[call-arg]
    data = msgspec.structs.replace(data, accelerators={**data.accelerators, "slow": slow}, further_laws=[sigmoid])
    (row,) = reward_rows(data)
    # 400e12 against 100e12
    assert row.by_law == {"sigmoid": 10000.0}


def test_a_frontier_of_mixtures_is_asked_about_mixtures_alone() -> None:
    law = Frontier(
        name="mixtures", title="", n_convention="flops_per_token", flops_per_nd=1.0,
        tokens=PowerOfCompute(coefficient=5.2232, exponent=0.4905),
    )  # fmt: skip
    law = msgspec.structs.replace(law, range=ValidRange(experts=(64.0, 64.0)))
    assert "mixtures" in by_law(sparse(further_laws=[law]))
    assert "mixtures" not in by_law(dense(further_laws=[law]))
    # the work of the stage with the most tokens, not of the last one with its long sequences
    cpt = sparse().projection.stages[0]
    tokens = 300e9 + 1000 * 128 * 8192
    assert by_law(sparse(further_laws=[law]))["mixtures"].flops == pytest.approx(cpt.flops_per_token * tokens)


@pytest.mark.slow
def test_without_work_or_hours_nothing_is_said_of_rewards() -> None:
    assert parts(sparse(), "reward") == []
    assert "plots/reward.svg" not in render(sparse())


def test_a_further_law_that_the_report_has_no_question_for_is_refused() -> None:
    law = RectifiedLaw(name="tuned", title="", loss_unit="nats/token", B=1.0, D_l=1.0, beta=0.5, E=1.0)
    with pytest.raises(LehrError, match="further_laws: tuned says nothing of an optimum"):
        dense(further_laws=[law])
