"""Cuts a response that arrives in pieces into its events: server-sent events, JSON lines, AWS event streams."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator
from typing import Any, Protocol

Event = dict[str, Any]
LONGEST_EVENT = 4 * 1024 * 1024
"""Bytes of one event; a stream with a longer one is no longer read."""


class Splitter(Protocol):
    """Takes bytes as they come and gives the events that are complete; what is no JSON object is left out."""

    def feed(self, data: bytes) -> Iterator[Event]:
        """The events that ``data`` completes."""


class LineSplitter:
    """Server-sent events, of which only ``data`` matters, and JSON lines."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[Event]:
        """The events that ``data`` completes; an empty ``data`` is the end."""
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop() if data else b""
        if len(self._rest) > LONGEST_EVENT:
            self._rest = b""
        for line in lines:
            line = line.strip()
            if line.startswith(b"data:"):
                line = line[5:].lstrip()
            if line.startswith(b"{"):
                yield from _json(line)


class EventStreamSplitter:
    """Amazon's binary event stream: lengths, headers, payload, checksums (which are left to the app)."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[Event]:
        """The events that ``data`` completes, each with its ``:event-type`` (or ``:exception-type``)."""
        self._rest += data
        while len(self._rest) >= 12:
            length, headers = struct.unpack_from(">II", self._rest)
            if not 16 <= length <= LONGEST_EVENT or headers > length - 16:
                self._rest = b""
                return
            if len(self._rest) < length:
                return
            frame, self._rest = self._rest[:length], self._rest[length:]
            kind = _event_type(frame[12 : 12 + headers])
            for event in _json(frame[12 + headers : length - 4]):
                yield {**event, ":event-type": kind}


def splitter_for(content_type: str) -> Splitter | None:
    """The splitter of a content type, ``None`` for one that comes as a whole."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind in ("text/event-stream", "application/x-ndjson", "application/jsonl", "application/json-lines"):
        return LineSplitter()
    return EventStreamSplitter() if kind == "application/vnd.amazon.eventstream" else None


class Inflater:
    """Undoes a content coding that our copy of the bytes still has: gzip and deflate here, others if it is told how.

    Clients differ in whether what we see is decoded already; the first bytes tell.
    """

    def __init__(self, coding: str) -> None:
        self._coding = coding.strip().lower()
        self._decoder: Any = None
        self._asked = False

    def feed(self, data: bytes) -> bytes:
        """Decoded bytes; those of an unknown coding come out as they are."""
        if not self._asked and data:
            self._asked = True
            if data[:2] == b"\x1f\x8b":
                self._decoder = zlib.decompressobj(zlib.MAX_WBITS | 16)
            elif self._coding == "deflate" and data[:1] == b"\x78":
                self._decoder = zlib.decompressobj()
        if self._decoder is None:
            return data
        try:
            return bytes(self._decoder.decompress(data, LONGEST_EVENT * 4))
        except zlib.error:
            return b""


def _json(line: bytes) -> Iterator[Event]:
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return
    if isinstance(event, dict):
        yield event


def _event_type(headers: bytes) -> str | None:
    """The ``:event-type`` among the headers: name (length, text), type 7, value (length, text)."""
    at = 0
    while at < len(headers):
        size = headers[at]
        name = headers[at + 1 : at + 1 + size]
        at += 1 + size
        if at + 3 > len(headers) or headers[at] != 7:
            return None
        (length,) = struct.unpack_from(">H", headers, at + 1)
        value = headers[at + 3 : at + 3 + length]
        at += 3 + length
        if name in (b":event-type", b":exception-type"):
            return value.decode("utf-8", "replace")
    return None
