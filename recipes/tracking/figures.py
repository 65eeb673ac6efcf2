"""The figure of one look: the forecast with its band, the rows, the alarms, and where the run will end."""

from __future__ import annotations

import numpy as np
from matplotlib.ticker import FuncFormatter

from lehr.recipes.presenting.figures import INK, SERIES, as_png, as_svg, new_figure, styled
from lehr.recipes.presenting.labels import Label, line_of, write
from lehr.simulators.laws.curves import CurveLaw
from lehr.simulators.tracking import Plan, Tracked

N_POINTS = 1200
ALARMS = {"spike": SERIES[1], "divergence": SERIES[7], "drift": SERIES[3], "shift": SERIES[4],
          "plateau": SERIES[5], "repeat": SERIES[6]}  # fmt: skip


def draw(law: CurveLaw, planned: Plan, seen: Tracked) -> dict[str, bytes]:
    """``track.svg`` and ``track.png``."""
    with styled():
        figure = new_figure(4.2)
        axes = figure.subplots()
        figure.subplots_adjust(left=0.08, right=0.86, top=0.92, bottom=0.12)
        steps = np.unique(np.linspace(planned.first, planned.n_steps - 1, N_POINTS).round().astype(int))
        centre = planned.loss[steps]
        spread = planned.times(0.95) * np.hypot(planned.spread_at(steps), seen.noise)
        axes.fill_between(steps, centre * np.exp(-spread), centre * np.exp(spread), color=SERIES[0], alpha=0.15, lw=0)
        axes.plot(steps, centre, color=SERIES[0])
        finite = np.isfinite(seen.losses)
        axes.plot(seen.steps[finite], seen.losses[finite], ".", color=INK, markersize=2.5)
        names = [Label("the log", line_of(seen.steps[finite].astype(float), seen.losses[finite]))]
        named: list[tuple[str, float, str]] = []
        for kind, colour in ALARMS.items():
            spans = [a for a in seen.alarms if a.kind == kind]
            for i, alarm in enumerate(spans):
                first, last = seen.steps[alarm.first], seen.steps[alarm.last]
                axes.axvspan(first, max(last, first + planned.n_steps // 400), color=colour, alpha=0.25, lw=0)
                if i == 0:
                    named.append((kind, float(first), colour))
        low = seen.final_forecast
        if seen.final is not None and seen.final_interval is not None:
            low, high = seen.final_interval
            end = planned.n_steps - 1
            axes.errorbar([end], [seen.final], [[seen.final - low], [high - seen.final]], fmt="o", color=SERIES[2],
                          markersize=4, capsize=3)  # fmt: skip
            axes.annotate(f"{seen.final:.4f}", (end, seen.final), (6, 0), textcoords="offset points", va="center",
                          color=SERIES[2], annotation_clip=False)  # fmt: skip
        # the fall just after warm-up would leave no room for what matters
        top = float(np.quantile(centre, 0.9))
        if len(seen.losses[finite]):
            top = max(top, float(seen.losses[finite][-1]))
        low = min(low, float(centre.min()), *seen.losses[finite].tolist())
        axes.set_ylim(low - 0.05 * (top - low), top + 0.1 * (top - low))
        axes.set_ylabel(f"Loss [{law.loss_unit}]")
        axes.set_xlabel("Step")
        axes.grid(axis="y")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
        names.append(Label("forecast, with the band of a row", line_of(steps.astype(float), centre), SERIES[0]))
        # an alarm's word at the top of where it began
        ceiling = axes.get_ylim()[1] - 0.03 * np.ptp(axes.get_ylim())
        alarms = [Label(kind, [(at, ceiling)], colour, around=((1, 0), (-1, 0), (1, -1))) for kind, at, colour in named]
        write(axes, [*alarms, *names])
        own = ", beside the forecast for the log's own rates" if seen.by_logged_rates else ""
        axes.set_title(f"{law.title}: {seen.state}{own}", loc="left")
        return {"track.svg": as_svg(figure).encode(), "track.png": as_png(figure)}
