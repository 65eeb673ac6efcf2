"""The networks behind the joint law: what a number of active parameters stands for (Ludziejewski et al. 2025)."""

from __future__ import annotations

from lehr.simulators.laws.surfaces.base import positive
from lehr.simulators.numerics.search import solve_monotonic


def shape_of(active: float, *, vocab_size: int = 50257) -> float:
    """The width of a model of the paper's family with ``active`` parameters: 2 d V + 13 d**3 / 64, since blocks and
    heads are d / 64 (appendix A) [dimensions].

    >>> round(shape_of(1.3e9) / 64)                                       # 28 blocks in appendix E
    28
    """
    positive(active, "active", "parameters")
    width = solve_monotonic(lambda d: 2 * d * vocab_size + 13 * d**3 / 64, 1.0, 1e7, active)
    assert width is not None
    return width


def total_of(active: float, experts: float, *, vocab_size: int = 50257) -> float:
    """All parameters of such a model: 2 d V + (4 + 9 E) n_blocks d**2 (equation 9) [parameters].

    >>> f"{total_of(321e6, 32):.2g}"                                      # 5.0B in appendix E
    '5e+09'
    """
    width = shape_of(active, vocab_size=vocab_size)
    return 2 * width * vocab_size + (4 + 9 * experts) * width**3 / 64
