"""OTLP over gRPC with nothing but grpcio: the request is encoded already, so no generated stub is needed."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import grpc

from .config import Settings
from .transport import Answer, Outcome, destination, logs_destination, report_partial_success

_METHODS = {
    "traces": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "logs": "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
}
_RETRYABLE = frozenset(
    {
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.OUT_OF_RANGE,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DATA_LOSS,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    }
)


class GrpcTransport:
    """A channel to the collector's service for one signal; credentials, compression and metadata as configured."""

    def __init__(self, settings: Settings, signal: str = "traces") -> None:
        self._method = _METHODS[signal]
        self.destination = logs_destination(settings) if signal == "logs" else destination(settings)
        self._settings = settings
        self._metadata = tuple(settings.headers.items())
        self._channel: grpc.Channel | None = None

    def send(self, body: bytes, timeout: float) -> Answer:
        """Calls ``Export``; never raises."""
        try:
            if self._channel is None:
                self._channel = self._open()
            export: grpc.UnaryUnaryMultiCallable[bytes, bytes] = self._channel.unary_unary(self._method)
            content = export(body, timeout=timeout, metadata=self._metadata)
        except grpc.RpcError as error:
            code = error.code()
            outcome = Outcome.TRY_AGAIN if code in _RETRYABLE else Outcome.REFUSED
            return Answer(outcome, f"the collector answered {code.name}: {error.details()}")
        except (OSError, ValueError) as error:
            return Answer(Outcome.TRY_AGAIN, repr(error))
        if content:
            report_partial_success(content)
        return Answer(Outcome.TAKEN)

    def close(self) -> None:
        """Closes the channel."""
        channel, self._channel = self._channel, None
        if channel is not None:
            channel.close()

    def _open(self) -> grpc.Channel:
        settings = self._settings
        compression = grpc.Compression.Gzip if settings.compression == "gzip" else grpc.Compression.NoCompression
        address = urlsplit(settings.endpoint).netloc
        if settings.insecure and not settings.endpoint.startswith("https://"):
            return grpc.insecure_channel(address, compression=compression)
        credentials = grpc.ssl_channel_credentials(
            _read(settings.certificate), _read(settings.client_key), _read(settings.client_certificate)
        )
        return grpc.secure_channel(address, credentials, compression=compression)


def _read(path: str | None) -> bytes | None:
    return Path(path).read_bytes() if path else None
