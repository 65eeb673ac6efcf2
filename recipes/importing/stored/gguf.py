"""The header of a GGUF file: metadata, which is passed over, and what each tensor is; no data is read.

Format: https://github.com/ggml-org/ggml, docs/gguf.md, versions 2 and 3. Every length in it is checked against what is
left of the file and against the bounds below before anything is read by it.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from lehr.recipes.errors import LehrError
from lehr.recipes.importing.stored.inventory import MOST_TENSORS, Inventory, Tensor, checked_shape, size_of

MOST_BYTES = 2**27
"""Of metadata and descriptions [bytes]; a tokenizer of 256,000 words has a tenth of it."""

MOST_ITEMS = 4_000_000
"""Values of the metadata, those in lists counted each."""

MOST_NAME = 2**16
DEEPEST = 4
MOST_AXES = 4

SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
"""Bytes of a metadata value by its type; 8 is a string, 9 a list."""

STRING, LIST = 8, 9

TYPES = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 6: "Q5_0", 7: "Q5_1", 8: "Q8_0", 9: "Q8_1", 10: "Q2_K", 11: "Q3_K",
    12: "Q4_K", 13: "Q5_K", 14: "Q6_K", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S",
    20: "IQ4_NL", 21: "IQ3_S", 22: "IQ2_S", 23: "IQ4_XS", 24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64",
    29: "IQ1_M", 30: "BF16", 34: "TQ1_0", 35: "TQ2_0", 39: "MXFP4",
}  # fmt: skip
"""Types of tensors by number (ggml.h); the number of values does not depend on it."""


class Reader:
    """The file from its beginning on, never past its end nor past ``MOST_BYTES``."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.file, self.left, self.items = file, min(size, MOST_BYTES), 0
        self.cut = size > MOST_BYTES

    def take(self, n: int) -> bytes:
        """The next ``n`` bytes. Raises ``ValueError`` where they are not there."""
        if n > self.left:
            raise ValueError(f"{n:,} bytes are due and {self.left:,} left" + " of those that are read" * self.cut)
        self.left -= n
        found = self.file.read(n)
        if len(found) != n:
            raise ValueError("the file ends before its header does")
        return found

    def skip(self, n: int) -> None:
        """Pass over ``n`` bytes."""
        if n > self.left:
            raise ValueError(f"{n:,} bytes are due and {self.left:,} left" + " of those that are read" * self.cut)
        self.left -= n
        self.file.seek(n, 1)

    def u32(self) -> int:
        """A whole number of four bytes."""
        found: int = struct.unpack("<I", self.take(4))[0]
        return found

    def u64(self) -> int:
        """A whole number of eight bytes."""
        found: int = struct.unpack("<Q", self.take(8))[0]
        return found

    def name(self) -> str:
        """A string that is short."""
        length = self.u64()
        if length > MOST_NAME:
            raise ValueError(f"a name of {length:,} bytes")
        return self.take(length).decode("utf-8", errors="replace")

    def pass_over(self, kind: int, depth: int = 0) -> None:
        """One value of the metadata."""
        self.count(1)
        if kind in SIZES:
            self.skip(SIZES[kind])
        elif kind == STRING:
            self.skip(self.u64())
        elif kind == LIST and depth < DEEPEST:
            inner, n = self.u32(), self.u64()
            if inner in SIZES:
                self.skip(SIZES[inner] * n)
                return
            # each takes eight bytes at least
            if 8 * n > self.left:
                raise ValueError(f"a list of {n:,} values in {self.left:,} bytes")
            for _ in range(n):
                self.pass_over(inner, depth + 1)
        else:
            raise ValueError(f"a value of type {kind}" + f", {depth} lists deep" * (depth > 0))

    def count(self, n: int) -> None:
        """Raise ``ValueError`` where there are more values than any model has."""
        self.items += n
        if self.items > MOST_ITEMS:
            raise ValueError(f"more than {MOST_ITEMS:,} values of metadata")


def read_gguf(path: Path) -> Inventory:
    """The tensors of the file. Raises ``LehrError`` where its header is none."""
    try:
        size = size_of(path)
        with path.open("rb") as file:
            return Inventory(tensors=tensors_of(Reader(file, size)), files=[path.name])
    except OSError as error:
        raise LehrError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise LehrError(f"{path}: the header is not one of GGUF ({error})") from error


def tensors_of(reader: Reader) -> list[Tensor]:
    """What the header says of each tensor."""
    if reader.take(4) != b"GGUF":
        raise ValueError("it does not begin with GGUF")
    version = reader.u32()
    if version not in (2, 3):
        raise ValueError(f"version {version}; 2 and 3, in little-endian order, can be read")
    n_tensors, n_keys = reader.u64(), reader.u64()
    # a tensor takes 24 bytes at least, a key 12
    if n_tensors > MOST_TENSORS or 24 * n_tensors + 12 * n_keys > reader.left:
        raise ValueError(f"{n_tensors:,} tensors and {n_keys:,} keys in {reader.left:,} bytes")
    for _ in range(n_keys):
        reader.name()
        reader.pass_over(reader.u32())
    found: dict[str, Tensor] = {}
    for _ in range(n_tensors):
        name, n_axes = reader.name(), reader.u32()
        if n_axes > MOST_AXES:
            raise ValueError(f"a tensor of {n_axes} axes")
        shape = checked_shape(reader.u64() for _ in range(n_axes))
        kind = reader.u32()
        reader.skip(8)
        if name in found:
            raise ValueError(f"tensor {name[:60]!r} stands there twice")
        # the first axis is the one that runs fastest
        found[name] = Tensor(name, shape[::-1], TYPES.get(kind, f"type {kind}"))
    return list(found.values())
