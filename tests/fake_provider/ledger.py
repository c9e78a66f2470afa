"""The ledger: one JSON line for every request that was answered, as the provider would bill it."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(slots=True)
class Bill:
    """One line. ``input_tokens`` includes cache reads and writes; ``output_tokens`` includes reasoning.

    ``usage`` is the provider's own usage object, ``usage_sent`` says whether the client was told it,
    ``started_at`` is Unix seconds, ``duration`` seconds, ``completed`` false when the client went away.
    """

    endpoint: str
    provider: str
    request_model: str
    model: str = ""
    response_id: str = ""
    status: int = 200
    stream: bool = False
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    cache_write_1h_tokens: int = 0
    reasoning_tokens: int = 0
    usage: dict[str, Any] = field(default_factory=dict)
    usage_sent: bool = True
    text: str = ""
    tool_calls: list[str] = field(default_factory=list)
    started_at: float = field(default_factory=time.time)
    duration: float = 0.0
    completed: bool = True


class Ledger:
    """Appends bills to a file (and keeps them in memory); each line is on disk before the client can know of it."""

    def __init__(self, path: Path | None = None) -> None:
        self._file = path.open("a", encoding="utf-8") if path else None
        self._lock = threading.Lock()
        self.bills: list[Bill] = []

    def write(self, bill: Bill) -> None:
        bill.duration = time.time() - bill.started_at
        with self._lock:
            self.bills.append(bill)
            if self._file is not None:
                self._file.write(json.dumps(asdict(bill), ensure_ascii=False) + "\n")
                self._file.flush()


def read_ledger(path: Path) -> list[dict[str, Any]]:
    """All lines of a ledger file; an empty list before the first call."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
