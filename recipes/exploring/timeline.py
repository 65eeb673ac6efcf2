"""What models scored on benchmarks for code, over the months in which they came out."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from lehr.recipes.catalogue.files import Catalogue

BENCHMARKS = ("humaneval", "swe_bench_verified")
"""Of which the page draws a timeline: writing one function, and mending a repository."""
ONE_TRY = ("pass@1", "resolved")
"""The metrics that are drawn: a score of several tries is no score of one."""


def timelines(catalogue: Catalogue, names: Collection[str] | None = None) -> list[dict[str, Any]]:
    """By benchmark every score of one try [%] of a model whose month is known, the oldest first.

    ``names`` are the models to draw, all by default. Nothing is picked or averaged: a model has as many points as it
    was printed scores, each with its setting.

    >>> found = timelines(Catalogue())
    >>> [line["title"] for line in found]
    ['HumanEval', 'SWE-bench Verified']
    >>> all(0 < point["value"] <= 100 for line in found for point in line["points"])
    True
    """
    models, titles = catalogue.models(), catalogue.datasets()
    return [
        {
            "benchmark": name,
            "title": titles[name].title,
            "points": sorted(
                (
                    {
                        "model": model.name,
                        "released": model.released,
                        "closed": model.open == "closed",
                        "value": score.value,
                        "setting": score.setting or "",
                        "source": score.source,
                        "place": score.place,
                    }
                    for model in models.values()
                    if names is None or model.name in names
                    for score in model.scores
                    if score.benchmark == name and score.metric in ONE_TRY and model.released
                ),
                key=lambda point: (point["released"], point["value"], point["model"], point["setting"]),
            ),
        }
        for name in BENCHMARKS
    ]
