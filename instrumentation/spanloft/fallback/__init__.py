"""No call escapes: LLM calls that no instrumentor reports are recognised at the HTTP client and become spans.

Watched are httpx, httpx2, aiohttp and urllib3 (and with it requests and botocore), each once it is imported. Any host
will do: what tells is the path and the shape of request and answer. The span is in OpenTelemetry's GenAI spelling,
scope ``spanloft.transport``.
"""

from __future__ import annotations

import importlib
from contextlib import suppress
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit

from opentelemetry.context import attach, detach, get_value, set_value
from opentelemetry.trace import SpanKind, Status, StatusCode, TracerProvider

from .._log import contained, logger
from ..import_hook import ImportHook
from .call import Call
from .claims import Claims
from .endpoints import ENDINGS, find_endpoint

SCOPE = "spanloft.transport"
CLIENTS = {"httpx": "httpx_client", "httpx2": "httpx_client", "aiohttp": "aiohttp_client", "urllib3": "urllib3_client"}
"""Module whose import is waited for, and the module here that watches it."""

_INSIDE = "spanloft.transport.inside"


class Watcher:
    """What the clients' wrappers ask: whether a request is an LLM call that nobody else reports."""

    def __init__(self, provider: TracerProvider, content: bool) -> None:
        self._tracer = provider.get_tracer(SCOPE, version("spanloft"))
        self._content = content
        self.claims = Claims(self._report)

    def wanted(self, method: str) -> bool:
        """Whether a request may be a call that nobody reports. Asked first, as it costs the least."""
        return method == "POST" and not self.claims.claimed() and not get_value(_INSIDE)

    def begin(self, host: str, port: int | None, path: str, body: Any) -> Call | None:
        """The call to watch, or ``None``. ``path`` ends before the query; ``body`` is bytes, text, or a stream."""
        if not path.endswith(ENDINGS):
            return None
        with contained("looking at a request"):
            endpoint = find_endpoint(host, port, path)
            if endpoint is None:
                return None
            call = Call(endpoint, self._content, self.claims.finished)
            readable = isinstance(body, (bytes, bytearray, memoryview, str))
            if not call.take_request(
                bytes(body) if isinstance(body, (bytearray, memoryview)) else body if readable else None
            ):
                return None
            self.claims.watch(call)
            return call
        return None

    def _report(self, call: Call) -> None:
        with contained("writing the span of an LLM call"):
            span = self._tracer.start_span(
                call.name,
                context=call.context,
                kind=SpanKind.CLIENT,
                attributes=call.attributes,
                start_time=call.start_ns,
            )
            if call.error is not None:
                kind, message = call.error
                span.set_attribute("error.type", kind)
                span.set_status(Status(StatusCode.ERROR, message))
            span.end(call.end_ns)


class inside:
    """While a watched request is sent, clients below it (urllib3 under requests) do not watch it again."""

    def __enter__(self) -> None:
        self._token = attach(set_value(_INSIDE, True))

    def __exit__(self, *error: object) -> None:
        detach(self._token)


def address(url: str) -> tuple[str, int | None, str]:
    """Host, port and path of a URL."""
    parts = urlsplit(url)
    with suppress(ValueError):
        return parts.hostname or "", parts.port, parts.path
    return parts.hostname or "", None, parts.path


class Fallback:
    """Watches the HTTP clients of this process from :meth:`start` to :meth:`stop`."""

    def __init__(self, provider: TracerProvider, content: bool) -> None:
        self.watcher = Watcher(provider, content)
        self._hook = ImportHook()
        self._patched: list[Any] = []

    def start(self) -> None:
        """Watches each client that is imported, now or later."""
        for module in CLIENTS:
            self._hook.watch(module, lambda module=module: self._patch(module))  # type: ignore[misc]

    def stop(self) -> None:
        """Leaves the clients as they were."""
        self._hook.remove()
        while self._patched:
            with contained("leaving an HTTP client"):
                self._patched.pop()()

    def _patch(self, module: str) -> None:
        client = importlib.import_module(f"{__name__}.clients.{CLIENTS[module]}")
        self._patched.append(client.patch(importlib.import_module(module), self.watcher))
        logger.debug("calls by %s that no instrumentor reports are traced", module)
