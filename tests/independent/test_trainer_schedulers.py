"""Our curves beside the schedulers of Megatron-LM, OLMo-core, DeepSpeed, torchtitan, LitGPT and verl, every update.

None of them is a dependency; each test skips where the trainer is not installed. Tolerance as in ``test_schedulers``:
both sides are a few roundings in double precision.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lehr.simulators.schedules import (
    WSD,
    Constant,
    Cosine,
    Curve,
    Decay,
    Duration,
    InverseSqrt,
    Linear,
    Phases,
    PowerLaw,
    Stretch,
    Warmup,
    WeightDecay,
)
from lehr.simulators.schedules.base import ScheduleBase

PEAK, FLOOR, STEPS, WARM, DECAY = 3e-4, 3e-5, 1000, 100, 200
TOLERANCE = 1e-12
WARM_UP = Warmup(steps=WARM)


def assert_equal(curve: Curve, rates: np.ndarray) -> None:
    np.testing.assert_allclose(curve.values(), rates, rtol=TOLERANCE, atol=TOLERANCE * PEAK)


class Groups:
    """As much of an optimiser as Megatron-LM's scheduler needs."""

    def __init__(self) -> None:
        self.param_groups: list[dict[str, Any]] = [{}]


def megatron(style: str, decay: str | None = None, **options: Any) -> tuple[np.ndarray, np.ndarray]:
    """Learning rate and weight decay of every update by Megatron-LM."""
    module = pytest.importorskip("megatron.core.optimizer_param_scheduler")
    settings: dict[str, Any] = {
        "init_lr": 0.0, "max_lr": PEAK, "min_lr": FLOOR, "lr_warmup_steps": WARM, "lr_decay_steps": STEPS,
        "start_wd": 0.1, "end_wd": 0.1, "wd_incr_steps": STEPS, "wd_incr_style": "constant",
    }  # fmt: skip
    optimizer = Groups()
    scheduler = module.OptimizerParamScheduler(
        optimizer, lr_decay_style=style, wsd_decay_steps=DECAY if style == "WSD" else None, lr_wsd_decay_style=decay,
        **{**settings, **options},
    )  # fmt: skip
    rates, decays = [], []
    for _ in range(STEPS):
        rates.append(optimizer.param_groups[0]["lr"])
        decays.append(optimizer.param_groups[0]["weight_decay"])
        scheduler.step(1)
    return np.array(rates), np.array(decays)


def wsd(shape: Any) -> WSD:
    return WSD(peak=PEAK, floor=FLOOR, warmup=WARM_UP, decay=Decay(steps=DECAY, shape=shape))


MEGATRON: dict[str, tuple[ScheduleBase, tuple[str, ...]]] = {
    "constant": (Constant(peak=PEAK, warmup=WARM_UP), ("constant",)),
    "linear": (Linear(peak=PEAK, floor=FLOOR, warmup=WARM_UP), ("linear",)),
    "cosine": (Cosine(peak=PEAK, floor=FLOOR, warmup=WARM_UP), ("cosine",)),
    "inverse-square-root": (InverseSqrt(peak=PEAK, floor=FLOOR, warmup=WARM_UP), ("inverse-square-root",)),
    "WSD linear": (wsd("linear"), ("WSD", "linear")),
    "WSD cosine": (wsd("cosine"), ("WSD", "cosine")),
    "WSD exponential": (wsd("megatron_exponential"), ("WSD", "exponential")),
    "WSD minus_sqrt": (wsd("one_minus_sqrt"), ("WSD", "minus_sqrt")),
}


@pytest.mark.parametrize(("schedule", "style"), MEGATRON.values(), ids=MEGATRON.keys())
def test_megatron(schedule: ScheduleBase, style: tuple[str, ...]) -> None:
    assert_equal(schedule.resolve(STEPS), megatron(*style)[0])


def test_megatron_inverse_square_root_reaches_its_floor() -> None:
    rates, _ = megatron("inverse-square-root", min_lr=PEAK / 2)
    assert (rates[500:] == PEAK / 2).all()
    assert_equal(InverseSqrt(peak=PEAK, floor_ratio=0.5, warmup=WARM_UP).resolve(STEPS), rates)


@pytest.mark.parametrize("style", ["linear", "cosine"])
def test_megatron_weight_decay(style: Any) -> None:
    _, decays = megatron("constant", start_wd=0.033, end_wd=0.1, wd_incr_steps=400, wd_incr_style=style)
    ours = WeightDecay(start=0.033, end=0.1, shape=style, over=Duration(steps=400)).values(STEPS)
    np.testing.assert_allclose(ours, decays, rtol=TOLERANCE)


def olmo(name: str, **options: Any) -> np.ndarray:
    """The learning rate of every update by OLMo-core, whose first update is step 1."""
    module = pytest.importorskip("olmo_core.optim.scheduler")
    scheduler = getattr(module, name)(**options)
    return np.array([float(scheduler.get_lr(PEAK, i + 1, STEPS)) for i in range(STEPS)])


MIDDLE = FLOOR + (PEAK - FLOOR) / 2
OLMO: dict[str, tuple[ScheduleBase, dict[str, Any]]] = {
    "ConstantWithWarmup": (Constant(peak=PEAK, warmup=WARM_UP, convention="end"), {}),
    "WSD": (
        WSD(peak=PEAK, floor=FLOOR, warmup=WARM_UP, decay=Decay(steps=DECAY), convention="end"),
        {"decay": DECAY, "decay_fraction": None, "decay_min_lr": FLOOR},
    ),
    "LinearWithWarmup": (Linear(peak=PEAK, floor=FLOOR, warmup=WARM_UP, convention="end"), {"alpha_f": FLOOR / PEAK}),
    "CosWithWarmup": (Cosine(peak=PEAK, floor=FLOOR, warmup=WARM_UP, convention="end"), {"alpha_f": FLOOR / PEAK}),
    "InvSqrtWithWarmup": (
        InverseSqrt(peak=PEAK, floor=FLOOR, floor_is="limit", warmup=WARM_UP, convention="end"),
        {"alpha_f": FLOOR / PEAK},
    ),
    "HalfCosWithWarmup": (
        WSD(peak=MIDDLE, floor=FLOOR, warmup=WARM_UP, convention="end",
            decay=Decay(steps=STEPS - WARM, shape="half_cosine")),
        {"alpha_f": FLOOR / PEAK},
    ),
    "CosWithWarmupAndLinearDecay": (
        Cosine(peak=PEAK, floor=FLOOR, warmup=WARM_UP, convention="end", tail=Decay(steps=DECAY), tail_floor=1e-6),
        {"alpha_f": FLOOR / PEAK, "decay": DECAY, "decay_fraction": None, "decay_min_lr": 1e-6},
    ),
    "PowerLR": (
        PowerLaw(peak=PEAK, floor=1e-6, exponent=0.51, warmup=WARM_UP, convention="end", decay=Decay(steps=DECAY)),
        {"b": -0.51, "decay": DECAY, "decay_fraction": None, "decay_min_lr": 1e-6},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", OLMO)
def test_olmo_core(name: str) -> None:
    schedule, options = OLMO[name]
    assert_equal(schedule.resolve(STEPS), olmo(name, warmup=WARM, **options))


def deepspeed(name: str, **options: Any) -> np.ndarray:
    """The rate at each of DeepSpeed's batch iterations; the engine's update i is iteration i - 1."""
    torch = pytest.importorskip("torch")
    module = pytest.importorskip("deepspeed.runtime.lr_schedules")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=PEAK)
    scheduler = getattr(module, name)(optimizer, warmup_num_steps=WARM, **options)
    rates = []
    for _ in range(STEPS):
        scheduler.step()
        rates.append(float(optimizer.param_groups[0]["lr"]))
    return np.array(rates)


@pytest.mark.parametrize("shape", ["linear", "log"])
def test_deepspeed(shape: Any) -> None:
    rise = Warmup(steps=WARM, shape=shape, start=1e-6)
    options = {"warmup_type": shape, "warmup_min_lr": 1e-6, "warmup_max_lr": PEAK}
    assert_equal(Constant(peak=PEAK, warmup=rise).resolve(STEPS), deepspeed("WarmupLR", **options))
    options = {"warmup_type": shape, "warmup_max_lr": PEAK, "total_num_steps": STEPS}
    rise = Warmup(steps=WARM, shape=shape)
    assert_equal(Linear(peak=PEAK, warmup=rise).resolve(STEPS), deepspeed("WarmupDecayLR", **options))
    options = {"warmup_type": shape, "total_num_steps": STEPS, "cos_min_ratio": 0.1}
    cosine = Cosine(peak=PEAK, floor_ratio=0.1, warmup=rise, convention="end_in_decay")
    assert_equal(cosine.resolve(STEPS), deepspeed("WarmupCosineLR", **options))


def stepped(scheduler: Any, optimizer: Any) -> np.ndarray:
    rates = []
    for _ in range(STEPS):
        rates.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        scheduler.step()
    return np.array(rates)


@pytest.mark.parametrize(("theirs", "ours"), [("linear", "linear"), ("sqrt", "one_minus_sqrt"), ("cosine", "cosine")])
def test_torchtitan(theirs: str, ours: Any) -> None:
    torch = pytest.importorskip("torch")
    module = pytest.importorskip("torchtitan.components.optimizer.lr_scheduler")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=PEAK)
    config = module.LRSchedulersContainer.Config(
        warmup_steps=WARM, decay_ratio=0.2, decay_type=theirs, min_lr_factor=0.1
    )
    rates = stepped(config.build(optimizers=[optimizer], training_steps=STEPS), optimizer)
    schedule = WSD(peak=PEAK, floor_ratio=0.1, warmup=WARM_UP, decay=Decay(steps=DECAY, shape=ours),
                   convention="end_in_warmup")  # fmt: skip
    assert_equal(schedule.resolve(STEPS), rates)


def test_litgpt() -> None:
    module = pytest.importorskip("litgpt.pretrain")
    rates = np.array([module.get_lr(PEAK, i, WARM, STEPS, FLOOR) for i in range(STEPS)])
    assert_equal(Cosine(peak=PEAK, floor=FLOOR, warmup=WARM_UP).resolve(STEPS), rates)


@pytest.mark.parametrize(("zero_indexed", "convention"), [(True, "start"), (False, "end")])
def test_verl(zero_indexed: bool, convention: Any) -> None:
    torch = pytest.importorskip("torch")
    module = pytest.importorskip("verl.utils.torch_functional")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=PEAK)
    scheduler = module.get_cosine_schedule_with_warmup(
        optimizer, WARM, STEPS, min_lr_ratio=0.1, zero_indexed_step=zero_indexed
    )
    ours = Cosine(peak=PEAK, floor_ratio=0.1, warmup=WARM_UP, convention=convention).resolve(STEPS)
    assert_equal(ours, stepped(scheduler, optimizer))


def test_torch_one_cycle() -> None:
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=PEAK)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=PEAK, total_steps=STEPS, pct_start=0.301, div_factor=25.0, final_div_factor=10.0
    )
    rates = []
    for _ in range(STEPS):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step() if len(rates) < STEPS else None
    # its two halves meet at update 300, and the last update stands at the end
    schedule = Cosine(
        peak=PEAK, floor=PEAK / 250, warmup=Warmup(steps=300, start=PEAK / 25, shape="cosine"),
        over=Duration(steps=STEPS - 1),
    )  # fmt: skip
    assert_equal(schedule.resolve(STEPS), np.array(rates))


def test_torch_cyclic() -> None:
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=PEAK)
    scheduler = torch.optim.lr_scheduler.CyclicLR(
        optimizer, base_lr=FLOOR, max_lr=PEAK, step_size_up=200, step_size_down=300, cycle_momentum=False
    )
    rates = []
    for _ in range(STEPS):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    up, down = {"steps": 200, "shape": "linear", "to": PEAK}, {"steps": 300, "shape": "linear", "to": FLOOR}
    stretches = [Stretch(steps=200, to=PEAK), *(Stretch(**one) for one in (down, up, down))]
    schedule = Phases(peak=PEAK, warmup=Warmup(steps=200, start=FLOOR), phases=stretches)
    assert_equal(schedule.resolve(STEPS), np.array(rates))


def test_a_wrong_schedule_is_seen() -> None:
    with pytest.raises(AssertionError):
        assert_equal(wsd("exponential").resolve(STEPS), megatron("WSD", "exponential")[0])
