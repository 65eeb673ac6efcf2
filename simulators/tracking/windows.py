"""Means and standard deviations over the rows before each row, some rows left out: all rows at once."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from lehr.simulators.quantities import Floats


class Windows(msgspec.Struct, frozen=True, eq=False):
    """For each row: how many rows its window holds, their ``mean`` and ``deviation`` (rows,)."""

    count: Floats
    mean: Floats
    deviation: Floats


def before(values: Floats, kept: NDArray[np.bool_], length: int, lag: int) -> Windows:
    """Over the last ``length`` ``kept`` rows that lie ``lag`` rows or more before each row.

    Where fewer are kept the window holds as many as there are.

    >>> found = before(np.array([1.0, 2.0, 9.0, 3.0, 0.0]), np.array([1, 1, 0, 1, 1], bool), 2, 1)
    >>> found.count.tolist(), found.mean.tolist()
    ([0.0, 1.0, 2.0, 2.0, 2.0], [0.0, 1.0, 1.5, 1.5, 2.5])
    """
    n = len(values)
    taken = values[kept]
    # centred, so that the difference of two sums of squares loses no digits
    centre = float(np.median(taken)) if len(taken) else 0.0
    sums = np.concatenate([[0.0], np.cumsum(taken - centre)])
    squares = np.concatenate([[0.0], np.cumsum((taken - centre) ** 2)])
    so_far = np.concatenate([[0], np.cumsum(kept)])
    end = so_far[np.maximum(np.arange(n) - lag + 1, 0)]
    begin = np.maximum(end - length, 0)
    count = (end - begin).astype(float)
    safe = np.maximum(count, 1.0)
    mean = (sums[end] - sums[begin]) / safe
    square = np.maximum((squares[end] - squares[begin]) / safe - mean**2, 0.0)
    deviation = np.sqrt(square * safe / np.maximum(count - 1, 1.0))
    return Windows(count, np.where(count > 0, mean + centre, 0.0), deviation)
