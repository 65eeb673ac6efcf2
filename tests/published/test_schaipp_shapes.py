"""Schedules of other shapes, each at its best peak, in the runs of Schaipp et al. and Hägele et al.

Final validation losses (``final-val/loss``) of github.com/fabian-sp/lr-scheduling (MIT), which has the runs of
arXiv:2501.18965 and of arXiv:2405.18392, at the best of the peak rates that were run. The 124M pairs of ``CHOSEN`` set
the one constant of the rule, which ``OTHERS`` had no part in: there the cosine has its peak, and the decay half of it.
The margin of its interval, ``MISS``, was set with both in view; no pair is kept apart from it.
"""

from __future__ import annotations

import numpy as np
import pytest

from lehr.simulators.projection.tuned import LEAST_WORTH, MISS, MOST_WORTH, RUNS_LOSS, WORTH, excess
from lehr.simulators.quantities import Floats

COSINE = {15_000: 3.1167, 25_000: 3.0505, 30_000: 3.0293, 35_000: 3.0131, 50_000: 2.9819}
"""124M, a cosine to a tenth, by steps."""
CHOSEN = {
    15_000: {"0.1": 3.1200, "0.2": 3.1050, "0.4": 3.0945, "0.6": 3.0913, "0.8": 3.0957, "0.9": 3.0968},
    25_000: {
        "0.1": 3.0541, "0.2": 3.0378, "0.2 sqrt": 3.0332, "0.4": 3.0272, "0.6": 3.0234, "0.8": 3.0238, "0.9": 3.0290,
        "cosine to 0": 3.0349,
    },
    30_000: {"0": 3.1549},
    35_000: {"0.1": 3.0181, "0.2": 3.0018, "0.4": 2.9909, "0.6": 2.9859, "0.8": 2.9864, "0.9": 2.9884},
    50_000: {
        "0": 3.1083, "0.1": 2.9825, "0.2": 2.9660, "0.2 sqrt": 2.9599, "0.4": 2.9548, "0.6": 2.9513, "0.8": 2.9523,
        "0.9": 2.9532, "0.994": 2.9535, "cosine to 0": 2.9534,
    },
}  # fmt: skip
"""124M, by steps: the share of them that decays linearly to zero, or as 1 - sqrt; no decay at all is 0."""
OTHERS = [
    # parameters [M], steps, share of decay, loss, loss of the cosine to a tenth
    (33, 3_000, "0.2", 3.6666, 3.6584), (33, 7_000, "0.2", 3.4976, 3.4969), (33, 10_000, "0", 3.5656, 3.4492),
    (53, 3_650, "0.2", 3.5204, 3.5172), (53, 7_500, "0.2", 3.3799, 3.3827), (53, 11_250, "0", 3.4418, 3.3229),
    (60, 7_500, "0.2", 3.3805, 3.3801), (60, 12_500, "0.2", 3.3004, 3.3049), (60, 17_500, "0.2", 3.2566, 3.2624),
    (60, 17_500, "0", 3.3993, 3.2624), (60, 7_500, "0.2", 3.3424, 3.3438), (60, 12_500, "0.2", 3.2664, 3.2710),
    (60, 17_500, "0", 3.3618, 3.2303), (93, 10_000, "0.2", 3.2397, 3.2478), (93, 17_500, "0.2", 3.1571, 3.1658),
    (93, 25_000, "0.2", 3.1132, 3.1240), (93, 25_000, "0", 3.2689, 3.1240), (93, 10_000, "0.2", 3.2142, 3.2189),
    (93, 17_500, "0.2", 3.1336, 3.1391), (93, 25_000, "0", 3.2400, 3.0985), (124, 15_000, "0.2", 3.1227, 3.1167),
    (124, 25_000, "0.2", 3.0497, 3.0505), (152, 25_000, "0.2", 3.0101, 3.0093), (152, 37_500, "0.2", 2.9604, 2.9620),
    (152, 50_000, "0", 3.0696, 2.9345), (166, 15_000, "0.2", 3.1005, 3.0978), (166, 25_000, "0.2", 3.0213, 3.0223),
    (166, 30_000, "0.2", 2.9969, 2.9998), (166, 30_000, "0", 3.1321, 2.9998), (210, 22_222, "0.2", 2.9651, 2.9660),
    (210, 33_333, "0.2", 2.9110, 2.9104), (210, 37_500, "0.2", 2.8959, 2.8972), (210, 44_444, "0.2", 2.8775, 2.8816),
    (210, 50_000, "0.2", 2.8631, 2.8692), (210, 62_500, "0", 2.9943, 2.8508), (360, 25_000, "0.2", 2.7812, 2.7802),
    (360, 37_500, "0.2", 2.7359, 2.7379), (360, 50_000, "0", 2.8340, 2.7092),
]  # fmt: skip
WARM_UP = 300


def rates(shape: str, steps: int) -> Floats:
    t, up = np.arange(steps), np.minimum(1, (np.arange(steps) + 1) / WARM_UP)
    if shape == "cosine to 0":
        return up * (1 + np.cos(np.pi * np.clip((t - WARM_UP) / (steps - WARM_UP), 0, 1))) / 2
    share = float(shape.split(maxsplit=1)[0])
    if not share:
        return up
    left = np.clip((steps - t) / (share * steps), 0, 1)
    return np.minimum(up, 1 - np.sqrt(1 - left) if "sqrt" in shape else left)


def excess_of(shape: str, steps: int) -> float:
    return excess(rates(shape, steps), np.full(steps, 1 / steps), steps=steps, warm_up=WARM_UP / steps)


def test_one_number_says_what_every_shape_is_worth() -> None:
    pairs = [
        (excess_of(shape, steps), loss - COSINE[steps])
        for steps, shapes in CHOSEN.items()
        for shape, loss in shapes.items()
    ]
    assert len(pairs) == 31
    bound, measured = np.array(pairs).T
    assert round(float(bound @ measured / (bound @ bound)), 2) == WORTH
    # without the rule these lie between -0.031 and +0.126
    assert np.abs(measured - WORTH * bound).max() < MISS / 3
    assert round(float(np.mean(list(COSINE.values()))), 0) == RUNS_LOSS


def test_sizes_corpora_and_lengths_that_set_nothing_follow_it() -> None:
    missed = [abs(loss - cosine - WORTH * excess_of(shape, steps)) for _, steps, shape, loss, cosine in OTHERS]
    # their peaks were halved for the shape and not tuned again: at 124M such a decay ends 0.007 above the tuned one;
    # that the margin holds them is how it was set, that most lie well within it is the rule's
    assert max(missed) < MISS
    assert np.mean(missed) < 0.4 * MISS


@pytest.mark.parametrize("shape", ["0", "0.2"])
def test_what_a_shape_is_worth_is_a_number_of_nats_and_no_share_of_what_is_to_be_won(shape: str) -> None:
    """A constant rate costs 0.116 to 0.145 nats from 33M to 360M; over what is to be won (1.82 is the floor of the
    default law) that is 7 to 14 %: the largest networks lose the largest share."""
    gaps = [(size, loss - cosine, cosine - 1.82) for size, _, s, loss, cosine in OTHERS if s == shape]
    if shape == "0":
        assert all(0.116 < gap < 0.146 for _, gap, _ in gaps)
        small, large = [gap / above for size, gap, above in (min(gaps), max(gaps))]
        assert large > 1.9 * small
    else:
        assert all(abs(gap) < 0.011 for _, gap, _ in gaps)


def test_the_bounds_of_the_one_number() -> None:
    """Bergsma et al. (arXiv:2502.15938, abstract): 610M on 80 tokens a parameter with a linear decay to zero is below
    200 with one to a tenth. By the default law those tokens are worth 0.073 nats: so is the decay, at the least."""
    tokens = 2085.43 * ((80 * 610e6) ** -0.3658 - (200 * 610e6) ** -0.3658)
    t = (np.arange(4000) + 0.5) / 4000
    up, even = np.minimum(1, t / 0.1), np.full(4000, 1 / 4000)
    shapes = [up * (floor + (1 - floor) * np.minimum(1, (1 - t) / 0.9)) for floor in (0.1, 0.0)]
    tenth, zero = (excess(shape, even, steps=300_000, warm_up=0.1) for shape in shapes)
    assert 0.9 * MOST_WORTH < tokens / (tenth - zero) < 1.1 * MOST_WORTH
    # in proportion to what is to be won, from these runs to a plan's loss of 2.05
    assert pytest.approx(WORTH * (2.05 - 1.82) / (RUNS_LOSS - 1.82), abs=0.005) == LEAST_WORTH


def test_decays_in_two_steps_equal_the_cosine_as_deepseek_found() -> None:
    """DeepSeek LLM (arXiv:2401.02954, section 2.3, figure 1a): a rate that falls to 31.6 % after 80 % of the tokens
    and to 10 % after 90 % ends where the cosine does."""
    t = (np.arange(2000) + 0.5) / 2000
    stairs = np.minimum(1, (np.arange(2000) + 1) / 40) * np.where(t < 0.8, 1.0, np.where(t < 0.9, 0.316, 0.1))
    assert abs(WORTH * excess(stairs, np.full(2000, 1 / 2000), steps=50_000, warm_up=0.02)) < 0.005
