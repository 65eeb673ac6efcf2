"""A step of reinforcement learning as pictures: where its time goes, and how it answers to more generators."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from lehr.recipes.generating.result import Rolled
from lehr.recipes.generating.text import SAID
from lehr.recipes.presenting.document import Picture
from lehr.recipes.presenting.figures import GRID, INK, MUTED, SERIES, new_figure
from lehr.recipes.presenting.labels import Label, line_of, write
from lehr.simulators.machine.rollout import RolloutStep


def draw_all(found: Rolled) -> list[tuple[Figure, Picture]]:
    """The split of a step; how it answers to more generators, where there is more than one split."""
    return [parts(found.step), *([answering(found)] if len(found.splits) > 1 else [])]


def parts(step: RolloutStep) -> tuple[Figure, Picture]:
    """A bar of a step's seconds for each part."""
    shown = {said: getattr(step.parts, name) for name, said in SAID.items()}
    shown = {said: value for said, value in shown.items() if value > 0.005 * step.seconds.value}
    figure = new_figure(0.9 + 0.32 * len(shown))
    axes = figure.subplots()
    rows = range(len(shown))
    axes.barh(list(rows), list(shown.values()), color=SERIES[0], height=0.66)
    for row, value in zip(rows, shown.values(), strict=True):
        axes.annotate(f"{value:,.0f} s", (value, row), xytext=(4, 0), textcoords="offset points", va="center", size=8)
    axes.set_yticks(list(rows), list(shown), size=8)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.16 * max(shown.values()))
    axes.set_xlabel("Seconds of a step")
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)
    figure.subplots_adjust(left=0.40, right=0.97, top=0.97, bottom=0.5 / (0.9 + 0.32 * len(shown)))
    most = max(shown, key=lambda said: shown[said])
    return figure, Picture(
        name="rollout",
        title="Where a step of reinforcement learning goes",
        caption="Generation beside training where devices are split; else one after another.",
        alternative=f"Bars of the seconds of a step; most goes to {most}.",
    )


def answering(found: Rolled) -> tuple[Figure, Picture]:
    """Seconds of a step, of generation and of training against the devices that generate."""
    figure = new_figure(3.0)
    axes = figure.subplots()
    x = [share.generators for share in found.splits]
    drawn = {
        "a step": (INK, "-", [share.seconds for share in found.splits]),
        "generation": (SERIES[0], "--", [share.generating for share in found.splits]),
        "training": (SERIES[1], ":", [share.training for share in found.splits]),
    }
    for colour, style, y in drawn.values():
        axes.plot(x, y, color=colour, linestyle=style)
    best = found.best
    assert best is not None
    axes.plot(best.generators, best.seconds, color=INK, marker="o")
    axes.axhline(found.step.seconds.value, color=MUTED, linewidth=0.8)
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=12))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:,.0f}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(f"Devices that generate, of {found.plant.devices}")
    axes.set_ylabel("Seconds")
    axes.grid(color=GRID)
    figure.subplots_adjust(left=0.12, right=0.9, top=0.96, bottom=0.17)
    asked = Label("the step as asked", [(x[i], found.step.seconds.value) for i in (0, len(x) // 2, -1)], MUTED)
    lines = [Label(said, line_of(np.array(x, float), np.array(y)), c) for said, (c, _, y) in drawn.items()]
    write(axes, [*lines, asked])
    return figure, Picture(
        name="split",
        title="How a step answers to more generators",
        caption=f"The least is at {best.generators} generators.",
        alternative="Seconds of a step, of generation and of training against the number of devices that generate.",
    )
