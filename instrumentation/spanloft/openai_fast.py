"""A short way for the commonest call: ``chat.completions.create`` with texts and tools, not streamed.

OpenTelemetry's instrumentor costs about two and a half times a hand-written span, most of it in general machinery
(data classes copied twice, merges of nested calls, metrics nobody collects). This wrapper stands before it, records
exactly the attributes it would record (a test compares the two), and hands it every call that is not plain: streams,
raw responses, images, nested calls, and all calls when metrics, events or upload hooks are on.
"""

from __future__ import annotations

import functools
import os
import weakref
from collections.abc import Callable
from contextvars import Token
from importlib.metadata import version
from typing import Any, NamedTuple

from opentelemetry import trace
from opentelemetry.context import Context, attach, detach, get_value
from opentelemetry.metrics import _internal as metrics
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.util.types import AttributeValue

from ._log import contained, logger
from .config import CONTENT_VARIABLE
from .openai_messages import input_messages, output_messages, tool_definitions

SCOPE = "spanloft.openai"
BESIDE_OTHERS = False
"""An instrumentor that the app itself switched on is left alone."""

_INFERENCE = "opentelemetry.genai.client.inference.context"
_NUMBERS = {
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "max_completion_tokens": "gen_ai.request.max_tokens",
    "max_tokens": "gen_ai.request.max_tokens",
    "presence_penalty": "gen_ai.request.presence_penalty",
    "frequency_penalty": "gen_ai.request.frequency_penalty",
    "seed": "gen_ai.request.seed",
}
_ANSWER = (
    ("model", "gen_ai.response.model"),
    ("id", "gen_ai.response.id"),
    ("service_tier", "openai.response.service_tier"),
    ("system_fingerprint", "openai.response.system_fingerprint"),
)
_UNRECORDED = frozenset(
    {
        "model",
        "messages",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "user",
        "metadata",
        "timeout",
        "store",
        "safety_identifier",
        "logprobs",
    }
)
"""Arguments that the loop over the request leaves out: recorded elsewhere or not at all."""

_undo: list[Callable[[], None]] = []


class _Started(NamedTuple):
    span: Span
    token: Token[Context]


def install(capture_content: bool, provider: trace.TracerProvider) -> None:
    """Puts the short way before the instrumentor's wrappers, which must be in place; :func:`remove` undoes it."""
    if _undo or not _only_spans_wanted():
        return
    from openai.resources.chat.completions import AsyncCompletions, Completions

    way = _ShortWay(capture_content, provider.get_tracer(SCOPE, version("spanloft")))
    for owner, wrap in ((Completions, _sync), (AsyncCompletions, _async)):
        instrumented = vars(owner)["create"]
        bare = getattr(instrumented, "__wrapped__", None)
        if bare is None:
            logger.debug("%s.create is not wrapped as expected: no short way", owner.__name__)
            continue
        setattr(owner, "create", wrap(bare, instrumented, way))  # noqa: B010 - mypy forbids assigning a method
        _undo.append(functools.partial(setattr, owner, "create", instrumented))
    # A client caches its with_raw_response, and with it our wrapper: it must know when it is over.
    _undo.append(way.close)


def remove() -> None:
    """Puts the instrumentor's wrappers back."""
    while _undo:
        _undo.pop()()


def _only_spans_wanted() -> bool:
    mode = os.environ.get(CONTENT_VARIABLE, "").strip().upper()
    events = os.environ.get("OTEL_INSTRUMENTATION_GENAI_EMIT_EVENT", "").strip().lower() == "true"
    hook = os.environ.get("OTEL_INSTRUMENTATION_GENAI_COMPLETION_HOOK", "").strip()
    return mode in ("SPAN_ONLY", "NO_CONTENT", "") and not events and not hook


def _sync(bare: Callable[..., Any], instrumented: Any, way: _ShortWay) -> Callable[..., Any]:
    @functools.wraps(bare)
    def create(self: Any, *args: Any, **kwargs: Any) -> Any:
        started = None if args else way.start(self, kwargs)
        if started is None:
            return instrumented.__get__(self, type(self))(*args, **kwargs)
        try:
            answer = bare(self, **kwargs)
        except BaseException as error:
            way.fail(started, error)
            raise
        way.finish(started, answer)
        return answer

    return create


def _async(bare: Callable[..., Any], instrumented: Any, way: _ShortWay) -> Callable[..., Any]:
    @functools.wraps(bare)
    async def create(self: Any, *args: Any, **kwargs: Any) -> Any:
        started = None if args else way.start(self, kwargs)
        if started is None:
            return await instrumented.__get__(self, type(self))(*args, **kwargs)
        try:
            answer = await bare(self, **kwargs)
        except BaseException as error:
            way.fail(started, error)
            raise
        way.finish(started, answer)
        return answer

    return create


class _ShortWay:
    """Starts and ends the span of a plain call; never raises into the call."""

    def __init__(self, capture_content: bool, tracer: trace.Tracer) -> None:
        self._content = capture_content
        self._tracer = tracer
        self._open = True
        self._server_before: tuple[Callable[[], Any], Any, dict[str, AttributeValue]] = (lambda: None, None, {})

    def close(self) -> None:
        """From now on every call goes the long way."""
        self._open = False

    def start(self, resource: Any, request: dict[str, Any]) -> _Started | None:
        """The started span, or ``None`` when the call is not plain."""
        if not self._open or get_value(_INFERENCE) is not None or _metrics_wanted():
            return None
        with contained("the short way into chat.completions"):
            attributes = self._request_attributes(request)
            if attributes is None:
                return None
            attributes.update(self._server(resource))
            span = self._tracer.start_span(f"chat {request['model']}", kind=SpanKind.CLIENT, attributes=attributes)
            return _Started(span, attach(set_span_in_context(span)))
        return None

    def finish(self, started: _Started, answer: Any) -> None:
        """Records the answer and ends the span."""
        with contained("recording a chat completion"):
            started.span.set_attributes(_answer_attributes(answer, self._content))
        self._end(started)

    def fail(self, started: _Started, error: BaseException) -> None:
        """Records the error and ends the span."""
        with contained("recording a failed chat completion"):
            kind = type(error)
            name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
            started.span.set_status(Status(StatusCode.ERROR, str(error)))
            started.span.set_attribute("error.type", name)
        self._end(started)

    def _end(self, started: _Started) -> None:
        detach(started.token)
        with contained("ending a span"):
            started.span.end()

    def _request_attributes(self, request: dict[str, Any]) -> dict[str, AttributeValue] | None:
        model = request.get("model")
        if not isinstance(model, str) or not model:
            return None
        attributes: dict[str, AttributeValue] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": model,
        }
        for key, value in request.items():
            if key in _UNRECORDED or value is None:
                continue
            name = _NUMBERS.get(key)
            if name is None or type(value) not in (int, float):
                if key == "stream" and value is False:
                    continue
                return None
            if name not in attributes or key == "max_completion_tokens":
                attributes[name] = value
        messages = input_messages(request.get("messages"))
        tools = tool_definitions(request.get("tools"))
        if messages is None or tools is None:
            return None
        if self._content:
            attributes["gen_ai.input.messages"] = messages
            if tools:
                attributes["gen_ai.tool.definitions"] = tools
        return attributes

    def _server(self, resource: Any) -> dict[str, AttributeValue]:
        client = resource._client
        url = client.base_url
        known, at, server = self._server_before
        if known() is client and at is url:
            return server
        server = {}
        if url.host:
            server["server.address"] = url.host
            if url.port and url.port != 443:
                server["server.port"] = url.port
        self._server_before = weakref.ref(client), url, server
        return server


def _metrics_wanted() -> bool:
    return metrics._METER_PROVIDER is not None


def _answer_attributes(answer: Any, content: bool) -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = {}
    for key, name in _ANSWER:
        if value := getattr(answer, key, None):
            attributes[name] = value
    choices = getattr(answer, "choices", None)
    if choices:
        attributes["gen_ai.response.finish_reasons"] = [choice.finish_reason or "error" for choice in choices]
        if content:
            attributes["gen_ai.output.messages"] = output_messages(choices)
    if usage := getattr(answer, "usage", None):
        _add_usage(attributes, usage)
    return attributes


def _add_usage(attributes: dict[str, AttributeValue], usage: Any) -> None:
    prompt = getattr(usage, "prompt_tokens_details", None)
    completion = getattr(usage, "completion_tokens_details", None)
    for source, key, name in (
        (usage, "prompt_tokens", "gen_ai.usage.input_tokens"),
        (usage, "completion_tokens", "gen_ai.usage.output_tokens"),
        (prompt, "cached_tokens", "gen_ai.usage.cache_read.input_tokens"),
        (prompt, "cache_write_tokens", "gen_ai.usage.cache_write.input_tokens"),
        (prompt, "audio_tokens", "gen_ai.usage.audio.input_tokens"),
        (completion, "reasoning_tokens", "gen_ai.usage.reasoning.output_tokens"),
        (completion, "audio_tokens", "gen_ai.usage.audio.output_tokens"),
    ):
        count = getattr(source, key, None)
        # A part of 0 says nothing; a total of 0 is a figure.
        if count or (count == 0 and source is usage):
            attributes[name] = count
