"""The page of a report stands alone, is well formed, and can be read by everyone."""

import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from tests.recipes.report_case import rendered
from tests.recipes.report_page import FIGURES, page_of

ROOT = Path(__file__).parents[2]


@pytest.fixture
def files() -> dict[str, bytes]:
    return rendered()


def test_the_page_needs_nothing_from_elsewhere(files: dict[str, bytes]) -> None:
    page = page_of(files)
    assert not page.all("script") + page.all("link") + page.all("img") + page.all("iframe")
    assert not re.search(rb"@import|url\((?!#)", files["report.html"])
    links = [str(a["href"]) for a in page.all("a")]
    elsewhere = {link for link in links if not link.startswith(("#", "https://example.org/"))}
    assert elsewhere == {"report.md", "projection.json", "recipe.yaml"}


def test_the_page_is_well_formed_and_its_anchors_resolve(files: dict[str, bytes]) -> None:
    page = page_of(files)
    assert page.unbalanced == []
    names = Counter(str(a["id"]) for _, a in page.tags if "id" in a)
    assert [name for name, n in names.items() if n > 1] == []
    wanted = {str(a[key])[1:] for _, a in page.tags for key in ("href",) if str(a.get(key, "")).startswith("#")}
    wanted |= set(re.findall(r"url\(#([^)]+)\)", files["report.html"].decode()))
    wanted |= {name for _, a in page.tags if "aria-labelledby" in a for name in str(a["aria-labelledby"]).split()}
    assert wanted - set(names) == set()


def test_the_page_can_be_read_without_seeing_it(files: dict[str, bytes]) -> None:
    page = page_of(files)
    assert page.all("html")[0]["lang"] == "en"
    assert all("scope" in a for a in page.all("th"))
    assert len(page.all("caption")) == len(page.all("table")) > 0
    assert [a["role"] for a in page.all("svg")] == ["img"] * len(FIGURES)
    assert all(len(str(a["aria-label"])) > 40 for a in page.all("svg"))
    assert len(page.all("figcaption")) == len(page.all("figure")) == len(FIGURES)
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_figures_take_their_colours_from_the_page(files: dict[str, bytes]) -> None:
    inline = re.findall(r"<svg.*?</svg>", files["report.html"].decode(), re.DOTALL)
    assert len(inline) == len(FIGURES)
    for svg in inline:
        assert re.findall(r"(?:fill|stroke|color): ?#\w+", svg) == []
        assert "var(--ink)" in svg
        assert "DejaVu" not in svg
        # a style sheet in a figure would hold for the whole page
        assert "<style" not in svg


def colours(css: str) -> dict[str, str]:
    return dict(re.findall(r"(--[\w-]+): (#[0-9a-f]{6});", css))


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.1)."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("side", ["light", "dark", "print"])
def test_every_text_has_the_contrast_that_wcag_aa_asks(side: str) -> None:
    css = (ROOT / "recipes/presenting/templates/report.css").read_text()
    blocks = re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    assert len(blocks) == 3
    palette = colours(blocks[("light", "dark", "print").index(side)])
    pairs = [
        (name, "--paper") for name in ("--ink", "--muted", "--link", "--projected", "--derived", "--assumed", "--set")
    ]
    pairs += [(name, "--surface") for name in ("--ink", "--muted", "--assumed")]
    pairs += [("--good", "--good-paper"), ("--caution", "--caution-paper"), ("--bad", "--bad-paper")]
    series = [name for name in palette if name.startswith("--series")]
    # labels stand in the colour of their series, and in a pale colour upon it
    pairs += [(name, "--paper") for name in series] + [("--on-fill", name) for name in series]
    assert len(series) == 8
    # 4.5 to 1 is the level AA for text of ordinary size (WCAG 2.1, 1.4.3)
    contrasts = {pair: round(contrast(palette[pair[0]], palette[pair[1]]), 2) for pair in pairs}
    assert {pair: value for pair, value in contrasts.items() if value < 4.5} == {}
