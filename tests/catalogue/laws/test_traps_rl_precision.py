"""What goes wrong with the logarithms of RL laws, and with constants that do not carry a paper's own conclusion."""

import numpy as np
import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.simulators.laws.precision import PrecisionLaw
from lehr.simulators.laws.rl import RlPower, RlSigmoid


def test_intercepts_belong_to_base_ten() -> None:
    law = Catalogue().law("tan_base_flops")
    assert isinstance(law, RlPower)
    loss = float(law.loss(7e9, 1e22))
    # read with natural logarithms the 7B model would fail 1.2 % of problems after 1e22 FLOP, not half
    natural = float(np.exp(law.intercepts["7e9"] - law.slope(7e9) * np.log(1e22)))
    assert 0.4 < loss < 0.6
    assert natural < 0.5 * loss
    # the slope is the same in any base
    assert float(np.log(law.loss(7e9, 1e21) / law.loss(7e9, 1e22)) / np.log(10)) == pytest.approx(float(law.slope(7e9)))


def test_efficiency_and_ceiling_are_not_one_thing() -> None:
    short, long = Catalogue().law("scalerl_8b"), Catalogue().law("scalerl_8b_32k")
    assert isinstance(short, RlSigmoid)
    assert isinstance(long, RlSigmoid)
    # the longer answers are behind at 4,000 accelerator-hours and ahead at 60,000, whatever the start was
    for start in (0.2, 0.35):
        assert float(long.pass_rate(4e3, start)) < float(short.pass_rate(4e3, start))
        assert float(long.pass_rate(6e4, start)) > float(short.pass_rate(6e4, start))


def test_the_printed_constants_do_not_give_7_to_8_bits() -> None:
    law = Catalogue().law("kumar_precision")
    assert isinstance(law, PrecisionLaw)
    assert law.best_bits() == pytest.approx(5.09, abs=0.005)
    # the stationary point of the loss at fixed N D P, found by search
    bits = np.linspace(2, 16, 14001)
    kept = (1 - np.exp(-bits / law.gamma_w)) ** 3 / bits
    assert bits[np.argmax(kept)] == pytest.approx(law.best_bits(), abs=2e-3)


def test_over_training_makes_quantising_dearer() -> None:
    law = Catalogue().law("kumar_precision")
    assert isinstance(law, PrecisionLaw)
    added = law.after_quantising(1e9, [20e9, 200e9, 2e12], 3)
    assert (np.diff(added) > 0).all()
    # e^(-16 / 0.5907) = 1.7e-12, times 82 by data and size
    assert float(law.after_quantising(1e9, 2e12, 16)) < 2e-10
