"""Models of the catalogue, value by value."""

from __future__ import annotations

import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.importing.model_file import kind_of
from lehr.simulators.counting import count_parameters
from lehr.simulators.decoding import cache_bytes
from lehr.simulators.laws.moe import EfficiencyLeverage, RoutedLaw
from lehr.simulators.projection.assessment import dense_equivalent, sparsity_of

CATALOGUE = Catalogue()


def test_deepseek_v3_is_reconstructed_value_by_value() -> None:
    count = count_parameters(CATALOGUE.model("deepseek_v3").shape())
    assert count.total == 671_026_404_352
    assert count.buffers == 58 * 256
    assert count.total + count.buffers == 671_026_419_200
    mtp = {name: values for name, values in count.extras.items() if name.startswith("mtp") and "fp8" not in name}
    assert sum(mtp.values()) == 13_463_426_304
    assert count.extras["fp8_scales"] == 40_838_232
    assert count.extras["mtp_fp8_scales"] == 702_264
    assert count.total + count.buffers + sum(count.extras.values()) == 684_531_386_000


def test_starcoder_stores_its_tied_head() -> None:
    count = count_parameters(CATALOGUE.model("starcoder").shape())
    assert count.extras == {"stored_head": 301_989_888}
    assert count.total + 301_989_888 == 15_819_446_272


def test_kv_cache_of_known_models() -> None:
    # 2 x layers x key-value heads x head width x 2 bytes; MLA: layers x (512 + 64) x 2 bytes
    assert cache_bytes(CATALOGUE.model("qwen2_5_coder_7b").shape()).per_token == 2 * 28 * 4 * 128 * 2
    assert cache_bytes(CATALOGUE.model("deepseek_v3").shape()).per_token == 61 * 576 * 2


def test_deepseek_v3_has_the_four_phases_of_its_report() -> None:
    stage = CATALOGUE.recipe("deepseek_v3").stages["pt"]
    curve = stage.curve()
    assert curve is not None
    assert stage.batch is not None
    clock = stage.batch.clock(4096)
    at = {tokens: float(curve.at(round(clock.step_at(tokens)))) for tokens in (5e12, 12.15e12, 14.5e12, 14.7e12)}
    assert at[5e12] == 2.2e-4
    # half way of the cosine, to the rounding of a boundary to a whole step: 1/68,000 of the way
    assert at[12.15e12] == pytest.approx((2.2e-4 + 2.2e-5) / 2, rel=1e-4)
    assert at[14.5e12] == 2.2e-5
    assert at[14.7e12] == 7.3e-6
    assert curve.at(1000) == 1.1e-4
    assert curve.final == 7.3e-6


def test_deepseek_v3_in_the_terms_of_the_laws() -> None:
    architecture = CATALOGUE.model("deepseek_v3").shape()
    sparsity = sparsity_of(architecture)
    assert sparsity is not None
    # 256 routed experts and a shared one, of which 8 and the shared one are used; 2 x 7168 / 2048
    assert sparsity.expansion == pytest.approx(257 / 9)
    assert sparsity.granularity == pytest.approx(7)
    count = count_parameters(architecture)
    routed, leverage = CATALOGUE.law("clark_rl_r"), CATALOGUE.law("ling_leverage")
    assert isinstance(routed, RoutedLaw)
    assert isinstance(leverage, EfficiencyLeverage)
    # of 37B active parameters and 130e9 tokens RL-R says that routing gains nothing beyond its cutoff's order
    found = dense_equivalent(routed, sparsity, count, 14.8e12, 3.7e24)
    assert found.inputs["tokens"] == 130e9
    assert found.work_same_tokens == pytest.approx(1, abs=0.1)
    assert len(found.outside) == 2
    found = dense_equivalent(leverage, sparsity, count, 14.8e12, 3.7e24)
    assert found.work_best == pytest.approx(float(leverage.leverage(9 / 257, 7, 3.7e24)))
    assert found.parameters is None


@pytest.mark.slow
def test_a_kind_is_that_of_the_layers() -> None:
    """Long convolutions stand with what replaced attention; an embedder is called by its use, as a diffuser is."""
    called = {"embedding", "diffusion"}
    models = [CATALOGUE.model(name) for name in CATALOGUE.files("model")]
    shown = {m.name: (m.kind, kind_of(m.architecture)) for m in models if m.architecture is not None}
    differ = {name: kinds for name, kinds in shown.items() if kinds[0] != kinds[1] and kinds[0] not in called}
    assert differ == {f"hyena_{size}": ("recurrent", "dense") for size in ("153m", "355m", "1_3b")}
