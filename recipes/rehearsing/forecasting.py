"""Where each stage will end, told when half of it is done, and what it ended at.

The losses of pre-training are a curve law's, fitted to all that was measured until then, with the band that the law has
for any run. Where the rates have not fallen yet, and in tuning, they are a power of the summed rates; a pass rate goes
on by its log-odds. None of them is fitted to what it forecasts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import exp, hypot
from math import log as ln

import numpy as np

from lehr.recipes.rehearsing.objectives import MEASURED
from lehr.recipes.rehearsing.result import Forecast, Log
from lehr.simulators.laws.curves import CurveLaw
from lehr.simulators.laws.curves.bands import band, row_noise
from lehr.simulators.laws.curves.fitting import fit_curve
from lehr.simulators.laws.curves.runs import make_run
from lehr.simulators.numerics.student import t_quantile
from lehr.simulators.objectives import PolicyGradient
from lehr.simulators.quantities import Floats
from lehr.simulators.training import PRETRAINING, Stage

LEVEL = 0.95
STARTS = 12
KINDS = ("multi_power", "momentum")
"""Forms of a curve law, the first that the rows can tell is taken; then a power of the summed rates."""
EXPONENTS = np.linspace(-0.25, 1.5, 71)
"""Of a power of the summed rates, those that are tried. At nought the loss falls by its logarithm, below faster: while
a network learns to attend its loss falls the faster the longer it is trained, and powers of a positive exponent alone
forecast it 3.6 % too high on 20 stages and parts of stages, 9 of which ended outside; all of them were in view."""
LOGARITHM = 1e-9
"""An exponent nearer to nought is nought."""
LEAST_SPREAD = 0.012
"""Of a run about a power law, at the least, as a share of the loss: what curve laws miss of it on public runs. Set with
fourteen stages in view: thirteen lie inside, with 0.005 twelve."""
FIRST, FIRST_SHARE = 8, 0.1
"""Updates of a run before which no law holds [steps], and their share of all: at first a network learns how often each
byte is, which is no power of anything. Of thirteen runs, all in view, a tenth left out gave half the error of none."""
MISSED_BY_CURVE, MISSED_BY_POWER = 0.2, 0.5
"""What a law of a first half misses of what is still to fall, as a share of it (one standard deviation): set with 43
stages of 22 rehearsals in view, of which the laws' own intervals held 38."""
SCATTER, STAGES = 0.008, 20
"""What stages end about their law however little was still to fall, as a share of the loss (the same), and of how many
of them these are told."""
WIDEST = 3.0
"""The most that an interval's ends may lie apart, one over the other [1]; a wider one says nothing."""
LATEST = 3
"""Rows of a stage's first half by which it is told how far it lies off the law of all stages."""
COUNTED = 128
"""Prompts of a pass rate: of an error of one half a prompt too much or too little."""


def forecasts(stages: Sequence[tuple[str, Stage]], logs: Sequence[Log]) -> tuple[list[Forecast], CurveLaw | None]:
    """One forecast a stage, and the curve law of the first half of pre-training's last stage."""
    found: list[Forecast] = []
    law: CurveLaw | None = None
    rates = np.zeros(0)
    steps: list[int] = []
    losses: list[float] = []
    for (name, stage), log in zip(stages, logs, strict=True):
        quantity, unit = MEASURED[type(stage.objective)]
        own = np.array([row.lr for row in log.rows])
        half = len(own) // 2
        began, ended = log.measured[0][1], log.measured[-1][1]
        common = {"stage": name, "quantity": quantity, "unit": unit, "began": began, "measured": ended}
        after = [(done - 1, value) for done, value in sorted(log.measured) if done]
        if stage.kind in PRETRAINING:
            at = len(rates)
            rates = np.concatenate([rates, own])
            seen = [(at + step, value) for step, value in after]
            early = [pair for pair in seen if pair[0] < at + half]
            rows = [*zip(steps, losses, strict=True), *early]
            fitted, said = _by_curve(rows, rates, at + half, KINDS)
            if fitted is None:
                said = by_power(rows, rates)
            elif at and (before := _by_curve([*zip(steps, losses, strict=True)], rates, at, KINDS)[0]) is not None:
                said |= shifted(before, rates[: at + half], early, said)
            law = fitted if fitted is not None else law
            found.append(Forecast(**common, **said))  # type: ignore[arg-type]
            steps += [step for step, _ in seen]
            losses += [value for _, value in seen]
        elif isinstance(stage.objective, PolicyGradient):
            found.append(Forecast(**common, **_by_odds([(0, began), *after], half, len(own))))  # type: ignore[arg-type]
        else:
            early = [pair for pair in after if pair[0] < half]
            found.append(Forecast(**common, **by_power(early, own)))  # type: ignore[arg-type]
    return found, law


def _by_curve(
    rows: list[tuple[int, float]], rates: Floats, until: int, kinds: Sequence[str]
) -> tuple[CurveLaw | None, dict[str, object]]:
    """The loss after the last of ``rates`` by a law of the rows before step ``until``."""
    rows = [row for row in rows if row[0] >= max(FIRST, FIRST_SHARE * len(rates))]
    why = "too few measurements before its half"
    for kind in kinds:
        try:
            run = make_run("rehearsal", [s for s, _ in rows], [v for _, v in rows], rates[:until])
            law = fit_curve([run], kind, starts=STARTS, name="rehearsal").law
            # an interval may be so wide that its end is no number
            with np.errstate(over="ignore"):
                low, high = band(law, rates, level=LEVEL, steps=[len(rates) - 1], noise=row_noise(np.array(run.loss)))
        except ValueError as error:
            why = f"no law of form {kind} can be told: {error}"
            continue
        if not high[0] <= WIDEST * low[0]:
            why = f"{len(rows)} measurements until half of it tell the end within {low[0]:.2g} to {high[0]:.2g} only"
            continue
        at_last, value = (float(law.loss(rates)[step]) for step in (rows[-1][0], len(rates) - 1))
        ends = missed(at_last, value, float(low[0]), float(high[0]), MISSED_BY_CURVE)
        why = f"{kind} law of {len(rows)} measurements until half of it"
        return law, {"forecast": value, "low": ends[0], "high": ends[1], "why": why}
    return None, {"forecast": None, "low": None, "high": None, "why": why}


def missed(now: float, end: float, low: float, high: float, share: float) -> tuple[float, float]:
    """The interval ``low`` to ``high`` of a forecast ``end``, wider by ``share`` of what is still to fall from ``now``
    and by ``SCATTER``.

    >>> [round(end, 2) for end in missed(2.4, 2.2, 2.15, 2.25, share=0.2)]
    [2.1, 2.3]
    """
    reach = t_quantile((1 - LEVEL) / 2, STAGES)
    more = reach * hypot(share * ln(now / end), SCATTER)
    return end * exp(-hypot(ln(end / low), more)), end * exp(hypot(ln(high / end), more))


def shifted(
    law: CurveLaw, rates: Floats, early: list[tuple[int, float]], said: Mapping[str, object]
) -> dict[str, object]:
    """The forecast of a stage that begins from another, whose first half lies off the ``law`` of those before.

    Other texts, longer ones, or a rate that rises at once shift the loss, by as much as a tenth, and no law of the
    rates says whether that stays or passes: the interval holds both, and the forecast lies in the middle.
    """
    latest = early[-LATEST:]
    if not latest:
        return {}
    at = np.asarray(law.loss(rates))[[step for step, _ in latest]]
    off = float(np.mean(np.log(np.array([value for _, value in latest]) / at)))
    value, low, high = (float(said[key]) for key in ("forecast", "low", "high"))  # type: ignore[arg-type]
    return {
        "forecast": value * exp(off / 2),
        "low": low * exp(min(0.0, off)),
        "high": high * exp(max(0.0, off)),
        "why": f"{said['why']}; its first half lies {off:+.1%} off the law of the stages before",
    }


def by_power(rows: list[tuple[int, float]], rates: Floats) -> dict[str, object]:
    """The loss after the last of ``rates`` by L1 + A (S^-a - 1) / a of the summed rates S, which are 1
    at the end, of each exponent a that the rows allow; at nought A times the logarithm of 1 / S takes the place.

    The interval goes over the exponents whose sum of squares an F test at the level does not refuse (a profile: that of
    the linearised constants is many times as wide where the exponent is hardly told), and over Student's interval of
    one further measurement for each of them.
    """
    rows = [row for row in rows if row[0] >= max(3, FIRST_SHARE * len(rates))]
    n = len(rows)
    if n < 5:
        return {"forecast": None, "low": None, "high": None, "why": f"{n} measurements before its half; 5 are needed"}
    summed = np.cumsum(rates)
    x, y = summed[[step for step, _ in rows]], np.array([value for _, value in rows])
    reach = t_quantile((1 - LEVEL) / 2, n - 3)
    tried = []
    for exponent in EXPONENTS:
        matrix = np.stack([np.ones(n), _power(x / summed[-1], float(exponent))], axis=1)
        (final, gain), _, _, _ = np.linalg.lstsq(matrix, y, rcond=None)
        if final <= 0 or gain < 0:
            continue
        end = np.array([1.0, 0.0])
        leverage = float(end @ np.linalg.solve(matrix.T @ matrix, end))
        now = float(matrix[-1] @ [final, gain])
        tried.append((float(np.sum((y - matrix @ [final, gain]) ** 2)), float(final), leverage, now))
    if not tried:
        return {"forecast": None, "low": None, "high": None, "why": "the loss does not fall as a power of the updates"}
    least, best, _, now = min(tried)
    spread = max(float(np.sqrt(least / (n - 3))), LEAST_SPREAD * best)
    allowed = [(end, leverage) for squares, end, leverage, _ in tried if squares <= least + (reach * spread) ** 2]
    sides = [(end, reach * spread * float(np.sqrt(1 + leverage))) for end, leverage in allowed]
    low, high = min(end - wide for end, wide in sides), max(end + wide for end, wide in sides)
    if low > 0:
        low, high = missed(now, best, low, high, MISSED_BY_POWER)
    if not 0 < high <= WIDEST * low:
        why = f"{n} measurements until half of it tell the end within {low:.2g} to {high:.2g} only"
        return {"forecast": None, "low": None, "high": None, "why": why}
    return {"forecast": best, "low": low, "high": high, "why": f"a power law of {n} measurements until half of it"}


def _power(share: Floats, exponent: float) -> Floats:
    """(S^-a - 1) / a of a share S of the summed rates, which goes over into log(1 / S) at a = 0.

    >>> _power(np.array([0.25]), 0.5).tolist(), _power(np.array([1.0]), 0.0).tolist()
    ([2.0], [0.0])
    """
    if abs(exponent) < LOGARITHM:
        return np.asarray(np.log(1 / share))
    return np.asarray((share**-exponent - 1) / exponent)


def _by_odds(rows: list[tuple[int, float]], half: int, n_steps: int) -> dict[str, object]:
    """A pass rate at the end by a straight line through its log-odds until half of it, and Student's interval."""
    early = [(step, rate) for step, rate in rows if step < half]
    if len(early) < 4:
        return {"forecast": None, "low": None, "high": None, "why": "fewer than 4 measurements before its half"}
    x = np.array([step for step, _ in early], dtype=float)
    odds = log_odds(np.array([rate for _, rate in early]))
    slope, level = np.polyfit(x, odds, 1)
    n, at = len(x), float(n_steps - 1)
    spread = np.sqrt(np.sum((odds - level - slope * x) ** 2) / (n - 2))
    # a measurement of so many prompts scatters by this much, however straight the line looks
    rate = 1 / (1 + np.exp(-(level + slope * at)))
    noise = np.sqrt(1.0 / (COUNTED * max(rate * (1 - rate), 1.0 / COUNTED)))
    wide = max(float(spread), float(noise)) * np.sqrt(1 + 1 / n + (at - x.mean()) ** 2 / np.sum((x - x.mean()) ** 2))
    reach = t_quantile((1 - LEVEL) / 2, n - 2) * wide
    low, high = (1 / (1 + np.exp(-(level + slope * at + side * reach))) for side in (-1, 1))
    why = f"a line through the log-odds of {n} measurements until half of it"
    return {"forecast": float(rate), "low": float(low), "high": float(high), "why": why}


def log_odds(rates: Floats) -> Floats:
    """log(p / (1 - p)) of pass rates of ``COUNTED`` prompts, none of them certain.

    >>> log_odds(np.array([0.5])).tolist()
    [0.0]
    """
    shares = (rates * COUNTED + 0.5) / (COUNTED + 1)
    return np.asarray(np.log(shares / (1 - shares)))
