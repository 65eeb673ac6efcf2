"""Kaplan et al. 2020 (arXiv:2001.08361): what the paper says follows from its constants."""

import numpy as np
import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.simulators.laws import Frontier, Kaplan, SinglePower
from lehr.simulators.laws.hyper import LossCriticalBatch


def single(name: str) -> SinglePower:
    found = Catalogue().law(name)
    assert isinstance(found, SinglePower)
    return found


def test_overfitting_of_two_percent_needs_5e3_n_to_the_0_74_tokens() -> None:
    law = Catalogue().law("kaplan")
    assert isinstance(law, Kaplan)
    n = np.array([1e8, 1e9, 1e10])
    # equation 4.3 at an excess of .02, solved for D; then equation 4.4's two digits, 5e3 and .74
    ratio = law.alpha_N / law.alpha_D
    d = law.D_c * (n / law.N_c) ** ratio / (1.02 ** (1 / law.alpha_D) - 1)
    assert law.loss(n, d) / law.loss(n, 1e30) == pytest.approx(1.02, rel=1e-6)
    assert np.polyfit(np.log(n), np.log(d), 1)[0] == pytest.approx(0.74, abs=0.005)
    # one digit is printed, 5e3: half a unit of it
    assert d / n**0.74 == pytest.approx(5e3, rel=0.1)


def test_the_critical_batch_doubles_for_every_13_percent_of_loss() -> None:
    law = Catalogue().law("kaplan_critical_batch")
    assert isinstance(law, LossCriticalBatch)
    # section 5.1: "doubles for every 13 % decrease in loss"; .5**.21 = .8645, so that 13 % is 13.5
    assert float(law.batch_tokens(loss=3.0 * (1 - 0.1355)) / law.batch_tokens(loss=3.0)) == pytest.approx(2, rel=1e-3)


def test_the_loss_at_1e4_pf_days() -> None:
    # equation 6.8: 1.7 nats, where the laws of compute and of data are about to contradict each other
    assert float(single("kaplan_compute").loss(1e4 * 8.64e19)) == pytest.approx(1.7, abs=0.05)
    data = 4e10 * 1e4**0.26  # equation 6.7
    assert float(single("kaplan_tokens").loss(data)) < 1.7


def test_sizes_grow_5_5_fold_for_ten_times_the_compute() -> None:
    law = Catalogue().law("kaplan_frontier")
    assert isinstance(law, Frontier)
    # Hoffmann et al. (2022), section 1, on this law: 5.5 times the size and 1.8 times the tokens
    (n1, d1), (n10, d10) = law.optimum(1e22), law.optimum(1e23)
    assert n10 / n1 == pytest.approx(5.5, abs=0.15)
    assert d10 / d1 == pytest.approx(1.8, abs=0.1)
    # 4.68B at 1e21 FLOP in Hoffmann et al.'s comparison (appendix D.4), which counts 6 N D at the critical batch
    assert n1 > law.optimum(1e21)[0] > 4.68e9


def test_the_loss_of_gpt_2_sized_models() -> None:
    # 2.830 at 1e8, a tenth more parameters is .7 % of loss; (8.8e5)**.076 by hand
    assert float(single("kaplan_parameters").loss(1e8)) == pytest.approx(2.830, abs=0.0005)
