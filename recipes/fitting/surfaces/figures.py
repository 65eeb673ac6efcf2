"""What a fit looks like: slices of the surface through the runs, and what it misses them by."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullLocator

from lehr.recipes.fitting.surfaces.result import Fitted
from lehr.recipes.presenting.figures import GRID, INK, MUTED, SERIES, as_png, as_svg, new_figure, styled
from lehr.recipes.presenting.labels import Label, line_of, write
from lehr.recipes.presenting.tables import short
from lehr.simulators.laws.fitting.limits import OUTLIER

SLICES = 6
"""Sizes, or token counts, that a curve is drawn for."""


def draw(fitted: Fitted) -> dict[str, bytes]:
    """``fit.svg`` and ``fit.png``: loss against D at several N, against N at several D, and the residuals."""
    with styled():
        figure = new_figure(6.6)
        panels = figure.subplots(2, 2)
        names = [
            (panels[0, 0], _slices(panels[0, 0], fitted, along="tokens", at="parameters")),
            (panels[0, 1], _slices(panels[0, 1], fitted, along="parameters", at="tokens")),
            (panels[1, 1], _measured(panels[1, 1], fitted)),
        ]
        _residuals(panels[1, 0], fitted)
        figure.subplots_adjust(left=0.085, right=0.93, top=0.95, bottom=0.08, hspace=0.36, wspace=0.36)
        for axes, told in names:
            write(axes, told, size=7.5)
        return {"fit.svg": as_svg(figure).encode(), "fit.png": as_png(figure)}


def _logarithmic(axes: Axes, values: Any) -> None:
    axes.set_xscale("log")
    ticks = 10.0 ** np.arange(np.floor(np.log10(values.min())), np.ceil(np.log10(values.max())) + 1)
    axes.set_xticks(ticks)
    axes.set_xlim(values.min() / 1.5, values.max() * 1.5)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: short(float(v))))


def _slices(axes: Axes, fitted: Fitted, *, along: str, at: str) -> list[Label]:
    """Draw a line for each group of runs; what to write beside each."""
    told = []
    runs, law = fitted.fit.runs, fitted.law
    x, groups = getattr(runs, along), np.log(getattr(runs, at))
    edges = np.linspace(groups.min(), groups.max(), SLICES + 1)
    which = np.clip(np.searchsorted(edges, groups, side="right") - 1, 0, SLICES - 1)
    symbol = {"parameters": "N", "tokens": "D"}[at]
    for i in range(SLICES):
        rows = which == i
        if not rows.any():
            continue
        colour = SERIES[i % len(SERIES)]
        middle = float(np.exp(np.median(groups[rows])))
        line = np.geomspace(x[rows].min() / 1.15, x[rows].max() * 1.15, 60)
        n, d = (line, np.full(60, middle)) if along == "parameters" else (np.full(60, middle), line)
        axes.plot(x[rows], runs.loss[rows], "o", markersize=3.2, color=colour, alpha=0.55, markeredgewidth=0)
        axes.plot(line, law.loss(n, d), color=colour)
        told.append(Label(f"{symbol} {short(middle)}", line_of(line, law.loss(n, d)), colour))
        if law.uncertainty is not None:
            low, high = law.intervals(n, d, fitted.settings.level)
            axes.fill_between(line, low, high, color=colour, alpha=0.18, linewidth=0)
    _logarithmic(axes, x)
    axes.set_xlabel(along)
    axes.set_ylabel(f"loss [{runs.loss_unit}]")
    axes.set_title(f"Loss by {along}, at groups of {at}")
    axes.grid(axis="y")
    return told


def _residuals(axes: Axes, fitted: Fitted) -> None:
    fit = fitted.fit
    flops, percent = fit.runs.flops, 100 * np.expm1(fit.residual)
    band = 100 * OUTLIER * fit.scale
    axes.axhspan(-band, band, color=GRID, alpha=0.5, linewidth=0)
    axes.axhline(0, color=MUTED, linewidth=0.8)
    far = np.abs(fit.residual) > OUTLIER * max(fit.scale, 1e-9)
    axes.plot(flops[~far], percent[~far], "o", markersize=3.2, color=SERIES[0], markeredgewidth=0)
    axes.plot(flops[far], percent[far], "o", markersize=4, color=SERIES[1], markeredgewidth=0)
    for outlier in fit.outliers[:5]:
        i = outlier.row - 1
        axes.annotate(
            outlier.label, (flops[i], percent[i]), textcoords="offset points", xytext=(5, 2), fontsize=7.5, color=INK
        )
    _logarithmic(axes, flops)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"1e{round(np.log10(v))}"))
    axes.set_xlabel("6 N D [FLOP]")
    axes.set_ylabel("measured over fitted, less one [%]")
    axes.set_title(f"Residuals; grey: within {OUTLIER:g} spreads")


def _measured(axes: Axes, fitted: Fitted) -> list[Label]:
    """Draw each run where it came against where it was predicted; what to write beside each kind of run."""
    fit = fitted.fit
    predicted = fitted.law.at(fit.runs)
    ends = [min(predicted.min(), fit.runs.loss.min()), max(predicted.max(), fit.runs.loss.max())]
    axes.plot(ends, ends, color=MUTED, linewidth=0.8)
    axes.plot(predicted, fit.runs.loss, "o", markersize=3.2, color=SERIES[0], markeredgewidth=0)
    told = [Label("fitted runs", line_of(predicted, fit.runs.loss), SERIES[0])]
    for held, colour, label in (
        (fitted.largest, SERIES[1], "largest models,\npredicted without them"),
        (fitted.test, SERIES[2], "test runs"),
    ):
        if held is not None:
            axes.plot(
                held.runs.loss * (1 + held.error), held.runs.loss, "o", markersize=3.6, color=colour,
                markeredgewidth=0,
            )  # fmt: skip
            told.append(Label(label, line_of(held.runs.loss * (1 + held.error), held.runs.loss), colour))
    axes.set_xlabel(f"predicted loss [{fit.runs.loss_unit}]")
    axes.set_ylabel("measured loss")
    axes.set_title("Measured against predicted")
    return told
