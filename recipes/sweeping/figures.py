"""What a sweep shows as pictures: loss against cost, figures along one axis, and over two."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter
from numpy.typing import NDArray

from lehr.recipes.presenting.document import Picture
from lehr.recipes.presenting.figures import GRID, MUTED, SERIES, new_figure
from lehr.recipes.presenting.labels import Label, line_of, write
from lehr.recipes.presenting.tables import short
from lehr.simulators.quantities import Floats

FIGURES = {"loss": "Loss", "forecast": "Loss by the schedule too", "cost": "Cost"}
MOST_ACROSS = 500
"""Colours of a map beside each other; of more values every n-th."""
MOST_POINTS = 20_000
"""A picture draws no more; of a larger sweep every n-th point."""
MOST_NAMED = 60
"""Points of a front that are given a name, where there is room for it."""
BENEATH = ((-1, -1), (-1, 0), (0, -1), (1, -1), (1, 1), (1, 0), (0, 1))
"""Where the name of a point on the front stands, the better first."""


def draw_all(table: pa.Table, varies: Mapping[str, bool]) -> list[tuple[Figure, Picture]]:
    """Every picture that the result has something to show for."""
    went = pa.compute.equal(table["status"], "done")
    done = table if pa.compute.all(went).as_py() else table.filter(went)
    drawn = [made for draw in (front, lines, heat) if (made := draw(done, varies)) is not None]
    n = pa.compute.sum(pa.compute.not_equal(done["warnings"], "")).as_py()
    if not n:
        return drawn
    said = f" {n:,} of the {len(done):,} jobs warn, mostly of a loss outside the range of its law."
    return [(figure, msgspec.structs.replace(p, caption=p.caption + said)) for figure, p in drawn]


def numbers(table: pa.Table, name: str) -> Floats:
    """A column with NaN for what is not known."""
    found: Floats = table[name].cast(pa.float64()).to_numpy(zero_copy_only=False)
    return found


def labels(table: pa.Table, names: list[str]) -> NDArray[Any]:
    """What tells the series apart: the values of the columns ``names``, joined; a number with what it is."""
    parts = [
        [f"{_last(name)} {short(float(v), digits=4)}" if isinstance(v, (int, float)) else str(v)
         for v in table[name].to_pylist()]
        for name in names
    ]  # fmt: skip
    return np.array([", ".join(row) for row in zip(*parts, strict=True)] if parts else [""] * len(table))


def front_of(cost: Floats, loss: Floats) -> NDArray[np.intp]:
    """The points that no other point beats in both, by rising cost.

    >>> front_of(np.array([1.0, 2.0, 3.0, 2.5]), np.array([3.0, 2.0, 1.0, 2.5])).tolist()
    [0, 1, 2]
    """
    order = np.lexsort((loss, cost))
    along = loss[order]
    leads = np.r_[True, along[1:] < np.minimum.accumulate(along)[:-1]]
    found: NDArray[np.intp] = order[leads]
    return found


def front(table: pa.Table, varies: Mapping[str, bool]) -> tuple[Figure, Picture] | None:
    """Loss against cost with the front that nothing beats; one law's losses only, since laws differ in corpus."""
    laws = table["law"].unique().to_pylist()
    chosen = table.filter(pa.compute.equal(table["law"], laws[0])) if len(laws) > 1 else table
    loss, cost = numbers(chosen, "loss"), numbers(chosen, "cost_with_base")
    if not np.isfinite(cost).any():
        cost = numbers(chosen, "cost")
    both = np.isfinite(loss) & np.isfinite(cost)
    if both.sum() < 3 or np.ptp(cost[both]) == 0:
        return None
    at = np.flatnonzero(both)
    if len(at) < len(both):
        loss, cost = loss[at], cost[at]
    best = front_of(cost, loss)
    figure = new_figure(4.2)
    axes = figure.subplots()
    step = max(1, len(at) // MOST_POINTS)
    axes.scatter(cost[::step], loss[::step], s=14, color=SERIES[0], alpha=0.55, linewidths=0, rasterized=len(at) > 500)
    axes.plot(cost[best], loss[best], color=SERIES[1], marker="o", markersize=4, linewidth=1.4)
    _scale(axes, "x", cost)
    axes.margins(x=0.08, y=0.08)
    if axes.get_xscale() == "linear":
        axes.set_xlim(left=max(axes.get_xlim()[0], 0.0))
    _frame(
        axes,
        "Cost, USD, known stages, the base model's included",
        f"Loss by {laws[0]}, {chosen['loss_unit'][0].as_py()}",
    )
    figure.subplots_adjust(left=0.09, right=0.97, top=0.96, bottom=0.14)
    rows = chosen.take(pa.array(at[best]))
    told = labels(rows, [name for name in dict.fromkeys(("model", *varies)) if len(rows[name].unique()) > 1])
    corner = [(cost[i], loss[i]) for i in best]
    # both ends first; beneath the front is nothing, so that its names stand there
    order = sorted(range(len(best)), key=lambda i: min(i, len(best) - 1 - i))[:MOST_NAMED]
    write(axes, [Label(text=told[i], at=[corner[i]], around=BENEATH, needed=False) for i in order], size=8)
    words = "; ".join(
        f"{name}: {short(cost[i])} USD, {loss[i]:.3f}" for name, i in list(zip(told, best, strict=True))[:12]
    )
    return figure, Picture(
        name="front",
        title="Loss against cost",
        caption="Each point is a job, by its central values. The line joins the jobs that no other beats in both."
        + (f" Losses by {laws[0]} only." if len(laws) > 1 else ""),
        alternative=f"{len(at)} jobs; the front: {words}.",
    )


def lines(table: pa.Table, varies: Mapping[str, bool]) -> tuple[Figure, Picture] | None:
    """Loss and cost along the number with most values, a line for each combination of the rest, eight at most."""
    longest = _longest(table, varies)
    if not longest:
        return None
    across = longest[0]
    rest = [name for name in (*varies, "model", "law") if name != across and len(table[name].unique()) > 1]
    if any(len(table[name].unique()) > len(SERIES) for name in rest):
        return None
    series = labels(table, rest)
    names = list(dict.fromkeys(series.tolist()))
    panels = [name for name in FIGURES if np.isfinite(numbers(table, name)).any()]
    if not panels or len(names) > len(SERIES):
        return None
    x = numbers(table, across)
    figure = new_figure(3.6)
    drawn = np.atleast_1d(figure.subplots(1, len(panels)))
    figure.subplots_adjust(left=0.09, right=0.93, top=0.95, bottom=0.16, wspace=0.42)
    ends: list[list[Label]] = []
    for axes, name in zip(drawn, panels, strict=True):
        ends.append(_lines(axes, table, name, (across, series, names, rest)))
        _scale(axes, "x", x)
        y = numbers(table, name)
        if name == "cost":
            _scale(axes, "y", y[np.isfinite(y)])
        if axes.get_xscale() == "linear":
            axes.xaxis.set_major_locator(MaxNLocator(5))
        _frame(axes, across, _title(table, name))
    for axes, told in zip(drawn, ends, strict=True):
        write(axes, told)
    return figure, Picture(
        name="lines",
        title=f"Along {across}",
        caption="Central values; the band is the interval of each projection."
        + (" A line that several share is drawn once and has all their names." if rest else ""),
        alternative=f"{' and '.join(FIGURES[p] for p in panels)} along {across} from {short(x.min())} to "
        f"{short(x.max())}" + (f", for {', '.join(names)}." if rest else "."),
    )


def _lines(axes: Axes, table: pa.Table, name: str, by: tuple[str, NDArray[Any], list[str], list[str]]) -> list[Label]:
    """Draw a line for each series, those that lie on one another once; what to write beside each."""
    across, series, names, rest = by
    x, y, low, high = (numbers(table, column) for column in (across, name, f"{name}_low", f"{name}_high"))
    found: dict[bytes, tuple[list[str], str, NDArray[np.intp]]] = {}
    for label, colour in zip(names, SERIES, strict=False):
        mine = np.flatnonzero(series == label)
        mine = mine[np.argsort(x[mine])]
        alike = np.stack([x[mine], np.round(y[mine], 12), np.round(low[mine], 12), np.round(high[mine], 12)]).tobytes()
        found.setdefault(alike, ([], colour, mine))[0].append(label)
    told = []
    for shared, colour, mine in found.values():
        axes.plot(x[mine], y[mine], color=colour, marker="o" if len(mine) < 30 else None, markersize=3.5)
        axes.fill_between(x[mine], low[mine], high[mine], color=colour, alpha=0.12, linewidth=0)
        text = f"any {' and '.join(_last(n) for n in rest)}" if len(shared) == len(names) > 1 else ", ".join(shared)
        if text:
            told.append(Label(text=text, at=line_of(x[mine], y[mine]), colour=colour))
    return told


def heat(table: pa.Table, varies: Mapping[str, bool]) -> tuple[Figure, Picture] | None:
    """Loss and cost over the two numbers with most values; what else varies keeps its first value."""
    along = _longest(table, varies)
    if len(along) < 2:
        return None
    x_name, y_name = along[:2]
    for name in (*varies, "model", "law"):
        if name not in along[:2] and len(table[name].unique()) > 1:
            table = table.filter(pa.compute.equal(table[name], table[name][0]))
    x, y = (table[name].unique().sort().to_numpy(zero_copy_only=False) for name in (x_name, y_name))
    at = tuple(np.searchsorted(v, numbers(table, n)).astype(np.int32) for v, n in ((y, y_name), (x, x_name)))
    panels = [name for name in FIGURES if np.isfinite(numbers(table, name)).any()]
    if not panels:
        return None
    figure = new_figure(3.9)
    said = []
    for axes, name in zip(np.atleast_1d(figure.subplots(1, len(panels))), panels, strict=True):
        field = np.full((len(y), len(x)), np.nan)
        field[at] = numbers(table, name)
        across, up = (np.unique(np.linspace(0, len(v) - 1, MOST_ACROSS).astype(int)) for v in (x, y))
        mesh = axes.pcolormesh(
            x[across], y[up], field[np.ix_(up, across)], shading="nearest", cmap="cividis", rasterized=True
        )
        bar = figure.colorbar(mesh, ax=axes, pad=0.02)
        bar.outline.set_visible(False)
        _frame(axes, x_name, y_name)
        _scale(axes, "x", x)
        _scale(axes, "y", y)
        bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: short(float(value), digits=4)))
        axes.set_title(_title(table, name))
        said.append(f"{FIGURES[name]} from {short(float(np.nanmin(field)))} to {short(float(np.nanmax(field)))}")
    figure.subplots_adjust(left=0.09, right=0.98, top=0.9, bottom=0.15, wspace=0.24)
    return figure, Picture(
        name="heat",
        title=f"Over {x_name} and {y_name}",
        caption="Central values" + ("; what else varies is at its first value." if len(varies) > 2 else "."),
        alternative="; ".join(said) + ".",
    )


def _last(key: str) -> str:
    """The last part of a dotted key.

    >>> _last("recipe.stages.pt.steps")
    'steps'
    """
    return key.rpartition(".")[2]


def _title(table: pa.Table, name: str) -> str:
    """A figure with its unit, where one holds for all."""
    units = ["USD"] if name == "cost" else [unit for unit in table["loss_unit"].unique().to_pylist() if unit]
    return f"{FIGURES[name]}, {units[0]}" if len(units) == 1 else FIGURES[name]


def _longest(table: pa.Table, varies: Mapping[str, bool]) -> list[str]:
    counts = {name: len(table[name].unique()) for name, numeric in varies.items() if numeric}
    return sorted((name for name, n in counts.items() if n >= 3), key=lambda name: -counts[name])


def _scale(axes: Axes, side: str, values: Floats) -> None:
    """Logarithmic where the values span more than a factor of 30; numbers as everywhere else in a report."""
    axis: Axis = getattr(axes, f"{side}axis")
    if values.min() > 0 and values.max() / values.min() > 30:
        axes.set(**{f"{side}scale": "log"})
        if values.max() / values.min() < 1000:
            axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_minor_formatter(NullFormatter())
    axis.set_major_formatter(FuncFormatter(lambda value, _: short(float(value))))


def _frame(axes: Axes, x: str, y: str) -> None:
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(visible=True, color=GRID)
    axes.set_axisbelow(True)
    axes.tick_params(colors=MUTED)
