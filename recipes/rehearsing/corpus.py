"""What a rehearsal reads: the standard library's source, or a folder of the person's, as bytes.

Whole files are held out, by a digest of what they hold, and of those only the ones that share no passage with a file
that is trained on.
"""

from __future__ import annotations

import hashlib
import sysconfig
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from lehr.recipes.errors import LehrError

END_OF_TEXT, ANSWER, END_OF_ANSWER, PREFIX, SUFFIX, MIDDLE = 0xF8, 0xF9, 0xFA, 0xFB, 0xFC, 0xFD
"""Bytes that no UTF-8 text holds."""
HELD_OUT = 20
"""One file of so many is held out."""
PASSAGE = 5
"""Lines in a row, of ``LETTERS`` characters together or more, that two files share if they are copies in part."""
LETTERS = 120
MOST_BYTES = 64_000_000
"""Of a corpus, the rest is left out [byte]."""
MOST_OF_A_FILE = 1_000_000
LEAST_BYTES = 100_000
"""Of what is trained on; less is no corpus [byte]."""
LEAST_HELD_OUT = 10_000

Bytes = NDArray[np.uint8]


class Corpus(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Bytes to train on and bytes held out, each file ended by ``END_OF_TEXT``; ``digest`` tells it from others."""

    name: str
    train: Bytes
    held_out: Bytes
    n_files: int
    n_held_out: int
    n_left_out: int
    digest: str


@cache
def read_corpus(folder: str | None) -> Corpus:
    """The standard library's source, or the text files of ``folder``, read once for all rehearsals of a process.

    Raises ``LehrError`` where there is too little to train on.
    """
    if folder is None:
        root = Path(sysconfig.get_path("stdlib"))
        name = "the standard library's source"
    else:
        root, name = Path(folder), folder
        if not root.is_dir():
            raise LehrError(f"corpus: there is no folder {folder}; write one that holds text, or leave it out")
    return split(name, list(_texts(root, python_only=folder is None)))


def _texts(root: Path, *, python_only: bool) -> Iterator[bytes]:
    """The files that are text, in the order of their names; nothing below a hidden folder or an installed package."""
    taken = 0
    for path in sorted(root.rglob("*.py" if python_only else "*")):
        parts = path.relative_to(root).parts
        if any(p.startswith((".", "__pycache__")) or p in ("site-packages", "dist-packages") for p in parts):
            continue
        try:
            if not path.is_file() or path.stat().st_size > MOST_OF_A_FILE:
                continue
            content = path.read_bytes()
            content.decode("utf-8")
        except (OSError, UnicodeDecodeError):
            # what cannot be read, and what is no text, is no part of a corpus of text
            continue
        if b"\0" in content:
            continue
        taken += len(content)
        if taken > MOST_BYTES:
            return
        yield content.replace(b"\r\n", b"\n")


def split(name: str, texts: list[bytes]) -> Corpus:
    """``texts`` as a corpus: copies once, and what is held out without a passage of the rest.

    Raises ``LehrError`` where one side is too small.
    """
    digests = {hashlib.sha256(text).digest(): text for text in texts if text.strip()}
    aside = {key for key in digests if int.from_bytes(key[:4], "big") % HELD_OUT == 0}
    train = [text for key, text in digests.items() if key not in aside]
    seen = {passage for text in train for passage in passages(text)}
    kept = [digests[key] for key in digests if key in aside]
    clean = [text for text in kept if not any(passage in seen for passage in passages(text))]
    joined, out = _joined(train), _joined(clean)
    if len(joined) < LEAST_BYTES or len(out) < LEAST_HELD_OUT:
        raise LehrError(
            f"corpus: {name} holds {len(joined):,} bytes of text to train on and {len(out):,} apart from them; "
            f"{LEAST_BYTES:,} and {LEAST_HELD_OUT:,} are the least, so write a larger folder, or leave it out"
        )
    return Corpus(
        name=name, train=joined, held_out=out, n_files=len(train), n_held_out=len(clean),
        n_left_out=len(kept) - len(clean), digest=hashlib.sha256(joined.tobytes() + out.tobytes()).hexdigest()[:16],
    )  # fmt: skip


def passages(text: bytes) -> Iterator[int]:
    """A number for each ``PASSAGE`` lines in a row that say something.

    >>> len(list(passages(b"a long enough line of text, number one\\n" * 6)))
    2
    """
    lines = [line.strip() for line in text.split(b"\n")]
    lines = [line for line in lines if line]
    for i in range(len(lines) - PASSAGE + 1):
        passage = b"\n".join(lines[i : i + PASSAGE])
        if len(passage) >= LETTERS:
            yield int.from_bytes(hashlib.blake2b(passage, digest_size=8).digest(), "big")


def _joined(texts: list[bytes]) -> Bytes:
    return np.frombuffer(b"".join(text + bytes([END_OF_TEXT]) for text in texts), dtype=np.uint8)


def generator(seed: int, *place: int) -> np.random.Generator:
    """Random numbers of one place in a rehearsal, whatever was drawn before.

    >>> int(generator(1, 2, 3).integers(1000)) == int(generator(1, 2, 3).integers(1000))
    True
    """
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, *place])))


def windows(source: Bytes, n: int, length: int, random: np.random.Generator) -> Bytes:
    """``n`` pieces of ``length`` + 1 bytes from random places, shape (n, length + 1)."""
    if len(source) <= length + 1:
        raise LehrError(f"corpus: {len(source):,} bytes are shorter than a text of {length + 1}; write a larger corpus")
    starts = random.integers(0, len(source) - length - 1, size=n)
    return np.stack([source[s : s + length + 1] for s in starts])


def even_windows(source: Bytes, n: int, length: int) -> Bytes:
    """The same from places that lie evenly apart, so that every measurement is of the same bytes."""
    starts = np.linspace(0, len(source) - length - 1, n).astype(int)
    return np.stack([source[s : s + length + 1] for s in starts])


def infilled(pieces: Bytes, rate: float, random: np.random.Generator) -> Bytes:
    """A share of the pieces cut in three, the middle last behind marks (Bavarian et al., arXiv:2207.14255, PSM)."""
    made = pieces.copy()
    for i in np.flatnonzero(random.random(len(pieces)) < rate):
        text = pieces[i][:-3]
        one, two = sorted(random.integers(0, len(text) + 1, size=2))
        made[i] = np.concatenate([[PREFIX], text[:one], [SUFFIX], text[two:], [MIDDLE], text[one:two]])
    return made
