"""Sums of floats, to the same bytes in every version of Python."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from functools import reduce


def plain_sum(values: Iterable[float]) -> float:
    """The sum of ``values``, added from the first to the last, as numpy adds the same columns of a grid.

    Python's own ``sum`` compensates for what rounding loses from 3.12 on, and not before: its last digit would depend
    on who computes.

    >>> plain_sum([0.1] * 10)
    0.9999999999999999
    """
    return reduce(operator.add, values, 0)
