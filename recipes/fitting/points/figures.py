"""The points and the law through them."""

from __future__ import annotations

import numpy as np
from matplotlib.ticker import FuncFormatter

from lehr.recipes.fitting.points.forms import KINDS
from lehr.recipes.fitting.points.result import FittedPoints
from lehr.recipes.presenting.figures import MUTED, SERIES, as_png, as_svg, new_figure, styled
from lehr.recipes.presenting.labels import Label, line_of, write
from lehr.recipes.presenting.numbers import quantity
from lehr.simulators.laws.moe import RoutedLaw
from lehr.simulators.laws.sft import RectifiedLaw

MOST_LINES = len(SERIES)


def draw(fitted: FittedPoints) -> dict[str, bytes]:
    """``fit.svg`` and ``fit.png``: the loss by the first input, a line for each value of a second one; of forms with
    more inputs what was measured beside what the law says."""
    if not isinstance(fitted.law, (RectifiedLaw, RoutedLaw)):
        return _beside(fitted)
    *names, _ = fitted.inputs
    first, loss = fitted.inputs[names[0]], fitted.inputs["loss"]
    second = fitted.inputs[names[1]] if len(names) > 1 else np.ones_like(first)
    seen = first > 0
    with styled():
        figure = new_figure(4.0)
        axes = figure.subplots()
        line = np.geomspace(first[seen].min(), first.max(), 200)
        values = np.unique(second)
        # so many lines as can be told apart, evenly from the least value to the largest
        values = values[np.unique(np.linspace(0, len(values) - 1, min(len(values), MOST_LINES)).astype(int))]
        told: list[Label] = []
        for value, colour in zip(values.tolist(), SERIES, strict=False):
            own = seen & (second == value)
            inputs = (line,) if len(names) == 1 else (line, np.full_like(line, value))
            axes.plot(line, fitted.law.loss(*inputs), color=colour)
            axes.plot(first[own], loss[own], "o", color=colour, markersize=4, markeredgewidth=0)
            if len(names) > 1:
                told.append(Label(f"{quantity(value)} {names[1]}", line_of(line, fitted.law.loss(*inputs)), colour))
        if (~seen).any():
            axes.axhline(float(loss[~seen].mean()), color=MUTED, linewidth=0.8, linestyle=(0, (4, 2)))
            axes.annotate("without fine-tuning", (line[0], float(loss[~seen].mean())), (0, 4), color=MUTED, size=8,
                          textcoords="offset points")  # fmt: skip
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: quantity(x)))
        axes.set_xlabel(names[0])
        axes.set_ylabel(f"loss [{fitted.law.loss_unit}]")
        axes.set_title(fitted.law.title)
        axes.grid(axis="y")
        figure.subplots_adjust(left=0.085, right=0.86 if told else 0.975, top=0.92, bottom=0.13)
        write(axes, told, size=8)
        return {"fit.svg": as_svg(figure).encode(), "fit.png": as_png(figure)}


def _beside(fitted: FittedPoints) -> dict[str, bytes]:
    kind = KINDS[fitted.settings.kind]
    measured = fitted.inputs[kind.target]
    said = kind.says(fitted.law, {name: fitted.inputs[name] for name in kind.inputs})
    ends = [min(measured.min(), said.min()), max(measured.max(), said.max())]
    with styled():
        figure = new_figure(4.0)
        axes = figure.subplots()
        axes.plot(ends, ends, color=MUTED, linewidth=0.8)
        axes.plot(measured, said, "o", color=SERIES[0], markersize=4, markeredgewidth=0)
        axes.set_xlabel(f"{kind.target}, measured")
        axes.set_ylabel(f"{kind.target} by the law")
        axes.set_title(fitted.law.title)
        axes.grid(axis="y")
        figure.subplots_adjust(left=0.085, right=0.975, top=0.92, bottom=0.13)
        return {"fit.svg": as_svg(figure).encode(), "fit.png": as_png(figure)}
