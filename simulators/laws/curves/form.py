"""What a fit needs to know of a curve law: its coordinates, where a search begins, and what is assumed without data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import Any, Protocol

import msgspec
import numpy as np

from lehr.simulators.laws.curves.runs import LoggedRun
from lehr.simulators.quantities import Floats


class Design(Protocol):
    """A law as columns that its linear constants multiply: L = L0 + sum_j c_j X_j(phi) at the logged rows."""

    def columns(self, phi: Floats) -> tuple[Floats, Floats]:
        """X (rows, columns) and dX/dphi (shapes, rows, columns)."""
        ...


class Coordinate(msgspec.Struct, frozen=True, kw_only=True):
    """A shape constant as the search sees it: its limits, the values tried first, and a normal prior.

    ``spread`` infinite means that nothing is assumed.
    """

    name: str
    low: float
    high: float
    tried: tuple[float, ...]
    centre: float = 0.0
    spread: float = inf


Constants = Mapping[str, tuple[float, Floats]]
"""Parameter, such as ``log A`` or ``alpha``, to its constant's value and its derivative by the coordinates."""


class Straying(msgspec.Struct, frozen=True, kw_only=True):
    """By what share of each part of the loss a run strays from a law although its constants were known [1].

    ``constants`` is a share of their variance, ``few`` times over where runs were left out. ``forward`` is of what is
    to be won, ``annealed`` of what annealing brought, ``taken`` of that too, times the fourth power of the share of the
    noise that it has taken away, ``least`` of the loss; for each factor e ``apart`` is of all parts by distance in peak
    rate, ``alone`` of what is to be won by distance from the one peak rate of all fitted runs, which say nothing of
    others, ``earlier`` of what is to be won by steps before the first fitted row, ``longer`` of the loss by steps after
    the last. ``warmed`` is of what is to be won, times the square of warm-up's steps over those so far, and ``bent`` of
    the square of the share that is to be won, for each factor e of distance in peak rate. Beside runs left out they
    count as so many ``runs``.
    """

    constants: float
    forward: float
    annealed: float
    taken: float
    least: float
    apart: float
    alone: float
    earlier: float
    longer: float
    warmed: float
    bent: float
    runs: float

    @staticmethod
    def few(left_out: int) -> float:
        """How many times more the constants vary than a fit says of which so many runs were ``left_out``: n / (n - 1),
        as a mean of n does whose variance is that of the n about it. A fit of one run rests on what is believed before.

        >>> [Straying.few(n) for n in (0, 1, 2, 5)]
        [1.0, 2.0, 2.0, 1.25]
        """
        return 1.0 if left_out == 0 else max(left_out, 2) / (max(left_out, 2) - 1)


IN_TURNS = Straying(
    constants=0.6, forward=0.001, annealed=0.027, taken=0.062, least=1e-4, apart=0.008, alone=0.05, earlier=0.01,
    longer=5e-4, warmed=0.036, bent=1.1, runs=0.6,
)  # fmt: skip
"""Of laws in how far a step turns the weights."""
IN_RATES = Straying(
    constants=1.0, forward=0.005, annealed=0.34, taken=0.0, least=6e-3, apart=1.2, alone=0.0, earlier=0.28, longer=5e-3,
    warmed=0.076, bent=0.67, runs=1.0,
)  # fmt: skip
"""Of laws in the rates themselves, which say less of other peak rates, and less of the effect of a fall."""


class CurveForm(msgspec.Struct, frozen=True, kw_only=True):
    """How one ``kind`` of law is fitted.

    ``linear`` names the constants that multiply the design's columns; those in ``signed`` may be negative, the others
    are searched by their logarithm. ``to_constants`` turns coordinates and the peak rate into the law's own constants,
    and ``to_coordinates`` the law back.
    A row at step s weighs s^-weight_power: 0 is each row the same, 1 each doubling of the steps. ``shares`` is a
    normal prior on the logarithm of each linear constant: its share of the lowest loss [1], and the spread.
    ``straying`` is what a band allows beside the constants, learnt on held-out runs.
    """

    kind: str
    linear: tuple[str, ...]
    shapes: tuple[Coordinate, ...]
    design: Callable[[Sequence[LoggedRun], float], Design]
    to_constants: Callable[[Floats, float], Constants]
    to_coordinates: Callable[[Any, float], Floats]
    signed: tuple[str, ...] = ()
    weight_power: float = 0.0
    shares: tuple[tuple[float, float], ...] = ()
    straying: Straying = IN_RATES

    @property
    def coordinates(self) -> tuple[str, ...]:
        """L0, the linear constants, the shapes."""
        linear = tuple(name if name in self.signed else f"log {name}" for name in self.linear)
        return ("L0", *linear, *(shape.name for shape in self.shapes))

    @property
    def annealing(self) -> int:
        """How many of the linear constants, the second and so on, belong to terms of annealing."""
        return len(self.linear) - 1 - len(self.signed)

    @property
    def anneals(self) -> bool:
        """Has the form a term that only a falling rate can tell?"""
        return len(self.linear) > 1


def slopes(size: int, **by: float) -> Floats:
    """A derivative by ``size`` coordinates: ``_2=1.0`` is that by the third.

    >>> slopes(3, _2=1.0).tolist()
    [0.0, 0.0, 1.0]
    """
    row = np.zeros(size)
    for place, slope in by.items():
        row[int(place[1:])] = slope
    return row


def forward(total: Floats, alpha: float) -> tuple[Floats, Floats]:
    """S^-alpha and its derivative by alpha.

    >>> [round(float(v), 4) for v in forward(np.array(4.0), 0.5)]
    [0.5, -0.6931]
    """
    power = total**-alpha
    return power, -np.log(total) * power
