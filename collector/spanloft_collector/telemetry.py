"""The collector's own metrics, in the names that users of the OpenTelemetry Collector know."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

disable_created_metrics()  # type: ignore[no-untyped-call]

REGISTRY = CollectorRegistry()

ACCEPTED = Counter("receiver_accepted_spans", "Spans acknowledged", ["transport"], registry=REGISTRY)
REFUSED = Counter("receiver_refused_spans", "Spans refused as invalid, by reason", ["reason"], registry=REGISTRY)
DUPLICATE = Counter("receiver_duplicate_spans", "Spans sent again and dropped", registry=REGISTRY)
REQUESTS = Counter(
    "receiver_requests", "Requests by transport and outcome", ["transport", "outcome"], registry=REGISTRY
)
ACCEPTED_RECORDS = Counter(
    "receiver_accepted_records", "Log records and metric points acknowledged", ["signal"], registry=REGISTRY
)
ACKNOWLEDGE_SECONDS = Histogram(
    "receiver_acknowledge_seconds",
    "Time from the complete request to its acknowledgement",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
    registry=REGISTRY,
)
JOURNAL_PENDING = Gauge("journal_pending_bytes", "Bytes waiting to be written", registry=REGISTRY)
JOURNAL_BACKLOG = Gauge("journal_backlog_bytes", "Bytes on disk not yet in the store", registry=REGISTRY)
