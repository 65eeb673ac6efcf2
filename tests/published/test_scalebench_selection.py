"""Runs chosen by their worth reach the error of all runs at a tenth of the cost, as Li et al. (2026, arXiv:2604.22753,
Table 2) report of their own rule on other tables: on the tables of N and D at hand with thirty runs or more."""

from __future__ import annotations

import numpy as np
import pytest

from tests.data import data_file

SHARE = 0.1
NAMES = (
    "gadre_redpajama", "gadre_c4", "marin_comma", "porian_tuned", "epoch by size", "epoch by tokens", "epoch by work",
)  # fmt: skip


@pytest.mark.slow
def test_a_tenth_of_the_money_reaches_the_error_of_all_runs() -> None:
    data_file("extrapolation/gadre_c4_train.csv")
    data_file("epoch_chinchilla/svg_extracted_data.csv")
    from benchmarks.design import cheapest, error, found, over_all
    from lehr.simulators.designing import Target
    from lehr.simulators.designing.turns import in_turns

    tables = found()
    ours, plain = [], []
    for name in NAMES:
        runs, larger = tables[name]
        budget, whole = SHARE * float(runs.flops.sum()), error(runs, larger)
        rows = in_turns(runs, Target(n=larger.parameters, d=larger.tokens), budget=budget)
        assert runs.flops[rows].sum() <= budget
        ours.append(over_all(runs, larger, rows, whole))
        plain.append(over_all(runs, larger, cheapest(runs, budget), whole))
    # gadre_c4, porian_tuned and epoch by work were in view when the rule was set; measured 0.87 and 2.0
    assert np.exp(np.mean(np.log(ours))) < 1.0
    assert np.exp(np.mean(np.log(ours))) < 0.6 * np.exp(np.mean(np.log(plain)))
