"""What a rehearsal looks like: the loss over its stages with the forecasts, and the rates."""

from __future__ import annotations

import numpy as np

from lehr.recipes.presenting.figures import MUTED, SERIES, as_png, as_svg, new_figure, styled
from lehr.recipes.rehearsing.result import Rehearsed


def draw(found: Rehearsed) -> dict[str, bytes]:
    """``rehearsal.svg`` and the same as PNG."""
    with styled():
        figure = new_figure(5.6)
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=[2.2, 1.0])
        figure.subplots_adjust(left=0.08, right=0.98, top=0.9, bottom=0.09, hspace=0.16)
        at, shown = 0, []
        for i, (log, forecast) in enumerate(zip(found.logs, found.forecasts, strict=True)):
            colour = SERIES[i % len(SERIES)]
            steps = at + np.arange(len(log.rows))
            above.plot(steps, [row.loss for row in log.rows], color=colour, alpha=0.3, linewidth=0.8)
            done, values = zip(*sorted(log.measured), strict=True)
            above.plot(at + np.array(done), values, color=colour, marker="o", markersize=2.4, linewidth=1.2)
            shown += [value for _, value in log.measured]
            end = at + len(log.rows)
            if forecast.low is not None and forecast.high is not None and forecast.forecast is not None:
                bar = [[forecast.forecast - forecast.low], [forecast.high - forecast.forecast]]
                above.errorbar([end], [forecast.forecast], yerr=bar, color=MUTED, marker="_", capsize=3, linewidth=1.1)
            above.axvline(at, color=MUTED, linewidth=0.5, linestyle=":")
            above.annotate(log.name, (at, 1.0), xycoords=("data", "axes fraction"), xytext=(2, 3),
                           textcoords="offset points", color=colour, size=8)  # fmt: skip
            below.plot(steps, [row.lr for row in log.rows], color=colour)
            at = end
        above.set_ylim(0, min(6.0, 1.05 * max(shown)))
        above.set_ylabel("Loss [nats/byte], or pass rate")
        above.set_title("Trained (pale), held out (dots), forecast at half with its 95 % interval (bars)", pad=18)
        below.set_ylabel("Learning rate")
        below.set_ylim(bottom=0)
        below.set_xlabel("Update")
        for axes in (above, below):
            axes.grid(axis="y")
        return {"rehearsal.svg": as_svg(figure).encode(), "rehearsal.png": as_png(figure)}
