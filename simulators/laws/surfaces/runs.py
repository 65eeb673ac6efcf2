"""Training runs to fit a law to, checked when they are made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from lehr.simulators.counting import NConvention
from lehr.simulators.laws.base import LossUnit
from lehr.simulators.quantities import Floats

SMALLEST_COUNT = 1e3
"""A model or a corpus below this many parameters or tokens was written in millions or billions."""
MOST = {"parameters": 1e18, "tokens": 1e18, "unique": 1e18, "loss": 1e6}
"""Far more than any training has: a column or a unit is wrong."""
ROUNDING = 1e-9
"""Tokens and unique tokens that are nearer to each other are the same."""


class Runs(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One row a run: parameters N, tokens D and the final loss; arrays of one length.

    ``label`` names the run of each row; rows of one label (checkpoints of one training) are resampled together.
    ``unique`` are the tokens that differ, ``None`` where all do. Make one with ``make_runs``, which checks.
    """

    parameters: Floats
    tokens: Floats
    loss: Floats
    label: list[str]
    n_convention: NConvention = "total"
    loss_unit: LossUnit = "nats/token"
    unique: Floats | None = None

    def __len__(self) -> int:
        return len(self.loss)

    @property
    def flops(self) -> Floats:
        """6 N D [FLOP]."""
        return 6.0 * self.parameters * self.tokens

    @property
    def repeated(self) -> NDArray[np.bool_]:
        """Which rows saw tokens more than once."""
        if self.unique is None:
            return np.zeros(len(self), dtype=bool)
        return np.asarray(self.tokens > self.unique * (1 + ROUNDING))

    def in_order(self) -> Runs:
        """The same runs by size, tokens, loss, unique tokens and label: sums over them and draws of them are then the
        same to the last digit in whatever order the rows of a table stand."""
        unique = self.loss if self.unique is None else self.unique
        order = np.lexsort((np.asarray(self.label), unique, self.loss, self.tokens, self.parameters))
        return self if np.array_equal(order, np.arange(len(self))) else self.take(order)

    def take(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> Runs:
        """The runs at ``rows``, a mask or indices."""
        indices = np.arange(len(self))[rows]
        return msgspec.structs.replace(
            self,
            parameters=self.parameters[indices],
            tokens=self.tokens[indices],
            loss=self.loss[indices],
            label=[self.label[i] for i in indices],
            unique=None if self.unique is None else self.unique[indices],
        )


def make_runs(
    parameters: ArrayLike,
    tokens: ArrayLike,
    loss: ArrayLike,
    *,
    label: Sequence[str] | None = None,
    n_convention: NConvention | Sequence[str] = "total",
    loss_unit: LossUnit | Sequence[str] = "nats/token",
    unique: ArrayLike | None = None,
) -> Runs:
    """Check columns and make ``Runs`` of them; a convention may be a column too, if it is the same in every row.

    Raises ``ValueError`` with one line: columns of different lengths, values that are no positive number or more
    than ``MOST``, units that are mixed or unknown.

    >>> len(make_runs([1e8, 1e9], [2e9, 2e10], [3.3, 2.7]))
    2
    >>> make_runs([1e8, 1e9], [2e9, 2e10], [3.3, -2.7])
    Traceback (most recent call last):
    ValueError: row 2: loss is -2.7; write a number above 0, or leave the run out
    """
    columns = {"parameters": parameters, "tokens": tokens, "loss": loss}
    if unique is not None:
        columns["unique"] = unique
    arrays = {name: _numbers(name, column) for name, column in columns.items()}
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(
            f"columns have different lengths ({', '.join(f'{k} {v}' for k, v in lengths.items())}); "
            "write one value of each for every run"
        )
    n = lengths["loss"]
    for name, array in arrays.items():
        for row in np.flatnonzero(~(np.isfinite(array) & (array > 0)))[:1]:
            raise ValueError(f"row {row + 1}: {name} is {array[row]:g}; write a number above 0, or leave the run out")
        for row in np.flatnonzero(array > MOST[name])[:1]:
            raise ValueError(
                f"row {row + 1}: {name} is {array[row]:g}, more than any training has; "
                f"write at most {MOST[name]:g}, or another column or unit"
            )
    for name, unit in (("parameters", "7e9"), ("tokens", "20e9")):
        for row in np.flatnonzero(arrays[name] < SMALLEST_COUNT)[:1]:
            raise ValueError(
                f"row {row + 1}: {name} is {arrays[name][row]:g}, which looks like millions or billions; "
                f"write {name} in full, such as {unit}"
            )
    if label is not None and len(label) != n:
        raise ValueError(f"label has {len(label)} values for {n} runs; write one for every run")
    return Runs(
        **arrays,
        label=[f"row {i + 1}" for i in range(n)] if label is None else [str(name) for name in label],
        n_convention=_one(n_convention, "n_convention", get_args(NConvention)),  # type: ignore[arg-type]
        loss_unit=_one(loss_unit, "loss_unit", get_args(LossUnit)),  # type: ignore[arg-type]
    )


def _numbers(name: str, column: ArrayLike) -> Floats:
    try:
        array = np.asarray(column, dtype=float)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} has a value that is no number ({error}); write numbers such as 1.5e9") from error
    if array.ndim != 1:
        raise ValueError(f"{name} has {array.ndim} dimensions; write one value for every run")
    return array


def _one(value: str | Sequence[str], name: str, known: Sequence[str]) -> str:
    """The one convention that all rows have."""
    found = [value] if isinstance(value, str) else list(dict.fromkeys(str(v) for v in value))
    if len(found) != 1:
        raise ValueError(
            f"{name} is mixed ({', '.join(found)}); losses and sizes of different conventions do not compare: "
            "convert them or fit each group alone"
        )
    if found[0] not in known:
        raise ValueError(f"{name} is {found[0]!r}; write one of {', '.join(known)}")
    return found[0]
