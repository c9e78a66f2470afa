"""The real openai SDK against the fake provider: every call has one span, and the span says what was billed."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import Any

import openai
import pytest
import spanloft
from fake_provider import FakeProvider
from openai.resources.chat.completions import AsyncCompletions, Completions
from opentelemetry.trace import StatusCode
from sdk_support import ORDER_TOOL, assert_billed, attributes_of, messages, only, provider, seen, spans
from spanloft import openai_fast
from spanloft.testing import CapturedSpans, capture

__all__ = ["provider", "seen", "spans"]
REFUND: Any = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": 'How do I get a refund? äöü "x"'},
]
TOOLS: Any = [{"type": "function", "function": ORDER_TOOL}]
ORDER: Any = [{"role": "user", "content": "Where is my order A-20731?"}]
WITH_USAGE: Any = {"stream": True, "stream_options": {"include_usage": True}}


@pytest.fixture
def client(provider: FakeProvider) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{provider.url}/v1", api_key="x", max_retries=0)


@pytest.fixture
def async_client(provider: FakeProvider) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{provider.url}/v1", api_key="x", max_retries=0)


def test_chat(provider: FakeProvider, seen: int, spans: CapturedSpans, client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="gpt-4o", messages=REFUND, temperature=0.2, max_tokens=90)
    attributes = only(spans)
    (bill,) = provider.bills(seen)
    assert_billed(attributes, bill)
    assert attributes["gen_ai.provider.name"] == "openai"
    assert attributes["gen_ai.request.temperature"] == 0.2
    assert attributes["gen_ai.request.max_tokens"] == 90
    assert attributes["gen_ai.response.finish_reasons"] == ("stop",)
    assert attributes["server.address"] == "127.0.0.1"
    assert [m["role"] for m in messages(attributes, "input")] == ["system", "user"]
    assert messages(attributes, "input")[1]["parts"] == [{"content": REFUND[1]["content"], "type": "text"}]
    assert answer.choices[0].message.content == bill["text"]


def test_reasoning_and_cached_tokens(
    provider: FakeProvider, seen: int, spans: CapturedSpans, client: openai.OpenAI
) -> None:
    asked: Any = [{"role": "user", "content": "hello " * 200 + "[[fake: cached=128, reasoning=192]]"}]
    client.chat.completions.create(model="gpt-5-mini", messages=asked)
    (bill,) = provider.bills(seen)
    assert (bill["cached_tokens"], bill["reasoning_tokens"]) == (128, 192)
    assert_billed(only(spans), bill)


def test_async_chat(provider: FakeProvider, seen: int, spans: CapturedSpans, async_client: openai.AsyncOpenAI) -> None:
    async def run() -> None:
        await asyncio.gather(
            *(async_client.chat.completions.create(model="gpt-4o", messages=REFUND, user=str(i)) for i in range(3))
        )

    asyncio.run(run())
    bills = {bill["response_id"]: bill for bill in provider.bills(seen)}
    assert len(spans) == len(bills) == 3
    assert len({span.context.trace_id for span in spans if span.context}) == 3
    for span in spans:
        attributes = attributes_of(span)
        assert_billed(attributes, bills[attributes["gen_ai.response.id"]])


@pytest.mark.parametrize("asked", [REFUND, ORDER], ids=["text", "tool"])
def test_stream_with_usage(
    provider: FakeProvider, seen: int, spans: CapturedSpans, client: openai.OpenAI, asked: Any
) -> None:
    tools = TOOLS if asked is ORDER else openai.omit
    chunks = list(client.chat.completions.create(model="gpt-5", messages=asked, tools=tools, **WITH_USAGE))
    assert chunks[-1].usage is not None
    attributes = only(spans)
    assert_billed(attributes, provider.bills(seen)[0])
    assert 0 < attributes["gen_ai.response.time_to_first_chunk"] < 5


def test_stream_without_usage_invents_none(
    provider: FakeProvider, seen: int, spans: CapturedSpans, client: openai.OpenAI
) -> None:
    for _ in client.chat.completions.create(model="gpt-4o", messages=REFUND, stream=True):
        pass
    attributes = only(spans)
    assert_billed(attributes, provider.bills(seen)[0], usage=False)
    assert "gen_ai.usage.input_tokens" not in attributes


def test_async_stream(
    provider: FakeProvider, seen: int, spans: CapturedSpans, async_client: openai.AsyncOpenAI
) -> None:
    async def run() -> None:
        async for _ in await async_client.chat.completions.create(model="gpt-4o", messages=REFUND, **WITH_USAGE):
            pass

    asyncio.run(run())
    assert_billed(only(spans), provider.bills(seen)[0])


def test_stream_closed_early(provider: FakeProvider, seen: int, spans: CapturedSpans, client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(
        model="gpt-4o", messages=REFUND, extra_headers={"x-fake-case": "gap=0.02"}, **WITH_USAGE
    )
    next(iter(stream))
    stream.close()
    attributes = only(spans)
    assert attributes["gen_ai.response.id"] == provider.wait_for_bills(1, seen)[0]["response_id"]


def test_tools_and_their_results(
    provider: FakeProvider, seen: int, spans: CapturedSpans, client: openai.OpenAI
) -> None:
    first = client.chat.completions.create(model="gpt-4o", messages=ORDER, tools=TOOLS)
    call = (first.choices[0].message.tool_calls or [])[0]
    turns: Any = [
        *ORDER,
        first.choices[0].message.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": call.id, "content": '{"status": "in transit"}'},
    ]
    client.chat.completions.create(model="gpt-4o", messages=turns, tools=TOOLS)
    asked, answered = (attributes_of(span) for span in spans)
    for attributes, bill in zip((asked, answered), provider.bills(seen), strict=True):
        assert_billed(attributes, bill)
    (part,) = messages(asked, "output")[0]["parts"]
    assert (part["type"], part["arguments"]) == ("tool_call", {"order_id": "A-20731"})
    assert "Looks up an order." in asked["gen_ai.tool.definitions"]
    assert messages(answered, "input")[2]["parts"][0]["type"] == "tool_call_response"


@pytest.mark.parametrize(
    ("case", "error"),
    [("429", "openai.RateLimitError"), ("500", "openai.InternalServerError"), ("drop", "openai.APIConnectionError")],
)
def test_errors_reach_the_app_and_the_span(spans: CapturedSpans, client: openai.OpenAI, case: str, error: str) -> None:
    with pytest.raises(openai.APIError):
        client.chat.completions.create(model=f"fake-{case}", messages=REFUND)
    attributes = only(spans)
    assert attributes["error.type"] == error
    assert spans.spans[0].status.status_code is StatusCode.ERROR
    assert not any(key.startswith("gen_ai.usage") for key in attributes)


def test_retries_are_one_span(provider: FakeProvider, seen: int, spans: CapturedSpans, client: openai.OpenAI) -> None:
    with pytest.raises(openai.RateLimitError):
        client.with_options(max_retries=2).chat.completions.create(model="fake-429", messages=REFUND)
    assert len(provider.bills(seen)) == 3
    only(spans)


def test_embeddings(
    provider: FakeProvider, seen: int, spans: CapturedSpans, client: openai.OpenAI, async_client: openai.AsyncOpenAI
) -> None:
    client.embeddings.create(model="text-embedding-3-small", input=["tent", "boots"])
    asyncio.run(_embed(async_client))
    for span, bill in zip(spans, provider.bills(seen), strict=True):
        attributes = attributes_of(span)
        assert attributes["gen_ai.operation.name"] == "embeddings"
        assert attributes["gen_ai.request.model"] == bill["request_model"]
        assert attributes["gen_ai.usage.input_tokens"] == bill["input_tokens"] > 0


async def _embed(client: openai.AsyncOpenAI) -> None:
    await client.embeddings.create(model="text-embedding-3-large", input="how long is the warranty?")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("tool", [False, True], ids=["text", "tool"])
def test_responses(
    provider: FakeProvider, seen: int, spans: CapturedSpans, client: openai.OpenAI, stream: bool, tool: bool
) -> None:
    tools: Any = [{"type": "function", "strict": False, **ORDER_TOOL}] if tool else openai.omit
    result: Any = client.responses.create(
        model="gpt-5", instructions="Be brief.", input="Where is A-20731?", tools=tools, stream=stream
    )
    if stream:
        assert [event.type for event in result][-1] == "response.completed"
    attributes = only(spans)
    assert_billed(attributes, provider.bills(seen)[0])
    assert "Be brief." in attributes["gen_ai.system_instructions"]


def test_async_responses_and_errors(
    provider: FakeProvider, seen: int, spans: CapturedSpans, async_client: openai.AsyncOpenAI
) -> None:
    async def run() -> None:
        await async_client.responses.create(model="gpt-4o", input="What is the warranty?")
        with pytest.raises(openai.RateLimitError):
            await async_client.responses.create(model="fake-429", input="x")

    asyncio.run(run())
    good, bad = (attributes_of(span) for span in spans)
    assert_billed(good, provider.bills(seen)[0])
    assert bad["error.type"] == "openai.RateLimitError"


def test_raw_response(provider: FakeProvider, seen: int, spans: CapturedSpans, client: openai.OpenAI) -> None:
    raw = client.chat.completions.with_raw_response.create(model="gpt-4o", messages=REFUND)
    assert raw.parse().id == provider.bills(seen)[0]["response_id"]
    assert_billed(only(spans), provider.bills(seen)[0])


def test_context_is_stamped_and_ends(spans: CapturedSpans, client: openai.OpenAI) -> None:
    with (
        spanloft.context(user="u-1", session="s-1", tags=["a"], prompt=("answer", 3)),
        spanloft.context(user="u-2", tags=["b"]),
    ):
        client.chat.completions.create(model="gpt-4o", messages=REFUND)
        for _ in client.chat.completions.create(model="gpt-4o", messages=REFUND, stream=True):
            pass
    client.chat.completions.create(model="gpt-4o", messages=REFUND)
    *stamped, plain = (attributes_of(span) for span in spans)
    for attributes in stamped:
        assert (attributes["user.id"], attributes["session.id"]) == ("u-2", "s-1")
        assert attributes["gen_ai.conversation.id"] == "s-1"
        assert attributes["spanloft.tags"] == ("a", "b")
        assert (attributes["gen_ai.prompt.name"], attributes["gen_ai.prompt.version"]) == ("answer", "3")
    assert "user.id" not in plain


def test_threads_have_their_own_context(spans: CapturedSpans, client: openai.OpenAI) -> None:
    def call(number: int) -> None:
        with spanloft.context(user=f"u-{number}"):
            client.chat.completions.create(model="gpt-4o", messages=REFUND, user=f"u-{number}")

    threads = [threading.Thread(target=call, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {attributes_of(span)["user.id"] for span in spans} == {f"u-{number}" for number in range(6)}


def test_content_off_leaves_no_text(provider: FakeProvider, seen: int, client: openai.OpenAI) -> None:
    with capture(capture_content=False) as captured:
        client.chat.completions.create(model="gpt-4o", messages=REFUND)
        client.chat.completions.create(model="gpt-4o", messages=ORDER, tools=TOOLS)
        client.responses.create(model="gpt-4o", instructions="Be brief.", input="refund?")
        for _ in client.chat.completions.create(model="gpt-4o", messages=REFUND, stream=True):
            pass
    assert len(captured.calls) == 4
    for span, bill in zip(captured, provider.bills(seen), strict=True):
        attributes = attributes_of(span)
        assert attributes["gen_ai.response.id"] == bill["response_id"]
        text = str(attributes)
        for secret in ("refund", "A-20731", "Be brief", "Looks up", bill["text"] or "-none-"):
            assert secret not in text


HISTORY: Any = [
    *ORDER,
    {"role": "assistant", "content": None, "tool_calls": [
        {"id": "c1", "type": "function", "function": {"name": "get_order", "arguments": '{"order_id": "é", "a": [1]}'}},
        {"id": "c2", "type": "function", "function": {"name": "get_order", "arguments": "{broken"}},
        {"id": "c3", "type": "function", "function": {"name": "get_order", "arguments": ""}},
    ]},
    {"role": "tool", "tool_call_id": "c1", "content": '{"status": "lost"}'},
    {"role": "assistant", "content": "Let me see.", "tool_calls": []},
    {"role": "user", "content": "Well?"},
]  # fmt: skip
CALLS: dict[str, dict[str, Any]] = {
    "plain": {"messages": REFUND},
    "numbers": {
        "messages": REFUND,
        "temperature": 0,
        "top_p": 0.5,
        "seed": 7,
        "presence_penalty": 0.1,
        "max_tokens": 9,
    },
    "both limits": {"messages": REFUND, "max_completion_tokens": 8, "max_tokens": 9, "frequency_penalty": 1},
    "names": {"messages": [{"role": "user", "name": "eve", "content": "x\u2028\U0001f600"}], "user": "u"},
    "history": {"messages": [*REFUND, {"role": "assistant", "content": ""}, {"role": "user", "content": "go on"}]},
    "length": {"messages": [{"role": "user", "content": "[[fake: length]]"}], "stream": False},
    "reasoning": {"messages": [{"role": "user", "content": "[[fake: cached=5, reasoning=64]]"}], "model": "o3"},
    "error": {"messages": REFUND, "model": "fake-500"},
    "no model": {"messages": REFUND, "model": ""},
    "n": {"messages": REFUND, "n": 2, "stop": ["END"]},
    "json": {"messages": REFUND, "response_format": {"type": "json_object"}},
    "omitted": {"messages": REFUND, "temperature": openai.omit, "stop": openai.omit},
    "tools": {"messages": ORDER, "tools": TOOLS},
    "tool results": {"messages": HISTORY, "tools": TOOLS, "tool_choice": "auto", "parallel_tool_calls": False},
    "tool of another kind": {"messages": ORDER, "tools": [*TOOLS, {"type": "custom", "custom": {"name": "x"}}]},
    "no tools": {"messages": ORDER, "tools": []},
    "refusal": {"messages": [{"role": "assistant", "content": None, "refusal": "no"}, *REFUND]},
    "list content": {"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}]},
    "image": {
        "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://x/y.png"}}]}]
    },
}
VARYING = {"gen_ai.response.id", "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens", "server.port"}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("mode", ["sync", "async"])
def test_short_way_records_what_the_instrumentor_records(
    provider: FakeProvider, monkeypatch: pytest.MonkeyPatch, name: str, mode: str
) -> None:
    request = {"model": "gpt-4o", "timeout": 10, **CALLS[name]}

    async def call_async() -> None:
        async with openai.AsyncOpenAI(base_url=f"{provider.url}/v1", api_key="x", max_retries=0) as client:
            await client.chat.completions.create(**request)

    def record() -> tuple[dict[str, Any], Any]:
        with capture() as captured, contextlib.suppress(openai.APIError):
            if mode == "sync":
                with openai.OpenAI(base_url=f"{provider.url}/v1", api_key="x", max_retries=0) as client:
                    client.chat.completions.create(**request)
            else:
                asyncio.run(call_async())
        (span,) = captured
        return attributes_of(span), (span.name, span.kind, span.status.status_code, span.status.description)

    short, short_span = record()
    monkeypatch.setattr(openai_fast, "_only_spans_wanted", lambda: False)
    long, long_span = record()
    assert short_span == long_span
    for attributes in (short, long):
        for key in VARYING & attributes.keys():
            attributes[key] = type(attributes[key]).__name__
        if "gen_ai.output.messages" in attributes:
            attributes["gen_ai.output.messages"] = _shape(messages(attributes, "output"))
    assert short == long


def _shape(value: Any) -> Any:
    """Texts and ids vary from answer to answer; everything else must be the same."""
    if isinstance(value, dict):
        return {key: "*" if key in ("content", "id") else _shape(item) for key, item in value.items()}
    return [_shape(item) for item in value] if isinstance(value, list) else value


def test_short_way_is_taken_only_for_plain_calls(spans: CapturedSpans, client: openai.OpenAI) -> None:
    create = client.chat.completions.create
    create(model="gpt-4o", messages=REFUND)
    create(model="gpt-4o", messages=HISTORY, tools=TOOLS)
    create(model="gpt-4o", messages=CALLS["image"]["messages"])
    list(create(model="gpt-4o", messages=REFUND, stream=True))
    scopes = [span.instrumentation_scope.name for span in spans if span.instrumentation_scope]
    assert scopes == [openai_fast.SCOPE] * 2 + ["opentelemetry.instrumentation.genai.openai"] * 2


def test_wrappers_are_gone_afterwards(client: openai.OpenAI) -> None:
    before = (vars(Completions)["create"], vars(AsyncCompletions)["create"])
    with capture() as captured:
        raw = client.chat.completions.with_raw_response
        assert vars(Completions)["create"] is not before[0]
    assert (vars(Completions)["create"], vars(AsyncCompletions)["create"]) == before
    # The SDK caches with_raw_response together with the wrapper it found: that one must fall silent too.
    raw.create(model="gpt-4o", messages=REFUND)
    client.chat.completions.create(model="gpt-4o", messages=REFUND)
    assert len(captured) == 0
