"""The authors' constants of the multi-power law give their table of test results (README of their repository)."""

import numpy as np
import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.simulators.laws.curves import MultiPower
from tests.published.luo_curves import HELD_OUT, PRINTED, rows, schedule

HALF_UNIT = np.array([5e-5, 5e-6, 5e-6, 5e-6, 5e-6])


def figures(loss: np.ndarray, predicted: np.ndarray) -> tuple[float, ...]:
    error = np.abs(predicted - loss)
    return (
        1 - np.sum(error**2) / np.sum((loss - loss.mean()) ** 2),
        error.mean(),
        np.sqrt(np.mean(error**2)),
        np.mean(error / loss),
        np.max(error / loss),
    )


@pytest.mark.parametrize("size", PRINTED)
def test_luo_readme_table_of_test_results(size: str) -> None:
    law = Catalogue().law(f"multi_power_{size}m")
    assert isinstance(law, MultiPower)
    by_shift = []
    for shift in (-1, 0, 1):
        each = []
        for name in HELD_OUT:
            steps, loss, rate = rows(size, name)
            rates = schedule(name)
            # the data print rates to at least 12 significant digits
            assert np.allclose(rates[steps], rate, rtol=1e-12, atol=0)
            each.append(figures(loss, law.loss(rates)[np.minimum(steps + shift, len(rates) - 1)]))
        by_shift.append(np.mean(each, axis=0))
    # whether a logged step counts from 0 or 1 is not printed: what one step more or less makes is the tolerance
    printed = np.array(PRINTED[size])
    assert (np.min(by_shift, axis=0) - HALF_UNIT <= printed).all()
    assert (printed <= np.max(by_shift, axis=0) + HALF_UNIT).all()
    assert (np.ptp(by_shift, axis=0) < [3e-5, 7e-5, 7e-5, 2e-5, 3e-4]).all()
