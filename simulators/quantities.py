"""Numbers with their bounds: the types of a file's values, and amounts and intervals that are projected.

A count must not pay for numpy, so that the alias of an array is text, which a type checker reads and Python does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, TypeAlias

import msgspec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Floats: TypeAlias = "NDArray[np.float64]"
"""An array of double-precision numbers."""
Size = Annotated[int, msgspec.Meta(ge=1, le=10**18)]
"""A number of things of which there is one at least; what an array counts ends at 9.2e18."""
Extent = Annotated[int, msgspec.Meta(ge=0, le=10**18)]
"""A number of things of which there may be none."""
Work = Annotated[float, msgspec.Meta(ge=1.0, le=1e30)]
"""A budget: the largest run took 5e26 [FLOP]."""
Positive = Annotated[float, msgspec.Meta(gt=0.0)]
NonNegative = Annotated[float, msgspec.Meta(ge=0.0)]
Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
PositiveShare = Annotated[float, msgspec.Meta(gt=0.0, le=1.0)]
Factor = Annotated[float, msgspec.Meta(ge=1.0)]
"""By which something grows."""
Devices = Annotated[int, msgspec.Meta(ge=1, le=10_000_000)]
"""Accelerators of one run: a hundred times the largest cluster that trained a published model at the most."""
Utilisation = Annotated[float, msgspec.Meta(ge=1e-6, le=1.0)]
"""Share of the peak that training reaches; below a millionth of it nothing was measured [1]."""
HourlyPrice = Annotated[float, msgspec.Meta(ge=1e-6, le=1e6)]
"""What one accelerator costs an hour: no price that anyone asked is a thousand times higher than what was seen, 100 USD
at the most [USD/h]."""


class Interval(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A share between two bounds, such as a utilisation [1].

    Raises ``ValueError`` where they are not in order.

    >>> Interval(low=0.3, central=0.5, high=0.4)
    Traceback (most recent call last):
    ValueError: low 0.3, central 0.5, high 0.4 are not in rising order
    """

    low: PositiveShare
    central: PositiveShare
    high: PositiveShare

    def __post_init__(self) -> None:
        if not self.low <= self.central <= self.high:
            raise ValueError(f"low {self.low}, central {self.central}, high {self.high} are not in rising order")


class Amount(msgspec.Struct, frozen=True, kw_only=True):
    """A projected quantity: its central value and, where one is known, the interval around it."""

    value: float
    unit: str
    low: float | None = None
    high: float | None = None

    def __add__(self, other: Self) -> Self:
        """Add two amounts of one unit; the bounds add as if both erred the same way, which is the wider sum."""
        if self.unit != other.unit:
            raise ValueError(f"{self.unit} and {other.unit} do not add")
        value = self.value + other.value
        if self.low is self.high is other.low is other.high is None:
            return type(self)(value=value, unit=self.unit)
        return type(self)(
            value=value,
            unit=self.unit,
            low=(self.value if self.low is None else self.low) + (other.value if other.low is None else other.low),
            high=(self.value if self.high is None else self.high) + (other.value if other.high is None else other.high),
        )

    def scaled(self, factor: Any, unit: str) -> Self:
        """This amount times ``factor``, in ``unit``.

        >>> Amount(value=2e6, low=1.5e6, high=2.5e6, unit="h").scaled(2.0, "USD")
        Amount(value=4000000.0, unit='USD', low=3000000.0, high=5000000.0)
        """
        return type(self)(
            value=self.value * factor,
            unit=unit,
            low=None if self.low is None else self.low * factor,
            high=None if self.high is None else self.high * factor,
        )


class Amounts(Amount, frozen=True, kw_only=True, eq=False):
    """As an amount, with an array (points,) for each number.

    >>> import numpy as np
    >>> (Amounts(value=np.array([1.0, 2.0]), unit="h") + Amounts(value=np.array([0.5]), unit="h")).value
    array([1.5, 2.5])
    """

    value: Floats  # type: ignore[assignment]
    low: Floats | None = None  # type: ignore[assignment]
    high: Floats | None = None  # type: ignore[assignment]

    def at(self, point: int = 0) -> Amount:
        """The amount at one point, counted over the flattened arrays."""
        return Amount(
            value=float(self.value.flat[point]),
            unit=self.unit,
            low=None if self.low is None else float(self.low.flat[point]),
            high=None if self.high is None else float(self.high.flat[point]),
        )


Relation = Literal["at least", "at most", "between"]
"""How a number lies to the one that stands for it."""

RELATIONS: dict[Relation, str] = {
    "at least": "the true number is this one or larger",
    "at most": "the true number is this one or smaller",
    "between": "the true number lies between two, of which this is the smaller",
}


class Bound(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A number of which only a bound was published, such as "more than 15T tokens".

    >>> Bound(at_least=15e12).value, Bound(at_least=3e12, at_most=4e12).relation
    (15000000000000.0, 'between')

    Raises ``ValueError`` without a bound, and where the two leave nothing between them.
    """

    at_least: Positive | None = None
    at_most: Positive | None = None

    def __post_init__(self) -> None:
        if self.at_least is None and self.at_most is None:
            raise ValueError("a bound is `at_least: 15e12`, `at_most: 20e12`, or both")
        if self.at_least is not None and self.at_most is not None and self.at_least >= self.at_most:
            raise ValueError(f"at_least {self.at_least:g} is not below at_most {self.at_most:g}")

    @property
    def value(self) -> float:
        """What is computed with: the lower bound, or the only one."""
        bound = self.at_least if self.at_least is not None else self.at_most
        assert bound is not None
        return bound

    @property
    def relation(self) -> Relation:
        """How the true number lies to ``value``; ``between`` where both bounds are known."""
        if self.at_least is not None and self.at_most is not None:
            return "between"
        return "at least" if self.at_most is None else "at most"


def number(of: float | Bound | None) -> float | None:
    """The number to compute with where a bound may stand instead of it.

    >>> number(2e12), number(Bound(at_least=15e12)), number(None)
    (2000000000000.0, 15000000000000.0, None)
    """
    return of.value if isinstance(of, Bound) else of
