"""Arrays of runs say what single projections say."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lehr.simulators.counting import count_parameters
from lehr.simulators.laws import Chinchilla
from lehr.simulators.laws.base import Covariance
from lehr.simulators.machine.accelerator import Accelerator, Price
from lehr.simulators.objectives import NextToken
from lehr.simulators.planning.ladder import dense, mixture
from lehr.simulators.projection.grid import Inputs, vary
from lehr.simulators.projection.loss import loss_along, project_loss
from lehr.simulators.projection.project import StageProjection, project_stage
from lehr.simulators.projection.stage_time import Assumptions
from lehr.simulators.quantities import Interval
from lehr.simulators.schedules import Batch, Cosine
from lehr.simulators.training import Stage

NETWORK = dense(1024, vocab_size=32000, context_length=2048)
COUNT = count_parameters(NETWORK)
DEVICE = Accelerator(
    name="device",
    title="Device",
    peak={"bf16": 1e15},
    mfu={"dense": Interval(low=0.3, central=0.4, high=0.5)},
    prices=[Price(usd_per_hour=2.5, date="2025-01-01", source="x", place="x")],
)
PLAN = Assumptions(fallback="device", devices=64)
BY_TOKENS = Stage(
    kind="PT",
    objective=NextToken(),
    tokens=1e11,
    sequence_length=2048,
    batch=Batch(sequences=512),
    schedule=Cosine(peak=3e-4, floor_ratio=0.1),
)
BY_STEPS = msgspec.structs.replace(BY_TOKENS, tokens=None, steps=20_000)


def one(stage: Stage, plan: Assumptions = PLAN) -> StageProjection:
    return project_stage(
        "pt", stage, NETWORK, COUNT, tokens_before=0.0, laws=[], accelerators={"device": DEVICE}, assumptions=plan
    )


@settings(max_examples=60, deadline=None)
@given(
    tokens=st.floats(1e9, 1e14),
    steps=st.integers(10, 10**6),
    sequences=st.integers(1, 4096),
    mfu=st.one_of(st.none(), st.floats(0.01, 1.0)),
    price=st.one_of(st.none(), st.floats(0.1, 20.0)),
    devices=st.integers(1, 10**5),
    by_tokens=st.booleans(),
)
def test_an_array_is_its_jobs(
    *,
    tokens: float,
    steps: int,
    sequences: int,
    mfu: float | None,
    price: float | None,
    devices: int,
    by_tokens: bool,
) -> None:
    base = BY_TOKENS if by_tokens else BY_STEPS
    changed = {"tokens": tokens} if by_tokens else {"steps": steps}
    stage = msgspec.structs.replace(base, batch=Batch(sequences=sequences), **changed)
    plan = msgspec.structs.replace(PLAN, mfu=mfu, usd_per_hour=price, devices=devices)
    alone = one(stage, plan)
    given_ = {**changed, "sequences": sequences, "mfu": mfu, "usd_per_hour": price, "devices": devices}
    found = vary(
        one(base), base, Inputs(**{k: np.array([v, v], dtype=float) for k, v in given_.items() if v is not None})
    )
    assert alone.time is not None
    assert alone.time.cost is not None
    assert alone.time.days is not None
    assert found.hours is not None
    assert found.cost is not None
    # the same operations in the same order
    assert found.tokens[1] == alone.tokens
    assert found.steps[1] == alone.steps
    assert found.batch_tokens[1] == alone.batch_tokens
    assert found.flops[1] == alone.flops
    assert found.hours.at(1) == alone.time.hours
    assert found.cost.at(1) == alone.time.cost
    assert found.days[1] == alone.time.days.value


def test_what_is_not_varied_stays() -> None:
    alone = one(BY_TOKENS)
    found = vary(alone, BY_TOKENS, Inputs())
    assert (found.tokens, found.steps, found.peak_rate) == (alone.tokens, alone.steps, alone.peak_rate)
    assert alone.time is not None
    assert found.hours is not None
    assert found.hours.at() == alone.time.hours


@pytest.mark.parametrize("sparse", [True, False])
def test_a_curve_of_losses_is_its_points(sparse: bool) -> None:
    net = mixture(1024, expansion=8, top_k=4, vocab_size=32000, context_length=2048) if sparse else NETWORK
    law = Chinchilla(
        name="x", title="", n_convention="non_embedding", loss_unit="nats/token",
        E=1.8172, A=482.01, B=2085.43, alpha=0.3478, beta=0.3658,
        uncertainty=Covariance(parameters=["alpha"], covariance=[[1e-4]], residual=0.0),
    )  # fmt: skip
    count, tokens = count_parameters(net), np.geomspace(1e9, 1e13, 7)
    found = loss_along(law, count, tokens)
    for i, d in enumerate(tokens.tolist()):
        # numpy's power of an array may differ from that of a number in the last bit: one rounding in each of two terms
        alone = project_loss(law, count, d)
        assert [found.at(i).value, found.at(i).low, found.at(i).high] == pytest.approx(
            [alone.value, alone.low, alone.high], rel=1e-14
        )
    assert loss_along(law, count, tokens, interval=False).low is None or sparse
