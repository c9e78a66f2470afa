"""``spanloft.feedback(...)``: what somebody thought of an answer, as an OpenTelemetry log record beside its span.

The event is ``gen_ai.evaluation.result`` of the GenAI conventions. It names its call by trace and span, or by the
provider's id of the response, so it may come much later and from another process.
"""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Sequence
from importlib.metadata import version
from typing import NamedTuple

from opentelemetry import trace
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, SeverityNumber
from opentelemetry.sdk.resources import Resource

from . import config
from ._log import contained, warn_once
from .processor import DeliveringProcessor
from .provider import make_resource
from .redaction import make_redactor
from .spool import Spool
from .stamps import current_stamp
from .transport import make_transport

EVENT = "gen_ai.evaluation.result"
SCOPE = "spanloft.feedback"
_STAMPS = ("user.id", "session.id")


class Judgement(NamedTuple):
    """A record on its way: Unix nanoseconds, ids (0 for none) and attributes."""

    time_ns: int
    trace_id: int
    span_id: int
    attributes: dict[str, str | float]


class FeedbackDelivery(DeliveringProcessor):
    """Delivers judgements as spans are delivered: in the background, with a spool, within a second at exit."""

    def __init__(self, settings: config.Settings, resource: Resource) -> None:
        transport = make_transport(settings, "logs")
        spool = Spool(settings.spool, transport.destination, settings.spool_bytes) if settings.spool else None
        super().__init__(
            transport,
            spool,
            timeout=settings.timeout,
            delay=settings.schedule_delay,
            max_queue=settings.max_queue,
            max_batch=settings.max_batch,
        )
        self._resource = resource
        self.redactor = make_redactor(None, settings.redact, settings.redact_fields)

    def encode(self, batch: Sequence[Judgement]) -> bytes:  # type: ignore[override]
        """An ``ExportLogsServiceRequest``."""
        request = ExportLogsServiceRequest()
        logs = request.resource_logs.add()
        logs.resource.attributes.extend(_pair(key, value) for key, value in self._resource.attributes.items())
        scope = logs.scope_logs.add()
        scope.scope.name, scope.scope.version = SCOPE, version("spanloft")
        scope.log_records.extend(map(_record, batch))
        return request.SerializeToString()


_alone: FeedbackDelivery | None = None
_lock = threading.Lock()


def judgement(
    score: float | bool | None,
    *,
    name: str,
    label: str | None,
    comment: str | None,
    span: trace.Span | None,
    trace_id: str | int | None,
    span_id: str | int | None,
    response_id: str | None,
    user: str | None,
) -> Judgement | None:
    """The record of one piece of feedback; ``None``, logged, if it names no call or says nothing."""
    if span is None and trace_id is None and span_id is None and response_id is None:
        span = trace.get_current_span()
    context = span.get_span_context() if span is not None else None
    if context is not None and context.is_valid:
        trace_id, span_id = context.trace_id, context.span_id
    elif trace_id is None and response_id is None:
        warn_once("feedback call", "feedback without a call: give a span, a trace_id or the response_id of the answer")
        return None
    if score is None and label is None and comment is None:
        warn_once("feedback empty", "feedback without score, label or comment")
        return None
    attributes: dict[str, str | float] = {"gen_ai.evaluation.name": name}
    if score is not None:
        attributes["gen_ai.evaluation.score.value"] = float(score)
    stamp = current_stamp()
    texts = {key: str(stamp[key]) for key in _STAMPS if key in stamp}
    for key, value in (
        ("gen_ai.evaluation.score.label", label),
        ("gen_ai.evaluation.explanation", comment),
        ("gen_ai.response.id", response_id),
        ("user.id", user),
    ):
        if value is not None:
            texts[key] = str(value)
    return Judgement(time.time_ns(), _number(trace_id), _number(span_id), {**attributes, **texts})


def alone() -> FeedbackDelivery:
    """The delivery of a process that is not instrumented, such as the one that takes the users' thumbs."""
    global _alone
    with _lock:
        if _alone is None:
            settings = config.load()
            _alone = FeedbackDelivery(settings, make_resource(settings))
            atexit.register(_alone.shutdown)
        return _alone


def flush_alone(timeout: float) -> bool:
    """Delivers what :func:`alone` has; ``True`` if nothing is left."""
    return _alone is None or _alone.force_flush(int(timeout * 1000))


def _number(value: str | int | None) -> int:
    """An id given as hexadecimal text or as a number; 0 for none."""
    return int(value, 16) if isinstance(value, str) else value or 0


def _record(given: Judgement) -> LogRecord:
    record = LogRecord(
        time_unix_nano=given.time_ns,
        observed_time_unix_nano=given.time_ns,
        severity_number=SeverityNumber.SEVERITY_NUMBER_INFO,
        event_name=EVENT,
        attributes=[_pair(key, value) for key, value in given.attributes.items()],
    )
    with contained("naming the call of feedback"):
        if given.trace_id:
            record.trace_id = given.trace_id.to_bytes(16, "big")
        if given.span_id:
            record.span_id = given.span_id.to_bytes(8, "big")
    return record


def _pair(key: str, value: object) -> KeyValue:
    if isinstance(value, float):
        return KeyValue(key=key, value=AnyValue(double_value=value))
    return KeyValue(key=key, value=AnyValue(string_value=str(value)))
