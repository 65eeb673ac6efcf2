"""Which small runs to make, so that the forecast of a large one is as sharp as possible for the money."""

from lehr.simulators.designing.belief import Belief, belief_about, belief_after
from lehr.simulators.designing.choosing import Design, Pool, Target, isoflop_grid, pool_of, propose
from lehr.simulators.designing.worlds import Sharpness, doubt_before, sharpest, sharpness

__all__ = [
    "Belief", "Design", "Pool", "Sharpness", "Target", "belief_about", "belief_after", "doubt_before", "isoflop_grid",
    "pool_of", "propose", "sharpest", "sharpness",
]  # fmt: skip
