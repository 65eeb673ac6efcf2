"""What every law of the loss as a surface over parameters and tokens can be asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from lehr.simulators.counting import NConvention
from lehr.simulators.laws.base import Answer, Bounds, Law, LossUnit, Misfit, Outside, ValidRange, quantiles, replicate
from lehr.simulators.laws.surfaces.runs import Runs
from lehr.simulators.numerics.search import golden_section
from lehr.simulators.quantities import Floats

__all__ = ["Floats", "LossUnit", "NConvention", "Surface", "ValidRange", "least_loss", "positive"]


DRAWS = 2000
"""Draws of an interval that has scatter or misfit in it: its 2.5 % quantile then has a standard error of 0.06 standard
deviations."""


class Surface(Law, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """A law L(N, D) with the conventions that its numbers depend on.

    ``n_convention`` says which parameters N counts, ``loss_unit`` what the loss is measured in. Below
    ``fewest_tokens_per_parameter`` the form says nothing.
    """

    fewest_tokens_per_parameter: ClassVar[float] = 0.0

    n_convention: NConvention
    loss_unit: LossUnit
    misfit: Misfit | None = None

    def loss(self, n: ArrayLike, d: ArrayLike) -> Floats:
        """The loss at ``n`` parameters after ``d`` tokens, broadcast [loss_unit]."""
        raise NotImplementedError

    def at(self, runs: Runs) -> Floats:
        """The loss of each run, with whatever else of it the form asks for (runs,) [loss_unit]."""
        return self.loss(runs.parameters, runs.tokens)

    def optimum(self, flops: float) -> tuple[float, float]:
        """The parameters and tokens of least loss at 6 N D = ``flops`` [parameters], [tokens].

        ``flops`` may be an array, and so may the answer be. Raises ``ValueError`` where it is not positive.
        """
        n = least_loss(self.loss, positive(flops, "flops", "FLOP"))
        return _plain(n), _plain(np.asarray(flops) / 6 / n)

    def intervals(
        self, n: ArrayLike, d: ArrayLike, level: float = 0.95, *, run: bool = False, unique: ArrayLike | None = None
    ) -> tuple[Floats, Floats]:
        """Bounds of the loss at ``level``: where fits to other runs of the same kind would put it, and how far the form
        itself misses what it has not seen, where ``misfit`` says that [loss_unit].

        ``run`` adds the scatter of a single run about the law; ``unique`` of the tokens differ, which a law of repeated
        data may be asked. Raises ``ValueError`` where the law does not say how
        sure it is.
        """
        return quantiles(self.draws(n, d, run=run, unique=unique), level)

    def draws(self, n: ArrayLike, d: ArrayLike, *, run: bool = False, unique: ArrayLike | None = None) -> Floats:
        """Losses as likely as what is known of the law (draws, ...) [loss_unit], as ``intervals`` has them."""
        n, d = np.broadcast_arrays(np.asarray(n, dtype=float), np.asarray(d, dtype=float))
        many = replicate(self, n.ndim)
        if many is None:
            raise ValueError(f"{self.name} has no covariance: fit its runs, or leave the interval out")
        losses = many.loss(n, d) if unique is None else many.loss(n, d, unique=unique)  # type: ignore[call-arg]
        residual = getattr(self.uncertainty, "residual", None) if run else None
        if residual is None and self.misfit is None:
            return losses
        # as many draws as a tail's quantile needs; the same ones every time
        rng = np.random.default_rng(1)
        losses = np.repeat(losses, -(-DRAWS // len(losses)), axis=0)
        spread = np.full(n.shape, residual or 0.0)
        # one draw errs alike everywhere, so that a band is the same whatever else is asked beside it
        apart = (len(losses), *(1,) * n.ndim)
        noise = rng.standard_normal(apart)
        if self.misfit is not None:
            spread = np.hypot(spread, self.misfit.at(6 * n * d))
            noise = noise / np.sqrt(rng.chisquare(self.misfit.degrees, apart) / self.misfit.degrees)
        return np.asarray(losses * np.exp(spread * noise))

    def interval(self, n: float, d: float, level: float = 0.95) -> Bounds | None:
        """Bounds of the loss at ``level``, or ``None`` where the fit's covariance is not known."""
        if replicate(self) is None:
            return None
        low, high = self.intervals(n, d, level)
        return float(low), float(high)

    def optimum_interval(self, flops: float, level: float = 0.95) -> tuple[Bounds, Bounds] | None:
        """Bounds of the optimal parameters and of the optimal tokens, or ``None`` as above."""
        many = replicate(self)
        if many is None:
            return None
        # a budget for each replica: a search then looks for each one's own optimum
        arrays = [v for f in msgspec.structs.fields(many) if isinstance(v := getattr(many, f.name), np.ndarray)]
        n, d = many.optimum(np.full(arrays[0].size, float(flops)))  # type: ignore[arg-type]
        (n_low, n_high), (d_low, d_high) = quantiles(np.asarray(n), level), quantiles(np.asarray(d), level)
        return (float(n_low), float(n_high)), (float(d_low), float(d_high))

    def answers(self) -> dict[str, Answer]:
        """The loss at n and d, and the optimum at a budget."""
        return {
            "loss": (self.loss, self.loss_unit),
            "optimum.parameters": (lambda **at: self.optimum(**at)[0], "parameters"),
            "optimum.tokens": (lambda **at: self.optimum(**at)[1], "tokens"),
        }

    def outside(self, n: float, d: float) -> list[Outside]:
        """The inputs that lie outside the runs that the law was fitted on."""
        ratio = {"tokens_per_parameter": d / n} if self.range.tokens_per_parameter else {}
        return self.range.outside(parameters=n, tokens=d, **ratio)

    def warnings(self, n: float, d: float) -> list[str]:
        """As ``outside``, a line each."""
        return [str(one) for one in self.outside(n, d)]


def positive(value: ArrayLike, name: str, unit: str) -> Floats:
    """``value`` as an array of numbers above zero. Raises ``ValueError`` otherwise.

    >>> positive([1e9, 0.0], "n", "parameters")
    Traceback (most recent call last):
    ValueError: n must be above 0 [parameters]; found 0
    """
    array = np.asarray(value, dtype=float)
    if not np.all(array > 0):
        raise ValueError(f"{name} must be above 0 [{unit}]; found {float(np.min(array)):g}")
    return array


def least_loss(loss: Callable[[Floats, Floats], Floats], flops: ArrayLike, flops_per_nd: float = 6.0) -> Floats:
    """The N of least ``loss`` on the ray C = ``flops_per_nd`` N D, for every C of ``flops`` [parameters].

    A grid of 400 sizes from 1e3 to the size that sees 1e3 tokens, then a golden-section search between the
    neighbours of the best one, as closely as rounding lets a minimum be told: to about 1e-8.

    >>> found = least_loss(lambda n, d: 406.4 / n**0.34 + 410.7 / d**0.28, 5.88e23)      # Chinchilla, equation 10
    >>> f"{float(found):.3g}"
    '3.25e+10'
    """
    work = np.atleast_1d(np.asarray(flops, dtype=float)) / flops_per_nd
    span = np.log(work / 1e3)
    grid = np.log(1e3) + np.linspace(0, 1, 400)[:, None] * (span - np.log(1e3))

    def at(log_n: Floats) -> Floats:
        n = np.exp(log_n)
        return loss(n, work / n)

    best = np.argmin(at(grid), axis=0)
    columns = np.arange(work.size)
    low, high = grid[np.maximum(best - 1, 0), columns], grid[np.minimum(best + 1, 399), columns]
    return np.asarray(np.exp(golden_section(at, low, high)).reshape(np.shape(flops)))


def _plain(value: Floats) -> float:
    # one number for one budget, an array for an array
    return float(value) if np.ndim(value) == 0 else value  # type: ignore[return-value]
