"""A running Spanloft for tests: `spanloft up` on free ports and a store of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb

SPANLOFT = [sys.executable, "-m", "spanloft.cli"]


class Running:
    """`spanloft up` in a process; ``dashboard``, ``http`` and ``grpc`` are its addresses."""

    def __init__(self, store: Path | str, *options: str) -> None:
        self.store = Path(store)
        ports = ["--grpc-port", "0", "--http-port", "0", "--dashboard-port", "0"]
        self.process = subprocess.Popen(
            [*SPANLOFT, "up", "--store", str(store), *ports, *options], stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self.output = ""
        assert self.process.stdout is not None
        while "Ctrl-C" not in self.output:
            line = self.process.stdout.readline()
            if not line:
                raise AssertionError(f"spanloft up ended with {self.process.wait()}: {self.output}")
            self.output += line
        self.dashboard = self._address("Dashboard")
        self.http = self._address("OTLP/HTTP")
        self.grpc = self._address("OTLP/gRPC")

    def _address(self, name: str) -> str:
        match = re.search(rf"{name}\s+(\S+)", self.output)
        assert match, self.output
        return match.group(1)

    def environment(self, **more: str) -> dict[str, str]:
        """Environment for an app that sends here."""
        return {**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": self.http, **more}

    def rows(self, sql: str, *parameters: Any) -> list[dict[str, Any]]:
        """Rows of a query by a connection of this process, as any user would open one."""
        with duckdb.connect(str(self.store / "spanloft.duckdb"), read_only=True) as connection:
            return connection.execute(sql, list(parameters)).to_arrow_table().to_pylist()

    def wait_for(self, sql: str, expected: int, timeout: float = 20.0) -> None:
        """Wait until ``sql`` (one number) gives ``expected``."""
        deadline = time.monotonic() + timeout
        while (seen := next(iter(self.rows(sql)[0].values()))) != expected:
            if time.monotonic() > deadline:
                raise AssertionError(f"{sql}: {seen} instead of {expected} after {timeout} s")
            time.sleep(0.1)

    def stop(self) -> int:
        """Ctrl-C; returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        code = self.process.wait(60)
        if self.process.stdout is not None:
            self.output += self.process.stdout.read()
            self.process.stdout.close()
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
