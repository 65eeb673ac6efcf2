"""Does a loss rise by the rows of its log alone, where no law forecasts it?

While its learning rate does not rise a healthy loss falls or stays. So rows are judged beside a forecast that stays,
and of what the rules say is kept what needs no better one: that rows lie above those before by more than their noise.
Until a few rows stand before it nothing is said of a row, and nothing from where the planned rate rises again.
"""

from __future__ import annotations

from math import ceil

import msgspec
import numpy as np
from numpy.typing import NDArray

from lehr.simulators.quantities import Floats
from lehr.simulators.tracking.contrasts import LEAST_RISE
from lehr.simulators.tracking.course import dated, stays
from lehr.simulators.tracking.digits import grain_of
from lehr.simulators.tracking.independent import Independent, independent
from lehr.simulators.tracking.judging import alarms
from lehr.simulators.tracking.onset import Run
from lehr.simulators.tracking.planned import first_of, restart_of
from lehr.simulators.tracking.rows import Rows
from lehr.simulators.tracking.rules import RUN, Alarm, Rules
from lehr.simulators.tracking.tails import tail_words

ANYWHERE = 10.0
"""What the level of the first rows may be [log loss]: any."""


class Alone(msgspec.Struct, frozen=True, eq=False):
    """Spikes and divergences of a log's rows, the ``steps`` and ``losses`` (rows,) of those that were judged, and what
    else is to be said of them."""

    alarms: list[Alarm]
    steps: NDArray[np.int_]
    losses: Floats
    notes: list[str] = []

    @property
    def rises(self) -> bool:
        """Is a divergence not over?"""
        return any(a.kind == "divergence" and a.last > len(self.steps) - 1 - RUN for a in self.alarms)


def alone(planned: Floats, rows: Rows, *, false_alarms: float = 0.01) -> Alone:
    """Where the losses of ``rows`` rise above those before, of a run whose rates should be ``planned`` (steps,).

    At most about ``false_alarms`` of healthy runs show either.

    >>> from lehr.simulators.tracking.rows import in_order
    >>> steps = np.arange(0, 1000, 10)
    >>> losses = (3 + 1 / np.sqrt(1 + steps)) * (1 + 0.002 * np.sin(steps**2))
    >>> risen = losses * np.exp(5e-4 * np.maximum(steps - 800, 0))
    >>> found = alone(np.full(1000, 1e-3), in_order(steps, risen))
    >>> [(a.kind, int(found.steps[a.first])) for a in found.alarms], found.rises
    ([('divergence', 820)], True)
    """
    n, first, again = len(planned), first_of(planned), restart_of(planned)
    inside = slice(*np.searchsorted(rows.steps, [first, n + 1 if again is None else again]))
    steps, losses = rows.steps[inside], rows.losses[inside]
    if len(steps) < 2:
        return Alone([], steps, losses)
    with np.errstate(invalid="ignore", divide="ignore"):
        e = np.where(np.isfinite(losses) & (losses > 0), np.log(losses), np.nan)
    grain = grain_of(e, losses, rows.last_digits[inside])
    own = Independent(e, 0.0) if grain.mean else independent(e)
    left = own.left_out
    steps, losses, e, logged = steps[left:], losses[left:], own.residuals[left:], e[left:]
    stays_put, anywhere = np.zeros(len(e)), np.full((len(e), 1), ANYWHERE)
    every = max(ceil((n - first) / rows.spacing), len(e), 1)
    rules = Rules.of(every, false_alarms, own.noise or None, grain=grain)
    judged = alarms(e, anywhere, rules)
    # a loss that falls is no alarm here, and is not to take in one of those after it
    above = [a for a in judged.found if a.kind in ("spike", "divergence")]
    found = dated(above, Run(np.nan_to_num(e), stays_put, stays_put, anywhere, stays(above, e)))
    risen = [a for a in found if a.kind == "spike" or (a.kind == "divergence" and a.size > LEAST_RISE)]
    later = msgspec.structs.replace(own, residuals=e)
    notes = [*own.words(), *grain.words(), *tail_words(judged.tails, own.correlation)]
    return Alone([later.as_logged(alarm, logged) for alarm in risen], steps, losses, notes)
