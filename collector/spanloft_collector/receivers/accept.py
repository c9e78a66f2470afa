"""What both transports do with a request: decode, check every span, drop repeats, journal, then acknowledge."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, nullcontext
from typing import NamedTuple, cast

from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from spanloft_collector import telemetry, wire
from spanloft_collector.errors import BadRequest, JournalError, Overloaded
from spanloft_collector.journal import Journal, Kind
from spanloft_collector.receivers.budget import HEAVY_BYTES
from spanloft_collector.receivers.seen import SeenSpans

REQUEST_TYPES: dict[Kind, type[Message]] = {
    Kind.TRACES: ExportTraceServiceRequest,
    Kind.LOGS: ExportLogsServiceRequest,
    Kind.METRICS: ExportMetricsServiceRequest,
}


class Receipt(NamedTuple):
    """The outcome of a request: how many items were rejected and why. ``durable`` resolves once it is on disk."""

    rejected: int
    message: str
    durable: Future[None] | None


def span_key(trace_id: bytes, span_id: bytes) -> int:
    """Identity of a span as one small integer."""
    return hash(trace_id + span_id)


class Acceptor:
    """Takes requests of any transport into the journal. Thread-safe."""

    def __init__(self, journal: Journal, seen: SeenSpans | None = None) -> None:
        self.journal = journal
        self.seen = seen or SeenSpans()
        self._lock = threading.Lock()
        self._heavy = threading.Lock()
        self._in_flight: dict[int, list[int]] = {}
        self._tickets = 0
        self._latest: Future[None] | None = None
        self._not_passed_on: Counter[tuple[str, str, str | None]] = Counter()
        journal.set_failure_hook(self._forget_in_flight)

    @contextmanager
    def turn(self, size: int) -> Iterator[None]:
        """Hold this while decoding a request of ``size`` bytes: large ones take turns, small ones never wait."""
        with self._heavy if size > HEAVY_BYTES else nullcontext():
            yield

    def accept(self, kind: Kind, body: bytes, *, project: str = "default", transport: str = "") -> Receipt:
        """Decode and check ``body`` (protobuf) and queue it for the journal.

        Raises:
            BadRequest: the body is no such request.
            Overloaded: try again later; nothing was kept.
        """
        try:
            if kind is Kind.TRACES:
                return self._accept_traces(body, _metadata(project), transport)
            request = REQUEST_TYPES[kind].FromString(body)
        except DecodeError as error:
            raise BadRequest(f"the body is no {REQUEST_TYPES[kind].DESCRIPTOR.name}: {error}") from None
        return self.accept_message(kind, request, body, project=project, transport=transport)

    def accept_message(
        self, kind: Kind, request: Message, body: bytes, *, project: str = "default", transport: str = ""
    ) -> Receipt:
        """Take an already decoded request; ``body`` is its serialised form."""
        metadata = _metadata(project)
        if kind is not Kind.TRACES:
            items = count_items(kind, request)
            if not items:
                return Receipt(0, "", None)
            durable = self.journal.append(kind, body, metadata)
            telemetry.ACCEPTED_RECORDS.labels(kind.name.lower()).inc(items)
            return Receipt(0, "", durable)
        return self._accept_traces(body, metadata, transport)

    def _accept_traces(self, body: bytes, metadata: dict[str, object], transport: str) -> Receipt:
        keys, invalid = wire.check(body)
        if not keys and not invalid:
            return Receipt(0, "", None)
        # Refuse before anything is remembered: a retry must not look like a repeat.
        self.journal.check_capacity()
        with self._lock:
            failures = self.journal.failures
            fresh, skip = self.seen.sort_out(keys)
            repeats = len(skip) - len(invalid)
            durable: Future[None] | None = None
            if fresh:
                if skip:
                    metadata = {**metadata, "skip": skip}
                durable = self._append(body, metadata, fresh, failures)
            elif repeats:
                # All repeats: they may still be on their way to the disk, so wait for what is queued.
                durable = self._last_append(failures)
        if fresh:
            telemetry.ACCEPTED.labels(transport).inc(len(fresh))
        if repeats:
            telemetry.DUPLICATE.inc(repeats)
        for reason in invalid:
            telemetry.REFUSED.labels(reason).inc()
        if repeats or invalid:
            project = str(metadata.get("project", "default"))
            with self._lock:
                self._not_passed_on.update((project, "refused", reason) for reason in invalid)
                if repeats:
                    self._not_passed_on[project, "repeated", None] += repeats
        return Receipt(len(invalid), rejection_message(invalid), durable)

    def record_health(self) -> None:
        """Journal what was not passed on since the last call, so that the store's books balance."""
        with self._lock:
            counts, self._not_passed_on = self._not_passed_on, Counter()
        if not counts:
            return
        rows = [(*key, spans) for key, spans in counts.items()]
        try:
            self.journal.append(Kind.HEALTH, b"", {"counts": rows}).result()
        except (JournalError, Overloaded):
            with self._lock:
                self._not_passed_on.update(counts)

    def _append(self, body: bytes, metadata: dict[str, object], fresh: list[int], failures: int) -> Future[None]:
        self._tickets += 1
        ticket = self._tickets
        self._in_flight[ticket] = fresh
        try:
            durable = self.journal.append(Kind.TRACES, body, metadata, failures=failures)
        except Exception:
            self.seen.discard(self._in_flight.pop(ticket))
            raise
        started = time.perf_counter()

        def settled(future: Future[None]) -> None:
            telemetry.ACKNOWLEDGE_SECONDS.observe(time.perf_counter() - started)
            self._in_flight.pop(ticket, None)

        durable.add_done_callback(settled)
        self._latest = durable
        return durable

    def _last_append(self, failures: int) -> Future[None] | None:
        latest = self._latest
        if failures != self.journal.failures:
            raise Overloaded("a write to the journal failed; try again", retry_after_s=1)
        # Once it is settled nothing is on its way: what is still remembered is on disk, and what failed is forgotten.
        return None if latest is None or latest.done() else latest

    def _forget_in_flight(self) -> None:
        """Called by the journal when a write failed: spans not on disk may be sent again."""
        for keys in list(self._in_flight.values()):
            self.seen.discard(keys)


def _metadata(project: str) -> dict[str, object]:
    return {} if project == "default" else {"project": project}


def rejection_message(invalid: list[str]) -> str:
    """English text for ``partial_success.error_message``."""
    if not invalid:
        return ""
    expected = {
        "invalid_trace_id": "trace_id must be 16 bytes and not all zero",
        "invalid_span_id": "span_id must be 8 bytes and not all zero",
    }
    return "; ".join(f"{invalid.count(reason)} spans: {expected[reason]}" for reason in sorted(set(invalid)))


def count_items(kind: Kind, request: Message) -> int:
    """Log records or metrics in the request."""
    if kind is Kind.LOGS:
        logs = cast(ExportLogsServiceRequest, request)
        return sum(len(scope.log_records) for resource in logs.resource_logs for scope in resource.scope_logs)
    metrics = cast(ExportMetricsServiceRequest, request)
    return sum(len(scope.metrics) for resource in metrics.resource_metrics for scope in resource.scope_metrics)
