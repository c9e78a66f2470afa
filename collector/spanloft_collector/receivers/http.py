"""OTLP/HTTP: protobuf and JSON on the same paths, and the health and metrics endpoints beside them."""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Mapping
from functools import partial
from typing import Any

import orjson
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from spanloft_collector import telemetry
from spanloft_collector.errors import BadRequest, JournalError, Overloaded
from spanloft_collector.journal import Kind
from spanloft_collector.receivers.accept import REQUEST_TYPES, Acceptor, Receipt
from spanloft_collector.receivers.budget import InflightBudget
from spanloft_collector.receivers.encoding import BodyTooLarge, UnknownEncoding, decompress, parse_json

logger = logging.getLogger(__name__)

PROTOBUF = "application/x-protobuf"
JSON = "application/json"
SUPPORTED = f"{JSON}, {PROTOBUF}"
# google.rpc.Code
INVALID_ARGUMENT, UNIMPLEMENTED, UNAVAILABLE, UNAUTHENTICATED = 3, 12, 14, 16

# All of them reach the handler, which says what is supported.
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_PATHS = {"/v1/traces": Kind.TRACES, "/v1/logs": Kind.LOGS, "/v1/metrics": Kind.METRICS}
_RESPONSES: dict[Kind, type[Message]] = {
    Kind.TRACES: ExportTraceServiceResponse,
    Kind.LOGS: ExportLogsServiceResponse,
    Kind.METRICS: ExportMetricsServiceResponse,
}
# Bodies beyond this are decoded in a thread, so that small requests don't wait for them. JSON takes ten times as long.
_INLINE_BYTES = {PROTOBUF: 1024 * 1024, JSON: 128 * 1024}
_BODY_S = 60.0
"""How long a body may take to arrive: what it holds of the budget is denied to others."""
_EXPANSION = 8
"""What a compressed body is taken to grow to while it is being decompressed."""


class HttpReceiver:
    """Routes of the receiver; ``app`` is the ASGI application."""

    def __init__(
        self,
        acceptor: Acceptor,
        *,
        keys: Mapping[str, str],
        max_body_bytes: int,
        budget: InflightBudget,
    ) -> None:
        self.acceptor = acceptor
        self.keys = keys
        self.max_body_bytes = max_body_bytes
        self.budget = budget
        self.ready = True
        self.app = Starlette(
            routes=[
                *(Route(path, partial(self.export, kind), methods=_METHODS) for path, kind in _PATHS.items()),
                Route("/healthz", self.health),
                Route("/readyz", self.readiness),
                Route("/metrics", self.metrics),
            ],
            exception_handlers={404: self.not_found},
        )
        self.app.router.redirect_slashes = False

    async def export(self, kind: Kind, request: Request) -> Response:
        """Handle one export request; every outcome is an OTLP answer."""
        media_type = media_type_of(request)
        if request.method != "POST":
            response = self._plain_or_status(media_type, 405, "405 method not allowed, supported: [POST]")
            response.headers["Allow"] = "POST"
            return response
        if media_type not in (PROTOBUF, JSON):
            return PlainTextResponse(f"415 unsupported media type, supported: [{SUPPORTED}]", status_code=415)
        try:
            return await self._export(kind, request, media_type)
        except UnknownEncoding as error:
            return self._failure(media_type, 415, INVALID_ARGUMENT, str(error))
        except BodyTooLarge as error:
            return self._failure(media_type, 413, INVALID_ARGUMENT, str(error))
        except BadRequest as error:
            return self._failure(media_type, 400, INVALID_ARGUMENT, str(error))
        except Overloaded as error:
            return self._unavailable(media_type, str(error), error.retry_after_s)
        except JournalError as error:
            return self._unavailable(media_type, str(error), 5)
        except ClientDisconnect:
            return Response(status_code=499)
        except Exception:
            # Whatever this is, the sender must keep its batch: 503 is retried, 500 is dropped.
            logger.exception("request failed")
            return self._unavailable(media_type, "the collector failed on this request; see its log", 5)

    async def _export(self, kind: Kind, request: Request, media_type: str) -> Response:
        project = self._project(request)
        if project is None:
            response = self._failure(media_type, 401, UNAUTHENTICATED, "missing or wrong API key")
            response.headers["WWW-Authenticate"] = "Bearer"
            return response
        self.acceptor.journal.check_capacity()
        body, taken = await self._read_body(request)
        try:
            encoding = request.headers.get("content-encoding", "").strip().lower()
            size = len(body)
            if encoding not in ("", "identity"):
                # Reserve for the output before it exists.
                size = min(size * _EXPANSION, self.max_body_bytes)
                self.budget.take(size, held=taken)
                taken += size
            if size > _INLINE_BYTES[media_type]:
                receipt = await asyncio.to_thread(self._accept, kind, body, encoding, media_type, project)
            else:
                receipt = self._accept(kind, body, encoding, media_type, project)
            del body
            if receipt.durable is not None:
                await asyncio.wrap_future(receipt.durable)
        finally:
            self.budget.give(taken)
        telemetry.REQUESTS.labels("http", "ok").inc()
        return self._success(kind, media_type, receipt)

    def _accept(self, kind: Kind, body: bytes, encoding: str, media_type: str, project: str) -> Receipt:
        data = decompress(body, encoding, self.max_body_bytes)
        with self.acceptor.turn(len(data)):
            if media_type == PROTOBUF:
                return self.acceptor.accept(kind, data, project=project, transport="http")
            message = parse_json(data, REQUEST_TYPES[kind]())
            return self.acceptor.accept_message(
                kind, message, message.SerializeToString(), project=project, transport="http"
            )

    async def _read_body(self, request: Request) -> tuple[bytes, int]:
        """Read the body within the limits; returns it and the bytes taken from the budget."""
        declared = request.headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > self.max_body_bytes:
            raise BodyTooLarge(f"the body has {declared} bytes, the limit is {self.max_body_bytes}")
        # All of a body of known size at once: two that each got half of the budget would both be sent away.
        taken = int(declared) if declared.isdecimal() else 0
        self.budget.take(taken)
        received, chunks = 0, []
        try:
            async with asyncio.timeout(_BODY_S):
                async for chunk in request.stream():
                    received += len(chunk)
                    if received > self.max_body_bytes:
                        raise BodyTooLarge(f"the body is larger than {self.max_body_bytes} bytes")
                    if received > taken:
                        self.budget.take(received - taken, held=taken)
                        taken = received
                    chunks.append(chunk)
        except TimeoutError:
            self.budget.give(taken)
            raise Overloaded(f"the body did not arrive within {_BODY_S:g} s; try again") from None
        except BaseException:
            self.budget.give(taken)
            raise
        return b"".join(chunks), taken

    def _project(self, request: Request) -> str | None:
        return project_of(self.keys, request.headers.get("authorization", ""))

    def _success(self, kind: Kind, media_type: str, receipt: Receipt) -> Response:
        message: Any = _RESPONSES[kind]()
        if receipt.rejected:
            message.partial_success.rejected_spans = receipt.rejected
            message.partial_success.error_message = receipt.message
        return Response(encode(message, media_type), media_type=media_type)

    def _failure(self, media_type: str, status: int, code: int, text: str) -> Response:
        telemetry.REQUESTS.labels("http", str(status)).inc()
        return Response(encode(Status(code=code, message=text), media_type), status_code=status, media_type=media_type)

    def _plain_or_status(self, media_type: str, status: int, text: str) -> Response:
        """``text`` as a Status in the request's encoding; plain where the request has none that we speak."""
        if media_type in (PROTOBUF, JSON):
            return self._failure(media_type, status, UNIMPLEMENTED, text)
        return PlainTextResponse(text, status_code=status)

    async def not_found(self, request: Request, error: Exception) -> Response:
        """404 for paths of other signals."""
        return self._plain_or_status(media_type_of(request), 404, f"404 not found, supported: [{', '.join(_PATHS)}]")

    def _unavailable(self, media_type: str, text: str, retry_after_s: float) -> Response:
        response = self._failure(media_type, 503, UNAVAILABLE, text)
        response.headers["Retry-After"] = str(max(1, round(retry_after_s)))
        return response

    async def health(self, request: Request) -> Response:
        """200 while the process lives."""
        return PlainTextResponse("ok\n")

    async def readiness(self, request: Request) -> Response:
        """200 while requests are accepted, 503 with the reason otherwise."""
        try:
            self.acceptor.journal.check_capacity()
        except Overloaded as error:
            return PlainTextResponse(f"{error}\n", status_code=503)
        return PlainTextResponse("ready\n" if self.ready else "stopping\n", status_code=200 if self.ready else 503)

    async def metrics(self, request: Request) -> Response:
        """Prometheus metrics."""
        telemetry.JOURNAL_PENDING.set(self.acceptor.journal.pending_bytes)
        telemetry.JOURNAL_BACKLOG.set(self.acceptor.journal.backlog_bytes())
        return Response(generate_latest(telemetry.REGISTRY), media_type=CONTENT_TYPE_LATEST)


def media_type_of(request: Request) -> str:
    """Media type of the body, lower-case, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def project_of(keys: Mapping[str, str], authorization: str) -> str | None:
    """Project of the presented key; "default" when no keys are configured, None when the key is wrong."""
    if not keys:
        return "default"
    scheme, _, token = authorization.partition(" ")
    presented = token.strip().encode() if scheme.lower() == "bearer" else b""
    found = None
    for key, project in keys.items():
        # Compare with every key, so that the time says nothing about which one was close.
        if hmac.compare_digest(presented, key.encode()):
            found = project
    return found


def encode(message: Message, media_type: str) -> bytes:
    """Serialise a response in the encoding of its request."""
    if media_type == PROTOBUF:
        return message.SerializeToString()
    return orjson.dumps(MessageToDict(message))
