"""What a curve's fit looks like: logged losses, the law through them with its band, the misses and the schedules."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from lehr.recipes.fitting.curves.result import FittedCurves, Judged
from lehr.recipes.presenting.figures import MUTED, SERIES, as_png, as_svg, new_figure, styled
from lehr.recipes.presenting.tables import short

MOST_POINTS = 400
"""Of one line; more would only make the file longer."""


def draw(fitted: FittedCurves) -> dict[str, bytes]:
    """``fit.svg`` and ``fit.png``: fitted runs, held-out runs, relative errors and learning rates by step."""
    colours = {one.run.name: SERIES[i % len(SERIES)] for i, one in enumerate(fitted.runs)}
    with styled():
        figure = new_figure(6.8)
        panels = figure.subplots(2, 2)
        level = f"{fitted.settings.level:.0%} band"
        _losses(panels[0, 0], fitted.of(held_out=False), colours, f"Fitted runs, the law and its {level}")
        held_out = fitted.of(held_out=True)
        if held_out:
            _losses(panels[0, 1], held_out, colours, f"Held-out runs, the forecast and its {level}")
        else:
            panels[0, 1].set_axis_off()
            panels[0, 1].text(0.5, 0.5, "no run was held out; test=[...] names some", ha="center", color=MUTED)
        _errors(panels[1, 0], fitted.runs, colours)
        _rates(panels[1, 1], fitted.runs, colours)
        for axes in panels.flat:
            axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: short(float(v)) if v else "0"))
        figure.subplots_adjust(left=0.085, right=0.975, top=0.95, bottom=0.08, hspace=0.36, wspace=0.3)
        return {"fit.svg": as_svg(figure).encode(), "fit.png": as_png(figure)}


def _thin(n: int) -> np.ndarray:
    return np.unique(np.linspace(0, n - 1, min(n, MOST_POINTS)).astype(int))


def _losses(axes: Axes, runs: list[Judged], colours: dict[str, str], title: str) -> None:
    for one in runs:
        rows = _thin(len(one.run))
        steps, colour = one.run.steps[rows], colours[one.run.name]
        axes.plot(steps, one.run.loss[rows], "o", markersize=2.2, color=colour, alpha=0.45, markeredgewidth=0)
        axes.plot(steps, one.predicted[rows], color=colour, linewidth=1.2, label=one.run.name)
        axes.fill_between(steps, one.low[rows], one.high[rows], color=colour, alpha=0.18, linewidth=0)
    ends = np.concatenate([one.run.loss[len(one.run) // 20 :] for one in runs])
    axes.set_ylim(ends.min() - 0.04 * np.ptp(ends), ends.max() + 0.04 * np.ptp(ends))
    axes.set_xlabel("step")
    axes.set_ylabel("loss")
    axes.set_title(title)
    axes.grid(axis="y")
    axes.legend(frameon=False, fontsize=7.5)


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
