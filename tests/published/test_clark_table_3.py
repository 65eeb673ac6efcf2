"""Clark et al. 2022 (arXiv:2202.01169), Table 3: the joint law of three routers, refitted to the published runs."""

import csv
import gzip

import numpy as np
import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.simulators.laws.moe import RoutedLaw
from lehr.simulators.laws.moe.clark import fit_routed
from tests.data import data_file

FILES = {"S-Base": "clark_s_base", "RL-R": "clark_rl_r", "Hash": "clark_hash"}
REFIT = {  # a, b, c, d, E_start, E_max and the cutoff, computed once by independent code from the same runs
    "S-Base": (-0.0830, -0.1180, 0.0099, 1.1136, 2.08, 239, 783e9),
    "RL-R": (-0.0827, -0.1234, 0.0112, 1.1070, 1.72, 470, 97e9),
    "Hash": (-0.0874, -0.1384, 0.0126, 1.1595, 4.27, 427, 89e9),
}


def runs(router: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sizes, experts and final losses of one router's runs and of the dense ones."""
    last: dict[str, dict[str, str]] = {}
    with gzip.open(data_file("clark_routed/curves.csv.gz"), "rt") as file:
        for row in csv.DictReader(file):
            if row["hyper_id"] not in last or int(row["step"]) > int(last[row["hyper_id"]]["step"]):
                last[row["hyper_id"]] = row
    chosen = [
        (float(row["dense_parameter_count"]), float(row["num_experts"]), float(row["loss_validation"]))
        for row in last.values()
        if row["router_type"] in (router, "Dense")
        and (float(row["routing_frequency"]), row["k"], row["seed"]) == (0.5, "1", "42")
    ]
    n, experts, loss = np.array(chosen).T
    return n, experts, loss


def law(router: str) -> RoutedLaw:
    found = Catalogue().law(FILES[router])
    assert isinstance(found, RoutedLaw)
    return found


@pytest.mark.parametrize("router", FILES)
def test_a_refit_of_the_runs_gives_the_published_slopes(router: str) -> None:
    found, printed = fit_routed(*runs(router)), law(router)
    assert (found.a, found.c) == pytest.approx((printed.a, printed.c), abs=0.002)
    # b and the saturation trade off: E_max of 239 and of 314 fit alike; half a unit of b on top of .01
    assert found.b == pytest.approx(printed.b, abs=0.0105)


@pytest.mark.parametrize("router", FILES)
def test_the_refit_is_the_least_squares_solution(router: str) -> None:
    found = fit_routed(*runs(router))
    a, b, c, d, start, most, cutoff = REFIT[router]
    # half a unit of the four decimals and of the three digits that were noted down, and a fifth of that for the search
    assert (found.a, found.b, found.c, found.d) == pytest.approx((a, b, c, d), abs=6e-5)
    assert (found.E_start, found.E_max) == pytest.approx((start, most), rel=3e-3)
    # half a unit of the three digits of the cutoff that was noted down
    assert found.cutoff() == pytest.approx(cutoff, rel=7e-3)


@pytest.mark.parametrize("router", FILES)
def test_the_published_constants_describe_the_runs(router: str) -> None:
    n, experts, loss = runs(router)
    refitted = np.sqrt(np.mean(np.log(fit_routed(n, experts, loss).loss(n, experts) / loss) ** 2))
    printed = np.sqrt(np.mean(np.log(law(router).loss(n, experts) / loss) ** 2))
    # 5e-4 in c times log N log E = 9.1 x 2.7 is .012 in log10 L at the corner, about a third of it on average
    assert refitted < 0.0076
    assert printed < refitted + 0.012
