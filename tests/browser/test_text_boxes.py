"""On every page, wide, dark, printed and narrow: no text on another, on data or cut off, and none hard to read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.browser.chromium import Browser
from tests.browser.conftest import PAGES, PICTURES

LOOK = (Path(__file__).parent / "text_boxes.js").read_text()
SHEET = 1054
"""Of A4 on its side, less its margins: 279 mm at 96 dots an inch [px]."""
WAYS: dict[str, dict[str, Any]] = {
    "light": {"width": 1280},
    "dark": {"width": 1280, "dark": True},
    "print": {"width": SHEET},
    "narrow": {"width": 390, "dark": True},
}


def look(browser: Browser, url: str, way: str) -> list[str]:
    """What is wrong with the text of a page, and what its console says."""
    browser.open(url, **WAYS[way])
    if way == "print":
        browser.call("Emulation.setEmulatedMedia", media="print")
    try:
        found: list[str] = browser.run(LOOK)
        return found + browser.complaints()
    finally:
        browser.call("Emulation.setEmulatedMedia", media="")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("page", PAGES)
def test_all_of_the_text_can_be_read(browser: Browser, pages: Path, page: str, way: str) -> None:
    (path,) = pages.glob(page)
    assert look(browser, path.as_uri(), way) == []


@pytest.mark.parametrize("picture", PICTURES)
def test_all_of_a_pictures_text_can_be_read(browser: Browser, pages: Path, tmp_path: Path, picture: str) -> None:
    shown = tmp_path / "page.html"
    shown.write_text(
        f"<!DOCTYPE html><title>.</title><body style='margin: 0; background: #fff'>{(pages / picture).read_text()}"
    )
    assert look(browser, shown.as_uri(), "light") == []


LINE = "<path d='M0 30H300' style='fill: none; stroke: var(--series-1)'/>"
DOT = "<defs><path id='dot' d='M-3 0A3 3 0 1 0 3 0A3 3 0 1 0 -3 0'/></defs>"
FAULTS = {
    "a word on another": "<p>first</p><p style='margin-top: -2.2em'>second</p>",
    "a word that is cut off": "<div style='width: 4em; overflow: hidden; white-space: nowrap'>a line of words</div>",
    "a word outside the window": "<p style='position: absolute; left: 1270px'>words</p>",
    "a word on a line of data": f"<svg width='300' height='60'>{LINE}<text x='20' y='34'>words</text></svg>",
    "a word on a point": f"<svg width='300' height='60'>{DOT}<use href='#dot' x='40' y='30' "
    "style='fill: var(--series-1)'/><text x='20' y='34'>words</text></svg>",
    "a picture's word that is cut off": "<svg width='60' height='60'><text x='20' y='34'>words that go on</text></svg>",
    "a pale word": "<p style='color: #aaa'>words</p>",
    "a picture's pale word": "<svg width='300' height='60'><text x='20' y='34' fill='#bbb'>words</text></svg>",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_looks_sees_a_fault(browser: Browser, tmp_path: Path, fault: str) -> None:
    page = tmp_path / "page.html"
    style = "<style>:root {--series-1: #0067a5} body {background: #fff; color: #111}</style>"
    page.write_text(
        f"<!DOCTYPE html><html lang='en'><title>.</title>{style}<body><p>words that stand alone</p>{FAULTS[fault]}"
    )
    assert len(look(browser, page.as_uri(), "light")) == 1
