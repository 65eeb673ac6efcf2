"""Shares of their time that long runs trained (conf/measurement/goodput.csv, a source a row)."""

from __future__ import annotations

import csv

import pytest

from lehr.recipes.catalogue.files import CONF
from lehr.simulators.machine.failures import Reliability, uptime

with (CONF / "measurement" / "goodput.csv").open(newline="", encoding="utf-8") as file:
    ROWS = list(csv.DictReader(file))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["run"])
def test_the_interval_holds_what_a_run_reported(row: dict[str, str]) -> None:
    found = uptime(int(row["devices"]), Reliability(device_hours=float(row["device_hours"]))).share
    assert found.low is not None
    assert found.high is not None
    share = float(row["share"])
    if row["relation"] == "":
        assert found.low <= share <= found.high
    elif row["relation"] == "above":
        assert found.value >= share
    else:
        assert found.high >= share
    # a formula that said all of its time would hold everything
    assert found.high < 0.9965
