"""What a rehearsal tunes for: closing the brackets of a line of code, which a few lines of program verify.

A prompt is a line of the corpus without the brackets that end it, the answer is those brackets. The reward of
an answer is 1 where it closes what the prompt opened, in order, and nothing else; 0 otherwise.
"""

from __future__ import annotations

import re

import msgspec
import numpy as np

from lehr.recipes.errors import LehrError
from lehr.recipes.rehearsing.corpus import ANSWER, END_OF_ANSWER, Bytes, Corpus

CLOSES = {ord("("): ord(")"), ord("["): ord("]"), ord("{"): ord("}")}
ENDS = re.compile(rb"^(.*[^\s)\]}])([)\]}]{2,5})$")
LEAST_LINES = 200
MOST_TOKENS = 6
"""Of an answer, its end among them [tokens]."""


class Tasks(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Prompts with their answers, to train on and held out."""

    train: list[tuple[bytes, bytes]]
    held_out: list[tuple[bytes, bytes]]


def closing(prompt: bytes) -> bytes | None:
    """The brackets that close ``prompt``; ``None`` where it closes what it did not open.

    >>> closing(b"print(x[f(1"), closing(b"a)")
    (b')])', None)
    """
    wanted: list[int] = []
    for letter in prompt:
        if letter in CLOSES:
            wanted.append(CLOSES[letter])
        elif letter in CLOSES.values() and (not wanted or wanted.pop() != letter):
            return None
    return bytes(reversed(wanted))


def reward(prompt: bytes, answer: bytes) -> float:
    """1 where ``answer`` closes ``prompt`` exactly and then ends.

    >>> reward(b"print(x[1", b"])\\xfa"), reward(b"print(x[1", b"])"), reward(b"print(x[1", b")]\\xfa")
    (1.0, 0.0, 0.0)
    """
    right = closing(prompt)
    return float(right is not None and answer == right + bytes([END_OF_ANSWER]))


def tasks_of(corpus: Corpus, length: int) -> Tasks:
    """The lines of both sides of the corpus whose last brackets close what they opened, each line once.

    Raises ``LehrError`` where there are too few.
    """
    train = _lines(corpus.train, length)
    known = {prompt for prompt, _ in train}
    held_out = [pair for pair in _lines(corpus.held_out, length) if pair[0] not in known]
    if len(train) < LEAST_LINES or len(held_out) < LEAST_LINES // 4:
        raise LehrError(
            f"corpus: {len(train)} lines of {corpus.name} end in brackets that they opened, too few to tune on; write "
            "a folder of code, or stages=[...] without tuning"
        )
    return Tasks(train=train, held_out=held_out)


def _lines(source: Bytes, length: int) -> list[tuple[bytes, bytes]]:
    found: dict[bytes, bytes] = {}
    for line in source.tobytes().split(b"\n"):
        match = ENDS.match(line.strip())
        if match and len(line) <= length // 2 and closing(match[1]) == match[2]:
            found[match[1]] = match[2]
    return list(found.items())


def packed(pairs: list[tuple[bytes, bytes]], n: int, length: int, random: np.random.Generator) -> tuple[Bytes, Bytes]:
    """``n`` rows of examples one after another, shape (n, length + 1), and which of them are answers."""
    rows, counted = np.zeros((n, length + 1), np.uint8), np.zeros((n, length + 1), np.uint8)
    for i in range(n):
        at = 0
        while at <= length:
            prompt, answer = pairs[int(random.integers(len(pairs)))]
            text = prompt + bytes([ANSWER]) + answer + bytes([END_OF_ANSWER])
            marks = bytes(len(prompt) + 1) + b"\1" * (len(answer) + 1)
            room = length + 1 - at
            rows[i, at : at + len(text)] = np.frombuffer(text[:room], np.uint8)
            counted[i, at : at + len(text)] = np.frombuffer(marks[:room], np.uint8)
            at += len(text)
    return rows, counted


def spoiled(prompt: bytes, answer: bytes, random: np.random.Generator) -> bytes:
    """A wrong answer beside a right one: one bracket is missing, or another.

    >>> from lehr.recipes.rehearsing.corpus import generator
    >>> spoiled(b"f(g[1", b"])", generator(1)) != b"])"
    True
    """
    at = int(random.integers(len(answer)))
    if random.random() < 0.5:
        return answer[:at] + answer[at + 1 :]
    others = [c for c in CLOSES.values() if c != answer[at]]
    return answer[:at] + bytes([others[int(random.integers(len(others)))]]) + answer[at + 1 :]


def padded(texts: list[bytes], length: int) -> Bytes:
    """Texts as rows of ``length`` bytes, with ends of text behind; shape (n, length)."""
    return np.stack([np.frombuffer(text.ljust(length, b"\xf8"), np.uint8) for text in texts])
