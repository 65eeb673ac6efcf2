"""`lehr cost` and `lehr rollout`."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

import lehr
from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.cli import main
from lehr.recipes.costing.text import as_text
from lehr.recipes.generating.text import as_text as rolled_text
from lehr.recipes.projecting.basis import basis_of
from lehr.recipes.projecting.holding import Layouts
from lehr.recipes.projecting.model import project_model
from lehr.recipes.report.headline import headline
from lehr.simulators.evidence import Fact, Provenance
from lehr.simulators.projection.project import Assumptions


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out, said.err


def test_the_calendar_has_more_days_than_the_work() -> None:
    found = lehr.cost("llama_3_1_405b")
    assert found.work_days < found.finish.low < found.finish.median < found.days.high
    assert found.days.value == pytest.approx(found.work_days / found.stages[0].uptime.share.value, rel=1e-6)


def test_published_hours_are_billed_as_they_are_and_the_projection_stands_beside() -> None:
    found = lehr.cost("llama_3_1_8b", devices=512)
    assert found.billed.low == found.billed.value == found.billed.high == 1.46e6
    assert found.stages[0].projected is not None
    assert found.work_days < found.days.value
    assert lehr.cost("llama_3_1_8b", devices=512, mfu=0.4).stages[0].basis == "work"


def test_published_hours_are_money_also_without_a_number_of_devices() -> None:
    found = lehr.cost("llama_3_1_8b", usd_per_hour=2.0)
    assert (found.days, found.finish, found.work_days) == (None, None, None)
    assert found.dollars is not None
    assert found.dollars.value == 2.0 * 1.46e6
    text = as_text(found)
    assert "no number of devices was published" in text
    assert "carbon in t 420" in text
    projected = found.stages[0].projected
    assert projected is not None
    # a utilisation of measured steps says too little of the hours that are billed
    assert projected.high == pytest.approx(2.5 * projected.value)


def test_hours_that_stand_for_several_stages_count_once() -> None:
    found = lehr.cost("deepseek_r1")
    assert [stage.name for stage in found.stages] == ["reasoning_rl", "sft"]
    assert found.stages[0].hours.value == 41e3


@pytest.mark.slow
def test_money_is_price_times_billed_hours_and_what_is_paid_beside() -> None:
    plain = lehr.cost("starcoder", usd_per_hour=2.0)
    assert plain.dollars is not None
    assert plain.dollars.value == pytest.approx(2.0 * plain.billed.value)
    more = lehr.cost("starcoder", usd_per_hour=2.0, reserved=0.25, storage=0.1, electricity=0.1)
    assert more.dollars is not None
    assert more.energy is not None
    assert more.dollars.value == pytest.approx(1.6 * more.billed.value + 100 * more.energy.value)


def test_a_price_that_was_given_has_no_spread_of_its_own() -> None:
    given, dated, set_ = (
        lehr.cost("starcoder", accelerator="h100", **more)
        for more in ({"usd_per_hour": 2.0}, {}, {"usd_per_hour": 2.0, "price_spread": 0.25})
    )
    assert [bool(c.dollars and "price" in {s.name for s in c.dollars.swings}) for c in (given, dated, set_)] == [
        False, True, True,
    ]  # fmt: skip
    assert given.dollars is not None
    assert given.dollars.low == pytest.approx(2.0 * given.billed.low)


def test_what_rests_on_no_assumption_is_said_without_an_interval(tmp_path: Path) -> None:
    found = lehr.cost("llama_3_1_8b", devices=512, usd_per_hour=2.0, out=tmp_path)
    assert found.dollars is not None
    assert found.dollars.swings == []
    text = as_text(found)
    assert "money: 2,920,000 USD at 2 USD" in text
    assert "billed: 1,460,000 accelerator-hours" in text
    assert "what moves" not in text
    assert text.splitlines()[1].startswith("published: accelerator-hours 1.46M")
    assert "118.8 calendar days, " in text
    assert "What moves it" not in (tmp_path / "cost" / "llama_3_1_8b" / "cost.html").read_text()


def test_carbon_is_energy_times_the_grid() -> None:
    for grid, kg in (("france", 0.057), (0.2, 0.2)):
        found = lehr.cost("starcoder", grid=grid)
        assert found.carbon is not None
        assert found.energy is not None
        assert found.carbon.value == pytest.approx(kg * found.energy.value)


def test_what_moves_most_stands_first() -> None:
    found = lehr.cost("deepseek_v3", accelerator="h800").dollars
    assert found is not None
    widths = [swing.width for swing in found.swings]
    assert widths == sorted(widths, reverse=True)
    assert {swing.name for swing in found.swings} == {"price", "speed", "failures"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["cost", "grid=mars"], "grid"),
        (["cost", "device_hours=-3"], "device_hours"),
        (["cost", "runs=0"], "runs"),
        (["cost", "pue=0.5"], "pue"),
        (["cost", "evaluation=1"], "evaluation"),
        (["cost", "model=gpt_4"], "recipe"),
        (["cost", "model=starcoder", "reserved=100%"], "reserved"),
        (["cost", "training_power=0"], "training"),
        (["cost", "model=starcoder", "device_hours=1"], "such a run never ends"),
        (["cost", "model=starcoder", "every_seconds=1e9"], "such a run never ends"),
        (["cost", "model=starcoder", "runs=1000000000"], "write at most"),
        (["rollout", "response_length=-3"], "response.mean"),
        (["rollout", "response_length=4000", "response_cap=2000"], "below the mean"),
        (["rollout", "generators=0"], "generators"),
        (["rollout", "generators=64"], "leave none to train"),
        (["rollout", "verifier_seconds=20"], "verifier_cpus"),
        (["rollout", "verifier_seconds=20", "verifier_cpus=0"], "cpus"),
        (["rollout", "devices=0"], "devices"),
        (["rollout", "model=codet5_base"], "encoder"),
        (["rollout", "model=codebert"], "sees both sides"),
        (["rollout", "response_length=200000"], "longer than the context of 32,768"),
        (["rollout", "response_cap=200000"], "a cap of at most 32,468"),
        (["rollout", "prompt_length=32768"], "leave no answer"),
        (["rollout", "model=llama_3_1_405b", "devices=64"], "engine_precision=fp8"),
    ],
)
def test_a_mistake_is_answered_in_one_line(capsys: pytest.CaptureFixture[str], arguments: list[str], says: str) -> None:
    status, out, err = run(capsys, *arguments)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert says in err


@pytest.mark.slow
def test_both_say_the_same_as_data(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "cost", "model=starcoder", "format=json")
    assert (status, json.loads(out)["model"]) == (0, "starcoder")
    status, out, _ = run(capsys, "rollout", "steps=400", "format=json")
    found = json.loads(out)
    assert found["hours"]["value"] == pytest.approx(400 * 64 * found["step"]["seconds"]["value"] / 3600)
    assert found["best"]["seconds"] == min(split["seconds"] for split in found["splits"])


def test_answers_end_with_the_context_and_tensor_groups_divide_the_heads() -> None:
    """Qwen2.5-7B has 28 query and 4 key-value heads and 32,768 tokens (conf/model/qwen2_5_7b.yaml)."""
    found = lehr.rollout("qwen2_5_7b", response_length=20000)
    assert found.step.longest == 32_768 - 300
    assert found.step.tensor in (1, 2, 4)
    assert (found.step.engine, found.step.engines) == (found.step.tensor, 64 // found.step.tensor)
    assert f"in {found.step.engines} engines of tensor parallel {found.step.tensor}" in rolled_text(found)


@pytest.mark.slow
def test_a_trainers_states_lie_on_its_device_or_in_its_host() -> None:
    step = lehr.rollout("deepseek_v3", accelerator="h800", devices=512, generators=441, engine_precision="fp8").step
    assert step.trainer_bytes < 80e9 < step.trainer_bytes + step.host_bytes
    assert lehr.rollout("qwen2_5_7b").step.host_bytes == 0


def test_the_speed_of_an_engine_falls_with_what_it_remembers() -> None:
    def speed(**more: object) -> float:
        asked = {"precision": "fp8", "cache": "fp8", "prompt": 500, "response": 2000, **more}
        return lehr.generation_speed("llama_3_1_70b", "h200", **asked).value  # type: ignore[arg-type]

    assert speed(response=8000, prefills=False) < speed(prefills=False) < speed(response=500, prefills=False)
    assert speed(concurrency=8) < speed(concurrency=64) < speed()
    assert speed(prefills=False) > speed()
    with pytest.raises(lehr.LehrError, match="write more devices"):
        speed(precision="bf16")
    with pytest.raises(lehr.LehrError, match="not known"):
        lehr.generation_speed("llama_3_1_70b", "abacus", prompt=1, response=1)


@pytest.mark.slow
def test_pages_are_written_where_they_are_asked_for(tmp_path: Path) -> None:
    lehr.cost("starcoder", out=tmp_path)
    lehr.rollout("qwen2_5_7b", out=tmp_path)
    assert (tmp_path / "cost" / "starcoder" / "cost.html").is_file()
    assert (tmp_path / "rollout" / "qwen2_5_7b" / "plots" / "split.svg").is_file()
    assert (tmp_path / "rollout" / "qwen2_5_7b" / "rollout.json").is_file()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "devices", "says"),
    [
        # 671B x 16 bytes are 10.7 TB; 8 H800 hold 0.7
        ("deepseek_v3", 8, "pt does not fit: .* write at least devices=126; nor does it hold long_32k, long_128k"),
        # 70.6B x 16 bytes are 1.13 TB of the 1.37 TB of 16 H100, and activations are beyond the rest
        ("llama_3_1_70b", 16, "pt does not fit: no layout .* write devices=32"),
    ],
)
def test_what_the_devices_do_not_hold_has_no_cost(model: str, devices: int, says: str, tmp_path: Path) -> None:
    """Nor hours, in any verb; what does not rest on the devices stands."""
    with pytest.raises(lehr.LehrError, match=says):
        lehr.cost(model, devices=devices)
    data = lehr.report(model, devices=devices, law="besiroglu")
    assert data.projection.stages[0].time is None
    assert data.projection.totals.flops
    assert (data.projection.totals.hours, data.projection.totals.cost) == (None, None)
    lines = {card.label: card.lines for card in headline(data)}
    assert any("do not hold" in line for line in lines["Accelerator-hours"])
    table = lehr.sweep({"devices": [devices, 2048]}, model=model, law="besiroglu", out=tmp_path)
    row, fits = table.to_pylist()
    assert fits["hours"] > 0
    assert "does not fit" not in fits["warnings"]
    assert (row["hours"], row["days"], row["cost"]) == (None, None, None)
    assert row["loss"] == fits["loss"]
    assert "does not fit" in row["warnings"]


@pytest.mark.slow
def test_hours_that_err_more_above_than_below_do_so_in_money_too() -> None:
    """The interval of an assumed utilisation is that of the hours that runs printed, 0.75 to 2.5 times."""
    found = lehr.cost("llama_3_1_8b", accelerator="h100_sxm", devices=512)
    low, value, high = (sum(getattr(s.hours, end) for s in found.stages) for end in ("low", "value", "high"))
    speed = next(swing for swing in found.billed.swings if swing.name == "speed")
    assert speed.low / found.billed.value == pytest.approx(low / value)
    assert speed.high / found.billed.value == pytest.approx(high / value)
    assert found.billed.value / found.billed.low < 1.4
    assert found.billed.high / found.billed.value > 2


def test_a_utilisation_of_ones_own_is_nobodys_publication() -> None:
    recipe = Catalogue().recipe("deepseek_v3")
    assert basis_of(recipe, "pt", "published") == "published"
    own = msgspec.structs.replace(recipe, provenance=Provenance(default=Fact(origin="assumed", note="as it was given")))
    assert basis_of(own, "pt", "published") == "as the recipe gives it"
    assert basis_of(own, "pt", "layout") == "of its layout, by the step-time model"


@pytest.mark.slow
def test_what_ran_is_held_by_its_devices() -> None:
    """So that stages of the catalogue on their own devices need not be asked. Of encoders with a decoder, of devices
    without a speed, and of batches that do not divide over theirs no layout can be asked. Skywork-SWE ran where the
    model of memory leaves 8 % too little."""
    catalogue, fits, beyond = Catalogue(), 0, []
    for name in catalogue.files("recipe"):
        recipe = catalogue.recipe(name)
        model = catalogue.model(recipe.model)
        layouts = Layouts(catalogue, model, recipe, Assumptions(fallback="h100_sxm"), catalogue.accelerators)
        for one in project_model(catalogue, model, recipe, ()).stages:
            stage = recipe.stages[one.name]
            if one.time is None or one.time.devices is None or stage.adapter is not None:
                continue
            found = layouts.tried(one.name)
            beyond += [(name, one.name)] * (found.unfit is not None)
            fits += found.mfu is not None
    assert beyond == [("skywork_swe_32b", "sft")]
    assert fits > 50
