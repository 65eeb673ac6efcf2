"""Curve laws fitted to synthetic logs: what was planted comes back, intervals and bands hold what they promise."""

from math import sqrt

import msgspec
import numpy as np
import pytest

from lehr.simulators.laws.base import Covariance
from lehr.simulators.laws.curves import CURVE_LAWS, CurveRange, MultiPower, PowerOfSum
from lehr.simulators.laws.curves.bands import band, basis_of, straying_of, strays
from lehr.simulators.laws.curves.base import constant_values
from lehr.simulators.laws.curves.fitting import curve_form, fit_curve, make_run, predict, score
from lehr.simulators.laws.curves.fitting.descent import FOLLOWED
from lehr.simulators.laws.curves.fitting.minimum import STRAYS, problem_of
from lehr.simulators.laws.curves.form import IN_RATES, IN_TURNS
from lehr.simulators.laws.curves.runs import MOST_ROWS, summed_up
from lehr.simulators.scheduling.final import interval_basis
from tests.simulators.laws.planted import LAWS, LENGTH, PEAK, WARM_UP, planted, schedules


@pytest.mark.parametrize("kind", CURVE_LAWS)
def test_planted_constants_lie_within_four_standard_errors(kind: str) -> None:
    fit = fit_curve(planted(kind), kind, level=0.99993)
    # 27 intervals over all forms: at this level one in about 500 such tests would miss by chance
    for name, truth in constant_values(LAWS[kind]).items():
        low, high = fit.intervals[name]
        assert low <= truth <= high, name


@pytest.mark.parametrize("kind", ["power_of_sum", "momentum", "multi_power"])
def test_without_noise_the_curve_comes_back(kind: str) -> None:
    fit = fit_curve(planted(kind, size=0.0), kind)
    held_out = planted(kind, ("wsd",), size=0.0)[0]
    # the multi-power fit believes four pieces of each of three runs to 1.2e-3 times the root of 0.3, so that its prior
    # moves the curve by no more than that over the root of twelve, 1.9e-4 of a loss of 3.4; blocks of 32 steps, in
    # which the kernel's argument grows by x = 0.3, err by x^2 / 24 times beta (1 + beta) of B sqrt(P) = 0.12: 7e-4.
    # Momentum and the sum alone have neither; a descent ends within a thousandth of half a chi-square
    tolerance = {"multi_power": 1.4e-3}.get(kind, 1e-5)
    assert np.abs(predict(fit.law, held_out) - held_out.loss).max() < tolerance


def test_quiet_rows_of_a_constant_rate_do_not_outvote_the_decay() -> None:
    # three runs in which 85 to 100 % of the rows stand at the peak and scatter by 1e-4, far less than the annealing is
    # worth; with a threshold at the median residual alone the decay's rows were taken for outliers, 2.9 % off
    n, peak = 20_000, 1e-2
    law = MultiPower(name="x", title="", L0=3.1, A=1.0, alpha=0.5, B=300.0, C=2.0, beta=0.6, gamma=0.6)
    rows, rng = np.arange(100, n, 25), np.random.default_rng(0)
    falls = [np.ones(0), np.linspace(1, 0, n // 10), (1 - np.linspace(0, 1, 3 * n // 20)) ** 2]
    runs = []
    for i, fall in enumerate(falls):
        rates = peak * np.r_[np.ones(n - len(fall)), fall]
        noise = np.exp(1e-4 * rng.standard_normal(len(rows)))
        runs.append(make_run(str(i), rows, law.loss(rates)[rows] * noise, rates))
    # a run may stray by STRAYS, in two standard deviations; the rows' noise at the most extreme of 2,400
    assert max(np.abs(r).max() for r in fit_curve(runs).residual) < 2 * STRAYS + 3.7e-4


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["momentum", "multi_power"])
def test_intervals_and_band_cover_at_the_stated_rate(kind: str) -> None:
    draws, level = 24, 0.8
    covered: dict[str, list[bool]] = {}
    in_band, in_long_band = [], []
    # a cosine three times as long as any run that is fitted
    at = np.arange(WARM_UP, 3 * LENGTH, 40)
    step = np.arange(3 * LENGTH + 1.0)
    fall = 0.1 + 0.45 * (1 + np.cos(np.pi * (step - WARM_UP) / (3 * LENGTH - WARM_UP)))
    long = PEAK * np.where(step < WARM_UP, step / WARM_UP, fall)
    long_loss, noise = LAWS[kind].loss(long)[at], np.random.default_rng(0)
    for seed in range(draws):
        fit = fit_curve(planted(kind, seed=seed, every=40), kind, level=level)
        for name, truth in constant_values(LAWS[kind]).items():
            low, high = fit.intervals[name]
            covered.setdefault(name, []).append(low <= truth <= high)
        new = planted(kind, ("wsd",), seed=1000 + seed, every=40)[0]
        low, high = band(fit.law, new.rates, level=level, steps=new.steps)
        in_band.append(np.mean((low <= new.loss) & (new.loss <= high)))
        low, high = band(fit.law, long, level=level, steps=at)
        loss = long_loss * np.exp(noise.normal(0, 1e-3, len(at)))
        in_long_band.append(np.mean((low <= loss) & (loss <= high)))
    # three standard deviations of a binomial with `draws` trials; these runs stray by their noise alone, and a law's do
    # by more, which the intervals and the band allow for: they may only be too wide
    slack = 3 * sqrt(level * (1 - level) / draws)
    for name, hits in covered.items():
        assert np.mean(hits) >= level - slack, name
    # three standard errors of the mean over the draws, whose rows share one fit
    for shares in (in_band, in_long_band):
        assert np.mean(shares) > level - 3 * np.std(shares, ddof=1) / sqrt(draws)


@pytest.mark.parametrize("kind", CURVE_LAWS)
def test_derivatives_are_difference_quotients(kind: str) -> None:
    runs = [summed_up(run) for run in planted(kind)]
    problem = problem_of(runs, curve_form(kind), PEAK)
    shapes = {"alpha": 0.4, "log horizon": 5.0, "log n": 3.5, "log beta": -0.2, "gamma": 0.6, "log E": 1.0, "p": 0.9}
    shapes |= {"log start": -1.0} if kind == "multi_power" else {}
    form = curve_form(kind)
    linear = [-0.5 if f"log {name}" in form.coordinates else -0.1 for name in form.linear]
    theta = np.array([3.0, *linear, *(shapes[shape.name] for shape in form.shapes)])
    _, jacobian = problem.model(theta)
    for i in range(len(theta)):
        ends = []
        for sign in (-1, 1):
            moved = theta.copy()
            moved[i] += sign * 1e-4
            ends.append(problem.model(moved)[0])
        quotient = (ends[1] - ends[0]) / 2e-4
        # central differences err by h^2 / 6 times the third derivative, here of the order of the first: 1e-8; the
        # momentum's horizon is itself a difference quotient over 1e-4
        assert np.abs(quotient - jacobian[:, i]).max() < 1e-6 * max(np.abs(jacobian[:, i]).max(), 1e-3)


def test_spikes_move_the_fit_by_less_than_its_interval() -> None:
    runs = planted("multi_power")
    clean = fit_curve(runs, "multi_power")
    hurt = []
    for run in runs:
        loss = run.loss.copy()
        loss[10::25] *= 1.3
        hurt.append(make_run(run.name, run.steps, loss, run.rates))
    spiked = fit_curve(hurt, "multi_power")
    for name in ("L0", "A", "alpha", "B"):
        low, high = clean.intervals[name]
        assert abs(getattr(spiked.law, name) - getattr(clean.law, name)) < high - low, name


def test_a_constant_schedule_does_not_tell_the_annealing_term() -> None:
    runs = planted("momentum", ("constant",))
    for kind in ("momentum", "multi_power", "cpt_shift"):
        with pytest.raises(ValueError, match="no run's learning rate falls"):
            fit_curve(runs, kind)
    assert fit_curve(planted("power_of_sum", ("constant",)), "power_of_sum").law.constants_of_law


def test_one_run_is_a_stated_limitation() -> None:
    alone = fit_curve(planted("multi_power", ("cosine",)), "multi_power")
    assert any("one run only" in note for note in alone.notes)
    assert any("could be left out" in note for note in alone.notes)
    assert "ends of other public runs" in basis_of(alone.law)
    assert interval_basis(alone.law).startswith("95 %, if these are like public ones, of runs about the law: ")
    assert interval_basis(fit_curve(planted("multi_power"), "multi_power").law).startswith(
        "95 % of runs about the law: "
    )


def test_a_shape_that_the_runs_do_not_tell_is_named() -> None:
    notes = fit_curve(planted("multi_power", size=5e-3), "multi_power").notes
    assert any(note.startswith("log beta: the runs hardly tell it") for note in notes)


def test_runs_of_one_schedule_are_one_run() -> None:
    runs = planted("momentum", ("cosine", "cosine"))
    assert any("same schedule" in note for note in fit_curve(runs, "momentum").notes)


def test_a_misfit_widens_the_band() -> None:
    # the momentum law has no kernel that depends on the rate, as these logs do
    right = fit_curve(planted("multi_power"), "multi_power")
    wrong = fit_curve(planted("multi_power"), "power_of_sum")
    assert wrong.misfit is not None
    assert right.misfit is not None
    assert wrong.misfit > 5 * right.misfit


def test_starts_find_one_minimum() -> None:
    fit = fit_curve(planted("multi_power"), "multi_power", starts=32)
    assert fit.n_starts == 32
    assert fit.agreeing == fit.followed == FOLLOWED


def descending(rates: np.ndarray) -> np.ndarray:
    """The loss of gradient descent on 400 modes whose curvatures and shares of the loss are powers, with noise of the
    gradients that grows with the loss; it falls to 2.2 and no further."""
    place = np.logspace(0, 5, 400)
    share, curvature = np.gradient(place), place**-1.5
    error = place**-1.675
    error *= 4.0 / np.sum(share * error)
    loss = np.empty(len(rates))
    for t, step in enumerate(40.0 * rates):
        noise = 6.0 + np.sum(share * error)
        error = (1 - np.minimum(step * np.sqrt(curvature), 0.9)) ** 2 * error + (step * curvature) ** 2 * noise
        loss[t] = 2.2 + np.sum(share * error)
    return loss


@pytest.mark.slow
def test_more_starts_do_not_find_another_law() -> None:
    # a minimum that takes an early part of the runs for outliers lies as low as the right one by a tight threshold
    steps = np.arange(12000) + 0.5
    fall = np.clip((steps - 500) / 11500, 0, 1)
    shapes = {
        "cosine": 0.1 + 0.45 * (1 + np.cos(np.pi * fall)),
        "wsd": np.minimum(1, (1 - steps / 12000) / 0.2),
    }
    generator = np.random.default_rng(0)
    rows = np.arange(49, 12000, 50)
    runs = []
    for name, shape in shapes.items():
        rates = 3e-4 * np.minimum(steps / 500, 1) * shape
        loss = descending(rates)[rows] * np.exp(1e-3 * generator.standard_normal(len(rows)))
        runs.append(make_run(name, rows, loss, rates))
    few, many = (fit_curve(runs, starts=starts) for starts in (16, 64))
    low, high = few.intervals["L0"]
    assert low < 2.2 < high
    # a descent ends a twentieth of a standard error from its minimum at most
    assert abs(few.law.L0 - many.law.L0) < 2 * (high - low) / 3.92 / 20
    assert few.agreeing < few.followed == FOLLOWED


def test_the_fit_does_not_depend_on_the_unit_of_the_rates() -> None:
    runs = planted("multi_power")
    scaled = [make_run(run.name, run.steps, run.loss, 100 * run.rates) for run in runs]
    one, other = fit_curve(runs, "multi_power").law, fit_curve(scaled, "multi_power").law
    # the turning grows by the root of 100, and B falls by its power p; the descent ends within a thousandth of half a
    # chi-square of its minimum, a twentieth of a standard error, of which L0 has 2e-2 and log B 0.3
    first, second = constant_values(one), constant_values(other)
    assert second["L0"] == pytest.approx(first["L0"], abs=1e-3)
    assert second["B"] == pytest.approx(first["B"] / 10 ** first["p"], rel=1.5e-2)


def test_a_long_log_is_summed_up_by_medians() -> None:
    rates = schedules()["cosine"]
    rows = np.arange(WARM_UP, LENGTH + 1)
    loss = LAWS["momentum"].loss(rates)[rows]
    loss[100] = 90.0
    run = summed_up(make_run("a", rows, loss, rates))
    assert len(run) == MOST_ROWS
    assert run.loss.max() < 10
    # the median of a block is the curve at the block's middle; a block has eight steps, on which the loss falls by 1 %
    assert np.abs(run.loss / LAWS["momentum"].loss(rates)[run.steps] - 1).max() < 0.01


def test_a_row_before_the_first_update_is_left_out() -> None:
    run = make_run("a", [0, 1, 2], [11.0, 4.0, 3.0], np.full(3, 1e-3))
    assert run.after_warm_up().steps.tolist() == [1, 2]


def test_rows_that_another_run_has_too_are_not_left_out() -> None:
    trunk, branch = planted("multi_power", ("constant", "wsd"), size=0.0)
    part = LENGTH - LENGTH // 5
    strays = np.where(trunk.steps > part, 1.01 * trunk.loss, branch.loss)
    fit = fit_curve([msgspec.structs.replace(trunk, loss=strays), branch], "multi_power")
    # the trunk alone can be left out, and four fifths of its rows are the branch's: with them it would be 0.0045
    assert fit.misfit == pytest.approx(0.01, rel=0.2)


def test_rows_in_warm_up_are_left_out() -> None:
    rates = schedules()["cosine"]
    rows = np.arange(10, LENGTH, 20)
    loss = LAWS["momentum"].loss(rates)[rows]
    loss[rows < WARM_UP] += 3.0
    other = planted("momentum", ("constant",), size=0.0)
    fit = fit_curve([make_run("a", rows, loss, rates), *other], "momentum")
    assert fit.law.range.steps[0] == WARM_UP or fit.law.range.steps[0] >= WARM_UP  # type: ignore[attr-defined]
    assert score(fit.law, make_run("b", rows, loss, rates).after_warm_up()).mae < 1e-4


@pytest.mark.parametrize(
    ("steps", "loss", "rates", "message"),
    [
        ([1, 2], [3.0], [1e-3] * 3, "one loss for each step"),
        ([], [], [1e-3], "has no rows"),
        ([1, 2], [3.0, float("nan")], [1e-3] * 3, "the loss of step 2 is nan"),
        ([2, 1], [3.0, 2.0], [1e-3] * 3, "out of order"),
        ([1, 5], [3.0, 2.0], [1e-3] * 3, "steps 0 to 2"),
        ([1, 2], [3.0, 2.0], [1e-3, float("inf"), 1e-3], "step 1 is not a finite number"),
        ([1, 2], [3.0, 2.0], [0.0, 0.0, 0.0], "every learning rate is zero"),
    ],
)
def test_a_bad_log_is_an_error_of_one_line(steps: list, loss: list, rates: list, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        make_run("a", steps, loss, rates)
    assert "\n" not in str(caught.value)


def test_what_a_run_strays_grows_with_length_and_distance_in_rate() -> None:
    covariance = Covariance(parameters=["L0"], covariance=[[0.0]], residual=5e-3, strays=4.0, left_out=3)
    law = PowerOfSum(name="x", title="", L0=3.0, A=0.5, alpha=0.5, uncertainty=covariance,
                     range=CurveRange(steps=(10, 100), peak_rate=(1e-3, 1e-3)))  # fmt: skip
    steps = np.array([50, 100, round(100 * np.e)])
    for peak in (1e-3, 1e-3 * np.e):
        rates = np.full(300, peak)
        low, high = band(law, rates, steps=steps, level=0.95)
        won = 0.5 * ((steps + 1) * peak) ** -0.5 / law.loss(rates)[steps]
        longer = np.log(np.maximum(steps / 100, 1.0))
        apart = np.log(peak / 1e-3)
        parts = (0.005 * won) ** 2 + 6e-3**2 + (5e-3 * longer) ** 2 + (1.2 * apart * won) ** 2
        # the first steps at another peak rate follow no power
        parts += (0.67 * apart) ** 2 * won**4
        # Student's t of 33 degrees; the misfit's variance is four times what is allowed without runs left out
        assert np.log(high / low) / 2 == pytest.approx(2.0345 * np.sqrt(4.0 * parts + 5e-3**2), rel=1e-3)


def test_what_annealing_brought_counts_more_where_little_noise_is_left() -> None:
    none, brought = np.zeros(2), np.full(2, 0.05)
    left = np.array([0.05, 0.0])
    modes = strays(IN_TURNS, none, brought, left, earlier=none, longer=none, warmed=none, apart=0.0, alone=False)
    spread = np.sqrt(np.sum(modes**2, axis=1))
    # half of the noise is gone, or all of it; a run is unsure of a share of 2.7 %, of up to 6.2 % and of the loss
    shares = np.hypot(0.027, 0.062 * np.array([0.5**4, 1.0]))
    assert spread == pytest.approx(np.hypot(0.05 * shares, 1e-4), rel=1e-6)


def test_a_law_strays_as_laws_of_its_clock_do() -> None:
    assert straying_of(msgspec.structs.replace(LAWS["multi_power"], weight_decay=0.1)) is IN_TURNS
    # its authors' form
    assert straying_of(msgspec.structs.replace(LAWS["multi_power"], weight_decay=0.0)) is IN_RATES
    assert straying_of(LAWS["momentum"]) is IN_RATES


def test_the_band_is_never_that_of_the_noise_alone() -> None:
    fit = fit_curve(planted("multi_power", size=0.0), "multi_power")
    low, high = band(fit.law, schedules()["wsd"], steps=[LENGTH], level=0.95)
    # 2.03 standard deviations of the least share of the loss, times the root of the least factor of its variance
    assert np.log(high / low)[0] / 2 > 2.03 * 1e-4 * np.sqrt(0.1)


def test_bands_need_a_covariance_and_a_level() -> None:
    law = LAWS["momentum"]
    with pytest.raises(ValueError, match="says nothing of how sure"):
        band(law, schedules()["cosine"])
    fitted = fit_curve(planted("momentum"), "momentum").law
    with pytest.raises(ValueError, match="level is 1"):
        band(fitted, schedules()["cosine"], level=1.0)
    low, high = band(fitted, schedules()["wsd"])
    narrow = band(fitted, schedules()["wsd"], of_run=False)
    later = np.arange(LENGTH + 1) > 0
    assert (low[later] < narrow[0][later]).all()
    assert (narrow[1][later] < high[later]).all()
    assert msgspec.to_builtins(fitted)["uncertainty"]["kind"] == "covariance"


def test_noise_that_follows_itself_widens_the_intervals() -> None:
    independent = fit_curve(planted("momentum", correlation=0.0, size=1e-2), "momentum")
    repeated = fit_curve(planted("momentum", correlation=0.9, size=1e-2), "momentum")
    # (1 + 0.9) / (1 - 0.9) = 19 rows say the same, and without correlation 1; rows are too few to tell it well
    assert repeated.repeated > 5
    assert independent.repeated < 1.6
    widths = [np.ptp(fit.intervals["L0"]) for fit in (independent, repeated)]
    assert widths[1] > 2 * widths[0]
