"""The published runs of the multi-power law as trainers print them, with few digits: healthy, and with faults."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lehr.recipes.reading.rows import read_rows
from lehr.simulators.quantities import Floats
from lehr.simulators.tracking import Tracked, track
from lehr.simulators.tracking.planned import plan
from tests.published.luo_curves import rows, schedule
from tests.published.test_luo_tracking import CURVES, law_of


def olmo_number(value: float) -> str:
    """OLMo-core's format_float (3.0.0, olmo_core/utils.py) of numbers below 100."""
    if abs(value) < 1e-4:
        return f"{value:.2E}"
    return f"{value:.2f}" if value > 10 else f"{value:.3f}" if value > 1 else f"{value:.4f}"


def nanotron(step: int, loss: float, rate: float) -> str:
    return f"[INFO|DP=0] iteration: {step} / 72000 | tokens_per_sec: 512K | lm_loss: {loss:.3g} | lr: {rate:.3g}\n"


def olmo_core(step: int, loss: float, rate: float) -> str:
    head = f"INFO\t[step={step}/72000,epoch=1]\n    optim/LR (group 0)={olmo_number(rate)}\n"
    return f"{head}    train/CE loss={olmo_number(loss)}\n"


def maxtext(step: int, loss: float, _: float) -> str:
    return f"completed step: {step}, seconds: 2.345, TFLOP/s/device: 123.456, loss: {loss:.3f}\n"


def two_decimals(step: int, loss: float, rate: float) -> str:
    return f"step {step} | loss: {loss:.2f} | lr: {rate:.1e}\n"


PRINTED: dict[str, Callable[[int, float, float], str]] = {
    "nanotron": nanotron, "OLMo-core": olmo_core, "MaxText": maxtext, "two decimals": two_decimals,
}  # fmt: skip


def seen(
    size: str, name: str, trainer: str, folder: Path, *,
    losses: Floats | None = None, rates: Floats | None = None, until: float = 1.0,
) -> Tracked:  # fmt: skip
    """A run's log as ``trainer`` prints it, with other ``losses`` (rows,) or ``rates`` (steps,), ``until`` a share of
    its rows."""
    steps, own, _ = rows(size, name)
    planned = plan(law_of(size), schedule(name))
    had = planned.rates if rates is None else rates
    losses = own if losses is None else losses
    some = slice(None, round(until * len(steps)))
    path = folder / "run.log"
    path.write_text(
        "".join(
            PRINTED[trainer](int(s), float(loss), float(had[min(int(s), len(had) - 1)]))
            for s, loss in zip(steps[some], losses[some], strict=True)
        )
    )
    read = read_rows(path, {})
    assert (read.rates is None) == (trainer == "MaxText")
    return track(planned, read.rows, rates=read.rates, rate_units=read.rate_units)


@pytest.mark.slow
@pytest.mark.parametrize("trainer", PRINTED)
@pytest.mark.parametrize(("size", "name"), CURVES)
def test_digits_are_no_alarm(size: str, name: str, trainer: str, tmp_path: Path) -> None:
    """With all digits none of them has one either; of 18 rounded runs, each looked at four times, 1 % would be one."""
    for until in (0.1, 0.3, 0.6, 1.0):
        found = seen(size, name, trainer, tmp_path, until=until)
        assert (found.alarms, found.rate) == ([], None), until


def test_the_digits_of_a_log_are_told_by_its_text(tmp_path: Path) -> None:
    """Eleven rows of a rate that hardly falls yet, which OLMo-core prints as 0.0003 each."""
    found = seen("100", "cosine_72000", "OLMo-core", tmp_path, until=0.05)
    assert (found.alarms, found.rate) == ([], None)
    assert seen("100", "cosine_24000", "nanotron", tmp_path).notes[-1].startswith("the losses are printed with few")


@pytest.mark.parametrize("trainer", [one for one in PRINTED if one != "MaxText"])
def test_a_rate_that_is_off_by_more_than_its_digits_is_told(trainer: str, tmp_path: Path) -> None:
    plan_of = schedule("cosine_24000")
    half = seen("100", "cosine_24000", trainer, tmp_path, rates=0.5 * plan_of).rate
    assert half is not None
    assert half.before is None
    held = np.where(np.arange(len(plan_of)) > 12000, plan_of[12000], plan_of)
    still = seen("100", "cosine_24000", trainer, tmp_path, rates=held).rate
    assert still is not None
    assert "stands still" in still.cause
    # half of the last digit, 5e-5 of a rate of 1.65e-4, is a third of it
    assert 12000 < still.step < 17000


@pytest.mark.parametrize("trainer", PRINTED)
@pytest.mark.parametrize("name", ["cosine_24000", "constant_72000"])
def test_faults_larger_than_the_digits_are_told(trainer: str, name: str, tmp_path: Path) -> None:
    """A row 5 % up, a loss that rises by 20 %, and one that stands still where the forecast falls by 8 %."""
    steps, losses, _ = rows("100", name)
    at = len(losses) // 2
    spike = np.where(np.arange(len(losses)) == at, 1.05, 1.0) * losses
    found = seen("100", name, trainer, tmp_path, losses=spike)
    assert [(a.kind, int(found.steps[a.first])) for a in found.alarms] == [("spike", int(steps[at]))]
    since = np.clip((steps - steps[at]) / (0.04 * steps[-1]), 0.0, 1.0)
    found = seen("100", name, trainer, tmp_path, losses=losses * np.exp(since * np.log(1.2)), until=0.55)
    assert found.state == "divergence"
    early = len(losses) // 6
    stuck = seen("100", name, trainer, tmp_path, losses=np.where(np.arange(len(losses)) > early, losses[early], losses))
    assert stuck.state in ("plateau", "shift")
    assert all(abs(a.size) > 1e-3 for a in stuck.alarms)
