"""Words beside what they name: no legend, nothing on a line, on a point or on another word."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

import msgspec
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PathCollection

from lehr.recipes.presenting.figures import INK, MUTED, PAPER
from lehr.simulators.quantities import Floats

AROUND = ((1, 0), (1, 1), (1, -1), (0, 1), (0, -1), (-1, 0), (-1, 1), (-1, -1))
"""Where a word may stand about its point, the better first: across and up."""
RADII = (5.0, 12.0, 22.0, 34.0, 48.0)
"""How far from its point [pt]; a word that stands further than ``NEAR`` has a thin line to it."""
FAR = 22.0
"""A word that may be left out stands no further."""
NEAR = 14.0
AWAY = 3.0
"""What a word keeps from the middle of a line or a point [pt]."""
STEP = 2.0
"""Between the places of a line that are kept free [pt]."""


class Label(msgspec.Struct, frozen=True):
    """``text`` beside one of the points ``at`` (in data), the first of them that has room; ``needed`` stands even
    without."""

    text: str
    at: Sequence[tuple[float, float]]
    colour: str = INK
    needed: bool = True
    around: Sequence[tuple[int, int]] = AROUND


def line_of(x: Floats, y: Floats) -> list[tuple[float, float]]:
    """Points of a line beside which its name may stand: its end first.

    >>> line_of(np.arange(5.0), np.arange(5.0))
    [(4.0, 4.0), (3.0, 3.0), (2.0, 2.0), (1.0, 1.0), (0.0, 0.0)]
    """
    finite = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    order = dict.fromkeys(finite[np.linspace(len(finite) - 1, 0, 9).astype(int)].tolist()) if len(finite) else {}
    return [(float(x[i]), float(y[i])) for i in order]


def write(axes: Axes, labels: Iterable[Label], *, size: float = 8.5, on_paper: bool = False) -> None:
    """Write ``labels``, the first first, each where it covers least; after all else is drawn and the limits are set.

    ``on_paper`` clears thin lines of the ground (contours) under the words.
    """
    figure = axes.figure.figure
    assert figure is not None
    canvas = figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    renderer = canvas.get_renderer()  # type: ignore[no-untyped-call]
    dots = figure.dpi / 72
    frame = axes.get_window_extent()
    others = [other.get_tightbbox(renderer) for other in figure.axes]
    edge = min([other.x0 for other in others if other and other.x0 > frame.x1], default=figure.bbox.x1)
    taken = _taken(axes, STEP * dots)
    boxes: list[Box] = []
    for label in labels:
        text = axes.text(0, 0, label.text, size=size)
        extent = text.get_window_extent(renderer)
        text.remove()
        found = [
            (rank + 0.1 * turn + 0.15 * radius + _covers(box, taken, boxes, AWAY * dots) + crossed, radius, point, box)
            for rank, point in enumerate(label.at)
            for turn, way in enumerate(label.around)
            for radius in (RADII if label.needed else [r for r in RADII if r <= FAR])
            for box in [_box(tuple(axes.transData.transform(point)), way, radius * dots, extent.width, extent.height)]
            for crossed in [_crosses(axes.transData.transform(point), box, boxes) if radius > NEAR else 0.0]
            # where a line ends its name may stand in the margin at the right
            if box.left >= frame.x0 and box.low >= frame.y0 and box.high <= frame.y1 and box.right <= edge
        ]  # fmt: skip
        if not found:
            continue
        cost, radius, point, box = min(found)
        if cost >= ON_ANOTHER and not label.needed:
            continue
        x, y = axes.transData.transform(point)
        paper = {"facecolor": PAPER, "alpha": 0.85, "linewidth": 0, "pad": 0.8} if on_paper else None
        axes.annotate(label.text, point, xytext=((box.left - x) / dots, (box.low - y) / dots), size=size, bbox=paper,
                      textcoords="offset points", color=label.colour, va="bottom", annotation_clip=False)  # fmt: skip
        boxes.append(box)
        if radius > NEAR:
            to = _nearest(box, x, y)
            ends = axes.transData.inverted().transform([(x, y), to])
            axes.plot(*ends.T, color=MUTED, linewidth=0.6, clip_on=False, scalex=False, scaley=False)
            taken = np.concatenate([taken, np.linspace((x, y), to, 20)])


class Box(NamedTuple):
    """Where a word stands [dots]."""

    left: float
    low: float
    right: float
    high: float


def _box(point: Sequence[float], way: tuple[int, int], reach: float, width: float, height: float) -> Box:
    """The place of a word that stands ``reach`` from ``point`` in a direction."""
    (x, y), (across, up) = point, way
    reach *= 0.7071 if across and up else 1.0
    left = x + across * reach + (across - 1) * width / 2
    low = y + up * reach + (up - 1) * height / 2
    return Box(left, low, left + width, low + height)


ON_ANOTHER = 50.0
"""What it costs to cover a point of a line; a nearer place saves less."""


def _nearest(box: Box, x: float, y: float) -> tuple[float, float]:
    """The place of a box that is nearest to a point."""
    return min(max(x, box.left), box.right), min(max(y, box.low), box.high)


def _crosses(point: Floats, box: Box, boxes: Sequence[Box]) -> float:
    """What it costs that the thin line to a word runs through other words."""
    line = np.linspace(point, _nearest(box, *point), 20)
    return sum(_covers(other, line, [], 0.0) for other in boxes)


def _covers(box: Box, taken: Floats, boxes: Sequence[Box], away: float) -> float:
    """What it costs to stand there: the points of lines that a word comes too near, and other words."""
    left, low, right, high = box.left - away, box.low - away, box.right + away, box.high + away
    inside = (taken[:, 0] > left) & (taken[:, 0] < right) & (taken[:, 1] > low) & (taken[:, 1] < high)
    words = sum(b.left < right and b.right > left and b.low < high and b.high > low for b in boxes)
    return ON_ANOTHER * (float(inside.sum()) + 100.0 * words)


def _taken(axes: Axes, step: float) -> Floats:
    """Where lines and points lie [dots]."""
    found = [np.zeros((0, 2))]
    for line in axes.lines:
        path = line.get_transform().transform(line.get_xydata())
        path = path[np.isfinite(path).all(axis=1)]
        found.append(path)
        if line.get_linestyle() not in ("None", ""):
            for (x, y), (u, v) in pairwise(path):
                n = min(int(np.hypot(u - x, v - y) // step), 2000)
                share = np.arange(1, n + 1)[:, None] / (n + 1)
                found.append(np.array([[x, y]]) + share * np.array([[u - x, v - y]]))
    dots = [points.get_offsets() for points in axes.collections if isinstance(points, PathCollection)]
    found += [axes.transData.transform(offsets) for offsets in dots]
    return np.concatenate(found)
