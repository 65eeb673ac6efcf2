"""TensorBoard event files written from their description, apart from the code that reads them."""

from __future__ import annotations

import struct
from collections.abc import Iterable


def crc32c(data: bytes) -> int:
    """CRC-32C bit by bit, from its polynomial."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(data: bytes) -> bytes:
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def varint(value: int) -> bytes:
    value &= 2**64 - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def scalar_value(tag: str, value: float, *, tensor: bool) -> bytes:
    if tensor:
        return field(1, tag.encode()) + field(8, b"\x08\x01" + field(4, struct.pack("<f", value)))
    return field(1, tag.encode()) + b"\x15" + struct.pack("<f", value)


def event(step: int, values: Iterable[tuple[str, float]], *, tensor: bool = False) -> bytes:
    summary = b"".join(field(1, scalar_value(tag, value, tensor=tensor)) for tag, value in values)
    return b"\x09" + struct.pack("<d", 1.7e9) + b"\x10" + varint(step) + field(5, summary)


def framed(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    return length + masked(length) + data + masked(data)


def event_file(rows: Iterable[tuple[int, dict[str, float]]], *, tensor: bool = False) -> bytes:
    """A file version, then an event for each row."""
    version = b"\x09" + struct.pack("<d", 1.7e9) + field(3, b"brain.Event:2")
    return framed(version) + b"".join(framed(event(step, values.items(), tensor=tensor)) for step, values in rows)
