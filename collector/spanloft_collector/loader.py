"""``spanloft load``: files through the same checks, journal and pipeline as requests from the network."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

from google.protobuf.message import DecodeError, Message
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from spanloft_collector.durable import locked
from spanloft_collector.errors import BadRequest, LoadError, SpanloftError
from spanloft_collector.journal import Kind
from spanloft_collector.location import LOCK_FILE, announced_url
from spanloft_collector.receivers.files import FileRequest, read_requests
from spanloft_collector.store.base import Reader

_PATHS = {Kind.TRACES: "/v1/traces", Kind.LOGS: "/v1/logs", Kind.METRICS: "/v1/metrics"}

PART_BYTES = 16 * 1024 * 1024
"""Larger requests of a file are sent in parts; receivers take 64 MiB, and memory is a multiple of that."""
PATIENCE_S = 60.0
"""How long a collector may say that it is too busy before a load gives up."""
_LAST_US = 9_000_000_000_000_000

Send = Callable[[Kind, Message], int]
"""Hands over one request; returns how many spans were rejected."""


@dataclass
class LoadReport:
    """What came of a load."""

    spans: int = 0
    already_stored: int = 0
    rejected: int = 0
    records: int = 0
    errors: list[str] = field(default_factory=list)


def load_files(
    files: Iterable[Path], send: Send, reader: Reader, progress: Callable[[int], None] = lambda size: None
) -> LoadReport:
    """Load files; what can't be read is reported and the rest is loaded.

    Args:
        files: OTLP files.
        send: takes the requests.
        reader: of the store, to leave out spans that are already in it: loading a file twice changes nothing.
        progress: called with the bytes dealt with.
    """
    report = LoadReport()
    for path in files:
        for item in read_requests(path):
            if isinstance(item, LoadError):
                report.errors.append(str(item))
                continue
            try:
                _load(item, send, reader, report)
            except (BadRequest, LoadError) as error:
                report.errors.append(f"{path}: {error}")
            progress(item.size)
    return report


def _load(item: FileRequest, send: Send, reader: Reader, report: LoadReport) -> None:
    if item.kind is not Kind.TRACES:
        send(item.kind, item.message)
        report.records += 1
        return
    for request in split(cast(ExportTraceServiceRequest, item.message)):
        report.already_stored += drop_stored(request, reader)
        spans = sum(1 for _ in iterate(request))
        if spans:
            rejected = send(Kind.TRACES, request)
            report.rejected += rejected
            report.spans += spans - rejected


def split(request: ExportTraceServiceRequest, max_bytes: int = PART_BYTES) -> Iterator[ExportTraceServiceRequest]:
    """Cut a request that no receiver would take into several that it does; the spans stay in order."""
    if request.ByteSize() <= max_bytes:
        yield request
        return
    part, size = ExportTraceServiceRequest(), 0
    for resource_spans in request.resource_spans:
        for scope_spans in resource_spans.scope_spans:
            target = None
            for span in scope_spans.spans:
                if size and size + span.ByteSize() > max_bytes:
                    yield part
                    part, size, target = ExportTraceServiceRequest(), 0, None
                if target is None:
                    resource = part.resource_spans.add(
                        resource=resource_spans.resource, schema_url=resource_spans.schema_url
                    )
                    target = resource.scope_spans.add(scope=scope_spans.scope, schema_url=scope_spans.schema_url)
                target.spans.append(span)
                size += span.ByteSize()
    yield part


def iterate(request: ExportTraceServiceRequest) -> Iterable[Span]:
    """All spans of a request."""
    for resource_spans in request.resource_spans:
        for scope_spans in resource_spans.scope_spans:
            yield from scope_spans.spans


def drop_stored(request: ExportTraceServiceRequest, reader: Reader) -> int:
    """Take out of ``request`` the spans that the store already holds; returns how many."""
    spans = list(iterate(request))
    if not spans:
        return 0
    starts = [span.start_time_unix_nano // 1000 for span in spans]
    timed = min(starts) > 0 and max(starts) < _LAST_US
    rows = reader.query(
        "load_stored_ids",
        {
            "trace_ids": sorted({span.trace_id.hex() for span in spans}),
            "first": moment(min(starts)) if timed else None,
            "last": moment(max(starts)) + timedelta(microseconds=1) if timed else None,
        },
        timeout_s=120,
    )
    stored = set(zip(rows.column("trace_id").to_pylist(), rows.column("span_id").to_pylist(), strict=True))
    if not stored:
        return 0
    dropped = 0
    for resource_spans in request.resource_spans:
        for scope_spans in resource_spans.scope_spans:
            fresh = [span for span in scope_spans.spans if (span.trace_id.hex(), span.span_id.hex()) not in stored]
            dropped += len(scope_spans.spans) - len(fresh)
            if len(fresh) != len(scope_spans.spans):
                del scope_spans.spans[:]
                scope_spans.spans.extend(fresh)
    return dropped


def moment(us: int) -> datetime:
    """Unix microseconds as naive UTC."""
    return datetime.fromtimestamp(0, UTC).replace(tzinfo=None) + timedelta(microseconds=us)


def running_collector(store: Path) -> str | None:
    """Base URL of the collector that runs on ``store``, or None."""
    try:
        # The file outlives a collector that was killed; the lock does not.
        with locked(store / LOCK_FILE, blocking=False):
            return None
    except BlockingIOError:
        return announced_url(store)


def send_over_http(base_url: str, api_key: str | None) -> Send:
    """A ``Send`` that posts to a running collector.

    Raises (when called):
        BadRequest: the collector does not take the request.
        SpanloftError: the collector can't be reached.
    """
    headers = {"Content-Type": "application/x-protobuf"}
    if api_key:
        headers["Authorization"] = f"Bearer {api_key}"

    def send(kind: Kind, message: Message) -> int:
        body = _post_patiently(base_url, base_url + _PATHS[kind], message.SerializeToString(), headers)
        if kind is not Kind.TRACES:
            return 0
        return int(ExportTraceServiceResponse.FromString(body).partial_success.rejected_spans)

    return send


def _post_patiently(base_url: str, url: str, body: bytes, headers: dict[str, str]) -> bytes:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        request = urllib.request.Request(url, body, headers, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return bytes(response.read())
        except urllib.error.HTTPError as error:
            text = _status_message(error.read())
            if error.code not in (429, 502, 503, 504) or time.monotonic() > deadline:
                raise BadRequest(f"the collector answered {error.code}: {text}") from None
            wait = error.headers.get("Retry-After", "")
            time.sleep(min(float(wait) if wait.isdecimal() else 1.0, 10.0))
        except OSError as error:
            raise SpanloftError(f"{base_url}: the collector can't be reached ({error})") from None


def _status_message(body: bytes) -> str:
    """Text of a ``google.rpc.Status``, of which only the message is needed."""
    try:
        return Status.FromString(body).message or "no reason given"
    except DecodeError:
        return body.decode("utf-8", "replace")[:200]
