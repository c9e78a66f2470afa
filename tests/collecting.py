"""A real collector process for tests: start, kill, restart, and read what it stored from outside."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb
import httpx2 as httpx
import psutil
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

PROTOBUF = {"Content-Type": "application/x-protobuf"}


def request_of(spans: int, name: str = "test", start_ns: int | None = None) -> ExportTraceServiceRequest:
    """A request with ``spans`` new spans of one service."""
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    resource.resource.attributes.add(key="service.name").value.string_value = name
    scope = resource.scope_spans.add()
    scope.scope.name = "test-scope"
    now = start_ns or time.time_ns()
    for number in range(spans):
        scope.spans.add(
            trace_id=os.urandom(16),
            span_id=os.urandom(8),
            name=f"span {number}",
            start_time_unix_nano=now,
            end_time_unix_nano=now + 1_000_000,
        )
    return request


def span_ids(request: ExportTraceServiceRequest) -> set[str]:
    """(trace id + span id) of all spans, hex."""
    return {
        (span.trace_id + span.span_id).hex()
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    }


class CollectorProcess:
    """`spanloft collector` on free ports; ``http`` and ``grpc`` are its addresses."""

    def __init__(self, store: Path, *options: str, **environment: str) -> None:
        self.store = store
        self.options = options if "SPANLOFT_STORE" in environment else ("--store", str(store), *options)
        self.environment = {"SPANLOFT_WORKERS": "0", **environment}
        self.start()

    def start(self) -> None:
        address = self.store / "collector.json"
        address.unlink(missing_ok=True)
        command = [sys.executable, "-m", "spanloft.cli", "collector"]
        self.process = subprocess.Popen(
            [*command, "--grpc-port", "0", "--http-port", "0", *self.options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={**os.environ, **self.environment},
        )
        deadline = time.monotonic() + 40
        while not address.exists():
            if self.process.poll() is not None:
                assert self.process.stderr
                raise AssertionError(f"the collector ended: {self.process.stderr.read().decode()}")
            assert time.monotonic() < deadline, "the collector did not start"
            time.sleep(0.05)
        found = json.loads(address.read_text())
        self.http, self.grpc = found["http"], found["grpc"]

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def kill(self) -> None:
        """Send kill -9 to the main process only; its children must end by themselves."""
        children = self.children()
        self.process.kill()
        self.process.wait()
        _, alive = psutil.wait_procs(children, timeout=10)
        assert not alive, f"children outlived the collector: {alive}"

    def stop(self) -> int:
        """SIGTERM; returns the exit code after the drain."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def post(self, body: bytes, path: str = "/v1/traces", **headers: str) -> httpx.Response:
        sent = {**PROTOBUF, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return httpx.post(self.http + path, content=body, headers=sent, timeout=60)

    def rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.store / "spanloft.duckdb"), read_only=True) as connection:
            return connection.execute(sql, list(parameters)).fetchall()

    def wait_for(self, spans: int, timeout: float = 30.0) -> None:
        """Wait until exactly ``spans`` spans are visible."""
        deadline = time.monotonic() + timeout
        while (seen := self.rows("SELECT count(*) FROM spans")[0][0]) < spans:
            assert time.monotonic() < deadline, f"{seen} of {spans} spans are visible after {timeout} s"
            time.sleep(0.1)
        assert seen == spans

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.stop()
        if self.process.stderr:
            self.process.stderr.close()
