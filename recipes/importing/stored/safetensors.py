"""The header of a safetensors file: 8 bytes of its length, then JSON, then the data, of which nothing is read.

Format: https://github.com/huggingface/safetensors, README, "Format". A header that is longer than ``MOST_BYTES``, whose
tensors do not tile the data, or that is no JSON of the form, is an error; nothing else of the file is touched.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from lehr.recipes.errors import LehrError
from lehr.recipes.importing.stored.inventory import MOST_TENSORS, Inventory, Tensor, checked_shape, size_of

MOST_BYTES = 2**25
"""Of a header [bytes]; a file of 200,000 tensors has half of it."""

BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
    "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32,
    "C64": 64, "I64": 64, "U64": 64, "F64": 64,
}  # fmt: skip
"""Bits of a value of each type that the format has."""


class Described(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a header says of one tensor."""

    dtype: str
    shape: list[int]
    data_offsets: tuple[int, int]


def read_safetensors(path: Path) -> Inventory:
    """The tensors of the file. Raises ``LehrError`` where its header is none."""
    try:
        whole = size_of(path)
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if whole < 8 or length > whole - 8:
                raise LehrError(f"{path}: is no safetensors file: {whole:,} bytes, a header of {length:,}")
            if length > MOST_BYTES:
                raise LehrError(f"{path}: a header of {length:,} bytes; {MOST_BYTES:,} at most are read")
            header = file.read(length)
    except OSError as error:
        raise LehrError(f"{path}: cannot be read ({error.strerror})") from error
    try:
        raw = msgspec.json.decode(header, type=dict[str, msgspec.Raw])
        raw.pop("__metadata__", None)
        if len(raw) > MOST_TENSORS:
            raise ValueError(f"{len(raw):,} tensors")
        described = {name: msgspec.json.decode(value, type=Described) for name, value in raw.items()}
        tensors = [Tensor(name, checked_shape(d.shape), known(d.dtype)) for name, d in described.items()]
        end = tiled(described, tensors)
    except (ValueError, RecursionError) as error:
        raise LehrError(f"{path}: the header is not one of safetensors ({error})") from error
    there = whole - 8 - length
    if there > end:
        raise LehrError(f"{path}: {there - end:,} bytes behind the last tensor")
    short = [f"{path.name} is cut short: {there:,} of {end:,} bytes of data are there"] if there < end else []
    return Inventory(tensors=tensors, files=[path.name], notes=short)


def known(dtype: str) -> str:
    """``dtype`` where the format has it. Raises ``ValueError``."""
    if dtype not in BITS:
        raise ValueError(f"a dtype {dtype[:20]!r}")
    return dtype


def tiled(described: dict[str, Described], tensors: list[Tensor]) -> int:
    """Where the data ends. Raises ``ValueError`` where tensors overlap, leave holes or have another size than said."""
    at = 0
    for tensor in sorted(tensors, key=lambda one: described[one.name].data_offsets):
        start, end = described[tensor.name].data_offsets
        bits = tensor.size * BITS[tensor.dtype]
        if start != at or end < start or 8 * (end - start) != bits + -bits % 8:
            raise ValueError(
                f"tensor {tensor.name[:60]!r} lies at {start}:{end}, where {at} and {bits // 8} bytes are due"
            )
        at = end
    return at
