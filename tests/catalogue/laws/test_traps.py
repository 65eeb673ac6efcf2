"""What goes wrong when a law of size and data is read with another convention than its own."""

import msgspec
import numpy as np
import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.simulators.laws import Chinchilla, Frontier, Skaling
from lehr.simulators.laws.fitting import fit_law, make_runs
from lehr.simulators.laws.fitting.fit import range_of
from lehr.simulators.laws.hyper import HyperLaw, LogLinearRate, LossCriticalBatch, PowerRules
from lehr.simulators.laws.surfaces import Surface

CATALOGUE = Catalogue()


def rules(name: str) -> PowerRules:
    found = CATALOGUE.law(name)
    assert isinstance(found, PowerRules)
    return found


def surface(name: str) -> Surface:
    return CATALOGUE.surface(name)


# Bases of logarithms


def test_kaplans_rate_is_a_natural_logarithm() -> None:
    law = CATALOGUE.law("kaplan_rate")
    assert isinstance(law, LogLinearRate)
    # the paper: the rule breaks down above 1e10 parameters; with log10 it would at 1e23
    assert float(law.peak_rate(n=1e10)) > 0
    with pytest.raises(ValueError, match=r"above 1.21e\+10"):
        law.peak_rate(n=1.3e10)
    assert law.intercept - law.slope * np.log10(1.3e10) > 0


def test_the_joint_rate_of_mixtures_is_a_natural_logarithm() -> None:
    law = rules("joint_moe_rate")
    # exp(8.39 - .81 ln N - .25 ln E); with log10 the rate of a 1B model would be 3, three thousand times as high
    n, experts = 1e9, 8
    assert float(law.peak_rate(n=n, experts=experts)) == pytest.approx(
        np.exp(8.39 - 0.81 * np.log(n) - 0.25 * np.log(experts)), rel=1e-4
    )
    assert np.exp(8.39 - 0.81 * np.log10(n) - 0.25 * np.log10(experts)) > 1


# Which parameters N counts


def test_every_law_of_sizes_says_which_parameters_it_counts() -> None:
    for name in CATALOGUE.files("law"):
        law = CATALOGUE.law(name)
        if isinstance(law, Surface | Frontier | HyperLaw):
            assert law.n_convention in ("total", "non_embedding", "with_head", "active", "flops_per_token"), name


def test_twenty_tokens_per_parameter_counts_embeddings() -> None:
    # GPT-2's smallest: 124M with its tables, 85M without; read without them the same run is 29 tokens per parameter
    total, without = 124e6, 85e6
    assert 20 * total / without == pytest.approx(29, abs=0.5)
    law = surface("chinchilla")
    # the loss of the same run, read with the wrong N, is off by more than ten times the scatter of a run about the fit
    assert float(law.loss(without, 20 * total) / law.loss(total, 20 * total)) - 1 > 10 * 0.00487 / 3


def test_flops_per_token_are_not_parameters() -> None:
    law = CATALOGUE.law("deepseek_llm")
    assert isinstance(law, Frontier)
    m, d = law.optimum(4.5e23)
    # 4.32e11 FLOPs per token are about 72B parameters, not 432B
    assert m / 6 == pytest.approx(72e9, rel=0.01)
    assert m / 6 / d == pytest.approx(1 / 14.5, rel=0.01)


# Printed constants


def test_cutting_two_digits_moves_llama_3_by_a_third() -> None:
    law = CATALOGUE.law("llama_3")
    assert isinstance(law, Frontier)
    assert law.tokens is not None
    cut = msgspec.structs.replace(law, tokens=msgspec.structs.replace(law.tokens, coefficient=0.29, exponent=0.53))
    # 16.55T is printed beside (0.53, 0.29), which give 10.5T; the legend's three digits give 16.3T
    assert cut.optimum(3.8e25)[1] == pytest.approx(10.5e12, abs=0.05e12)
    assert law.optimum(3.8e25)[1] == pytest.approx(16.55e12, rel=0.02)


def test_porians_batch_is_in_tokens() -> None:
    law = rules("porian_hyper")
    batch = float(law.batch_tokens(n=108e6))
    # 164 sequences of 2,048 tokens; read as sequences it would be 690M tokens a step, a third of the whole run
    assert batch / 2048 == pytest.approx(164, abs=1)
    assert batch * 2048 > 20 * 108e6 / 4


def test_a_table_that_cites_other_laws_misprints_two() -> None:
    law = rules("deepseek_llm_hyper")
    assert law.rate is not None
    # Li et al. (2025), Table 1, cite it as .3188, and Kaplan's 2e8 tokens of B* as 2e18
    assert law.rate.coefficient == 0.3118
    critical = CATALOGUE.law("kaplan_critical_batch")
    assert isinstance(critical, LossCriticalBatch)
    # a step of 25 quadrillion tokens at 2.5 nats, where people train with millions
    assert 1e6 < float(critical.batch_tokens(loss=2.5)) < 1e7


# Units of loss


def test_losses_of_different_units_do_not_mix() -> None:
    units = {surface(name).loss_unit for name in ("farseer", "chinchilla", "gemstones_hot")}
    assert units == {"bits/char", "nats/token"}
    with pytest.raises(ValueError, match="loss_unit is mixed"):
        make_runs([1e8, 1e9], [1e10, 1e10], [3.0, 0.6], loss_unit=["nats/token", "bits/char"])


# The irreducible loss


def test_the_irreducible_loss_belongs_to_the_form() -> None:
    truth = Skaling(
        name="x", title="", n_convention="non_embedding", loss_unit="nats/token", E=0.45, A=1e3, B=2e3, alpha=0.5,
        beta=0.5, k=0.31,
    )  # fmt: skip
    n, d = (grid.ravel() for grid in np.meshgrid(np.logspace(8.3, 9.5, 5), np.logspace(9.6, 11, 5)))
    runs = make_runs(n, d, truth.loss(n, d), n_convention="non_embedding")
    found = fit_law(runs).law
    assert isinstance(found, Chinchilla)
    # no loss of a run is off by more than 1.5 %, and the floor is by more than a third
    assert np.max(np.abs(found.loss(n, d) / truth.loss(n, d) - 1)) < 0.015
    assert found.E > truth.E * 4 / 3


# Ranges


def test_every_surface_of_the_catalogue_warns_outside_its_runs() -> None:
    for name in CATALOGUE.files("law"):
        law = CATALOGUE.law(name)
        if isinstance(law, Surface):
            assert law.warnings(1e13, 1e16), name


def test_over_training_warns_below_the_ratios_that_it_was_fitted_on() -> None:
    law = surface("gadre_c4")
    n, d = law.optimum(1e20)
    # its own optimum is outside: three tokens per parameter, as the paper says of it
    assert law.warnings(n, d) == [f"{d / n:.3g} tokens per parameter lie outside the fitted range, 20 to 640"]
    assert law.warnings(1.4e9, 640 * 1.4e9) == []


def test_the_range_of_a_fit_is_that_of_its_runs() -> None:
    runs = make_runs([1e8, 1e9], [2e9, 8e10], [3.0, 2.5])
    assert range_of(runs).warnings(parameters=2e9, tokens=2e9) == [
        "2e+09 parameters lie outside the fitted range, 1e+08 to 1e+09"
    ]
