"""Steps of adapters beside weights in 4 and in 16 bits, by pairs (conf/measurement/four_bits.csv), and what follows."""

from __future__ import annotations

from statistics import median

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.laying_out.tables import MEASUREMENT, read_networks
from lehr.simulators.machine.step_time import UNPACKING
from lehr.simulators.machine.work import work_of
from lehr.simulators.projection.stage_time import FOUR_BITS

CATALOGUE = Catalogue()
PAIRS = [*read_networks(MEASUREMENT / "four_bits.csv", CATALOGUE)]
BITS = {"nf4": 4.5, "nf4-dq": 4.127}
"""Of a weight with its scales, these quantised or not (Dettmers et al., arXiv:2305.14314, section 3)."""


def test_unpacking_takes_what_published_pairs_did() -> None:
    """What a step takes longer is a pass over all packed matrices forward, one back and one more where blocks are
    computed again; of bytes and bandwidth follows at which share. Where the accelerator's bandwidth is not on record
    the pair tells its ratio alone."""
    shares = []
    for row, network in PAIRS:
        if (device := CATALOGUE.accelerators.get(row["accelerator"])) is None:
            continue
        work = work_of(network, int(row["sequence_length"]))
        packed = sum(b.n * (b.mixer + b.mlp + b.shared) for b in work.blocks)
        passes = 3 if row["recompute"] == "full" else 2
        moved = passes * packed * (2 + BITS[row["quantization"]] / 8)
        assert device.bandwidth is not None
        shares.append(moved / device.bandwidth / (float(row["four_seconds"]) - float(row["sixteen_seconds"])))
    print(f"unpacking at {median(shares):.1%} of the bandwidth, {min(shares):.1%} to {max(shares):.1%}, {len(shares)}")
    least, usual, most = UNPACKING
    assert (len(shares), round(median(shares), 2)) == (18, usual)
    assert least <= min(shares) < least + 0.01
    assert max(shares) < most == 1.0


def test_steps_take_as_many_times_as_long_as_published() -> None:
    """Of LoRA's pairs alone: adapters of other kinds do less work beside the same unpacking."""
    ratios = sorted(
        float(row["four_seconds"]) / float(row["sixteen_seconds"]) for row, _ in PAIRS if "Adapter" not in row["place"]
    )
    print(f"{len(ratios)} pairs: {ratios[0]:.3f} to {ratios[-1]:.3f}, median {median(ratios):.3f}")
    assert (len(ratios), round(median(ratios), 2)) == (17, FOUR_BITS.central)
    assert 0 <= ratios[0] - FOUR_BITS.low < 0.01
    assert 0 <= FOUR_BITS.high - ratios[-1] < 0.01
