"""TensorBoard's event files: TFRecord framing with its checksums, and the scalars of the protocol buffers inside.

A record is the length [uint64], its masked CRC-32C, the data and theirs [uint32, little endian]
(tensorflow/core/lib/io/record_writer.h). The data are an ``Event`` (tensorflow/core/util/event.proto): 2 step,
5 summary; ``Summary``: 1 value; ``Value``: 1 tag, 2 simple_value, 8 tensor; ``TensorProto``: 1 dtype, 4 content,
5 float_val, 6 double_val.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

LARGEST_SCALAR = 16384
"""Records above this size [bytes] hold images or histograms and are passed over."""
MASK_DELTA = 0xA282EAD8
FLOAT, DOUBLE = 1, 2
"""``dtype`` of a tensor."""
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""Wire types of protocol buffers."""


def _table() -> tuple[int, ...]:
    entries = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
        entries.append(crc)
    return tuple(entries)


_CRC = _table()


def masked_crc(data: bytes) -> int:
    """CRC-32C (Castagnoli), masked as TFRecord stores it.

    >>> hex(masked_crc(b"123456789"))  # the check value of CRC-32C is e3069283
    '0xc78ab0e5'
    """
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _CRC[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + MASK_DELTA) & 0xFFFFFFFF


class DamagedError(ValueError):
    """An event file that is not what it says."""


def records(data: bytes) -> Iterator[bytes | None]:
    """The records of a file; ``None`` at the end where the last one is only half there.

    Raises ``DamagedError`` where a checksum is wrong, with the byte.
    """
    at = 0
    while at < len(data):
        if len(data) - at < 12:
            yield None
            return
        length, crc = struct.unpack_from("<QI", data, at)
        if masked_crc(data[at : at + 8]) != crc:
            raise DamagedError(f"byte {at}: the checksum of a record's length is wrong")
        begin, end = at + 12, at + 12 + length
        if end + 4 > len(data):
            yield None
            return
        record = data[begin:end]
        if length <= LARGEST_SCALAR:
            if masked_crc(record) != struct.unpack_from("<I", data, end)[0]:
                raise DamagedError(f"byte {begin}: the checksum of a record's data is wrong")
            yield record
        at = end + 4


def scalars(record: bytes) -> list[tuple[str, int, float]]:
    """Tag, step and value of each scalar of one event.

    Raises ``DamagedError`` where the bytes are no protocol buffer.
    """
    step, summaries = 0, []
    for number, wire, value in fields(record):
        if number == 2 and wire == VARINT:
            step = signed(int(value))
        elif number == 5 and isinstance(value, bytes):
            summaries.append(value)
    found = []
    for summary in summaries:
        for number, _, value in fields(summary):
            if number == 1 and isinstance(value, bytes):
                tag, scalar = _value(value)
                if tag is not None and scalar is not None:
                    found.append((tag, step, scalar))
    return found


def _value(data: bytes) -> tuple[str | None, float | None]:
    tag: str | None = None
    scalar: float | None = None
    for number, wire, value in fields(data):
        if number == 1 and isinstance(value, bytes):
            tag = value.decode("utf-8", "replace")
        elif number == 2 and wire == FIXED32:
            scalar = struct.unpack("<f", struct.pack("<I", value))[0]
        elif number == 8 and isinstance(value, bytes):
            scalar = _tensor(value)
    return tag, scalar


def _tensor(data: bytes) -> float | None:
    """The number of a tensor that holds one, of single or double precision."""
    kind, content = 0, b""
    for number, wire, value in fields(data):
        if number == 1 and wire == VARINT:
            kind = int(value)
        elif number in (4, 5, 6):
            content = value if isinstance(value, bytes) else struct.pack("<I" if wire == FIXED32 else "<Q", value)
    if kind == FLOAT and len(content) == 4:
        return float(struct.unpack("<f", content)[0])
    if kind == DOUBLE and len(content) == 8:
        return float(struct.unpack("<d", content)[0])
    return None


def fields(data: bytes) -> Iterator[tuple[int, int, int | bytes]]:
    """Number, wire type and value of each field of a message; numbers of fixed width as their bits.

    Raises ``DamagedError`` where the bytes end inside a field or have an unknown wire type.

    >>> list(fields(bytes([0x10, 0x96, 0x01])))
    [(2, 0, 150)]
    """
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == VARINT:
            value, at = _varint(data, at)
            yield number, wire, value
            continue
        if wire == BYTES:
            size, at = _varint(data, at)
        elif wire in (FIXED32, FIXED64):
            size = 4 if wire == FIXED32 else 8
        else:
            raise DamagedError(f"a field of wire type {wire}, which event files do not have")
        if at + size > len(data):
            raise DamagedError("a field that is longer than its message")
        part = data[at : at + size]
        at += size
        yield number, wire, part if wire == BYTES else int.from_bytes(part, "little")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at
        shift += 7
    raise DamagedError("a number that does not end")


def signed(value: int) -> int:
    """A 64-bit number in two's complement.

    >>> signed(2**64 - 1), signed(7)
    (-1, 7)
    """
    return value - 2**64 if value >= 2**63 else value
