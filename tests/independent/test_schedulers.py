"""Our curves beside torch's and transformers' own schedulers, every step.

Both sides are chains of a few roundings in double precision: 1e-12 leaves room for some thousand units in the last
place, which torch's chained schedulers (each rate made from the one before) need over these lengths, and no more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lehr
from lehr.simulators.schedules import (
    WSD,
    Constant,
    Cosine,
    CosineRestarts,
    Curve,
    Decay,
    Duration,
    Exponential,
    InverseSqrt,
    Linear,
    Milestone,
    MultiStep,
    Polynomial,
    Warmup,
)

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

PEAK, STEPS, WARM = 3e-4, 1000, 100
TOLERANCE = 1e-12
"""Torch's recursive schedulers multiply or add once an update: a thousand roundings of 2**-53 are 1e-13, and the
cosine's recursion, which divides by 1 + cos, loses another digit near its end."""


def stepped(make: Callable[[Any], Any], n_steps: int = STEPS) -> np.ndarray:
    """The rate that each update of a real optimiser would use."""
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=PEAK)
    scheduler = make(optimizer)
    rates = []
    for _ in range(n_steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return np.array(rates, dtype=float)


def assert_equal(curve: Curve, rates: np.ndarray) -> None:
    np.testing.assert_allclose(curve.values(), rates, rtol=TOLERANCE, atol=TOLERANCE * PEAK)
    np.testing.assert_array_equal(curve.at(np.arange(curve.n_steps)), curve.values())


def hf(name: str, **options: Any) -> Callable[[Any], Any]:
    return lambda optimizer: getattr(transformers, name)(optimizer, **options)


WARM_UP = Warmup(steps=WARM)
TRANSFORMERS = {
    "constant": (
        Constant(peak=PEAK, warmup=WARM_UP),
        hf("get_constant_schedule_with_warmup", num_warmup_steps=WARM),
    ),
    "linear": (
        Linear(peak=PEAK, warmup=WARM_UP),
        hf("get_linear_schedule_with_warmup", num_warmup_steps=WARM, num_training_steps=STEPS),
    ),
    "cosine": (
        Cosine(peak=PEAK, warmup=WARM_UP),
        hf("get_cosine_schedule_with_warmup", num_warmup_steps=WARM, num_training_steps=STEPS),
    ),
    "polynomial": (
        Polynomial(peak=PEAK, floor=1e-5, power=2.0, warmup=WARM_UP),
        hf(
            "get_polynomial_decay_schedule_with_warmup",
            num_warmup_steps=WARM,
            num_training_steps=STEPS,
            lr_end=1e-5,
            power=2.0,
        ),
    ),
    "inverse_sqrt": (
        InverseSqrt(peak=PEAK, warmup=WARM_UP),
        hf("get_inverse_sqrt_schedule", num_warmup_steps=WARM),
    ),
    "inverse_sqrt, a timescale of its own": (
        InverseSqrt(peak=PEAK, warmup=WARM_UP, timescale=Duration(steps=300)),
        hf("get_inverse_sqrt_schedule", num_warmup_steps=WARM, timescale=300),
    ),
}


@pytest.mark.parametrize(("schedule", "make"), TRANSFORMERS.values(), ids=TRANSFORMERS.keys())
def test_transformers(schedule: Any, make: Callable[[Any], Any]) -> None:
    assert_equal(schedule.resolve(STEPS), stepped(make))


def from_optimization(name: str, **options: Any) -> Callable[[Any], Any]:
    from transformers import optimization

    return lambda optimizer: getattr(optimization, name)(optimizer, **options)


def test_transformers_cosine_to_a_floor() -> None:
    make = from_optimization(
        "get_cosine_with_min_lr_schedule_with_warmup", num_warmup_steps=WARM, num_training_steps=STEPS, min_lr_rate=0.1
    )
    assert_equal(Cosine(peak=PEAK, floor_ratio=0.1, warmup=WARM_UP).resolve(STEPS), stepped(make))


def test_transformers_cosine_evaluated_at_the_end_of_a_step() -> None:
    make = from_optimization(
        "get_cosine_with_min_lr_schedule_with_warmup_lr_rate",
        num_warmup_steps=WARM,
        num_training_steps=STEPS,
        min_lr_rate=0.1,
    )
    schedule = Cosine(peak=PEAK, floor_ratio=0.1, warmup=WARM_UP, convention="end")
    assert_equal(schedule.resolve(STEPS), stepped(make))


@pytest.mark.parametrize(("theirs", "ours"), [("linear", "linear"), ("cosine", "cosine"), ("1-sqrt", "one_minus_sqrt")])
def test_transformers_wsd(theirs: str, ours: Any) -> None:
    make = from_optimization(
        "get_wsd_schedule",
        num_warmup_steps=WARM,
        num_decay_steps=200,
        num_training_steps=STEPS,
        decay_type=theirs,
        min_lr_ratio=0.1,
    )
    # its warm-up starts at the floor
    schedule = WSD(
        peak=PEAK, floor_ratio=0.1, warmup=Warmup(steps=WARM, start=0.1 * PEAK), decay=Decay(steps=200, shape=ours)
    )
    assert_equal(schedule.resolve(STEPS), stepped(make))


def test_transformers_cosine_with_hard_restarts() -> None:
    make = hf(
        "get_cosine_with_hard_restarts_schedule_with_warmup",
        num_warmup_steps=WARM,
        num_training_steps=STEPS,
        num_cycles=7,
    )
    assert_equal(CosineRestarts(peak=PEAK, cycles=7, warmup=WARM_UP).resolve(STEPS), stepped(make))


lr = torch.optim.lr_scheduler
TORCH = {
    "LinearLR": (
        Constant(peak=PEAK, warmup=Warmup(steps=WARM, start=PEAK / 4)),
        lambda o: lr.LinearLR(o, start_factor=0.25, total_iters=WARM),
    ),
    "PolynomialLR": (Polynomial(peak=PEAK, power=3.0), lambda o: lr.PolynomialLR(o, total_iters=STEPS, power=3.0)),
    "CosineAnnealingLR": (
        Cosine(peak=PEAK, floor=3e-5),
        lambda o: lr.CosineAnnealingLR(o, T_max=STEPS, eta_min=3e-5),
    ),
    "ExponentialLR": (
        Exponential(peak=PEAK, floor=PEAK * 0.999**STEPS),
        lambda o: lr.ExponentialLR(o, gamma=0.999),
    ),
    "CosineAnnealingWarmRestarts": (
        CosineRestarts(peak=PEAK, floor=3e-5, period=Duration(steps=100), period_factor=2.0),
        lambda o: lr.CosineAnnealingWarmRestarts(o, T_0=100, T_mult=2, eta_min=3e-5),
    ),
    "CosineAnnealingWarmRestarts, equal periods": (
        CosineRestarts(peak=PEAK, period=Duration(steps=130)),
        lambda o: lr.CosineAnnealingWarmRestarts(o, T_0=130),
    ),
    "MultiStepLR": (
        MultiStep(
            peak=PEAK, milestones=[Milestone(steps=800, ratio=0.316), Milestone(fraction=0.9, ratio=0.316 * 0.316)]
        ),
        lambda o: lr.MultiStepLR(o, milestones=[800, 900], gamma=0.316),
    ),
}


@pytest.mark.parametrize(("schedule", "make"), TORCH.values(), ids=TORCH.keys())
def test_torch(schedule: Any, make: Callable[[Any], Any]) -> None:
    assert_equal(schedule.resolve(STEPS), stepped(make))


def test_a_wrong_schedule_is_seen() -> None:
    """The comparison can fail: one step of shift is 100 times the tolerance and more."""
    make = hf("get_cosine_schedule_with_warmup", num_warmup_steps=WARM, num_training_steps=STEPS)
    with pytest.raises(AssertionError):
        assert_equal(Cosine(peak=PEAK, warmup=WARM_UP, convention="end").resolve(STEPS), stepped(make))


def test_a_curve_drives_a_real_optimiser_and_resumes() -> None:
    from lehr.simulators.schedules.torch_scheduler import as_lr_scheduler

    curve = WSD(peak=PEAK, floor_ratio=0.1, warmup=WARM_UP, decay=Decay(fraction=0.2)).resolve(STEPS)
    np.testing.assert_array_equal(stepped(lambda optimizer: as_lr_scheduler(curve, optimizer)), curve.values())
    # and from Python's front door, written out
    written = {"kind": "wsd", "peak": PEAK, "floor_ratio": 0.1, "warmup": {"steps": WARM}, "steps": STEPS}
    written["decay"] = {"fraction": 0.2}
    np.testing.assert_array_equal(stepped(lambda optimizer: lehr.lr_scheduler(written, optimizer)), curve.values())

    def resumed(optimizer: Any) -> Any:
        half = as_lr_scheduler(curve, optimizer)
        for _ in range(STEPS // 2):
            optimizer.step()
            half.step()
        scheduler = as_lr_scheduler(curve, optimizer)
        scheduler.load_state_dict(half.state_dict())
        return scheduler

    np.testing.assert_array_equal(stepped(resumed, STEPS // 2), curve.values()[STEPS // 2 :])
