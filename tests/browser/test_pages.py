"""The other pages that ``lehr`` writes, in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.chromium import Browser


@pytest.mark.parametrize("width", [400, 1280])
def test_a_report_opens_without_a_complaint(browser: Browser, pages: Path, width: int) -> None:
    path = pages / "santacoder" / "report.html"
    browser.open(path.as_uri(), width=width)
    assert browser.complaints() == []
    assert browser.requested() == [path.as_uri()]
    assert "santacoder" in browser.run("document.querySelector('h1').textContent").lower()
    assert browser.run("document.documentElement.scrollWidth") == width


def test_a_sweep_opens_and_sorts_without_a_complaint(browser: Browser, pages: Path) -> None:
    (path,) = (pages / "multirun").glob("*/sweep.html")
    browser.open(path.as_uri())
    assert browser.requested() == [path.as_uri()]
    cells = (
        "[...document.querySelectorAll('table.sortable tbody tr')].map(row => row.cells[{}].dataset.key).map(Number)"
    )
    headings = browser.run("[...document.querySelectorAll('table.sortable thead button')].map(b => b.textContent)")
    column = headings.index("cost")
    for sign in (1, -1):
        browser.run(f"document.querySelectorAll('table.sortable thead button')[{column}].click()")
        keys = browser.run(cells.format(column))
        assert len(keys) == 4
        assert keys == sorted(keys, key=lambda key: sign * key)
    assert browser.complaints() == []
