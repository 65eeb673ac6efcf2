"""A damaged file is read or refused in one line, by every decoder, and so is a strange command; ``make fuzz`` runs
longer."""

import random
from pathlib import Path

import pytest

from tests.commands import inputs
from tests.fuzz.commands import broken_by, command_line
from tests.fuzz.decoders import SEEDS, damaged
from tests.fuzz.run import broken


@pytest.mark.parametrize("kind", SEEDS)
def test_the_seed_itself_is_read(kind: str, tmp_path: Path) -> None:
    name, content, read = SEEDS[kind]
    (tmp_path / name).write_bytes(content)
    assert read(tmp_path / name) is not None


@pytest.mark.slow
@pytest.mark.parametrize("kind", SEEDS)
def test_a_damaged_file_is_read_or_refused(kind: str, tmp_path: Path) -> None:
    for seed in range(40):
        content = damaged(SEEDS[kind][1], random.Random(f"{kind} {seed}"))
        assert broken(kind, content, tmp_path) is None, (seed, content)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(5))
def test_a_strange_command_is_answered_or_refused(part: int, tmp_path: Path) -> None:
    inputs(tmp_path)
    for seed in range(20 * part, 20 * part + 20):
        words = command_line(random.Random(f"command {seed}"))
        assert broken_by(words, tmp_path) is None, (seed, words)
