"""Sends one encoded OTLP request and says what became of it. No retries here: what is not taken goes to the spool."""

from __future__ import annotations

import gzip
import http.client
import socket
import ssl
import urllib.request
import zlib
from base64 import b64encode
from dataclasses import dataclass, replace
from enum import Enum
from typing import Literal, Protocol
from urllib.parse import unquote, urlsplit

from ._log import warn_once
from .config import Settings

_RETRYABLE = frozenset({408, 429, 502, 503, 504})


class Outcome(Enum):
    """What became of a request: taken, refused for good (never sent again), or to be tried again."""

    TAKEN = "taken"
    REFUSED = "refused"
    TRY_AGAIN = "try again"


@dataclass(frozen=True, slots=True)
class Answer:
    """An outcome, why, and how many seconds the collector asked us to wait."""

    outcome: Outcome
    reason: str = ""
    retry_after: float | None = None


class Transport(Protocol):
    """Where encoded requests go. Implementations are used by one thread at a time."""

    destination: str
    """Identifies the collector and the credentials: spooled requests are only ever sent to the same ones."""

    def send(self, body: bytes, timeout: float) -> Answer:
        """Sends an ``ExportTraceServiceRequest`` (protobuf). Never raises; ``timeout`` is seconds."""

    def close(self) -> None:
        """Drops the connection; the next ``send`` opens a new one."""


class HttpTransport:
    """OTLP/HTTP with protobuf over one kept-alive connection, TLS, proxy and compression as configured."""

    def __init__(self, settings: Settings) -> None:
        self.destination = destination(settings)
        self._url = urlsplit(settings.endpoint)
        self._secure = self._url.scheme == "https"
        self._headers = {"content-type": "application/x-protobuf", "user-agent": "spanloft", **settings.headers}
        self._compression = settings.compression
        if settings.compression in ("gzip", "deflate"):
            self._headers["content-encoding"] = settings.compression
        self._settings = settings
        self._proxy = _proxy_for(self._url.scheme, self._url.hostname or "")
        self._context: ssl.SSLContext | None = None
        self._connection: http.client.HTTPConnection | None = None
        path = self._url.path or "/"
        self._target = f"{path}?{self._url.query}" if self._url.query else path
        if self._proxy and not self._secure:
            self._target = settings.endpoint

    def send(self, body: bytes, timeout: float) -> Answer:
        """POSTs the request; a connection the other side closed meanwhile is opened again once."""
        data = self._compress(body)
        for attempt in (1, 2):
            fresh = self._connection is None
            try:
                connection = self._connect(timeout)
                connection.request("POST", self._target, data, self._headers)
                response = connection.getresponse()
                content = response.read(1 << 16)
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError) as error:
                self.close()
                if fresh or attempt == 2:
                    return Answer(Outcome.TRY_AGAIN, repr(error))
                continue
            except (OSError, http.client.HTTPException, ValueError) as error:
                self.close()
                return Answer(Outcome.TRY_AGAIN, repr(error))
            if response.will_close or not response.isclosed():
                self.close()
            return _answer(response.status, response.getheader("retry-after"), content)
        return Answer(Outcome.TRY_AGAIN)

    def close(self) -> None:
        """Drops the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _connect(self, timeout: float) -> http.client.HTTPConnection:
        if self._connection is not None:
            if self._connection.sock is not None:
                self._connection.sock.settimeout(timeout)
            return self._connection
        host, port = self._url.hostname or "localhost", self._url.port
        via = urlsplit(self._proxy) if self._proxy else None
        at, at_port = (via.hostname or "", via.port or 80) if via else (host, port)
        if self._secure:
            self._context = self._context or _tls(self._settings)
            secure = http.client.HTTPSConnection(at, at_port, timeout=timeout, context=self._context)
            if via:
                secure.set_tunnel(host, port or 443, _proxy_headers(self._proxy))
            self._connection = secure
        else:
            self._connection = http.client.HTTPConnection(at, at_port, timeout=timeout)
            if via:
                self._headers.update(_proxy_headers(self._proxy))
        self._connection.connect()
        self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._connection

    def _compress(self, body: bytes) -> bytes:
        if self._compression == "gzip":
            return gzip.compress(body, 1)
        return zlib.compress(body, 1) if self._compression == "deflate" else body


def destination(settings: Settings) -> str:
    """Names the endpoint together with the credentials sent to it."""
    credentials = ",".join(f"{name}={value}" for name, value in sorted(settings.headers.items()))
    return f"{settings.protocol} {settings.endpoint} {credentials}"


def logs_destination(settings: Settings) -> str:
    """The destination of logs: never that of spans, so that neither is ever sent as the other."""
    name = destination(replace(settings, endpoint=settings.logs_endpoint))
    return f"{name} logs" if settings.protocol == "grpc" else name


def make_transport(settings: Settings, signal: Literal["traces", "logs"] = "traces") -> Transport:
    """The transport of the configured protocol; HTTP when gRPC is asked for but not installed."""
    if signal == "logs":
        settings = replace(settings, endpoint=settings.logs_endpoint)
    if settings.protocol == "grpc":
        try:
            from .transport_grpc import GrpcTransport

            return GrpcTransport(settings, signal)
        except ImportError:
            warn_once("grpc", 'OTLP over gRPC needs grpcio: pip install "spanloft[collector]"; sending HTTP instead')
            address = settings.endpoint.replace(":4317", ":4318")
            return HttpTransport(replace(settings, endpoint=f"{address}/v1/{signal}", protocol="http/protobuf"))
    return HttpTransport(settings)


def _answer(status: int, retry_after: str | None, content: bytes) -> Answer:
    if 200 <= status < 300:
        if content:
            report_partial_success(content)
        return Answer(Outcome.TAKEN)
    reason = f"the collector answered {status}"
    if status in _RETRYABLE:
        wait = float(retry_after) if retry_after and retry_after.strip().isdigit() else None
        return Answer(Outcome.TRY_AGAIN, reason, wait)
    return Answer(Outcome.REFUSED, reason)


def report_partial_success(content: bytes) -> None:
    """Logs how many spans a 200 answer nevertheless rejected, and why."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

    try:
        partial = ExportTraceServiceResponse.FromString(content).partial_success
    except Exception:
        return  # A proxy's own body, not an OTLP answer.
    if partial.rejected_spans or partial.error_message:
        message = "the collector rejected %d spans: %s"
        warn_once(f"partial {partial.error_message}", message, partial.rejected_spans, partial.error_message)


def _tls(settings: Settings) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=settings.certificate)
    if settings.client_certificate:
        context.load_cert_chain(settings.client_certificate, settings.client_key)
    return context


def _proxy_for(scheme: str, host: str) -> str | None:
    if host in ("localhost", "127.0.0.1", "::1") or urllib.request.proxy_bypass(host):
        return None
    proxy = urllib.request.getproxies().get(scheme)
    return proxy if proxy is None or "://" in proxy else f"http://{proxy}"


def _proxy_headers(proxy: str | None) -> dict[str, str]:
    parts = urlsplit(proxy or "")
    if not parts.username:
        return {}
    user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"proxy-authorization": "Basic " + b64encode(user.encode()).decode()}
