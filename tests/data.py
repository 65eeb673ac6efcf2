"""Public run data that tests compare with; it is not part of the repository.

``LEHR_DATA`` names the folder that holds it (by default ``../shared/data`` beside the checkout); a test
that needs a file which is not there skips and says so. The test that reads a set says whose it is.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

DATA = Path(os.environ.get("LEHR_DATA", Path(__file__).parents[2] / "shared" / "data"))


def data_file(name: str) -> Path:
    """The path of ``name`` in the data folder; skips the test where it is absent."""
    path = DATA / name
    if not path.exists():
        pytest.skip(f"no {name} under {DATA}; set LEHR_DATA to the folder that holds the public run data")
    return path
