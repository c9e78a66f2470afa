"""What a provider's handler is given and what it may answer: transport-free, so that a provider is one small file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .cases import Case
from .ledger import Bill, Ledger


@dataclass(slots=True)
class Request:
    """One HTTP request: the path without its query, lower-cased headers and the decoded JSON body."""

    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]
    case: Case
    ledger: Ledger
    number: int
    """Serial number of the request in this server: seeds ids and the variation of token counts."""
    cached: set[str]
    """Keys of the prompt blocks that the provider has in its cache, shared by all requests of a server."""
    query: str = ""
    """What stands behind the ``?`` of the address."""


@dataclass(slots=True)
class Reply:
    """A whole JSON answer. ``bill`` goes to the ledger before the first byte leaves."""

    body: dict[str, Any]
    bill: Bill
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class EventStream:
    """A streamed answer: ``chunks`` are encoded frames; the bill is written before the last frame leaves."""

    chunks: Iterator[bytes]
    bill: Bill
    content_type: str = "text/event-stream; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)


Handler = Callable[[Request], "Reply | EventStream"]


def sse(data: Any, event: str | None = None) -> bytes:
    """One server-sent event; ``data`` is encoded as JSON unless it is a string."""
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    head = f"event: {event}\n" if event else ""
    return f"{head}data: {text}\n\n".encode()
