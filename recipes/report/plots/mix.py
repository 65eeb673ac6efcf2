"""What each stage trains on."""

from __future__ import annotations

from math import ceil
from typing import Any

import msgspec
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lehr.recipes.presenting.document import Picture
from lehr.recipes.presenting.figures import GRID, INK, MUTED, ON_FILL, PAPER, SERIES, WIDTH, clear_frame, new_figure
from lehr.recipes.presenting.numbers import percent
from lehr.recipes.report.facts import ReportData
from lehr.simulators.numerics.adding import plain_sum

CHARACTER = 0.072
"""The width of a character of a label [inch], on the generous side."""


def draw(data: ReportData) -> tuple[Figure, Picture] | None:
    """One bar a stage, cut by the shares of its data; a name has the same colour in every stage. Stages without shares
    are named beneath; nothing is drawn where no stage has any."""
    stages = [(name, stage) for name, stage in data.recipe.ordered() if stage.data]
    without = [name for name, stage in data.recipe.ordered() if not stage.data]
    if not stages:
        return None
    names = list(dict.fromkeys(name for _, stage in stages for name in stage.data))
    colours = {name: SERIES[i % len(SERIES)] for i, name in enumerate(names)}
    left = 0.025 + 0.0078 * max(len(name) for name, _ in stages)
    inches = WIDTH * (0.985 - left)
    bars = [_pieces(stage.data, colours) for _, stage in stages]
    tops, y = [], 0.0
    for pieces in bars:
        tops.append(y)
        y += 1.0 + 0.5 * (1 + max((row for _, row in _crowded(pieces, inches).values()), default=-1))
    figure = new_figure(0.5 + 0.42 * y)
    axes = figure.subplots()
    clear_frame(axes)
    axes.set_xlim(0, 1)
    axes.set_ylim(y - 0.45, -0.5)
    axes.set_xticks([])
    axes.set_yticks(tops, [name for name, _ in stages], color=INK)
    for top, pieces in zip(tops, bars, strict=True):
        _bar(axes, top, pieces, inches)
    figure.subplots_adjust(left=left, right=0.985, top=0.98, bottom=0.03)
    listed = "; ".join(
        f"{name}: {', '.join(f'{part} {percent(share)}' for part, share in stage.data.items())}"
        for name, stage in stages
    )
    return figure, Picture(
        name="data",
        title="Data mix of each stage",
        caption="Shares of the stage's tokens." + (f" Not known of {', '.join(without)}." if without else ""),
        alternative=f"One bar a stage. {listed}.",
    )


class Piece(msgspec.Struct, frozen=True):
    """A part of a bar: its label, share and colour; what is not stated has none."""

    label: str
    share: float
    colour: str | None


def _pieces(mix: dict[str, float], colours: dict[str, str]) -> list[Piece]:
    """The parts of a mix, and what is left of it."""
    pieces = [Piece(f"{name.replace('_', ' ')} {percent(share)}", share, colours[name]) for name, share in mix.items()]
    rest = 1.0 - plain_sum(mix.values())
    # shares are printed to a percent or so, and what is below that is rounding
    return [*pieces, Piece(f"not stated {percent(rest)}", rest, None)] if rest > 0.005 else pieces


def _crowded(pieces: list[Piece], inches: float) -> dict[str, tuple[float, int]]:
    """Where the labels go that do not fit into their piece of the bar: start [0 to 1] and row below the bar.

    Each stands as near below its piece as its neighbours let it; what one row cannot hold is shared out over several.
    """
    start, tight = 0.0, []
    for piece in pieces:
        width = len(piece.label) * CHARACTER / inches
        if width > piece.share:
            tight.append((piece.label, start, width + 2 * CHARACTER / inches))
        start += piece.share
    n_rows = ceil(plain_sum(width for _, _, width in tight))
    places: dict[str, tuple[float, int]] = {}
    for row in range(n_rows):
        chosen = tight[row::n_rows]
        starts, end = [], 0.0
        for _, wanted, width in chosen:
            starts.append(max(wanted, end))
            end = starts[-1] + width
        limit = 1.0
        for i in reversed(range(len(chosen))):
            label, _, width = chosen[i]
            limit = min(starts[i], limit - width)
            places[label] = (limit, row)
    return places


def _bar(axes: Axes, top: float, pieces: list[Piece], inches: float) -> None:
    start, crowded = 0.0, _crowded(pieces, inches)
    paper = {"facecolor": PAPER, "edgecolor": "none", "pad": 1.5}
    for piece in pieces:
        if piece.colour is None:
            axes.barh(
                top, piece.share, left=start, height=0.62, color="none", edgecolor=GRID, hatch="////", linewidth=0.8
            )
        else:
            axes.barh(top, piece.share, left=start, height=0.62, color=piece.colour, edgecolor=ON_FILL, linewidth=0.8)
        if piece.label in crowded:
            # below the bar, in the piece's colour
            x, row = crowded[piece.label]
            axes.text(x, top + 0.62 + 0.5 * row, piece.label, va="center", color=piece.colour or MUTED, size=8.5)
        else:
            style: Any = {"color": MUTED, "bbox": paper} if piece.colour is None else {"color": ON_FILL}
            axes.text(start + piece.share / 2, top, piece.label, ha="center", va="center", size=9, **style)
        start += piece.share
