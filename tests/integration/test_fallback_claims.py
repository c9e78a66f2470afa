"""A call that an instrumentor reports never gets a second span from the fallback, however the instrumentor works."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import anthropic
import openai
import pytest
import spanloft.testing
from fake_provider import FakeProvider
from openinference.instrumentation.openai import OpenAIInstrumentor
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, set_span_in_context
from sdk_support import provider
from spanloft.testing import CapturedSpans

httpx = pytest.importorskip("httpx")

__all__ = ["provider"]
REFUND: Any = [{"role": "user", "content": "refund?"}]
CHAT: Any = {"model": "gpt-4o", "messages": REFUND}
CLAUDE: Any = {"model": "claude-sonnet-5", "max_tokens": 50, "messages": REFUND}


@pytest.fixture
def spans() -> Iterator[CapturedSpans]:
    """The global provider, as SDKs that trace themselves need it."""
    exporter = InMemorySpanExporter()
    app = TracerProvider(shutdown_on_exit=False)
    app.add_span_processor(SimpleSpanProcessor(exporter))
    before, trace._TRACER_PROVIDER = trace._TRACER_PROVIDER, app
    spanloft.instrument(export=False)
    yield CapturedSpans(exporter)
    spanloft.uninstrument()
    trace._TRACER_PROVIDER = before


def openai_calls(url: str) -> Iterator[Callable[[], Any]]:
    client = openai.OpenAI(base_url=f"{url}/v1", api_key="x", max_retries=0)
    async_client = openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="x", max_retries=0)

    async def stream() -> None:
        async for _ in await async_client.chat.completions.create(**CHAT, stream=True):
            pass

    yield lambda: client.chat.completions.create(**CHAT)
    yield lambda: list(client.chat.completions.create(**CHAT, stream=True))
    yield lambda: client.responses.create(model="gpt-4o", input="refund?")
    yield lambda: client.embeddings.create(model="text-embedding-3-small", input="x")
    yield lambda: asyncio.run(stream())


def anthropic_calls(url: str) -> Iterator[Callable[[], Any]]:
    client = anthropic.Anthropic(base_url=url, api_key="x", max_retries=0)

    def stream() -> None:
        with client.messages.stream(**CLAUDE) as answer:
            list(answer.text_stream)

    yield lambda: client.messages.create(**CLAUDE)
    yield lambda: list(client.messages.create(**CLAUDE, stream=True))
    yield stream


def scopes(captured: CapturedSpans) -> list[str]:
    spanloft.flush()
    return [span.instrumentation_scope.name for span in captured if span.instrumentation_scope is not None]


@pytest.mark.parametrize("calls", [openai_calls, anthropic_calls])
def test_our_own_choice(provider: FakeProvider, spans: CapturedSpans, calls: Any) -> None:
    for call in calls(provider.url):
        call()
        assert len(scopes(spans)) == 1
        assert "spanloft.transport" not in scopes(spans)
        spans.clear()


def test_errors_and_retries(provider: FakeProvider, spans: CapturedSpans) -> None:
    client = openai.OpenAI(base_url=f"{provider.url}/v1", api_key="x", max_retries=2)
    with pytest.raises(openai.RateLimitError):
        client.chat.completions.create(model="fake-429", messages=REFUND)
    assert scopes(spans) == ["spanloft.openai"]


def test_openinference_of_the_app(provider: FakeProvider) -> None:
    exporter = InMemorySpanExporter()
    app = TracerProvider(shutdown_on_exit=False)
    app.add_span_processor(SimpleSpanProcessor(exporter))
    theirs = OpenAIInstrumentor()
    theirs.instrument(tracer_provider=app)
    try:
        spanloft.instrument(tracer_provider=app, export=False)
        for call in openai_calls(provider.url):
            call()
            assert scopes(CapturedSpans(exporter)) == ["openinference.instrumentation.openai"]
            exporter.clear()
    finally:
        spanloft.uninstrument()
        theirs.uninstrument()


def test_what_an_sdk_can_do_and_its_instrumentor_does_not_report(provider: FakeProvider, spans: CapturedSpans) -> None:
    client = openai.OpenAI(base_url=f"{provider.url}/v1", api_key="x")
    client.post("/chat/completions", body=CHAT, cast_to=dict)
    assert scopes(spans) == ["spanloft.transport"]


def test_a_span_by_hand(provider: FakeProvider, spans: CapturedSpans) -> None:
    tracer = trace.get_tracer("my app")
    attributes = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"}
    with tracer.start_as_current_span("chat gpt-4o", attributes=attributes):
        httpx.post(f"{provider.url}/v1/chat/completions", json=CHAT)
    assert scopes(spans) == ["my app"]


def test_an_http_span_between(provider: FakeProvider, spans: CapturedSpans) -> None:
    with (
        trace.get_tracer("langsmith").start_as_current_span("call", attributes={"langsmith.span.kind": "llm"}),
        trace.get_tracer("opentelemetry.instrumentation.httpx").start_as_current_span("POST", kind=SpanKind.CLIENT),
    ):
        httpx.post(f"{provider.url}/v1/chat/completions", json=CHAT)
    assert scopes(spans) == ["opentelemetry.instrumentation.httpx", "langsmith"]


def test_inside_an_agent_or_tool_it_is_a_call_of_its_own(provider: FakeProvider, spans: CapturedSpans) -> None:
    attributes = {"openinference.span.kind": "TOOL"}
    with trace.get_tracer("openinference.x").start_as_current_span("tool", attributes=attributes) as tool:
        httpx.post(f"{provider.url}/v1/chat/completions", json=CHAT)
    call = spans.calls[0]
    assert call.parent is not None
    assert call.parent.span_id == tool.get_span_context().span_id


@pytest.mark.parametrize("same", [True, False])
def test_a_framework_that_tells_at_the_end_what_its_span_was(
    provider: FakeProvider, spans: CapturedSpans, same: bool
) -> None:
    """As callbacks do: the span is not the current one, and its attributes come last."""
    span = trace.get_tracer("openinference.instrumentation.langchain").start_span("ChatOpenAI", context=None)
    answer = httpx.post(f"{provider.url}/v1/chat/completions", json=CHAT).json()
    assert len(spans) == 0
    span.set_attributes(
        {
            "openinference.span.kind": "LLM",
            "llm.model_name": answer["model"],
            "llm.token_count.prompt": answer["usage"]["prompt_tokens"] + (0 if same else 1),
            "llm.token_count.completion": answer["usage"]["completion_tokens"],
        }
    )
    span.end()
    assert len(scopes(spans)) == (1 if same else 2)


def test_a_chain_span_that_never_ends_holds_nothing_back_for_ever(provider: FakeProvider, spans: CapturedSpans) -> None:
    trace.get_tracer("openinference.instrumentation.langchain").start_span("RunnableSequence")
    httpx.post(f"{provider.url}/v1/chat/completions", json=CHAT)
    assert scopes(spans) == ["spanloft.transport"]  # flush() waits for nothing


def test_an_unsampled_call_stays_unsampled(provider: FakeProvider, spans: CapturedSpans) -> None:
    context = trace.SpanContext(1, 2, is_remote=True, trace_flags=trace.TraceFlags(0))
    from opentelemetry.context import attach, detach

    token = attach(set_span_in_context(trace.NonRecordingSpan(context)))
    try:
        httpx.post(f"{provider.url}/v1/chat/completions", json=CHAT)
    finally:
        detach(token)
    assert scopes(spans) == []
