"""The browser, and the pages that it opens, as ``lehr`` writes them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lehr.recipes.cli import dispatch
from tests.browser.chromium import Browser, find


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = find()
    if program is None:
        pytest.skip("no chromium is installed; LEHR_CHROMIUM names its program")
    with Browser(program, tmp_path_factory.mktemp("profile")) as running:
        yield running


@pytest.fixture(scope="session")
def pages(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the explorer, a report and a sweep; asked for after the browser, since it takes seconds."""
    folder, before = tmp_path_factory.mktemp("pages"), Path.cwd()
    os.chdir(folder)
    try:
        assert dispatch(["explore"]) == 0
        assert dispatch(["report", "model=santacoder"]) == 0
        assert dispatch(["report", "-m", "model=santacoder,starcoder", "mfu=0.3,0.4"]) == 0
    finally:
        os.chdir(before)
    return folder / "outputs"
