"""axe-core finds nothing serious on any page; explorer and report are seen narrow and dark too.

``LEHR_AXE`` names its ``axe.min.js`` (``npm pack axe-core``); without it these tests skip.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.browser.chromium import Browser
from tests.browser.conftest import PAGES

AXE = os.environ.get("LEHR_AXE")
FOUND = """axe.run(document, {resultTypes: ['violations']}).then(found => found.violations
  .filter(one => ['serious', 'critical'].includes(one.impact))
  .map(one => `${one.id}: ${one.nodes.map(node => node.target.join(' ')).join(', ')}`))"""


@pytest.mark.slow
@pytest.mark.skipif(AXE is None, reason="LEHR_AXE names no axe.min.js")
@pytest.mark.parametrize(
    ("page", "width", "dark"),
    [*((page, 1280, False) for page in PAGES), *((page, 390, True) for page in list(PAGES)[:2])],
)
def test_nothing_serious_is_found(browser: Browser, pages: Path, page: str, width: int, dark: bool) -> None:
    (path,) = pages.glob(page)
    browser.open(path.as_uri(), width=width, dark=dark)
    browser.run(f"{Path(str(AXE)).read_text()};0")
    assert browser.run(FOUND) == []
