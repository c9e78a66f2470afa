"""``SPANLOFT_STREAM_USAGE=1``: the span has the tokens of a stream, and the app sees the stream it asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import openai
import pytest
import spanloft.testing
from fake_provider import FakeProvider
from openai.resources.chat.completions import AsyncCompletions, Completions
from sdk_support import assert_billed, only, provider, seen
from spanloft.testing import CapturedSpans

__all__ = ["provider", "seen"]
CHAT: Any = {"model": "gpt-4o", "messages": [{"role": "user", "content": "refund?"}], "stream": True}


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[CapturedSpans]:
    monkeypatch.setenv("SPANLOFT_STREAM_USAGE", "1")
    before = (Completions.create, AsyncCompletions.create)
    with spanloft.testing.capture() as captured:
        yield captured
    assert (Completions.create, AsyncCompletions.create) == before


@pytest.fixture
def client(provider: FakeProvider) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{provider.url}/v1", api_key="x", max_retries=0)


@pytest.fixture
def async_client(provider: FakeProvider) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{provider.url}/v1", api_key="x", max_retries=0)


def test_sync(provider: FakeProvider, seen: int, spans: CapturedSpans, client: openai.OpenAI) -> None:
    text = ""
    for chunk in client.chat.completions.create(**CHAT):
        text += chunk.choices[0].delta.content or ""
    bill = provider.bills(seen)[0]
    assert text == bill["text"]
    assert bill["usage_sent"]
    assert_billed(only(spans), bill)


def test_next_and_with(provider: FakeProvider, seen: int, spans: CapturedSpans, client: openai.OpenAI) -> None:
    with client.chat.completions.create(**CHAT) as stream:
        assert isinstance(stream, openai.Stream)
        chunks = []
        while (chunk := next(stream, None)) is not None:
            chunks.append(chunk.choices[0])
        assert stream.response.status_code == 200
    assert chunks[-1].finish_reason == "stop"
    assert_billed(only(spans), provider.bills(seen)[0])


def test_async(provider: FakeProvider, seen: int, spans: CapturedSpans, async_client: openai.AsyncOpenAI) -> None:
    async def run() -> str:
        stream = await async_client.chat.completions.create(**CHAT)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    assert asyncio.run(run()) == provider.bills(seen)[0]["text"]
    assert_billed(only(spans), provider.bills(seen)[0])


def test_async_with_and_anext(
    provider: FakeProvider, seen: int, spans: CapturedSpans, async_client: openai.AsyncOpenAI
) -> None:
    async def run() -> int:
        count = 0
        async with await async_client.chat.completions.create(**CHAT) as stream:
            while (chunk := await anext(stream, None)) is not None:
                count += len(chunk.choices)
        return count

    assert asyncio.run(run()) > 2
    assert_billed(only(spans), provider.bills(seen)[0])


def test_an_app_that_asked_itself_sees_the_usage(
    provider: FakeProvider, seen: int, spans: CapturedSpans, client: openai.OpenAI
) -> None:
    chunks = list(client.chat.completions.create(**CHAT, stream_options={"include_usage": True}))
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert_billed(only(spans), provider.bills(seen)[0])


def test_an_app_that_said_no_is_heard(
    provider: FakeProvider, seen: int, spans: CapturedSpans, client: openai.OpenAI
) -> None:
    list(client.chat.completions.create(**CHAT, stream_options={"include_usage": False}))
    assert not provider.bills(seen)[0]["usage_sent"]


def test_stream_helper(provider: FakeProvider, seen: int, spans: CapturedSpans, client: openai.OpenAI) -> None:
    with client.chat.completions.stream(model="gpt-4o", messages=CHAT["messages"]) as stream:
        final = stream.get_final_completion()
    assert final.choices[0].message.content == provider.bills(seen)[0]["text"]


def test_raw_response_is_left_alone(
    provider: FakeProvider, seen: int, spans: CapturedSpans, client: openai.OpenAI
) -> None:
    list(client.chat.completions.with_raw_response.create(**CHAT).parse())
    assert not provider.bills(seen)[0]["usage_sent"]


def test_a_server_that_refuses_is_asked_once(
    spans: CapturedSpans, client: openai.OpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    post = client.post

    def refusing(path: str, *, body: Any, **rest: Any) -> Any:
        asked.append("stream_options" in body and bool(body["stream_options"]))
        if asked[-1]:
            import httpx2

            response = httpx2.Response(400, request=httpx2.Request("POST", "http://x"))
            raise openai.BadRequestError("unknown parameter: stream_options", response=response, body=None)
        return post(path, body=body, **rest)

    monkeypatch.setattr(client, "post", refusing)
    monkeypatch.setattr(client.chat.completions, "_post", refusing)
    assert list(client.chat.completions.create(**CHAT))
    assert list(client.chat.completions.create(**CHAT))
    assert asked == [True, False, False]


def test_other_errors_reach_the_app(spans: CapturedSpans, client: openai.OpenAI) -> None:
    with pytest.raises(openai.RateLimitError):
        client.chat.completions.create(**{**CHAT, "model": "fake-429"})


def test_off_by_default(provider: FakeProvider, seen: int, client: openai.OpenAI) -> None:
    with spanloft.testing.capture():
        list(client.chat.completions.create(**CHAT))
    assert not provider.bills(seen)[0]["usage_sent"]
