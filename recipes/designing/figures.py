"""What a design looks like: its runs in the plane of parameters and tokens, and the target."""

from __future__ import annotations

import numpy as np
from matplotlib.ticker import FuncFormatter, NullFormatter

from lehr.recipes.designing.result import Designed
from lehr.recipes.presenting.figures import GRID, INK, SERIES, as_png, as_svg, new_figure, styled
from lehr.recipes.presenting.tables import short


def draw(found: Designed) -> dict[str, bytes]:
    """``design.svg`` and ``design.png``: a circle a run, its area the share of the money; lines of equal work."""
    with styled():
        figure = new_figure(4.4)
        axes = figure.subplots()
        n, d = np.array([r.parameters for r in found.runs]), np.array([r.tokens for r in found.runs])
        share = np.array([r.flops for r in found.runs]) / found.spent
        x = np.array([n.min() / 2, found.parameters * 2])
        for exponent in range(int(np.log10(6 * n.min() * d.min())), int(np.log10(found.target_flops)) + 2):
            axes.plot(x, 10.0**exponent / 6 / x, color=GRID, linewidth=0.9, linestyle="--")
        axes.scatter(n, d, s=14 + 500 * share, color=SERIES[0], alpha=0.65, linewidths=0, label="runs")
        axes.plot(found.parameters, found.tokens, marker="*", markersize=13, color=SERIES[1], linestyle="none",
                  label="target")  # fmt: skip
        axes.annotate(f"{short(found.parameters)} on {short(found.tokens)}", (found.parameters, found.tokens),
                      xytext=(-10, -3), textcoords="offset points", ha="right", fontsize=8.5, color=INK)  # fmt: skip
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlim(*x)
        axes.set_ylim(d.min() / 2, max(found.tokens, d.max()) * 2)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(FuncFormatter(lambda value, _: short(float(value))))
            axis.set_minor_formatter(NullFormatter())
        axes.set_xlabel(f"Parameters, {found.n_convention.replace('_', ' ')}")
        axes.set_ylabel("Tokens")
        axes.set_title("Runs (area: share of the money) and target; dashed: equal work, a decade apart")
        figure.subplots_adjust(left=0.1, right=0.97, top=0.92, bottom=0.12)
        return {"design.svg": as_svg(figure).encode(), "design.png": as_png(figure)}
