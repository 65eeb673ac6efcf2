"""A damaged file is read or refused in one line, by every decoder; ``make fuzz`` runs longer."""

import random
from pathlib import Path

import pytest

from tests.fuzz.decoders import SEEDS, damaged
from tests.fuzz.run import broken


@pytest.mark.parametrize("kind", SEEDS)
def test_the_seed_itself_is_read(kind: str, tmp_path: Path) -> None:
    name, content, read = SEEDS[kind]
    (tmp_path / name).write_bytes(content)
    assert read(tmp_path / name) is not None


@pytest.mark.parametrize("kind", SEEDS)
def test_a_damaged_file_is_read_or_refused(kind: str, tmp_path: Path) -> None:
    for seed in range(40):
        content = damaged(SEEDS[kind][1], random.Random(f"{kind} {seed}"))
        assert broken(kind, content, tmp_path) is None, (seed, content)
