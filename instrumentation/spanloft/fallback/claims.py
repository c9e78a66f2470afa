"""Who else reports a call: an instrumentor's span around it, so that no call ever gets two.

Most instrumentors make their span the current one, with what it is among its attributes. Some (callbacks of
frameworks, SDKs that trace themselves) do not, or say only at the end what the span was. So all open spans of LLM
instrumentors are known here, and a call that may be theirs waits until they have ended and can be compared.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from opentelemetry import trace
from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, Context, get_current
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor

from .._log import contained
from .call import Call

LONGEST_WAIT = 10.0
"""Seconds a finished call waits for the spans that may report it, too."""

_LLM_SCOPE = re.compile(
    r"openinference|gen_?ai|openai|anthropic|langchain|llama|litellm|mistral|cohere|ollama|bedrock|vertex|google"
    r"|dspy|crewai|agno|smolagents|haystack|langsmith|langfuse|pydantic|logfire|agents|groq|together|traceloop"
    r"|openlit|mlflow|weave|portkey|instructor|promptflow|watsonx|replicate|spanloft\.openai",
    re.IGNORECASE,
)
_INFERENCE = "opentelemetry.genai.client.inference.context"
"""An instrumentor's own record of the call under way; it may be falsy."""
_MARKS = (
    _SUPPRESS_INSTRUMENTATION_KEY,
    "suppress_http_instrumentation",
    "suppress_language_model_instrumentation",
)
"""Keys of the context by which instrumentors say that a call is theirs, or that none is to be reported."""
_CALLS = frozenset(
    ("chat", "generate_content", "text_completion", "embeddings", "completion", "embedding", "generation")
    + ("llm", "chat_model")
)
_KINDS = (
    "gen_ai.operation.name",
    "openinference.span.kind",
    "llm.request.type",
    "langfuse.observation.type",
    "langsmith.span.kind",
    "mlflow.spanType",
    "traceloop.span.kind",
)
_MODELS = ("gen_ai.request.model", "gen_ai.response.model", "llm.model_name", "embedding.model_name")
_INPUTS = ("gen_ai.usage.input_tokens", "llm.token_count.prompt", "gen_ai.usage.prompt_tokens")
_OUTPUTS = ("gen_ai.usage.output_tokens", "llm.token_count.completion", "gen_ai.usage.completion_tokens")


class Claims(SpanProcessor):
    """Watches the spans of LLM instrumentors. ``report`` is called with each finished call that nobody claims."""

    def __init__(self, report: Callable[[Call], None]) -> None:
        self._report = report
        self._scopes: dict[str, bool] = {}
        self._open: dict[int, Span] = {}
        self._waiting: dict[int, _Waiting] = {}
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    # --- spans ------------------------------------------------------------------------------------------------

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Remembers a span of an LLM instrumentor."""
        name = span.instrumentation_scope.name if span.instrumentation_scope is not None else ""
        ours = self._scopes.get(name)
        if ours is None:
            ours = self._scopes[name] = bool(_LLM_SCOPE.search(name)) and not name.startswith("spanloft.transport")
        if ours and span.context is not None:
            self._open[span.context.span_id] = span

    def on_end(self, span: ReadableSpan) -> None:
        """Forgets the span, after comparing it with the calls that wait for it."""
        if span.context is None or self._open.pop(span.context.span_id, None) is None or not self._waiting:
            return
        with contained("comparing a span with an LLM call"):
            self._compare(span.context.span_id, span)

    def shutdown(self) -> None:
        """Reports what still waits."""
        self._release_all()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Reports what still waits: after a flush nothing of ours may be left."""
        self._release_all()
        return True

    # --- calls ------------------------------------------------------------------------------------------------

    def claimed(self) -> bool:
        """Whether the request about to be sent is an instrumentor's call for certain."""
        context = get_current()
        if context.get(_INFERENCE) is not None or any(context.get(key) for key in _MARKS):
            return True
        span: Any = trace.get_current_span()
        # Between the call and its request there may be the span of an HTTP client's instrumentor.
        for _ in range(3):
            # A span that has ended is still current in what was started inside of it, and claims nothing there.
            if not isinstance(span, Span) or not span.is_recording():
                return False
            if _is_call(span.attributes or {}):
                return True
            parent = span.parent
            span = self._open.get(parent.span_id) if parent is not None else None
        return False

    def watch(self, call: Call) -> None:
        """Notes which open spans may turn out to report this call."""
        suspects = {number for number, span in list(self._open.items()) if not _known(span.attributes or {})}
        if suspects:
            with self._lock:
                self._waiting[id(call)] = _Waiting(call, suspects)

    def finished(self, call: Call, real: bool) -> None:
        """Reports the call, if it was one, now or once its suspects have ended; never if one of them is its span."""
        with self._lock:
            waiting = self._waiting.get(id(call))
            if real and waiting is not None and waiting.suspects and not waiting.has_span():
                waiting.until = time.monotonic() + LONGEST_WAIT
                self._start_timer()
                return
            self._waiting.pop(id(call), None)
        if real and not (waiting is not None and waiting.has_span()):
            self._report(call)

    def _compare(self, number: int, span: ReadableSpan) -> None:
        free: list[Call] = []
        with self._lock:
            for key, waiting in list(self._waiting.items()):
                if number not in waiting.suspects:
                    continue
                waiting.suspects.discard(number)
                waiting.ended.append(span)
                if waiting.until is None:
                    continue
                if _same(waiting.call, span):
                    del self._waiting[key]
                elif not waiting.suspects:
                    del self._waiting[key]
                    free.append(waiting.call)
        for call in free:
            self._report(call)

    def _start_timer(self) -> None:
        if self._timer is None or not self._timer.is_alive():
            self._timer = threading.Timer(LONGEST_WAIT / 4, self._on_timer)
            self._timer.daemon = True
            with contained("waiting for a span"):
                self._timer.start()

    def _on_timer(self) -> None:
        self._timer = None
        with self._lock:
            now = time.monotonic()
            late = [key for key, w in self._waiting.items() if w.until is not None and w.until <= now]
            free = [self._waiting.pop(key).call for key in late]
            if any(w.until is not None for w in self._waiting.values()):
                self._start_timer()
        for call in free:
            self._report(call)

    def _release_all(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        with self._lock:
            done = [key for key, w in self._waiting.items() if w.until is not None]
            free = [self._waiting.pop(key).call for key in done]
        for call in free:
            self._report(call)


class _Waiting:
    def __init__(self, call: Call, suspects: set[int]) -> None:
        self.call = call
        self.suspects = suspects
        self.ended: list[ReadableSpan] = []
        self.until: float | None = None

    def has_span(self) -> bool:
        return any(_same(self.call, span) for span in self.ended)


def _known(attributes: Mapping[str, Any]) -> bool:
    """Whether a span says already what it is; a span of a call claims only what is inside of it."""
    return any(key in attributes for key in _KINDS)


def _is_call(attributes: Mapping[str, Any]) -> bool:
    if attributes.get("gen_ai.operation.name") in _CALLS:
        return True  # By far the commonest, on the way of every call.
    kinds = [str(attributes[key]).strip('"').lower() for key in _KINDS if key in attributes]
    return any(kind in _CALLS for kind in kinds) or (not kinds and any(key in attributes for key in _MODELS))


def _same(call: Call, span: ReadableSpan) -> bool:
    """Whether an instrumentor's span reports this call: by response id, else by model, tokens and time."""
    attributes = span.attributes or {}
    if not _is_call(attributes) or (span.start_time or 0) > call.start_ns:
        return False
    mine, theirs = call.value("gen_ai.response.id"), attributes.get("gen_ai.response.id")
    if mine and theirs:
        return mine == theirs
    models = {attributes[key] for key in _MODELS if key in attributes}
    own = {call.value(key) for key in _MODELS} - {None}
    if models and own and not models & own:
        return False
    for name, others in (("gen_ai.usage.input_tokens", _INPUTS), ("gen_ai.usage.output_tokens", _OUTPUTS)):
        count = call.value(name)
        other = next((attributes[key] for key in others if key in attributes), None)
        if count is not None and other is not None and count != other:
            return False
    return True
