"""Every plan from 10**19 to 10**25 FLOP: its peak lies within what was published for networks of like size, or it is
bound by that and says so, or its law is asked within its runs."""

from __future__ import annotations

import pytest

import lehr
from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.planning.published import published_stages
from lehr.recipes.planning.result import Planned
from lehr.recipes.planning.settling import ALIKE
from lehr.recipes.planning.why import why_lines
from lehr.simulators.planning.published import extent, like_size, of_kind

BUDGETS = tuple(10.0**exponent for exponent in range(19, 26))
KINDS = {
    "dense": {"network": "dense"},
    "mixture": {"network": "moe"},
    "little data": {"unique_tokens": 25e9},
    "little data, either": {"network": "either", "unique_tokens": 25e9},
    "base of 3B": {"base": "starcoder2_3b"},
    "base of 7B": {"base": "qwen2_5_coder_7b"},
    "tuned": {"stages": {"pt": 0.8, "ann": 0.1, "repo_pt": 0.02, "sft": 0.05, "rl": 0.03}},
}
PUBLISHED = published_stages(Catalogue())
LIKE = {"PT": ["PT"], "CPT": ["CPT"], "SFT": ["SFT", "REPO_SFT"], "REPO_SFT": ["SFT", "REPO_SFT"], "RL": ["RL"]}


def held(plan: Planned) -> list[str]:
    """The stages whose own peak is neither within what was published nor within its law's runs."""
    size, found = float(plan.plan.chosen.parameters), list[str]()
    mixture = plan.plan.chosen.expansion > 1
    for stage in plan.stages.values():
        advice = stage.evidence.get("peak")
        if advice is None:
            # it begins at the rate of the stage before
            continue
        stages = [s for s in PUBLISHED if s.kind in LIKE[stage.kind]]
        if stage.kind in ("PT", "CPT"):
            stages = of_kind(stages, "peak", size, mixture=mixture)
        active = float(plan.plan.chosen.active) if mixture and stage.kind in ("PT", "CPT") else None
        known = extent(like_size(stages, LIKE[stage.kind], "peak", size, active), "peak")
        assert known is not None
        within = known[0] * (1 - 1e-2) <= stage.peak <= known[1] * (1 + 1e-2)
        if not within and advice.outside:
            found.append(f"{stage.name} {stage.peak:.3g}, published {known[0]:.3g} to {known[1]:.3g}")
        if advice.bound and stage.kind != "RL":
            apart = max(advice.value, advice.rule_value) / min(advice.value, advice.rule_value)
            said = [w for w in plan.worries if w.kind == "bound" and "peak" in w.says]
            if apart > 1.25 and not said:
                found.append(f"{stage.name} is bound and nothing says so")
    return found


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_no_peak_goes_further_than_others_went(kind: str) -> None:
    wrong = {}
    for flops in BUDGETS:
        plan = lehr.plan(flops=flops, compare_laws=[], **KINDS[kind])
        if found := held(plan):
            wrong[flops] = found
    assert wrong == {}


def test_a_mixture_is_bound_by_mixtures() -> None:
    """A network of 60B with 3B active: DeepSeek-V2-Lite has 4.2e-4, larger ones 2e-4 to 3.2e-4, dense 70B 1.5e-4."""
    stages = of_kind([s for s in PUBLISHED if s.kind == "PT"], "peak", 60e9, mixture=True)
    near = like_size(stages, ["PT"], "peak", 60e9, 3e9)
    assert all(s.mixture for s in near)
    assert near[0].model == "deepseek_v2_lite"
    assert extent(near, "peak") == (2.5e-4, 4.2e-4)
    dense = of_kind([s for s in PUBLISHED if s.kind == "PT"], "batch_tokens", 15e9, mixture=False)
    assert not any(s.mixture for s in dense)


@pytest.mark.slow
@pytest.mark.parametrize(("accelerator", "days", "devices"), [("h100", 14, 16), ("h100", 10, 3), ("rtx_4090", 3, 8)])
def test_the_network_taken_is_the_best_of_its_table_or_the_plan_says_why_not(
    accelerator: str, days: int, devices: int
) -> None:
    plan = lehr.plan(compare_laws=[], accelerator=accelerator, days=days, devices=devices, network="moe")
    least = min(plan.plan.candidates, key=lambda one: one.loss)
    if least.loss < plan.plan.chosen.loss - ALIKE:
        assert plan.rival is not None
        assert plan.rival.key == least.key
        assert plan.rival.loss is None or plan.rival.loss > -ALIKE
        assert "less at this network's utilisation" in " ".join(why_lines(plan))
    else:
        assert plan.rival is None
