"""Speed of generation: bounds that hold for any constants, and what is refused."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from lehr.simulators.machine.accelerator import Accelerator, Link
from lehr.simulators.machine.generation import (
    GENERATION_PRIORS,
    Load,
    load_of,
    output_rate,
    prompt_seconds,
    room,
    running,
    step_seconds,
)
from lehr.simulators.planning.ladder import dense, mixture

H100 = Accelerator(
    name="h100", title="H100", peak={"bf16": 989e12, "fp8": 1979e12}, achieved={"bf16": 794.5e12},
    memory_bytes=80e9, bandwidth=3.35e12, network=50e9, link=Link(name="NVLink", bandwidth=450e9, domain=8),
)  # fmt: skip
LLAMA = dense(4096, vocab_size=128256, context_length=8192)
MIXTURE = mixture(2048, expansion=8, top_k=8, vocab_size=128256, context_length=8192)
LOGS = np.log([p.centre for p in GENERATION_PRIORS.values()])


def load(**changes: object) -> Load:
    asked = {"prompt": 512.0, "output": 1024.0, **changes}
    return load_of(LLAMA, H100, **asked)  # type: ignore[arg-type]


def test_a_single_sequence_reads_the_weights_at_the_memorys_bandwidth() -> None:
    one = load()
    own = float(one.dense_bytes) / (0.75 * 3.35e12)
    assert own < float(step_seconds(one, 1, LOGS)) < 1.3 * own


def test_memory_bounds_the_sequences() -> None:
    one = load()
    assert float(room(one)) == pytest.approx((72e9 - 16.06e9) / (131072 * 1024), rel=2e-3)
    assert float(running(load(asked=16.0))) == 16
    assert float(room(load(cache_bytes=1.0))) == pytest.approx(2 * float(room(one)))


@pytest.mark.parametrize("network", [LLAMA, MIXTURE])
def test_more_sequences_never_write_slower_and_never_step_faster(network: object) -> None:
    case = load_of(network, H100, prompt=512.0, output=1024.0)  # type: ignore[arg-type]
    seconds = step_seconds(case, np.array([1, 2, 8, 64, 256, 1024]), LOGS)
    assert (np.diff(seconds) > 0).all()
    assert (np.diff(np.array([1, 2, 8, 64, 256, 1024]) / seconds) > 0).all()


def test_experts_are_read_as_far_as_sequences_touch_them() -> None:
    case = load_of(MIXTURE, H100, prompt=512.0, output=1024.0)
    assert float(case.used) == pytest.approx(1 / 8)
    few, many = (float(step_seconds(case, b, LOGS)) for b in (1, 256))
    assert few < many


def test_a_prompt_takes_its_products_and_nothing_where_another_engine_reads_it() -> None:
    assert float(prompt_seconds(load(), LOGS)) == pytest.approx(512 * 15e9 / (0.6 * 794.5e12), rel=0.05)
    assert float(prompt_seconds(load(prefills=False), LOGS)) == 0


def test_a_tensor_group_is_faster_and_less_than_in_proportion() -> None:
    one, two = (float(step_seconds(load(devices=n, tensor=n), 8, LOGS)) for n in (1, 2))
    assert one / 2 < two < one


def test_speed_of_a_device_does_not_depend_on_how_many_engines_there_are() -> None:
    assert output_rate(load(), LOGS).shape == ()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"prompt": -1.0}, "no lengths"),
        ({"output": 0.0}, "no lengths"),
        ({"devices": 4, "tensor": 3}, "does not divide"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, float], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        load(**changes)
    bare = msgspec.structs.replace(H100, bandwidth=None)
    with pytest.raises(ValueError, match="bandwidth"):
        load_of(LLAMA, bare, prompt=1.0, output=1.0)
