"""What a form has that is fitted to points of any inputs: coordinates, bounds, starts, and its derivatives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from lehr.simulators.laws.base import Law, split_log
from lehr.simulators.numerics.levenberg import Model
from lehr.simulators.quantities import Floats


class PointForm:
    """One functional form of ``inputs`` by name; ``varied`` are those without whose variation it cannot be fitted, and
    ``logarithmic`` says whether it is the logarithm of the target that is fitted."""

    law_class: ClassVar[type[Law]]
    inputs: ClassVar[tuple[str, ...]]
    varied: ClassVar[tuple[str, ...]]
    coordinates: ClassVar[tuple[str, ...]]
    low: ClassVar[tuple[float, ...]]
    high: ClassVar[tuple[float, ...]]
    logarithmic: ClassVar[bool] = True

    def starts(self, at: Mapping[str, Floats], target: Floats) -> Floats:
        """Starting points (starts, coordinates)."""
        raise NotImplementedError

    def model(self, at: Mapping[str, Floats]) -> Model:
        """What is fitted at every point, and its derivatives."""
        raise NotImplementedError

    def law(self, theta: Floats, **common: Any) -> Law:
        """The law at one set of coordinates."""
        raise NotImplementedError

    def constants(self, theta: Floats) -> dict[str, Floats]:
        """The constants at ``theta``, whose last axis are the coordinates."""
        values = {}
        for i, coordinate in enumerate(self.coordinates):
            log, name = split_log(coordinate)
            values[name] = np.exp(theta[..., i]) if log else np.asarray(theta[..., i])
        return values
