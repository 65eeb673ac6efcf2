"""What a recipe costs, as pictures: the assumptions that move it."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from lehr.recipes.costing.result import Costed
from lehr.recipes.costing.text import MEANT
from lehr.recipes.presenting.document import Picture
from lehr.recipes.presenting.figures import INK, SERIES, new_figure
from lehr.recipes.presenting.numbers import quantity
from lehr.simulators.sensitivity import Spread


def draw_all(found: Costed) -> list[tuple[Figure, Picture]]:
    """The tornado of the money, or of the hours where no price is known; none where nothing is assumed."""
    return [tornado(found)] if _moved(found)[0].swings else []


def _moved(found: Costed) -> tuple[Spread, str]:
    """What the assumptions move, and its unit."""
    return (found.dollars, "USD") if found.dollars is not None else (found.billed, "accelerator-hours")


def tornado(found: Costed) -> tuple[Figure, Picture]:
    """For each assumption a bar from where it is low to where it is high, the widest on top."""
    spread, unit = _moved(found)
    figure = new_figure(1.1 + 0.42 * len(spread.swings))
    axes = figure.subplots()
    rows = range(len(spread.swings))
    axes.barh(
        list(rows), [s.high - s.low for s in spread.swings], left=[s.low for s in spread.swings], color=SERIES[0],
        height=0.6,
    )  # fmt: skip
    axes.axvline(spread.value, color=INK, linewidth=1.0)
    axes.set_yticks(list(rows), [MEANT[s.name] for s in spread.swings], size=8.5)
    axes.invert_yaxis()
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: quantity(x)))
    axes.set_xlabel(f"{unit}; the line is the central value")
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)
    figure.subplots_adjust(left=0.36, right=0.96, top=0.96, bottom=0.55 / (1.1 + 0.42 * len(spread.swings)))
    first = spread.swings[0]
    return figure, Picture(
        name="tornado",
        title="What moves the cost",
        caption="Each assumption at the ends of its 90 % interval, the others as they are.",
        alternative=f"Bars of what each assumption does to the cost; the widest is {MEANT[first.name]}.",
    )
