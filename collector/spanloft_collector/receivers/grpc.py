"""OTLP/gRPC: the three Export methods, on raw bytes, in worker threads."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from spanloft_collector import telemetry
from spanloft_collector.errors import BadRequest, JournalError, Overloaded
from spanloft_collector.journal import Kind
from spanloft_collector.receivers.accept import Acceptor
from spanloft_collector.receivers.budget import InflightBudget
from spanloft_collector.receivers.http import project_of

logger = logging.getLogger(__name__)

_SERVICES = {
    "opentelemetry.proto.collector.trace.v1.TraceService": (Kind.TRACES, ExportTraceServiceResponse),
    "opentelemetry.proto.collector.logs.v1.LogsService": (Kind.LOGS, ExportLogsServiceResponse),
    "opentelemetry.proto.collector.metrics.v1.MetricsService": (Kind.METRICS, ExportMetricsServiceResponse),
}
_DETAILS_KEY = "grpc-status-details-bin"


def create_server(
    acceptor: Acceptor, *, keys: Mapping[str, str], max_body_bytes: int, budget: InflightBudget, workers: int = 16
) -> grpc.Server:
    """Create the gRPC server; the caller adds a port and starts it."""
    server = grpc.server(
        ThreadPoolExecutor(workers, thread_name_prefix="grpc"),
        options=[
            ("grpc.max_receive_message_length", max_body_bytes),
            ("grpc.so_reuseport", 0),
            ("grpc.max_concurrent_streams", 64),
        ],
        compression=grpc.Compression.NoCompression,
    )
    for service, (kind, response_type) in _SERVICES.items():
        handler: Any = grpc.unary_unary_rpc_method_handler(_export(acceptor, keys, budget, kind, response_type))
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {"Export": handler}),))
    return server


def _export(
    acceptor: Acceptor, keys: Mapping[str, str], budget: InflightBudget, kind: Kind, response_type: Callable[[], Any]
) -> Callable[[bytes, grpc.ServicerContext], bytes]:
    empty: bytes = response_type().SerializeToString()

    def export(body: bytes, context: grpc.ServicerContext) -> bytes:
        project = project_of(keys, _authorization(context))
        if project is None:
            _abort(context, grpc.StatusCode.UNAUTHENTICATED, "missing or wrong API key")
        size = len(body)
        try:
            budget.take(size)
            try:
                with acceptor.turn(size):
                    receipt = acceptor.accept(kind, body, project=project, transport="grpc")
                del body
                if receipt.durable is not None:
                    receipt.durable.result()
            finally:
                budget.give(size)
        except BadRequest as error:
            _abort(context, grpc.StatusCode.INVALID_ARGUMENT, str(error))
        except Overloaded as error:
            _abort(context, grpc.StatusCode.UNAVAILABLE, str(error), error.retry_after_s)
        except JournalError as error:
            _abort(context, grpc.StatusCode.UNAVAILABLE, str(error), 5)
        except Exception:
            logger.exception("request failed")
            _abort(context, grpc.StatusCode.UNAVAILABLE, "the collector failed on this request; see its log", 5)
        telemetry.REQUESTS.labels("grpc", "ok").inc()
        if not receipt.rejected:
            return empty
        response = response_type()
        response.partial_success.rejected_spans = receipt.rejected
        response.partial_success.error_message = receipt.message
        return bytes(response.SerializeToString())

    return export


def _authorization(context: grpc.ServicerContext) -> str:
    for key, value in context.invocation_metadata():
        if key == "authorization":
            return value if isinstance(value, str) else value.decode("utf-8", "replace")
    return ""


def _abort(
    context: grpc.ServicerContext, code: grpc.StatusCode, text: str, retry_after_s: float | None = None
) -> NoReturn:
    """End the call with ``code``; with ``retry_after_s`` the client is told when to send again (RetryInfo)."""
    telemetry.REQUESTS.labels("grpc", code.name).inc()
    if retry_after_s is not None:
        details = AnyMessage()
        details.Pack(RetryInfo(retry_delay=Duration(seconds=max(1, round(retry_after_s)))))
        status = Status(code=code.value[0], message=text, details=[details])
        context.set_trailing_metadata(((_DETAILS_KEY, status.SerializeToString()),))
    context.abort(code, text)
    raise AssertionError("abort raises")
