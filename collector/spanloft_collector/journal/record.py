"""Format of a journal record: length, checksum, kind, time of receipt, a little JSON, and the request itself.

A segment is ``MAGIC`` followed by records. A record is ``HEADER`` (payload length, CRC-32 of all that follows the
checksum, metadata length, kind, time of receipt in Unix nanoseconds), then metadata (JSON), then the payload
(protobuf ``Export*ServiceRequest``). Integers are little-endian.
"""

from __future__ import annotations

import json
import struct
import zlib
from enum import IntEnum
from pathlib import Path
from typing import Any, NamedTuple

MAGIC = b"SPLJ0001"
_PREFIX = struct.Struct("<II")
_REST = struct.Struct("<IBQ")
HEADER_BYTES = _PREFIX.size + _REST.size


class Kind(IntEnum):
    """What a record holds."""

    TRACES = 1
    LOGS = 2
    METRICS = 3
    HEALTH = 4
    """Counts of what a receiver did not pass on; its metadata is the record."""


class Position(NamedTuple):
    """A place in the journal: segment number and byte offset in it. Positions compare in journal order."""

    segment: int
    offset: int


class Record(NamedTuple):
    """One accepted request. ``end`` is the position behind it, from which reading goes on."""

    kind: Kind
    received_ns: int
    metadata: dict[str, Any]
    payload: bytes
    end: Position


def encode(kind: Kind, received_ns: int, metadata: dict[str, Any], payload: bytes) -> list[bytes]:
    """Encode a record as buffers for one gathered write."""
    meta = json.dumps(metadata, separators=(",", ":")).encode() if metadata else b""
    rest = _REST.pack(len(meta), kind, received_ns)
    checksum = zlib.crc32(payload, zlib.crc32(meta, zlib.crc32(rest)))
    return [_PREFIX.pack(len(payload), checksum), rest, meta, payload]


def decode(data: memoryview, offset: int, segment: int) -> Record | None:
    """Decode the record at ``offset``; None when it is incomplete or its checksum is wrong."""
    if len(data) - offset < HEADER_BYTES:
        return None
    payload_length, checksum = _PREFIX.unpack_from(data, offset)
    body = offset + _PREFIX.size
    meta_length, kind, received_ns = _REST.unpack_from(data, body)
    end = body + _REST.size + meta_length + payload_length
    if end > len(data) or zlib.crc32(data[body:end]) != checksum:
        return None
    meta_at = body + _REST.size
    metadata = json.loads(bytes(data[meta_at : meta_at + meta_length])) if meta_length else {}
    return Record(Kind(kind), received_ns, metadata, bytes(data[meta_at + meta_length : end]), Position(segment, end))


def size_of(data: memoryview, offset: int) -> int | None:
    """Bytes that the record at ``offset`` takes by its own word; None when not even its header is there."""
    if len(data) - offset < HEADER_BYTES:
        return None
    payload_length, _ = _PREFIX.unpack_from(data, offset)
    meta_length, _, _ = _REST.unpack_from(data, offset + _PREFIX.size)
    return HEADER_BYTES + int(meta_length) + int(payload_length)


def segment_path(directory: Path, number: int) -> Path:
    """Path of segment ``number``."""
    return directory / f"{number:012d}.log"


def segment_numbers(directory: Path) -> list[int]:
    """Numbers of the segments on disk, ascending."""
    return sorted(int(path.stem) for path in directory.glob("*.log") if path.stem.isdigit())
