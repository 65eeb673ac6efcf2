"""What published runs reached of the fastest layout, from which follows what is expected where none was published."""

from __future__ import annotations

from statistics import median

import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.laying_out.answer import answer
from lehr.recipes.laying_out.question import question
from lehr.simulators.projection.stage_time import ELSEWHERE, expected_mfu


@pytest.mark.slow
def test_what_is_expected_elsewhere_is_what_seven_kinds_of_accelerators_reached() -> None:
    """Llama 3.1 8B on 64 devices, 1,024 sequences of 4,096; accelerators whose file holds the same published interval
    are one kind, whose share is their median."""
    catalogue = Catalogue()
    kinds: dict[tuple[float, float, float], dict[str, float]] = {}
    model = catalogue.model("llama_3_1_8b")
    for device in catalogue.accelerators.values():
        if "dense" not in device.mfu:
            continue
        precision = "bf16" if "bf16" in device.peak else "fp16"
        asked = question(
            catalogue, model, device, devices=64, sequence_length=4096, global_batch=1024, precision=precision
        )
        best = answer(asked, 1, advise=False).best
        assert best is not None
        published = device.mfu["dense"]
        own = expected_mfu(device, precision, sparse=False, fastest=best.reached)[0].central
        kinds.setdefault((published.low, published.central, published.high), {})[device.name] = (
            own / best.reached.central
        )
    shares = sorted(median(of.values()) for of in kinds.values())
    print(f"{len(shares)} kinds, {sum(map(len, kinds.values()))} accelerators: {[round(share, 3) for share in shares]}")
    assert len(shares) == 7
    assert [round(share, 2) for share in (shares[0], median(shares), shares[-1])] == [
        ELSEWHERE.low, ELSEWHERE.central, ELSEWHERE.high,
    ]  # fmt: skip


def test_what_was_published_on_an_accelerator_goes_before_what_was_elsewhere() -> None:
    catalogue = Catalogue()
    fastest = ELSEWHERE
    for name, basis in (("h100_sxm", "assumed"), ("trainium2", "elsewhere"), ("rtx_4090", "elsewhere")):
        assert expected_mfu(catalogue.accelerators[name], "bf16", sparse=False, fastest=fastest)[1] == basis
    assert expected_mfu(catalogue.accelerators["trainium2"], "bf16", sparse=True, fastest=fastest) == (
        fastest,
        "fastest",
    )
