"""Examples of hypothesis are the same in every run; HYPOTHESIS_PROFILE=search looks for new ones."""

import os

import pytest
from hypothesis import settings

settings.register_profile("same", derandomize=True)
settings.register_profile("search", max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

LONG_EXAMPLES = {"explore", "design", "reference", "export_data"}
"""Functions of the library whose example takes over a second: the whole catalogue, or many fits."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        module, _, function = item.name.rpartition(".")
        if module.startswith("lehr.recipes.library.") and function in LONG_EXAMPLES:
            item.add_marker(pytest.mark.slow)
