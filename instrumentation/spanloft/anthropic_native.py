"""anthropic 2.x traces itself. Here its chat span becomes part of the instrumentor's, so that a call has one span.

The instrumentor's span has the messages, the system prompt, the tool definitions and normalised finish reasons; the
SDK's own knows the split of cache writes by lifetime, the service tier, the request id and the time to first chunk
of ``messages.stream()``. So instead of switching the SDK's tracing off, the span it would start is replaced by a view
of the instrumentor's span that takes over just what that one lacks. The SDK's other spans (tool runner, tools,
batches, sessions) stay. It works for clients built before and after, since it hooks the one function that starts
the spans, and :func:`remove` puts that function back.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from opentelemetry import trace
from opentelemetry.context import get_value
from opentelemetry.trace.status import Status, StatusCode
from opentelemetry.util import types

from ._log import logger

BESIDE_OTHERS = True
"""Whether it is wanted, too, when the app itself switched an instrumentor on."""

CHAT_SPAN = "anthropic.messages.create"
_INFERENCE = "opentelemetry.genai.client.inference.context"
_TIME_TO_FIRST_CHUNK = "gen_ai.response.time_to_first_chunk"
_CONTENT_MODE = "ANTHROPIC_OPEN_TELEMETRY_TRACES_CONTENT_MODE"
_SWITCH = "ANTHROPIC_OPEN_TELEMETRY"

_undo: list[Callable[[], None]] = []


class ChatSpanView(trace.Span):
    """What the SDK takes for its own span: passes on the attributes that the real span lacks, ends nothing."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def get_span_context(self) -> trace.SpanContext:
        """The real span's context, so that children and ``traceparent`` refer to it."""
        return self._span.get_span_context()

    def is_recording(self) -> bool:
        """Whether the real span still takes attributes."""
        return self._span.is_recording()

    def set_attribute(self, key: str, value: types.AnyValue) -> None:
        """Takes over what only the SDK knows."""
        if key == _TIME_TO_FIRST_CHUNK or (key.startswith("anthropic.") and not key.startswith("anthropic.content.")):
            self._span.set_attribute(key, value)

    def set_attributes(self, attributes: Mapping[str, types.AnyValue]) -> None:
        """Takes over what only the SDK knows."""
        for key, value in attributes.items():
            self.set_attribute(key, value)

    def add_event(self, name: str, attributes: types.Attributes = None, timestamp: int | None = None) -> None:
        """Events stay with the instrumentor."""

    def update_name(self, name: str) -> None:
        """The name stays the instrumentor's."""

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """The status stays the instrumentor's."""

    def record_exception(
        self,
        exception: BaseException,
        attributes: types.Attributes = None,
        timestamp: int | None = None,
        escaped: bool = False,
    ) -> None:
        """Exceptions stay with the instrumentor."""

    def end(self, end_time: int | None = None) -> None:
        """The instrumentor ends its span."""


def install(capture_content: bool, provider: trace.TracerProvider) -> None:
    """Hooks the SDK's tracing; does nothing for versions without it. ``remove`` undoes all of it."""
    if _undo:
        return
    from anthropic import _base_client as client

    if not hasattr(client, "resolve_open_telemetry"):
        return
    start = getattr(client, "start_api_call_span", None)
    if start is None:
        logger.warning("this version of anthropic starts its spans in an unknown way; its own tracing is switched off")
        _set_environment(_SWITCH, "false")
        return
    _replace(client, "start_api_call_span", _starting(start))
    _guard_content(capture_content)
    if capture_content:
        if not os.environ.get(_CONTENT_MODE):
            _set_environment(_CONTENT_MODE, "content")
    else:
        _set_environment(_CONTENT_MODE, "metadata_only")


def remove() -> None:
    """Puts everything back as it was before :func:`install`."""
    while _undo:
        _undo.pop()()


def _starting(start: Callable[..., Any]) -> Callable[..., Any]:
    def start_api_call_span(tracer: Any, base_url: Any, options: Any, attributes: Any, **rest: Any) -> Any:
        if getattr(options, "span_name", None) != CHAT_SPAN:
            return start(tracer, base_url, options, attributes, **rest)
        span = trace.get_current_span()
        if not _in_inference() or not span.is_recording():
            # Another family's instrumentor has the call, or nobody has: a raw post() with the SDK's own span.
            return start(tracer, base_url, options, attributes, **rest) if not _other_family() else None
        view = ChatSpanView(span)
        try:
            from anthropic._tracing import span_request_attributes

            headers, stream = rest.get("default_headers"), rest.get("stream", False)
            view.set_attributes(span_request_attributes(options, headers, stream=stream))
        except Exception:
            logger.debug("the SDK's request attributes are missing on a span", exc_info=True)
        return view

    return start_api_call_span


def _in_inference() -> bool:
    return get_value(_INFERENCE) is not None


def _other_family() -> bool:
    from .activation import active_instrumentor

    name = active_instrumentor("anthropic")
    return name is not None and "genai" not in name


def _guard_content(capture_content: bool) -> None:
    """Content inside a chat call is the instrumentor's; elsewhere the SDK's own mode holds, unless content is off."""
    try:
        from anthropic.lib._tracing._config import OpenTelemetryConfig

        original = OpenTelemetryConfig.records_content
        get = original.fget  # type: ignore[attr-defined]
    except (ImportError, AttributeError):
        logger.debug("no content mode to guard in this version of anthropic", exc_info=True)
        return

    def records_content(config: Any) -> bool:
        return capture_content and not _in_inference() and bool(get(config))

    _replace(OpenTelemetryConfig, "records_content", property(records_content))


def _replace(owner: Any, name: str, value: Any) -> None:
    before = vars(owner)[name]
    setattr(owner, name, value)
    _undo.append(lambda: setattr(owner, name, before))


def _set_environment(name: str, value: str) -> None:
    before = os.environ.get(name)
    os.environ[name] = value

    def restore() -> None:
        if before is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = before

    _undo.append(restore)
