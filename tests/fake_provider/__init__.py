"""A provider to test against: speaks the providers' HTTP, invents the answers, and keeps a ledger of what it billed.

As a process: ``python -m fake_provider --port 0 --ledger ledger.jsonl``; from Python: :class:`FakeProvider`.
A further provider is one file in ``providers/``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from .ledger import read_ledger


class FakeProvider:
    """The server in a process of its own; ``url`` is its address, :meth:`bills` what it billed so far."""

    def __init__(self, ledger: Path) -> None:
        self.ledger = ledger
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
        command = [sys.executable, "-m", "fake_provider", "--port", "0", "--ledger", str(ledger)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the fake provider did not start: exit code {self._process.wait()}")
        self.url: str = json.loads(line)["url"]
        self.port: int = json.loads(line)["port"]

    def bills(self, since: int = 0) -> list[dict[str, Any]]:
        """The ledger's lines from number ``since`` on."""
        return read_ledger(self.ledger)[since:]

    def wait_for_bills(self, count: int, since: int = 0, timeout: float = 5.0) -> list[dict[str, Any]]:
        """Waits until there are ``count`` lines after ``since``: a client that leaves early is noticed late."""
        deadline = time.monotonic() + timeout
        while len(bills := self.bills(since)) < count and time.monotonic() < deadline:
            time.sleep(0.02)
        return bills

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(5)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
