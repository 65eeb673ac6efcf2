"""Where the parameters are: all that is trained, and what one token uses of it."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lehr.recipes.presenting.document import Picture
from lehr.recipes.presenting.figures import GRID, INK, MUTED, SERIES, clear_frame, new_figure
from lehr.recipes.presenting.numbers import percent, quantity
from lehr.recipes.report.facts import ReportData
from lehr.recipes.report.shape import active_components


def draw(data: ReportData) -> tuple[Figure, Picture]:
    """Horizontal bars by component; a mixture of experts has a second panel for one token's parameters."""
    count = data.projection.parameters
    total = dict(sorted(count.components.items(), key=lambda item: -item[1]))
    active = active_components(data.model.shape())
    sparse = count.active["all"] < count.total
    figure = new_figure(0.85 + 0.3 * len(total))
    panels = figure.subplots(1, 2 if sparse else 1, sharey=True, squeeze=False, gridspec_kw={"wspace": 0.06})[0]
    _panel(panels[0], f"Trained: {quantity(count.total, 4)}", total, active if sparse else total)
    if sparse:
        used = {name: active.get(name, 0) for name in total}
        _panel(panels[1], f"Used by one token: {quantity(count.active['all'], 4)}", used, used)
    panels[0].set_yticks(range(len(total)), list(total), color=INK)
    panels[0].set_ylim(len(total) - 0.4, -0.6)
    left = 0.025 + 0.0078 * max(len(n) for n in total)
    figure.subplots_adjust(left=left, right=0.985, top=1 - 0.42 / figure.get_figheight(), bottom=0.04)
    idle = " Pale: experts that a token does not use." if sparse else ""
    listed = ", ".join(f"{name} {percent(n / count.total)}" for name, n in total.items())
    return figure, Picture(
        name="parameters",
        title="Parameters by component",
        caption=f"Main model, without buffers and extra modules; each panel has its own linear scale.{idle}",
        alternative=f"Bars by component, of {quantity(count.total, 4)} parameters: {listed}.",
    )


def _panel(axes: Axes, title: str, sizes: dict[str, int], solid: dict[str, int]) -> None:
    top, whole = max(sizes.values()), sum(sizes.values())
    clear_frame(axes, keep="left")
    axes.tick_params(length=0)
    axes.spines["left"].set_color(GRID)
    axes.set_xticks([])
    axes.set_xlim(0, top * 1.42)
    axes.set_title(title)
    for row, (name, size) in enumerate(sizes.items()):
        used = solid.get(name, 0)
        axes.barh(row, used, height=0.6, color=SERIES[0])
        if used < size:
            axes.barh(row, size - used, left=used, height=0.6, color=SERIES[0], alpha=0.28, linewidth=0)
        axes.text(size + top * 0.02, row, quantity(size, 4), va="center", size=9)
        share = percent(size / whole) if size else ""
        axes.text(top * 1.42, row, share, va="center", ha="right", size=9, color=MUTED)
