"""Lengths of answers, and a step of reinforcement learning: properties that hold for any constants."""

from __future__ import annotations

from statistics import fmean

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lehr.simulators.counting import count_parameters
from lehr.simulators.layers import Attention
from lehr.simulators.machine.accelerator import Accelerator, Link
from lehr.simulators.machine.generation import GENERATION_PRIORS
from lehr.simulators.machine.rollout import (
    PRIOR_ROLLOUT_FIT,
    ROLLOUT_PRIORS,
    Plant,
    RolloutConstants,
    RolloutFit,
    RolloutStep,
    rollout_step,
    splits,
)
from lehr.simulators.machine.rollout_fit import Step, fit_rollouts
from lehr.simulators.objectives import PolicyGradient
from lehr.simulators.planning.ladder import dense
from lehr.simulators.projection.project import project_stage
from lehr.simulators.projection.rollout_time import StageRollout, project_rollout, rollouts_of
from lehr.simulators.projection.stage_time import Assumptions
from lehr.simulators.quantities import Interval
from lehr.simulators.rollouts import Lengths, Rollout, Verifier, completed
from lehr.simulators.training import Batch, Stage

H100 = Accelerator(
    name="h100", title="H100", peak={"bf16": 989e12, "fp8": 1979e12}, achieved={"bf16": 794.5e12},
    memory_bytes=80e9, bandwidth=3.35e12, network=50e9, link=Link(name="NVLink", bandwidth=450e9, domain=8),
)  # fmt: skip
LLAMA = dense(4096, vocab_size=128256, context_length=8192)
LOGS = tuple(float(np.log(p.centre)) for p in GENERATION_PRIORS.values())
CONSTANTS = RolloutConstants(LOGS, PRIOR_ROLLOUT_FIT)
ANSWERS = Lengths(mean=2000, cap=16384)


def step(devices: int = 64, **changes: object) -> RolloutStep:
    asked = {"prompts": 512, "prompt": Lengths(mean=300), "response": ANSWERS, **changes}
    return rollout_step(plant(Rollout(**asked), devices))  # type: ignore[arg-type]


def plant(rollout: Rollout, devices: int = 64) -> Plant:
    return Plant(architecture=LLAMA, rollout=rollout, samples=16, device=H100, devices=devices, logs=LOGS)


@given(st.floats(10, 1e4), st.floats(1.0, 30.0), st.floats(1.0, 3.7))
def test_lengths_have_the_mean_and_keep_below_the_cap(mean: float, cap: float, ratio: float) -> None:
    most = max(1, round(mean * cap)) + 1
    lengths = Lengths(mean=mean, cap=most, p95=min(mean * ratio, most))
    quantiles = lengths.quantiles()
    assert fmean(quantiles) == pytest.approx(mean, rel=1e-3)
    assert max(quantiles) <= most
    assert list(quantiles) == sorted(quantiles)


def test_a_quantile_is_that_of_the_law() -> None:
    """Without a cut the point that 95 % lie below is the one that was given."""
    lengths = Lengths(mean=1000, p95=2500)
    points = lengths.quantiles()
    assert points[59] < 2500 < points[62]
    assert lengths.longest(1e6) > lengths.longest(1e3) > 2500


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"mean": 2000, "cap": 1000}, "below the mean"),
        ({"mean": 2000, "p95": 1000}, "not between"),
        ({"mean": 2000, "p95": 9000}, "not between"),
        ({"mean": 2000, "p95": 6000, "cap": 5000}, "above the cap"),
        ({"p95": 5000}, "beside a mean"),
    ],
)
def test_lengths_that_cannot_be_are_refused(given: dict[str, float], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Lengths(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "data",
    [
        {"response": {"mean": -1}},
        {"prompts": 0},
        {"generators": 0},
        {"verifier": {"seconds": 5, "cpus": 0}},
        {"verifier": {"seconds": 5}},
        {"behind": 1},
        {"batch": 8, "at_once": 8},
        {"at_once": 0},
    ],
)
def test_a_rollout_that_cannot_be_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(data, Rollout)


def test_the_parts_add_up_where_devices_do_both() -> None:
    one = step()
    parts = msgspec.structs.asdict(one.parts)
    assert sum(parts.values()) == pytest.approx(one.seconds.value)
    assert one.seconds.low < one.seconds.value < one.seconds.high


def test_a_split_takes_the_longer_side() -> None:
    one = step(generators=32, behind=1, partial=True)
    p = one.parts
    longer = max(p.generation + p.prompts + p.tail + p.verifying, p.scoring + p.updating)
    assert one.seconds.value == pytest.approx(longer + p.moving + p.once)
    assert p.tail == 0


def test_answers_that_may_not_be_older_wait_for_the_update() -> None:
    """Devices apart without a step between them take turns: the parts add up, and the tail is theirs again."""
    one = step(generators=32)
    assert sum(msgspec.structs.asdict(one.parts).values()) == pytest.approx(one.seconds.value)
    assert one.parts.tail > 0
    assert not one.asynchronous
    assert step(generators=32, behind=1).asynchronous


def test_batches_that_wait_for_their_longest_cost_more() -> None:
    """Transformers' generate: twice the batch takes as many tokens in half as many of the longest answers."""
    few, many = (step(batch=n, response=Lengths(mean=2000, cap=4096)) for n in (8, 16))
    assert few.parts.generation > many.parts.generation > step(response=Lengths(mean=2000, cap=4096)).parts.generation
    assert few.parts.tail == 0
    assert few.at_once == 8 * 64
    assert (few.engine, few.tensor) == (1, 1)


def test_an_engine_without_graphs_waits_for_its_host() -> None:
    """Each token then costs what its host needs to start every layer's kernels, however few answers are written."""
    graphs, eager = step(), step(eager=True)
    more = eager.parts.generation + eager.parts.tail - graphs.parts.generation - graphs.parts.tail
    a_token = (ROLLOUT_PRIORS["eager"].centre - ROLLOUT_PRIORS["host"].centre) * LLAMA.n_layers
    # the longest answer's tokens and no more: the slowest engine's share is above them by the imbalance
    assert 1 <= more / (a_token * ANSWERS.longest(8192)) <= ROLLOUT_PRIORS["imbalance"].centre
    assert eager.parts.updating == graphs.parts.updating


def test_fewer_places_write_for_longer() -> None:
    """Eight answers at once read the weights more often than 128, the number that each of 64 engines has."""
    few, most, free = (step(at_once=places, tensor=1) for places in (8, 128, None))
    assert few.at_once == 8 * 64
    assert few.seconds.value > 2 * free.seconds.value
    assert most == free


def test_a_tensor_group_beyond_a_domain_pays_for_it() -> None:
    within, beyond = step(tensor=8), step(tensor=16)
    assert (within.engine, beyond.engine, beyond.engines) == (8, 16, 4)
    assert beyond.parts.tail > within.parts.tail
    with pytest.raises(ValueError, match="tensor: 128 devices are more than the 64 that generate; write 32"):
        step(tensor=128)
    with pytest.raises(ValueError, match="tensor: 3 devices do not divide 32 heads; write 2"):
        step(tensor=3)


def test_the_trainer_may_compute_the_probabilities_again() -> None:
    asked = {"generators": 32, "behind": 1, "reference": False}
    assert step(**asked).parts.scoring == 0
    assert step(**asked, recomputed=True).parts.scoring > 0
    assert step(recomputed=False, reference=False).parts.scoring == 0


@pytest.mark.slow
def test_steps_come_back_from_constants_that_made_them() -> None:
    """Planted: a system whose engines run at 0.5 of a server's speed, and whose update reaches 0.4. What a longer step
    of it takes, which the fit has not seen, is told better, though scoring and the rest of a step
    stay as uncertain as before."""
    planted = dict(zip(ROLLOUT_PRIORS, PRIOR_ROLLOUT_FIT.logs, strict=True))
    planted |= {"engine": float(np.log(0.5)), "update": float(np.log(0.4))}
    true = RolloutFit(tuple(planted.values()), PRIOR_ROLLOUT_FIT.spreads)

    def made(devices: int, mean: float, fit: RolloutFit) -> tuple[Plant, float]:
        asked = Rollout(prompts=512, prompt=Lengths(mean=300), response=Lengths(mean=mean, cap=16384))
        one = plant(asked, devices)
        return one, rollout_step(msgspec.structs.replace(one, fit=fit)).seconds.value

    cases = [(devices, mean) for devices in (16, 256) for mean in (300, 3000)]
    steps = [Step(*made(*case, true), f"system {case}", f"case {case}") for case in cases]
    seconds = [made(64, 8000, fit)[1] for fit in (true, PRIOR_ROLLOUT_FIT, fit_rollouts(steps))]
    before, after = (abs(np.log(each / seconds[0])) for each in seconds[1:])
    assert after < 0.6 * before


def test_generation_stops_answering_to_devices_and_training_does_not() -> None:
    few, many = step(64), step(512)
    assert few.parts.updating / many.parts.updating > 3
    assert few.parts.tail / many.parts.tail < 2


@pytest.mark.parametrize(
    ("heads", "kv_heads", "tensors"), [(28, 4, {1, 2, 4}), (14, 2, {1, 2}), (15, 5, {1, 5}), (32, 8, {1, 2, 4, 8})]
)
def test_a_tensor_group_divides_the_heads(heads: int, kv_heads: int, tensors: set[int]) -> None:
    ((name, block),) = LLAMA.blocks.items()
    assert isinstance(block.mixer, Attention)
    mixer = msgspec.structs.replace(block.mixer, n_heads=heads, n_kv_heads=kv_heads)
    network = msgspec.structs.replace(LLAMA, blocks={name: msgspec.structs.replace(block, mixer=mixer)})
    asked = plant(Rollout(prompts=4, prompt=Lengths(mean=300), response=ANSWERS))
    for devices in (8, 16, 64):
        found = rollout_step(msgspec.structs.replace(asked, architecture=network, devices=devices))
        assert found.tensor in tensors
        assert found.engine == found.tensor
        assert found.engines == devices // found.engine


def test_a_heavier_tail_costs_more() -> None:
    assert step(response=Lengths(mean=2000, cap=32768)).seconds.value > step().seconds.value
    assert step(response=Lengths(mean=2000, cap=2000)).parts.tail < step().parts.tail


def test_a_verifier_shows_where_it_takes_longer_than_the_answers() -> None:
    slow = step(verifier=Verifier(seconds=30, cpus=16))
    assert slow.parts.verifying == pytest.approx(
        8192 * 30 / 16 - slow.parts.generation - slow.parts.prompts - slow.parts.tail
    )
    assert step(verifier=Verifier(seconds=2, cpus=10_000)).parts.verifying == 2


def test_more_passes_cost_more() -> None:
    plain = step(reference=False).seconds.value
    assert plain < step().seconds.value < step(critic=True).seconds.value
    assert step(epochs=2).parts.updating == pytest.approx(2 * step().parts.updating)
    assert step(reward_parameters=70e9).parts.scoring > step().parts.scoring


def test_the_best_split_is_the_least_of_all() -> None:
    shares = splits(plant(Rollout(prompts=512, prompt=Lengths(mean=300), response=ANSWERS)))
    best = min(shares, key=lambda s: s.seconds)
    assert step(generators=best.generators).seconds.value == pytest.approx(best.seconds)


def test_devices_that_hold_too_little_are_refused() -> None:
    with pytest.raises(ValueError, match="leave none to train"):
        step(generators=64)
    with pytest.raises(ValueError, match="do not hold"):
        rollout_step(msgspec.structs.replace(plant(Rollout(prompts=1)), devices=1, architecture=dense(
            16384, vocab_size=128256, context_length=8192)))  # fmt: skip


def test_what_was_not_published_is_assumed_and_named() -> None:
    done = completed(None, None, None)
    assert done.spread > 0
    assert len(done.assumed) == 4
    whole = completed(Rollout(prompts=8, prompt=Lengths(mean=5), response=Lengths(mean=9)), 4, None)
    assert (whole.assumed, whole.spread) == ([], 0.0)


def test_a_stages_hours_are_its_steps() -> None:
    assumptions = Assumptions(fallback="h100", devices=64)
    rollout = Rollout(prompts=512, prompt=Lengths(mean=300), response=ANSWERS, updates=4)
    stage = Stage(kind="RL", objective=PolicyGradient(group_size=16, rollout=rollout), steps=400,
                  sequence_length=32768)  # fmt: skip
    found = project_rollout(stage, LLAMA, accelerators={"h100": H100}, assumptions=assumptions, constants=CONSTANTS)
    assert found is not None
    assert found.steps == 100
    assert found.hours.value == pytest.approx(100 * 64 * step(updates=4).seconds.value / 3600)
    assert found.assumed == ["on H100"]
    assert rollouts_of(Stage(kind="RL", objective=PolicyGradient()), rollout) is None


def test_a_stages_answers_end_with_its_context() -> None:
    assumptions = Assumptions(fallback="h100", devices=64)
    short = msgspec.structs.replace(LLAMA, context_length=2048)

    def projected(rollout: Rollout) -> StageRollout | None:
        stage = Stage(kind="RL", objective=PolicyGradient(group_size=16, rollout=rollout), steps=400)
        return project_rollout(stage, short, accelerators={"h100": H100}, assumptions=assumptions, constants=CONSTANTS)

    found = projected(Rollout(prompts=512))
    assert found is not None
    assert found.step.longest == 2048 - 300
    assert "answers of 512 tokens on average, a quarter of the context" in found.assumed
    with pytest.raises(ValueError, match="longer than the context of 2,048"):
        projected(Rollout(prompts=512, response=Lengths(mean=4000)))


def test_a_stage_of_answers_takes_the_time_of_its_rollouts() -> None:
    """A stage of so many tokens: writing does not reach the utilisation of training."""
    rollout = Rollout(prompts=64, prompt=Lengths(mean=300), response=ANSWERS)
    stage = Stage(kind="RL", objective=PolicyGradient(group_size=8, rollout=rollout), tokens=1e9, sequence_length=32768)
    h100 = msgspec.structs.replace(H100, mfu={"dense": Interval(low=0.3, central=0.4, high=0.5)})
    found = project_stage(
        "rl", stage, LLAMA, count_parameters(LLAMA), tokens_before=None, laws=[], accelerators={"h100": h100},
        assumptions=Assumptions(fallback="h100", devices=64), generation=CONSTANTS,
    )  # fmt: skip
    assert found.time is not None
    assert found.rollout is not None
    assert found.rollout.steps == pytest.approx(1e9 / (64 * 8 * 2300))
    assert found.time.hours == found.rollout.hours
    assert found.time.basis == "rollouts"
    assert found.flops is not None
    assert found.time.mfu.value == pytest.approx(found.flops / (found.time.peak * 3600 * found.rollout.hours.value))
    assert found.time.mfu.value < 0.3


def test_known_lengths_are_no_bound() -> None:
    """How long answers may be changes nothing where it is known how long they are."""
    rollout = Rollout(prompts=64, prompt=Lengths(mean=300), response=ANSWERS)
    objective = PolicyGradient(group_size=8, rollout=rollout)
    h100 = msgspec.structs.replace(H100, mfu={"dense": Interval(low=0.3, central=0.4, high=0.5)})
    stage = Stage(kind="RL", objective=objective, steps=300, batch=Batch(sequences=512), sequence_length=32768)
    one = project_stage(
        "rl", stage, LLAMA, count_parameters(LLAMA), tokens_before=None, laws=[], accelerators={"h100": h100},
        assumptions=Assumptions(fallback="h100", devices=64), generation=CONSTANTS,
    )  # fmt: skip
    assert (one.bound, one.padded) == (None, False)
    assert one.tokens == pytest.approx(300 * 512 * 2300)
    assert one.time is not None
    assert one.rollout is not None
    assert (one.time.basis, one.time.hours) == ("rollouts", one.rollout.hours)
