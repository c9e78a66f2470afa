"""The real anthropic SDK, which traces itself, against the fake provider: still one span per call, and a richer one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anthropic
import pytest
import spanloft
from anthropic import _base_client
from anthropic.lib._tracing._config import OpenTelemetryConfig
from anthropic.resources.beta.messages import Messages as BetaMessages
from anthropic.resources.messages import AsyncMessages, Messages
from fake_provider import FakeProvider
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from sdk_support import ORDER_TOOL, assert_billed, attributes_of, messages, only, provider, seen
from spanloft.testing import CapturedSpans

__all__ = ["provider", "seen"]
MODEL = "claude-sonnet-5"
REFUND: Any = [{"role": "user", "content": "How do I get a refund?"}]
ORDER: Any = [{"role": "user", "content": "Where is my order A-20731?"}]
TOOLS: Any = [{k if k != "parameters" else "input_schema": v for k, v in ORDER_TOOL.items()}]
RULES = "Rule: returns are free within 30 days of delivery. " * 40


@contextmanager
def capture_globally(**options: Any) -> Iterator[CapturedSpans]:
    """As in a real app: the provider is the global one, so the SDK's own tracing would be on."""
    exporter = InMemorySpanExporter()
    app_provider = TracerProvider(shutdown_on_exit=False)
    app_provider.add_span_processor(SimpleSpanProcessor(exporter))
    before = trace._TRACER_PROVIDER
    trace._TRACER_PROVIDER = app_provider
    try:
        spanloft.instrument(export=False, **options)
        yield CapturedSpans(exporter)
    finally:
        spanloft.uninstrument()
        trace._TRACER_PROVIDER = before


@pytest.fixture
def early(provider: FakeProvider) -> anthropic.Anthropic:
    """A client from before ``instrument()``: requested before ``spans`` in the tests."""
    return anthropic.Anthropic(base_url=provider.url, api_key="x", max_retries=0)


@pytest.fixture
def spans() -> Iterator[CapturedSpans]:
    with capture_globally() as captured:
        yield captured


@pytest.fixture
def client(spans: CapturedSpans, provider: FakeProvider) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=provider.url, api_key="x", max_retries=0)


def ask(client: anthropic.Anthropic, **more: Any) -> Any:
    return client.messages.create(**{"model": MODEL, "max_tokens": 100, "messages": REFUND, **more})


def test_messages(provider: FakeProvider, seen: int, spans: CapturedSpans, client: anthropic.Anthropic) -> None:
    ask(client, system="Be brief.", stop_sequences=["END"])
    attributes = only(spans)
    assert_billed(attributes, provider.bills(seen)[0])
    assert attributes["gen_ai.provider.name"] == "anthropic"
    assert attributes["gen_ai.request.max_tokens"] == 100
    assert json.loads(attributes["gen_ai.system_instructions"])[0]["content"] == "Be brief."
    assert attributes["gen_ai.response.finish_reasons"] == ("stop",)
    assert attributes["anthropic.message.stop_reason"] == "end_turn"
    assert attributes["anthropic.response.service_tier"] == "standard"
    assert attributes["anthropic.request.id"].startswith("req_")


def test_client_built_before(
    early: anthropic.Anthropic, provider: FakeProvider, seen: int, spans: CapturedSpans
) -> None:
    ask(early)
    assert_billed(only(spans), provider.bills(seen)[0])


def test_client_that_was_used_before(early: anthropic.Anthropic, provider: FakeProvider) -> None:
    with capture_globally():
        pass
    ask(early)  # The client has its tracer now.
    count = len(provider.bills())
    with capture_globally() as captured:
        ask(early)
    assert_billed(only(captured), provider.bills(count)[0])


def test_cache_writes_by_lifetime(
    provider: FakeProvider, seen: int, spans: CapturedSpans, client: anthropic.Anthropic
) -> None:
    system = [
        {"type": "text", "text": "Be kind. " * 40, "cache_control": {"type": "ephemeral"}},
        {"type": "text", "text": RULES, "cache_control": {"type": "ephemeral", "ttl": "1h"}},
    ]
    ask(client, system=system)
    ask(client, system=system)
    written, read = (attributes_of(span) for span in spans)
    for attributes, bill in zip((written, read), provider.bills(seen), strict=True):
        assert_billed(attributes, bill)
        one_hour = attributes["anthropic.usage.cache_creation.ephemeral_1h_input_tokens"]
        five_minutes = attributes["anthropic.usage.cache_creation.ephemeral_5m_input_tokens"]
        assert one_hour == bill["cache_write_1h_tokens"]
        assert one_hour + five_minutes == bill["cache_write_tokens"]
    assert written["gen_ai.usage.cache_write.input_tokens"] == read["gen_ai.usage.cache_read.input_tokens"] > 500


def test_tools_and_their_results(
    provider: FakeProvider, seen: int, spans: CapturedSpans, client: anthropic.Anthropic
) -> None:
    first = ask(client, messages=ORDER, tools=TOOLS)
    call = next(block for block in first.content if block.type == "tool_use")
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "in transit"}
    turns = [*ORDER, {"role": "assistant", "content": first.content}, {"role": "user", "content": [result]}]
    ask(client, messages=turns, tools=TOOLS)
    asked, answered = (attributes_of(span) for span in spans)
    for attributes, bill in zip((asked, answered), provider.bills(seen), strict=True):
        assert_billed(attributes, bill)
    part = messages(asked, "output")[0]["parts"][-1]
    assert (part["name"], part["arguments"]) == ("get_order", {"order_id": "A-20731"})
    assert "Looks up an order." in asked["gen_ai.tool.definitions"]
    assert messages(answered, "input")[2]["parts"][0]["id"] == call.id


def test_thinking(provider: FakeProvider, seen: int, spans: CapturedSpans, client: anthropic.Anthropic) -> None:
    ask(client, thinking={"type": "adaptive"})
    attributes = only(spans)
    (bill,) = provider.bills(seen)
    assert bill["reasoning_tokens"] > 0
    assert_billed(attributes, bill)
    assert messages(attributes, "output")[0]["parts"][0]["type"] == "reasoning"


@pytest.mark.parametrize("how", ["create", "text_stream", "final", "beta"])
def test_streams(
    provider: FakeProvider, seen: int, spans: CapturedSpans, client: anthropic.Anthropic, how: str
) -> None:
    request: Any = {"model": MODEL, "max_tokens": 100, "messages": REFUND, "extra_headers": {"x-fake-case": "slow=0.1"}}
    if how == "create":
        for _ in client.messages.create(**request, stream=True):
            pass
    elif how == "beta":
        with client.beta.messages.stream(**request) as beta_stream:
            assert beta_stream.get_final_message().content
    else:
        with client.messages.stream(**request) as stream:
            if how == "text_stream":
                assert "".join(stream.text_stream)
            else:
                stream.get_final_message()
    attributes = only(spans)
    assert_billed(attributes, provider.bills(seen)[0])
    assert 0.1 <= attributes["gen_ai.response.time_to_first_chunk"] < 5
    assert attributes["anthropic.response.service_tier"] == "standard"


def test_stream_with_tool(provider: FakeProvider, seen: int, spans: CapturedSpans, client: anthropic.Anthropic) -> None:
    with client.messages.stream(model=MODEL, max_tokens=100, messages=ORDER, tools=TOOLS) as stream:
        stream.until_done()
    attributes = only(spans)
    assert_billed(attributes, provider.bills(seen)[0])
    assert attributes["gen_ai.response.finish_reasons"] == ("tool_call",)


def test_async(provider: FakeProvider, seen: int, spans: CapturedSpans) -> None:
    async def run() -> None:
        async with anthropic.AsyncAnthropic(base_url=provider.url, api_key="x") as client:
            await client.messages.create(model=MODEL, max_tokens=100, messages=REFUND)
            async with client.messages.stream(model=MODEL, max_tokens=100, messages=REFUND) as stream:
                async for _ in stream.text_stream:
                    pass
            async for _ in await client.messages.create(model=MODEL, max_tokens=9, messages=REFUND, stream=True):
                pass
            await client.beta.messages.create(model=MODEL, max_tokens=100, messages=REFUND)

    asyncio.run(run())
    assert len(spans) == 4
    for span, bill in zip(spans, provider.bills(seen), strict=True):
        assert_billed(attributes_of(span), bill)


@pytest.mark.parametrize(
    ("case", "error"), [("429", "RateLimitError"), ("529", "OverloadedError"), ("drop", "APIConnectionError")]
)
def test_errors_reach_the_app_and_the_span(
    spans: CapturedSpans, client: anthropic.Anthropic, case: str, error: str
) -> None:
    with pytest.raises(anthropic.APIError):
        ask(client, model=f"fake-{case}")
    attributes = only(spans)
    assert attributes["error.type"].endswith(error)
    assert spans.spans[0].status.status_code is StatusCode.ERROR


def test_raw_response(provider: FakeProvider, seen: int, spans: CapturedSpans, client: anthropic.Anthropic) -> None:
    raw = client.messages.with_raw_response.create(model=MODEL, max_tokens=100, messages=REFUND)
    assert raw.parse().id == provider.bills(seen)[0]["response_id"]
    assert_billed(only(spans), provider.bills(seen)[0])


def test_context_is_stamped(spans: CapturedSpans, client: anthropic.Anthropic) -> None:
    with (
        spanloft.context(user="u-1", session="s-1"),
        client.messages.stream(model=MODEL, max_tokens=100, messages=REFUND) as stream,
    ):
        stream.until_done()
    attributes = only(spans)
    assert (attributes["user.id"], attributes["gen_ai.conversation.id"]) == ("u-1", "s-1")


def test_other_spans_of_the_sdk_stay(spans: CapturedSpans, client: anthropic.Anthropic) -> None:
    client.messages.count_tokens(model=MODEL, messages=REFUND)
    assert [span.name for span in spans] == ["anthropic.messages.count_tokens"]
    assert spans.calls == []


def test_tool_runner_has_its_spans_and_one_per_call(
    provider: FakeProvider, seen: int, spans: CapturedSpans, client: anthropic.Anthropic
) -> None:
    @anthropic.beta_tool
    def get_order(order_id: str) -> str:
        """Looks up an order."""
        return f"{order_id} is in transit"

    runner = client.beta.messages.tool_runner(model=MODEL, max_tokens=100, tools=[get_order], messages=ORDER)
    runner.until_done()
    assert [attributes_of(span)["gen_ai.operation.name"] for span in spans] == [
        "chat",
        "execute_tool",
        "chat",
        "invoke_agent",
    ]
    for span, bill in zip(spans.calls, provider.bills(seen), strict=True):
        assert_billed(attributes_of(span), bill)
    tool = attributes_of(spans.spans[1])
    assert json.loads(tool["gen_ai.tool.call.arguments"]) == {"order_id": "A-20731"}
    assert len({span.context.trace_id for span in spans if span.context}) == 1


def test_content_off_leaves_no_text(provider: FakeProvider, early: anthropic.Anthropic) -> None:
    with capture_globally(capture_content=False) as captured:
        late = anthropic.Anthropic(
            base_url=provider.url, api_key="x", open_telemetry={"traces": {"content_mode": "content"}}
        )
        for client in (early, late):
            ask(client, system="Be brief.", messages=ORDER, tools=TOOLS)
            with client.messages.stream(model=MODEL, max_tokens=100, messages=REFUND) as stream:
                stream.until_done()
    assert len(captured) == 4
    for span in captured:
        text = str(attributes_of(span))
        assert "gen_ai.usage.input_tokens" in text
        for secret in ("A-20731", "refund", "Be brief", "Looks up"):
            assert secret not in text


def test_nothing_is_left_behind(provider: FakeProvider, early: anthropic.Anthropic) -> None:
    def state() -> list[Any]:
        return [
            *(vars(owner)[name] for owner in (Messages, AsyncMessages, BetaMessages) for name in ("create", "stream")),
            vars(_base_client)["start_api_call_span"],
            vars(OpenTelemetryConfig)["records_content"],
            early.open_telemetry,
        ]

    before = state()
    with capture_globally():
        assert all(a is not b for a, b in zip(state()[:-1], before[:-1], strict=True))
    assert state() == before
    # The SDK's own tracing works again as it did.
    exporter = InMemorySpanExporter()
    app_provider = TracerProvider(shutdown_on_exit=False)
    app_provider.add_span_processor(SimpleSpanProcessor(exporter))
    ask(early.with_options(open_telemetry={"tracer_provider": app_provider}))
    assert [span.name for span in exporter.get_finished_spans()] == ["anthropic.messages.create"]
