"""An answer as pictures: where a step's time and a device's memory go, and the one against the other."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lehr.recipes.laying_out.answer import SAID, Answer, Found, Other
from lehr.recipes.laying_out.text import GIB, HELD
from lehr.recipes.presenting.document import Picture
from lehr.recipes.presenting.figures import GRID, INK, MUTED, SERIES, clear_frame, new_figure
from lehr.recipes.presenting.labels import Label, write
from lehr.simulators.numerics.adding import plain_sum

LEAST = 0.015
"""Parts below this share of the longest bar stand together as what is left."""


def draw_all(answer: Answer) -> list[tuple[Figure, Picture]]:
    """Time, memory and the frontier; no frontier where nothing fits."""
    return [*of_step(answer), *([frontier(answer)] if answer.frontier else [])]


def of_step(answer: Answer) -> list[tuple[Figure, Picture]]:
    """Time and memory."""
    return [time(answer), memory(answer)]


def shown(answer: Answer) -> list[tuple[str, Found]]:
    """The layouts that are drawn, by what they are called."""
    return [(name, found) for name, found in (("best", answer.best), ("given", answer.given)) if found is not None]


def time(answer: Answer) -> tuple[Figure, Picture]:
    """A bar of seconds for each layout, by what they go to, with the interval of the whole step."""
    layouts = shown(answer)
    figure = new_figure(1.6 + 0.55 * len(layouts))
    axes = figure.subplots()
    parts = {SAID[part]: [found.parts[part] for _, found in layouts] for part in SAID}
    _stacked(axes, parts, [name for name, _ in layouts])
    for row, (_, found) in enumerate(layouts):
        axes.plot([found.low, found.high], [row - 0.36, row - 0.36], color=INK, linewidth=1.2, marker="|", markersize=6)
    axes.set_xlabel("Seconds of a step on the slowest rank; the line is the interval of the whole step")
    axes.set_xlim(0, 1.04 * max(found.high for _, found in layouts))
    figure.subplots_adjust(left=0.07, right=0.98, top=0.72 if len(layouts) > 1 else 0.62, bottom=0.2)
    most = max(layouts[0][1].parts, key=lambda part: layouts[0][1].parts[part])
    return figure, Picture(
        name="time",
        title="Where the time of a step goes",
        caption="By the step-time model: products and element-wise work, what is computed again, messages that nothing "
        "hides, the wait for the pipeline, and what happens once a step.",
        alternative=f"Bars of the seconds of a step; most of the first goes to {SAID[most]}.",
    )


def memory(answer: Answer) -> tuple[Figure, Picture]:
    """A bar of GiB for each layout, by what it holds, with what there is."""
    layouts = shown(answer)
    figure = new_figure(1.6 + 0.55 * len(layouts))
    axes = figure.subplots()
    parts = {said: [found.memory[part] / GIB for _, found in layouts] for part, said in HELD.items()}
    _stacked(axes, parts, [name for name, _ in layouts])
    there = answer.capacity / GIB
    axes.axvline(there, color=INK, linewidth=1.2)
    axes.annotate(f"{there:.1f} GiB", (there, len(layouts) - 0.55), xytext=(4, 0), textcoords="offset points", size=8.5)
    axes.set_xlim(0, 1.12 * max(there, *(found.memory_bytes / GIB for _, found in layouts)))
    axes.set_xlabel("GiB of the fullest device; the line is what it has")
    figure.subplots_adjust(left=0.07, right=0.98, top=0.72 if len(layouts) > 1 else 0.62, bottom=0.2)
    first = layouts[0][1]
    return figure, Picture(
        name="memory",
        title="What a device holds",
        caption=f"Of the fullest pipeline rank, the first or the last: here rank {first.rank}.",
        alternative=f"Bars of memory by what it holds; the first: {first.memory_bytes / GIB:.1f} of {there:.1f} GiB.",
    )


def frontier(answer: Answer) -> tuple[Figure, Picture]:
    """Memory against time: the frontier, the next best of other kinds, and the layout given."""
    assert answer.best is not None
    figure = new_figure(3.6)
    axes = figure.subplots()
    edge, others = answer.frontier, answer.others
    axes.plot([o.seconds for o in edge], [o.memory_bytes / GIB for o in edge], color=SERIES[0], marker="o",
              linestyle=":", markersize=4)  # fmt: skip
    axes.plot([o.seconds for o in others], [o.memory_bytes / GIB for o in others], color=SERIES[1], marker="o",
              markersize=4, linestyle="none")  # fmt: skip
    if answer.given is not None:
        axes.plot(answer.given.seconds, answer.given.memory_bytes / GIB, color=SERIES[3], marker="D", markersize=6,
                  linestyle="none")  # fmt: skip
    axes.axhline(answer.capacity / GIB, color=MUTED, linewidth=0.8)
    axes.set_xscale("log")
    axes.set_ylim(0, None)
    axes.set_xlabel("Seconds of a step")
    axes.set_ylabel("GiB of the fullest device")
    axes.grid(color=GRID)
    ticks = [o.seconds for o in (edge[0], edge[len(edge) // 2], edge[-1])]
    axes.set_xticks(ticks, [f"{t:.3g}" for t in ticks])
    axes.minorticks_off()
    figure.subplots_adjust(left=0.08, right=0.98, top=0.96, bottom=0.15)
    told: dict[str, tuple[Sequence[Found | Other], str]] = {
        "no other is faster and leaner": (edge[len(edge) // 2 :], SERIES[0]),
        "next best of another kind": (others, SERIES[1]),
        "given": ([answer.given] if answer.given else [], SERIES[3]),
    }
    places = {said: [(o.seconds, o.memory_bytes / GIB) for o in found] for said, (found, _) in told.items()}
    write(axes, [Label(said, places[said], colour) for said, (found, colour) in told.items() if found])
    return figure, Picture(
        name="frontier",
        title="Memory against time",
        caption="The line across is what a device has. Of the frontier a few layouts are marked, from the fastest to "
        "the leanest.",
        alternative=f"The fastest layout takes {answer.best.seconds:.3g} s and {answer.best.memory_bytes / GIB:.1f} "
        f"GiB; the leanest {edge[-1].seconds:.3g} s and {edge[-1].memory_bytes / GIB:.1f} GiB.",
    )


def _stacked(axes: Axes, parts: dict[str, list[float]], names: list[str]) -> None:
    """One bar a name, its parts end to end in the order given; small ones together at the end."""
    longest = max(plain_sum(values[row] for values in parts.values()) for row in range(len(names)))
    large = {said: values for said, values in parts.items() if max(values) >= LEAST * longest}
    rest = [plain_sum(values[row] for said, values in parts.items() if said not in large) for row in range(len(names))]
    if max(rest) > 0:
        large["the rest"] = rest
    left = [0.0] * len(names)
    for i, (said, values) in enumerate(large.items()):
        # after eight colours they come again with stripes
        hatch = "////" if i >= len(SERIES) else None
        axes.barh(range(len(names)), values, left=left, height=0.5, color=SERIES[i % len(SERIES)], edgecolor="#ffffff",
                  linewidth=0.8, hatch=hatch, label=said)  # fmt: skip
        left = [a + b for a, b in zip(left, values, strict=True)]
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    clear_frame(axes, keep="bottom")
    axes.legend(frameon=False, fontsize=8, ncols=4, loc="lower left", bbox_to_anchor=(-0.05, 1.0))
