"""The loss at every token of a run of several stages: the level from a surface, its course from the schedules.

A surface gives the loss at the end of a whole schedule of a length, a tuned cosine to a tenth. What a run's own
schedule makes of it is what its shape is worth where its peak is tuned for it (``tuned.py``), or what a curve law of
one's own says of it beside a cosine at the same peak. What was trained on so far is put on one number of steps at every
point, whatever its length: so a rate that never falls costs the same at every length, and an annealing of the last
tenth gains the same. At every point the peak is taken to be the best for the rates until there: runs miss little by a
factor of two (0.005 nats with a decay, 0.03 without).
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from lehr.simulators.counting import ParameterCount
from lehr.simulators.laws import ScalingLaw
from lehr.simulators.laws.curves import CurveLaw
from lehr.simulators.numerics.adding import plain_sum
from lehr.simulators.projection.loss import loss_along
from lehr.simulators.projection.tuned import REFERENCE_PARTS, STEPS, Worth, excess, worth
from lehr.simulators.quantities import Floats
from lehr.simulators.schedules import Cosine, Curve, Warmup
from lehr.simulators.scheduling.final import loss_of_pieces

CLOCK_RATE = 3e-4
"""The peak rate of a clock whose law does not say what the peak of its runs was."""
LOWEST = 1e-4
"""Of the peak: rates below it, such as those of a re-warming from zero, are raised to it. No law was fitted there."""
SAME_MIX = 0.05
"""Two mixtures of data that differ by less, half the sum of the differences of their shares, count as one."""
UNKNOWN_SHIFT = "unknown shift, not modelled"


class PathStage(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One stage on the path: its name, its ``tokens``, and the learning rate at equal parts of them (parts,).

    ``data`` are the shares of its mixture, empty where they are not known; ``assumed`` says that the schedule is.
    """

    name: str
    kind: str
    tokens: float
    rates: Floats
    data: dict[str, float] = {}
    assumed: bool = False


class Clock(msgspec.Struct, frozen=True, kw_only=True):
    """A law, and the steps of its runs that stand for a whole run."""

    law: CurveLaw
    steps: int

    @property
    def peak(self) -> float:
        """The peak rate of the law's runs."""
        return self.law.range.peak_rate[1] if self.law.range.peak_rate else CLOCK_RATE


class StageForecast(msgspec.Struct, frozen=True, kw_only=True):
    """A stage's end: cumulative ``tokens``, the ``loss`` with its band, the surface's own loss there, and the rise.

    ``rewarming`` is by how much the loss stands above that of the stage's beginning at its highest [loss unit];
    ``shift`` says in words what the change of data does.
    """

    name: str
    tokens: float
    loss: float
    low: float
    high: float
    at_end_of_schedule: float
    rewarming: float
    shift: str
    assumed: bool


class Forecast(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The loss over cumulative ``tokens`` (points,): ``central`` and its band (points,) [unit of the surface].

    ``known_until`` is the number of tokens at which the data changes first, after which the loss is that of data that
    would not have changed. ``law`` is the curve law of one's own, where one was given. ``rises`` says that a rate
    rises again after warm-up, as in no run behind these numbers.
    """

    tokens: Floats
    central: Floats
    low: Floats
    high: Floats
    stages: list[StageForecast]
    law: CurveLaw | None
    known_until: float
    rises: bool


def path_rates(curve: Curve, step_of: Floats) -> Floats:
    """The rates at real-numbered steps (parts,) of a stage, each that of the update it lies in.

    >>> from lehr.simulators.schedules import Linear
    >>> path_rates(Linear(peak=1.0).resolve(4), np.array([0.0, 1.9, 4.0])).tolist()
    [1.0, 0.75, 0.25]
    """
    return curve.at(np.clip(np.floor(step_of), 0, curve.n_steps - 1))


class Path(msgspec.Struct, frozen=True, eq=False):
    """Stages as pieces of constant rate: ``rates`` (pieces,) as shares of the peak, ``ends`` (pieces,) as shares of all
    tokens, and the share at which the first warm-up is over."""

    rates: Floats
    ends: Floats
    risen: float

    def until(self, share: float) -> tuple[Floats, Floats]:
        """The rates and lengths (pieces,) of the pieces up to ``share`` of all tokens; the lengths sum to 1.

        >>> path = path_of([PathStage(name="a", kind="PT", tokens=3e9, rates=np.array([1e-3])),
        ...                 PathStage(name="b", kind="ANN", tokens=1e9, rates=np.array([1e-3, 0.0]))])
        >>> [values.tolist() for values in path.until(0.5)], [values.tolist() for values in path.until(1.0)]
        ([[1.0], [1.0]], [[1.0, 1.0, 0.0001], [0.75, 0.125, 0.125]])
        """
        n = int(np.searchsorted(self.ends, share * (1 - 1e-12))) + 1
        ends = np.minimum(self.ends[:n], share)
        return self.rates[:n], np.diff(ends, prepend=0.0) / share


def path_of(stages: Sequence[PathStage]) -> Path:
    """The path of ``stages`` one after another. Raises ``ValueError`` where every rate is zero.

    >>> path = path_of([PathStage(name="a", kind="PT", tokens=3e9, rates=np.array([0.0, 2e-3, 1e-3]))])
    >>> path.rates.tolist(), path.ends.round(3).tolist(), round(path.risen, 3)
    ([0.0, 1.0, 0.5], [0.333, 0.667, 1.0], 0.333)
    """
    rates = np.concatenate([stage.rates for stage in stages])
    peak = float(rates.max())
    if peak <= 0:
        raise ValueError("every learning rate is zero")
    lengths = np.concatenate([np.full(len(stage.rates), stage.tokens / len(stage.rates)) for stage in stages])
    ends = np.cumsum(lengths) / lengths.sum()
    rates = rates / peak
    # the first warm-up is as the law knows it
    top = int(np.argmax(rates >= 1 - 1e-9))
    rates[top:] = np.maximum(rates[top:], LOWEST)
    return Path(rates, ends, float(ends[top - 1]) if top else 0.0)


def by_shape(path: Path, at: Floats, level: Floats, unit: str) -> Worth:
    """What the shape of the path's schedule up to shares ``at`` (points,) of its tokens is worth there, where the
    surface says ``level`` (points,) [``unit``], each at the peak that is best for it.

    >>> constant = path_of([PathStage(name="pt", kind="PT", tokens=1e12, rates=np.ones(1))])
    >>> by_shape(constant, np.array([0.5, 1.0]), np.array([2.2, 2.0]), "nats/token").central.round(3).tolist()
    [0.131, 0.131]
    """
    rows = [
        [excess(*path.until(share), steps=steps, warm_up=min(path.risen / share, 0.1)) for share in at.tolist()]
        for steps in STEPS
    ]
    return worth(np.array(rows), level, unit)


def by_law(clock: Clock, path: Path, at: Floats, level: Floats, unit: str) -> Worth:
    """The same by a curve law: its loss under the path's rates less that under a cosine of the same length and peak to
    a tenth, in the law's own unit, or as a share of the loss where ``unit`` is another.

    >>> from lehr.simulators.laws.curves import MultiPower
    >>> law = MultiPower(name="x", title="", L0=3.04, A=0.525, alpha=0.508, B=364.0, C=2.07, beta=0.583, gamma=0.641)
    >>> constant = path_of([PathStage(name="pt", kind="PT", tokens=1e12, rates=np.ones(1))])
    >>> by_law(Clock(law=law, steps=72_000), constant, np.ones(1), np.array([2.0]), "nats/token").central.round(3)
    array([0.058])
    """
    out, error = np.empty((3, len(at))), clock.law.worst_relative_error or 0.0
    for i, share in enumerate(at.tolist()):
        rates, lengths = path.until(share)
        warmup = Warmup(fraction=min(path.risen / share, 0.1)) if path.risen else None
        cosine = Cosine(peak=1.0, floor_ratio=0.1, warmup=warmup).resolve(REFERENCE_PARTS).values()
        even = np.full(REFERENCE_PARTS, 1 / REFERENCE_PARTS)
        ours = loss_of_pieces(clock.law, rates * clock.peak, lengths * clock.steps)
        theirs = loss_of_pieces(clock.law, cosine * clock.peak, even * clock.steps)
        scale = 1.0 if unit == clock.law.loss_unit else float(level[i]) / theirs
        out[:, i] = scale * (ours * np.array([1.0, 1 - error, 1 + error]) - theirs)
    return Worth(*out)


def shift_of(before: PathStage | None, stage: PathStage) -> str:
    """What the change of data from ``before`` to ``stage`` does to the loss, in words; nothing where there is none.

    The forms that describe such a shift (Wang et al., arXiv:2505.07796; Que et al., arXiv:2406.01375) have published
    constants for no pair of mixtures of a catalogued recipe.

    >>> a = PathStage(name="a", kind="PT", tokens=1.0, rates=np.ones(1), data={"code": 0.8, "web": 0.2})
    >>> b = PathStage(name="b", kind="ANN", tokens=1.0, rates=np.ones(1), data={"code": 0.78, "web": 0.22})
    >>> shift_of(a, b), shift_of(None, a)
    ('', '')
    """
    if before is None:
        return ""
    if not before.data or not stage.data:
        return "" if stage.kind == "PT" else UNKNOWN_SHIFT
    names = before.data.keys() | stage.data.keys()
    moved = plain_sum(abs(before.data.get(n, 0.0) - stage.data.get(n, 0.0)) for n in names) / 2
    return UNKNOWN_SHIFT if moved > SAME_MIX else ""


def forecast(
    stages: Sequence[PathStage],
    tokens: Floats,
    surface: Sequence[Floats],
    unit: str = "nats/token",
    clock: Clock | None = None,
) -> Forecast:
    """The loss along ``stages`` at cumulative ``tokens`` (points,), which increase to the sum of the stages'.

    ``surface`` has the loss, its low and its high bound there (points,) [``unit``], which are taken to be those of the
    end of a tuned cosine to a tenth of that length. ``clock`` is a curve law of one's own to take the place of what
    shapes are worth at tuned peaks.

    Raises ``ValueError`` without stages, and where no rate is above zero.

    >>> stages = [PathStage(name="pt", kind="PT", tokens=9e11, rates=np.ones(90)),
    ...           PathStage(name="ann", kind="ANN", tokens=1e11, rates=np.linspace(1.0, 0.0, 100))]
    >>> found = forecast(stages, np.array([9e11, 1e12]), [np.full(2, 2.0)] * 3)
    >>> found.central.round(3).tolist()          # the surface says 2 at the end of a cosine to a tenth
    [2.131, 2.001]
    """
    if not stages:
        raise ValueError("a forecast needs a stage with a schedule")
    path = path_of(stages)
    shares = tokens / plain_sum(stage.tokens for stage in stages)
    centre, low, high = surface
    shape = by_shape(path, shares, centre, unit) if clock is None else by_law(clock, path, shares, centre, unit)
    central, lows, highs = centre + shape.central, low + shape.low, high + shape.high
    ends = np.cumsum([stage.tokens for stage in stages])
    out, known_until, before = [], float("inf"), None
    for stage, end in zip(stages, ends.tolist(), strict=True):
        here = (tokens > end - stage.tokens) & (tokens <= end * (1 + 1e-12))
        first = int(np.searchsorted(tokens, end - stage.tokens))
        last = int(np.searchsorted(tokens, end * (1 + 1e-12), side="right")) - 1
        shift = shift_of(before, stage)
        if shift and np.isinf(known_until):
            known_until = end - stage.tokens
        begins = float(central[min(first, len(central) - 1)])
        out.append(
            StageForecast(
                name=stage.name,
                tokens=end,
                loss=float(central[last]),
                low=float(lows[last]),
                high=float(highs[last]),
                at_end_of_schedule=float(centre[last]),
                rewarming=max(float(central[here].max()) - begins, 0.0) if before is not None and here.any() else 0.0,
                shift=shift,
                assumed=stage.assumed,
            )
        )
        before = stage
    return Forecast(
        tokens=tokens,
        central=central,
        low=lows,
        high=highs,
        stages=out,
        law=None if clock is None else clock.law,
        known_until=known_until,
        rises=_rises(path.rates[path.ends > path.risen]),
    )


def _rises(rates: Floats) -> bool:
    """Does a rate stand well above an earlier one?"""
    return bool((rates > 1.2 * np.minimum.accumulate(rates)).any())


def surface_along(
    law: ScalingLaw, count: ParameterCount, tokens: Floats, flops_per_token: float | None = None
) -> tuple[Floats, Floats, Floats]:
    """The loss that a surface gives at ``tokens`` (points,), its low and its high bound there [law.loss_unit]; without
    an interval the bounds are the loss."""
    loss = loss_along(law, count, tokens, flops_per_token=flops_per_token)
    return (
        loss.value,
        loss.value if loss.low is None else loss.low,
        loss.value if loss.high is None else loss.high,
    )
