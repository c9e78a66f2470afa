"""google-genai calls the model several times inside one ``generate_content`` when it runs Python functions itself.

The instrumentor has one span for all of it, with the usage of the last answer: the others would be missing from the
bill. From the second answer on each gets a span of its own below that one, which then counts as their aggregate.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import asdict
from importlib import import_module
from importlib.metadata import version
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from opentelemetry import trace
from opentelemetry.context import get_value
from opentelemetry.sdk.trace import ReadableSpan

from ._log import contained

BESIDE_OTHERS = False
"""Whether it is wanted, too, when the app itself switched an instrumentor on."""

SCOPE = "spanloft.google_genai"
_INFERENCE = "opentelemetry.genai.client.inference.context"
_KEPT = ("gen_ai.provider.name", "gen_ai.request.model", "gen_ai.system_instructions", "server.address", "server.port")
"""Attributes that hold for every call inside the instrumentor's span."""

_undo: list[Callable[[], None]] = []


class _Answer(NamedTuple):
    """One call of the model: Unix nanoseconds, what it was asked and what it answered."""

    start_ns: int
    end_ns: int
    contents: Any
    response: Any


class _Reporter:
    def __init__(self, provider: trace.TracerProvider, content: bool) -> None:
        self._tracer = provider.get_tracer(SCOPE, version("spanloft"))
        self._content = content
        # Of each open span the first answer, until there is a second one.
        self._first: WeakKeyDictionary[Any, _Answer | None] = WeakKeyDictionary()

    def around(self) -> Any:
        """The instrumentor's span that a call is made in, or ``None``."""
        span = trace.get_current_span()
        return span if get_value(_INFERENCE) is not None and isinstance(span, ReadableSpan) else None

    def answered(self, around: Any, answer: _Answer) -> None:
        with contained("reporting a call inside automatic function calling"):
            if around not in self._first:
                self._first[around] = answer
                return
            first, self._first[around] = self._first[around], None
            if first is not None:
                self._report(around, first)
            self._report(around, answer)

    def _report(self, around: ReadableSpan, answer: _Answer) -> None:
        outer = around.attributes or {}
        attributes = {key: outer[key] for key in _KEPT if key in outer}
        attributes["gen_ai.operation.name"] = "generate_content"
        attributes |= _usage(answer.response)
        if self._content:
            attributes |= _messages(answer)
        span = self._tracer.start_span(
            f"generate_content {outer.get('gen_ai.request.model', '')}".strip(),
            kind=trace.SpanKind.CLIENT,
            attributes=attributes,
            start_time=answer.start_ns,
        )
        span.end(answer.end_ns)


def install(capture_content: bool, provider: trace.TracerProvider) -> None:
    """Watches the calls below ``generate_content``. ``remove`` takes it away again."""
    if _undo:
        return
    models: Any = import_module("google.genai.models")
    reporter = _Reporter(provider, capture_content)
    for kind, watched in ((models.Models, _watched), (models.AsyncModels, _watched_async)):
        if hasattr(kind, "_generate_content"):
            _replace(kind, "_generate_content", watched(kind._generate_content, reporter))


def remove() -> None:
    """Puts the methods back."""
    while _undo:
        _undo.pop()()


def _watched(method: Callable[..., Any], reporter: _Reporter) -> Callable[..., Any]:
    @functools.wraps(method)
    def call(self: Any, *args: Any, **given: Any) -> Any:
        around = reporter.around()
        if around is None:
            return method(self, *args, **given)
        start = time.time_ns()
        response = method(self, *args, **given)
        reporter.answered(around, _Answer(start, time.time_ns(), given.get("contents"), response))
        return response

    return call


def _watched_async(method: Callable[..., Any], reporter: _Reporter) -> Callable[..., Any]:
    @functools.wraps(method)
    async def call(self: Any, *args: Any, **given: Any) -> Any:
        around = reporter.around()
        if around is None:
            return await method(self, *args, **given)
        start = time.time_ns()
        response = await method(self, *args, **given)
        reporter.answered(around, _Answer(start, time.time_ns(), given.get("contents"), response))
        return response

    return call


def _usage(response: Any) -> dict[str, Any]:
    usage = getattr(response, "usage_metadata", None)
    said, thought = _count(usage, "candidates_token_count"), _count(usage, "thoughts_token_count")
    # Thoughts are billed as output and counted beside it.
    output = None if said is None and thought is None else (said or 0) + (thought or 0)
    reasons = [
        candidate.finish_reason.value.lower() for candidate in response.candidates or () if candidate.finish_reason
    ]
    found = {
        "gen_ai.response.id": getattr(response, "response_id", None),
        "gen_ai.response.model": getattr(response, "model_version", None),
        "gen_ai.response.finish_reasons": reasons or None,
        "gen_ai.usage.input_tokens": _count(usage, "prompt_token_count"),
        "gen_ai.usage.output_tokens": output,
        "gen_ai.usage.cache_read.input_tokens": _count(usage, "cached_content_token_count"),
        "gen_ai.usage.reasoning.output_tokens": thought,
    }
    return {key: value for key, value in found.items() if value is not None}


def _count(usage: Any, name: str) -> int | None:
    value = getattr(usage, name, None)
    return value if isinstance(value, int) else None


def _messages(answer: _Answer) -> dict[str, str]:
    """The texts, converted and written by the instrumentor's own functions."""
    from opentelemetry.util.genai.utils import gen_ai_json_dumps

    transformers: Any = import_module("google.genai._transformers")
    message: Any = import_module("opentelemetry.instrumentation.google_genai.message")
    asked = message.to_input_messages(contents=transformers.t_contents(answer.contents))
    said = message.to_output_messages(candidates=answer.response.candidates or [])
    return {
        "gen_ai.input.messages": gen_ai_json_dumps([asdict(item) for item in asked]),
        "gen_ai.output.messages": gen_ai_json_dumps([asdict(item) for item in said]),
    }


def _replace(owner: Any, name: str, value: Any) -> None:
    before = vars(owner)[name]
    setattr(owner, name, value)
    _undo.append(lambda: setattr(owner, name, before))
