"""Energy of runs whose power was measured (Patterson et al., arXiv:2104.10350, Table 4)."""

from __future__ import annotations

from math import log

import pytest

from lehr.simulators.machine.accelerator import Accelerator
from lehr.simulators.machine.energy import HOST, POWER_SPREAD, PUE, TRAINING, Power, Site, energy_of
from lehr.simulators.sensitivity import LEVEL

TPU_V3 = Accelerator(name="tpu_v3", title="TPU v3", peak={"bf16": 123e12}, power=450)
RUNS = {
    "T5": (245_760, 310, 1.12, 85.7),
    "Meena": (737_280, 289, 1.09, 232.0),
    "GShard": (76_186, 288, 1.09, 24.1),
}
"""Chip-hours, mean watts of a chip with its share of host and fans, PUE, energy [MWh]."""


@pytest.mark.parametrize("name", RUNS)
def test_the_share_of_the_others_gives_the_energy_within_15_percent(name: str) -> None:
    """The share of the largest draw that the two other runs took, host included."""
    others = [watts / 450 for run, (_, watts, _, _) in RUNS.items() if run != name]
    hours, _, pue, energy = RUNS[name]
    power, site = Power(training=sum(others) / len(others)), Site(pue=pue, host=1.0)
    assert energy_of(TPU_V3, hours, site=site, power=power).value == pytest.approx(energy, rel=0.15)


@pytest.mark.parametrize("name", RUNS)
def test_measured_watts_give_the_printed_energy(name: str) -> None:
    hours, watts, pue, energy = RUNS[name]
    found = energy_of(TPU_V3, hours, site=Site(pue=pue, host=1.0), power=Power(training=watts / 450))
    assert found.value == pytest.approx(energy, rel=0.01)


def test_a_v100_system_draws_what_its_board_and_host_are_taken_to() -> None:
    """GPT-3: 330 W of system power for a board of 300 W, an assumption of the table's for V100."""
    v100 = Accelerator(name="v100", title="V100", peak={"fp16": 125e12}, power=300)
    assert energy_of(v100, 3_552_000).value == pytest.approx(1287, rel=0.15)


V100_SYSTEM, H100_MACHINE = 330 / 300, 0.76 * 10_200 / (8 * 700)
"""Draw of a system over the largest draw of its devices: Patterson et al., Table 4; arXiv:2506.14551, abstract, the
most of computationally intensive work on eight H100."""


def test_the_share_of_a_host_is_the_mean_of_two_systems_and_its_interval_holds_both() -> None:
    assert pytest.approx((V100_SYSTEM * H100_MACHINE) ** 0.5 / TRAINING, abs=0.005) == HOST
    for measured in (V100_SYSTEM, H100_MACHINE):
        assert abs(log(measured / (TRAINING * HOST))) < LEVEL * POWER_SPREAD
    assert 1.09 <= PUE <= 1.12
