"""What a curve's fit looks like: logged losses, the law through them with its band, the misses and the schedules."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from lehr.recipes.fitting.curves.result import FittedCurves, Judged
from lehr.recipes.presenting.figures import MUTED, SERIES, as_png, as_svg, new_figure, styled
from lehr.recipes.presenting.labels import Label, line_of, write
from lehr.recipes.presenting.tables import short

MOST_POINTS = 400
"""Of one line; more would only make the file longer."""


def draw(fitted: FittedCurves) -> dict[str, bytes]:
    """``fit.svg`` and ``fit.png``: fitted runs, held-out runs, relative errors and learning rates by step."""
    colours = {one.run.name: SERIES[i % len(SERIES)] for i, one in enumerate(fitted.runs)}
    with styled():
        figure = new_figure(6.8)
        held_out = fitted.of(held_out=True)
        # of fitted runs, held-out runs, errors and rates
        panels = figure.subplot_mosaic("fh;er" if held_out else "ff;er")
        level = f"{fitted.settings.level:.0%} band"
        _losses(panels["f"], fitted.of(held_out=False), colours, f"Fitted runs, the law and its {level}")
        named = [(panels["f"], fitted.of(held_out=False))]
        if held_out:
            named.append((panels["h"], held_out))
            _losses(panels["h"], held_out, colours, f"Held-out runs, the forecast and its {level}")
        _errors(panels["e"], fitted.runs, colours)
        _rates(panels["r"], fitted.runs, colours)
        for axes in panels.values():
            axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: short(float(v)) if v else "0"))
        figure.subplots_adjust(left=0.085, right=0.975, top=0.95, bottom=0.08, hspace=0.36, wspace=0.3)
        for axes, runs in named:
            write(axes, [
                Label(one.run.name, line_of(one.run.steps.astype(float), one.predicted), colours[one.run.name])
                for one in runs
            ], size=7.5)  # fmt: skip
        return {"fit.svg": as_svg(figure).encode(), "fit.png": as_png(figure)}


def _thin(n: int) -> np.ndarray:
    return np.unique(np.linspace(0, n - 1, min(n, MOST_POINTS)).astype(int))


def _losses(axes: Axes, runs: list[Judged], colours: dict[str, str], title: str) -> None:
    for one in runs:
        rows = _thin(len(one.run))
        steps, colour = one.run.steps[rows], colours[one.run.name]
        axes.plot(steps, one.run.loss[rows], "o", markersize=2.2, color=colour, alpha=0.45, markeredgewidth=0)
        axes.plot(steps, one.predicted[rows], color=colour, linewidth=1.2)
        axes.fill_between(steps, one.low[rows], one.high[rows], color=colour, alpha=0.18, linewidth=0)
    ends = np.concatenate([one.run.loss[len(one.run) // 20 :] for one in runs])
    axes.set_ylim(ends.min() - 0.04 * np.ptp(ends), ends.max() + 0.04 * np.ptp(ends))
    axes.set_xlabel("step")
    axes.set_ylabel("loss")
    axes.set_title(title)
    axes.grid(axis="y")


def _errors(axes: Axes, runs: list[Judged], colours: dict[str, str]) -> None:
    axes.axhline(0, color=MUTED, linewidth=0.8)
    for one in runs:
        rows = _thin(len(one.run))
        error = 100 * (one.run.loss / one.predicted - 1)[rows]
        style = "--" if one.held_out else "-"
        axes.plot(one.run.steps[rows], error, style, linewidth=0.9, color=colours[one.run.name])
    axes.set_xlabel("step")
    axes.set_ylabel("measured over the law, less one [%]")
    axes.set_title("Errors; dashed: held out")
    axes.grid(axis="y")


def _rates(axes: Axes, runs: list[Judged], colours: dict[str, str]) -> None:
    for one in runs:
        rows = _thin(len(one.run.rates))
        axes.plot(rows, one.run.rates[rows], "--" if one.held_out else "-", linewidth=1.1, color=colours[one.run.name])
    axes.set_ylim(bottom=0)
    axes.set_xlabel("step")
    axes.set_ylabel("learning rate")
    axes.set_title("Learning rate, as read or reconstructed")
    axes.grid(axis="y")
