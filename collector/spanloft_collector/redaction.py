"""Takes secrets and personal data out of requests before they are stored: ``SPANLOFT_REDACT_STORED``.

It works on the request itself, before anything is decoded from it, so that no column, preview, event or log record can
be forgotten. The journal keeps what was received until its segment is published and deleted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, Literal

import orjson
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

from spanloft_collector.journal import Kind, Record
from spanloft_collector.signals.security.leaks import find_leaks

_ESCAPE = re.compile(r"(\\(?:u[0-9a-fA-F]{4}|.))", re.DOTALL)
_SHORTEST = 8
_SMALLEST_NUMBER = 10**11
_DEEPEST = 60
_LONGEST_REMEMBERED = 64
_MOST_REMEMBERED = 8_192
# A leak is told by what stands before it, too ("password: ..."), but a key may be as long as it likes.
_LONGEST_NAME = 60


class RecordRedactor:
    """Redacts records of the journal. Safe to share between threads: it keeps nothing but short texts and results."""

    def __init__(self, groups: Iterable[str]) -> None:
        """Prepare; ``groups`` are what is taken out: ``secret``, ``personal``."""
        self._groups = frozenset(groups)
        # Names of models, services and tools come with every span.
        self._remembered = lru_cache(_MOST_REMEMBERED)(self._text)

    def __call__(self, record: Record) -> Record:
        """The record without secrets; the same record when there is nothing to take out."""
        if record.kind == Kind.TRACES:
            return self._with(record, ExportTraceServiceRequest.FromString(record.payload), self._traces)
        if record.kind == Kind.LOGS:
            return self._with(record, ExportLogsServiceRequest.FromString(record.payload), self._logs)
        if record.kind == Kind.METRICS:
            return self._with(record, ExportMetricsServiceRequest.FromString(record.payload), self._metrics)
        return record

    def _with(self, record: Record, request: Any, redact: Callable[[Any], bool]) -> Record:
        return record._replace(payload=request.SerializeToString()) if redact(request) else record

    def _traces(self, request: ExportTraceServiceRequest) -> bool:
        changed = False
        for resource in request.resource_spans:
            changed |= self._pairs(resource.resource.attributes)
            for scope in resource.scope_spans:
                changed |= self._pairs(scope.scope.attributes)
                for span in scope.spans:
                    changed |= self._field(span, "name") | self._field(span.status, "message")
                    changed |= self._pairs(span.attributes)
                    for event in span.events:
                        changed |= self._field(event, "name") | self._pairs(event.attributes)
                    for link in span.links:
                        changed |= self._pairs(link.attributes)
        return changed

    def _logs(self, request: ExportLogsServiceRequest) -> bool:
        changed = False
        for resource in request.resource_logs:
            changed |= self._pairs(resource.resource.attributes)
            for scope in resource.scope_logs:
                changed |= self._pairs(scope.scope.attributes)
                for log in scope.log_records:
                    changed |= self._field(log, "event_name") | self._value("", log.body, 0)
                    changed |= self._pairs(log.attributes)
        return changed

    def _metrics(self, request: ExportMetricsServiceRequest) -> bool:
        changed = False
        for resource in request.resource_metrics:
            changed |= self._pairs(resource.resource.attributes)
            for scope in resource.scope_metrics:
                changed |= self._pairs(scope.scope.attributes)
                for metric in scope.metrics:
                    changed |= self._metric(metric)
        return changed

    def _metric(self, metric: Metric) -> bool:
        changed = self._field(metric, "name") | self._field(metric, "description") | self._pairs(metric.metadata)
        kind = metric.WhichOneof("data")
        for point in getattr(metric, kind).data_points if kind else ():
            changed |= self._pairs(point.attributes)
            # Attributes that a view took off a point stand in its exemplars; a summary has none.
            for exemplar in getattr(point, "exemplars", ()):
                changed |= self._pairs(exemplar.filtered_attributes)
        return changed

    def _field(self, message: Any, name: str) -> bool:
        before = getattr(message, name)
        after = self.text("", before)
        if after == before:
            return False
        setattr(message, name, after)
        return True

    def _pairs(self, pairs: Iterable[KeyValue], depth: int = 0) -> bool:
        changed = False
        for pair in pairs:
            changed |= self._value(pair.key, pair.value, depth)
        return changed

    def _value(self, name: str, value: AnyValue, depth: int) -> bool:
        kind = value.WhichOneof("value")
        if kind == "string_value":
            return self._field_of(value, kind, self.text(name, value.string_value))
        if kind == "bytes_value":
            # Latin-1 keeps every byte; secrets are ASCII.
            text = value.bytes_value.decode("latin-1")
            return self._field_of(value, kind, self.text(name, text).encode("latin-1"))
        if kind == "int_value" and abs(value.int_value) >= _SMALLEST_NUMBER:
            return self._field_of(value, "string_value", self.text(name, str(value.int_value)), str(value.int_value))
        if kind == "array_value" and depth < _DEEPEST:
            return sum(self._value(name, item, depth + 1) for item in value.array_value.values) > 0
        if kind == "kvlist_value" and depth < _DEEPEST:
            return self._pairs(value.kvlist_value.values, depth + 1)
        return False

    @staticmethod
    def _field_of(value: AnyValue, field: str, after: Any, before: Any = None) -> bool:
        if after == (getattr(value, field) if before is None else before):
            return False
        setattr(value, field, after)
        return True

    def text(self, name: str, text: str) -> str:
        """A text, plain or JSON, without leaks; ``name`` is what it is called where it stands."""
        if len(text) < _SHORTEST:
            return text
        return self._remembered(name, text) if len(text) <= _LONGEST_REMEMBERED else self._text(name, text)

    def _text(self, name: str, text: str) -> str:
        if text.lstrip()[:1] in ("{", "[", '"') and ("\\" in text or self._plain(name, text) != text):
            # Inside of JSON a match must neither begin in an escape nor end beyond a string.
            try:
                parsed = orjson.loads(text)
            except orjson.JSONDecodeError:
                pieces = _ESCAPE.split(self._plain(name, text))
                return "".join(piece if at % 2 else self._plain("", piece) for at, piece in enumerate(pieces))
            walked = self._walk(name, parsed)
            return text if walked == parsed else orjson.dumps(walked).decode()
        return self._plain(name, text)

    def _walk(self, name: str, value: Any) -> Any:
        """JSON, redacted. orjson reads at most 1,024 levels, which fit into Python's own stack."""
        if isinstance(value, str):
            return self.text(name, value)
        if isinstance(value, dict):
            return {self._plain("", key): self._walk(key, inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._walk(name, inner) for inner in value]
        if isinstance(value, int) and abs(value) >= _SMALLEST_NUMBER:
            clean = self._plain(name, str(value))
            return value if clean == str(value) else clean
        return value

    def _plain(self, name: str, text: str) -> str:
        lead = f"{name[-_LONGEST_NAME:].rpartition('.')[2]}: " if name else ""
        whole, place, parts = lead + text, 0, []
        for leak in find_leaks(whole, bounded=False):
            # Published test cards are no secret, and a match that begins in the name is none of the text.
            if leak.group in self._groups and leak.severity != "info" and leak.start >= len(lead):
                parts += [whole[place or len(lead) : leak.start], leak.shown]
                place = leak.end
        return "".join([*parts, whole[place:]]) if parts else text


def redactor(what: Literal["secrets", "all"]) -> RecordRedactor:
    """The redactor of a setting."""
    return RecordRedactor(("secret",) if what == "secrets" else ("secret", "personal"))
