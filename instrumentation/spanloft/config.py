"""Settings of the SDK: arguments first, then OpenTelemetry's environment variables, then ours, then defaults."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ._log import warn_once

DEFAULT_SPOOL_BYTES = 256 * 1024 * 1024
_SWITCHED_OFF = frozenset({"false", "0", "no", "off"})
_SWITCHED_ON = frozenset({"true", "1", "yes", "on"})
CONTENT_VARIABLE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"


@dataclass(frozen=True, slots=True)
class Settings:
    """What ``instrument()`` works with. Times are seconds, sizes bytes.

    ``endpoint`` is the full URL for HTTP and ``scheme://host:port`` for gRPC; so is ``logs_endpoint``. ``spool`` is
    ``None`` when switched off. ``capture_content`` is whether message texts are recorded at all. ``fallback`` watches
    HTTP clients for calls that no instrumentor reports, ``stream_usage`` asks streams for their usage, ``propagate``
    carries the context into threads and child processes. ``redact`` names what is taken out of texts,
    ``redact_fields`` whole attributes.
    """

    endpoint: str
    protocol: str
    service_name: str | None
    service_name_is_default: bool
    capture_content: bool
    logs_endpoint: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 10.0
    compression: str = "none"
    certificate: str | None = None
    client_certificate: str | None = None
    client_key: str | None = None
    insecure: bool = True
    spool: Path | None = None
    spool_bytes: int = DEFAULT_SPOOL_BYTES
    schedule_delay: float = 1.0
    max_queue: int = 2048
    max_batch: int = 512
    fallback: bool = True
    stream_usage: bool = False
    propagate: bool = True
    redact: str = ""
    redact_fields: tuple[str, ...] = ()


def sdk_disabled() -> bool:
    """Whether the user switched OpenTelemetry off (``OTEL_SDK_DISABLED``)."""
    return os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"


def load(
    *,
    endpoint: str | None = None,
    service_name: str | None = None,
    capture_content: bool | None = None,
    api_key: str | None = None,
) -> Settings:
    """Resolves the settings. A value that cannot be read is named in the log and replaced by its default."""
    protocol = _otlp("PROTOCOL") or "http/protobuf"
    if protocol not in ("http/protobuf", "grpc"):
        warn_once("protocol", "OTEL_EXPORTER_OTLP_PROTOCOL=%s is not supported, using http/protobuf", protocol)
        protocol = "http/protobuf"
    url = _endpoint(endpoint, protocol)
    named = service_name or _service_from_environment()
    insecure = (_otlp("INSECURE") or "").lower() in _SWITCHED_ON or not url.startswith("https://")
    return Settings(
        endpoint=url,
        protocol=protocol,
        logs_endpoint=_logs_endpoint(url, protocol),
        service_name=named or script_name(),
        service_name_is_default=named is None,
        capture_content=_capture_content(capture_content),
        headers=_headers(api_key),
        timeout=_number("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", _number("OTEL_EXPORTER_OTLP_TIMEOUT", 10.0)),
        compression=(_otlp("COMPRESSION") or "none").lower(),
        certificate=_otlp("CERTIFICATE"),
        client_certificate=_otlp("CLIENT_CERTIFICATE"),
        client_key=_otlp("CLIENT_KEY"),
        insecure=insecure,
        spool=_spool(),
        spool_bytes=int(_number("SPANLOFT_SPOOL_BYTES", DEFAULT_SPOOL_BYTES)),
        schedule_delay=_number("OTEL_BSP_SCHEDULE_DELAY", 1000.0) / 1000.0,
        max_queue=max(int(_number("OTEL_BSP_MAX_QUEUE_SIZE", 2048)), 1),
        max_batch=max(int(_number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512)), 1),
        fallback=_switch("SPANLOFT_FALLBACK", True),
        stream_usage=_switch("SPANLOFT_STREAM_USAGE", False),
        propagate=_switch("SPANLOFT_PROPAGATE", True),
        redact=_redact(),
        redact_fields=tuple(f.strip() for f in os.environ.get("SPANLOFT_REDACT_FIELDS", "").split(",") if f.strip()),
    )


def _otlp(name: str) -> str | None:
    """A variable of the OTLP exporter; the one for traces wins. Empty counts as unset, as OpenTelemetry has it."""
    for prefix in ("OTEL_EXPORTER_OTLP_TRACES_", "OTEL_EXPORTER_OTLP_"):
        if value := os.environ.get(prefix + name, "").strip():
            return value
    return None


def _endpoint(argument: str | None, protocol: str) -> str:
    default = "http://127.0.0.1:4317" if protocol == "grpc" else "http://127.0.0.1:4318"
    exact = os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "").strip()
    url = argument or exact or os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", "").strip() or default
    if "://" not in url:
        url = f"http://{url}"
    parts = urlsplit(url)
    if protocol == "grpc":
        return f"{parts.scheme}://{parts.netloc}"
    # The variable for traces is used as it is; everything else is a base, unless an argument names a path.
    complete = bool(parts.path.strip("/")) if argument else bool(exact)
    return url if complete else url.rstrip("/") + "/v1/traces"


def _logs_endpoint(endpoint: str, protocol: str) -> str:
    """Where feedback goes: the variable for logs, else beside the traces."""
    exact = os.environ.get("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "").strip()
    if exact or protocol == "grpc":
        return exact or endpoint
    head, slash, last = endpoint.rpartition("/")
    return f"{head}/logs" if slash and last == "traces" else f"{endpoint.rstrip('/')}/v1/logs"


def _headers(api_key: str | None) -> dict[str, str]:
    headers: dict[str, str] = {}
    for variable in ("OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"):
        for pair in os.environ.get(variable, "").split(","):
            name, equals, value = pair.partition("=")
            if equals and name.strip():
                headers[unquote(name.strip()).lower()] = unquote(value.strip())
    key = api_key or os.environ.get("SPANLOFT_API_KEY", "").strip()
    if key and (api_key or "authorization" not in headers):
        headers["authorization"] = f"Bearer {key}"
    return headers


def _capture_content(argument: bool | None) -> bool:
    if argument is not None:
        return argument
    ours = os.environ.get("SPANLOFT_CAPTURE_CONTENT", "").strip().lower()
    if ours in _SWITCHED_OFF:
        return False
    if ours in _SWITCHED_ON:
        return True
    # The old spelling "false" and the new NO_CONTENT are the user's own way to say no.
    theirs = os.environ.get(CONTENT_VARIABLE, "").strip().lower()
    return theirs not in {"no_content", *_SWITCHED_OFF}


def _spool() -> Path | None:
    value = os.environ.get("SPANLOFT_SPOOL", "").strip()
    if value.lower() in _SWITCHED_OFF:
        return None
    return Path(value).expanduser() if value else home() / "spool"


def home() -> Path:
    """The folder of Spanloft's files for this user: ``~/.spanloft``."""
    return Path("~/.spanloft").expanduser()


def store_path() -> Path:
    """The default store: ``SPANLOFT_STORE``, else ``~/.spanloft``."""
    value = os.environ.get("SPANLOFT_STORE", "").strip()
    return Path(value).expanduser() if value else home()


def _service_from_environment() -> str | None:
    if name := os.environ.get("OTEL_SERVICE_NAME", "").strip():
        return name
    for pair in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "").split(","):
        key, _, value = pair.partition("=")
        if key.strip() == "service.name" and value.strip():
            return unquote(value.strip())
    return None


def script_name() -> str:
    """A name for a service nobody named: the module after ``-m``, the script, ``notebook`` or ``python``."""
    if "ipykernel" in sys.modules:
        return "notebook"
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    if spec is not None and spec.name:
        return str(spec.name).removesuffix(".__main__")
    path = Path(sys.argv[0]) if sys.argv and sys.argv[0] not in ("", "-c", "-m") else None
    if path is None:
        return "python"
    return path.parent.name if path.stem == "__main__" else path.stem or "python"


def _redact() -> str:
    value = os.environ.get("SPANLOFT_REDACT", "").strip()
    return "" if value.lower() in _SWITCHED_OFF else value


def _switch(name: str, default: bool) -> bool:
    value = os.environ.get(name, "").strip().lower()
    if value in _SWITCHED_ON or value in _SWITCHED_OFF:
        return value in _SWITCHED_ON
    if value:
        warn_once(f"switch {name}", "%s=%r is neither true nor false, using %s", name, value, str(default).lower())
    return default


def _number(name: str, default: float) -> float:
    value = os.environ.get(name, "").strip()
    if not value:
        return default
    try:
        return float(value)
    except ValueError:
        warn_once(f"number {name}", "%s=%r is not a number, using %s", name, value, default)
        return default
