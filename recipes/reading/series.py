"""One quantity as it was logged."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from lehr.simulators.quantities import Floats


class Series(msgspec.Struct, frozen=True, eq=False):
    """One quantity as it was logged, in the order of the file; arrays of a long file, else lists."""

    steps: Sequence[int] | NDArray[np.int_]
    values: Sequence[float] | Floats
    units: Sequence[float] | Floats | None = None
    """What one of the last printed digit is of each value, where the text says so."""
