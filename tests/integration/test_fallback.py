"""Calls that no instrumentor reports: by bare HTTP clients against the fake provider, compared with its ledger."""

from __future__ import annotations

import asyncio
import gzip
import http.server
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx2
import pytest
import requests
import spanloft
import spanloft.testing
import urllib3
from fake_provider import FakeProvider
from opentelemetry.trace import StatusCode
from sdk_support import ORDER_TOOL, assert_billed, attributes_of, messages, only, provider, seen, spans
from spanloft.testing import CapturedSpans

aiohttp = pytest.importorskip("aiohttp")
boto3 = pytest.importorskip("boto3")
httpx = pytest.importorskip("httpx")

__all__ = ["provider", "seen", "spans"]
Send = Callable[[str, dict[str, Any]], None]
REFUND = [{"role": "user", "content": "How do I get a refund?"}]
CHAT = {"model": "gpt-4o", "messages": REFUND, "temperature": 0.2, "max_tokens": 100}
STREAM = {**CHAT, "stream": True, "stream_options": {"include_usage": True}}
CLAUDE = {"model": "claude-sonnet-5", "max_tokens": 100, "messages": REFUND, "system": "Be brief."}


def by_httpx(url: str, body: dict[str, Any]) -> None:
    with httpx.Client() as client:
        if not body.get("stream"):
            client.post(url, json=body)
            return
        with client.stream("POST", url, json=body) as response:
            list(response.iter_lines())


def by_httpx2(url: str, body: dict[str, Any]) -> None:
    with httpx2.Client() as client, client.stream("POST", url, json=body) as response:
        list(response.iter_bytes())


def by_httpx_async(url: str, body: dict[str, Any]) -> None:
    async def run() -> None:
        async with httpx.AsyncClient() as client, client.stream("POST", url, json=body) as response:
            async for _ in response.aiter_lines():
                pass

    asyncio.run(run())


def by_requests(url: str, body: dict[str, Any]) -> None:
    response = requests.post(url, json=body, stream=bool(body.get("stream")), timeout=10)
    list(response.iter_lines())


def by_urllib3(url: str, body: dict[str, Any]) -> None:
    stream = bool(body.get("stream"))
    response = urllib3.PoolManager().request("POST", url, json=body, preload_content=not stream)
    while stream and response.read(64):
        pass


def by_aiohttp(url: str, body: dict[str, Any]) -> None:
    async def run() -> None:
        async with aiohttp.ClientSession() as session, session.post(url, json=body) as response:
            if body.get("stream"):
                async for _ in response.content:
                    pass
            else:
                await response.read()

    asyncio.run(run())


CLIENTS = [by_httpx, by_httpx2, by_httpx_async, by_requests, by_urllib3, by_aiohttp]
clients = pytest.mark.parametrize("send", CLIENTS)


@clients
@pytest.mark.parametrize("body", [CHAT, STREAM], ids=["whole", "stream"])
def test_chat(provider: FakeProvider, seen: int, spans: CapturedSpans, send: Send, body: dict[str, Any]) -> None:
    send(f"{provider.url}/v1/chat/completions", body)
    (span,) = spans.calls
    assert span.instrumentation_scope is not None
    assert span.instrumentation_scope.name == "spanloft.transport"
    assert span.name == "chat gpt-4o"
    attributes = only(spans)
    assert_billed(attributes, provider.bills(seen)[0])
    assert attributes["gen_ai.request.temperature"] == 0.2
    assert messages(attributes, "input")[0]["parts"][0]["content"] == "How do I get a refund?"
    assert ("gen_ai.response.time_to_first_chunk" in attributes) == bool(body.get("stream"))


@clients
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_anthropic(provider: FakeProvider, seen: int, spans: CapturedSpans, send: Send, stream: bool) -> None:
    send(f"{provider.url}/v1/messages", {**CLAUDE, **({"stream": True} if stream else {})})
    attributes = only(spans)
    assert_billed(attributes, provider.bills(seen)[0])
    assert attributes["gen_ai.provider.name"] == "anthropic"
    assert json.loads(attributes["gen_ai.system_instructions"])[0]["content"] == "Be brief."


@clients
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_responses(provider: FakeProvider, seen: int, spans: CapturedSpans, send: Send, stream: bool) -> None:
    body = {"model": "gpt-5", "input": "refund?", **({"stream": True} if stream else {})}
    send(f"{provider.url}/v1/responses", body)
    assert_billed(only(spans), provider.bills(seen)[0])


@clients
def test_errors(provider: FakeProvider, seen: int, spans: CapturedSpans, send: Send) -> None:
    send(f"{provider.url}/v1/chat/completions", {**CHAT, "model": "fake-429"})
    (span,) = spans.calls
    assert span.status.status_code is StatusCode.ERROR
    assert attributes_of(span)["error.type"] == "429"
    assert "Rate limit" in str(span.status.description)


@clients
def test_dropped_connection(provider: FakeProvider, spans: CapturedSpans, send: Send) -> None:
    with pytest.raises(Exception):  # noqa: B017 - each client has its own
        send(f"{provider.url}/v1/chat/completions", {**STREAM, "model": "fake-drop"})
    (span,) = spans.calls
    assert span.status.status_code is StatusCode.ERROR
    assert attributes_of(span)["error.type"]


GEMINI = {
    "contents": [{"role": "user", "parts": [{"text": "refund?"}]}],
    "systemInstruction": {"parts": [{"text": "Be brief."}]},
    "generationConfig": {"temperature": 0.2},
}


@clients
@pytest.mark.parametrize("action", ["generateContent", "streamGenerateContent?alt=sse"])
def test_google(provider: FakeProvider, seen: int, spans: CapturedSpans, send: Send, action: str) -> None:
    send(f"{provider.url}/v1beta/models/gemini-2.5-flash:{action}", GEMINI)
    attributes = only(spans)
    assert_billed(attributes, provider.bills(seen)[0])
    assert attributes["gen_ai.provider.name"] == "gcp.gemini"
    assert attributes["gen_ai.request.temperature"] == 0.2
    assert "Be brief." in attributes["gen_ai.system_instructions"]


@clients
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_ollama(provider: FakeProvider, seen: int, spans: CapturedSpans, send: Send, stream: bool) -> None:
    send(f"{provider.url}/api/chat", {"model": "llama3.2", "messages": REFUND, "stream": stream})
    attributes, bill = only(spans), provider.bills(seen)[0]
    assert attributes["gen_ai.usage.input_tokens"] == bill["input_tokens"]
    assert attributes["gen_ai.usage.output_tokens"] == bill["output_tokens"]
    assert messages(attributes, "output")[0]["parts"] == [{"type": "text", "content": bill["text"]}]
    assert attributes["gen_ai.provider.name"] == "ollama"


@pytest.fixture
def without_instrumentor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bedrock as if its instrumentor were not installed."""
    monkeypatch.setenv("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "bedrock")


WAYS = ("converse", "converse_stream", "invoke_model", "invoke_model_with_response_stream")
BEDROCK_MODEL = "anthropic.claude-sonnet-4-5-20250929-v1:0"


def call_bedrock(url: str, way: str) -> None:
    client = boto3.client(
        "bedrock-runtime", region_name="us-east-1", endpoint_url=url,
        aws_access_key_id="x", aws_secret_access_key="y",
    )  # fmt: skip
    if way.startswith("converse"):
        turns = [{"role": "user", "content": [{"text": "refund?"}]}]
        answer = getattr(client, way)(modelId=BEDROCK_MODEL, messages=turns, inferenceConfig={"maxTokens": 50})
        list(answer.get("stream", ()))
        return
    body = json.dumps({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 50, "messages": REFUND})
    answer = getattr(client, way)(modelId=BEDROCK_MODEL, body=body)
    if way == "invoke_model":
        answer["body"].read()
    else:
        list(answer["body"])


@pytest.mark.parametrize("way", WAYS)
def test_bedrock_by_boto3_alone(
    without_instrumentor: None, provider: FakeProvider, seen: int, spans: CapturedSpans, way: str
) -> None:
    call_bedrock(provider.url, way)
    attributes, bill = only(spans), provider.bills(seen)[0]
    assert attributes["gen_ai.provider.name"] == "aws.bedrock"
    assert attributes["gen_ai.request.model"] == BEDROCK_MODEL
    assert attributes["gen_ai.request.max_tokens"] == 50
    assert attributes["gen_ai.usage.input_tokens"] == bill["input_tokens"]
    assert attributes["gen_ai.usage.output_tokens"] == bill["output_tokens"]
    parts = messages(attributes, "output")[0]["parts"]
    assert "".join(part["content"] for part in parts if part["type"] == "text") == bill["text"]


@pytest.mark.parametrize("way", WAYS)
def test_bedrock_beside_its_instrumentor_is_reported_once(
    provider: FakeProvider, spans: CapturedSpans, way: str
) -> None:
    call_bedrock(provider.url, way)
    assert only(spans)["llm.model_name"]


def test_embeddings(provider: FakeProvider, seen: int, spans: CapturedSpans) -> None:
    httpx.post(f"{provider.url}/v1/embeddings", json={"model": "text-embedding-3-small", "input": ["a", "b"]})
    attributes = only(spans)
    assert attributes["gen_ai.operation.name"] == "embeddings"
    assert attributes["gen_ai.usage.input_tokens"] == provider.bills(seen)[0]["input_tokens"]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_tools(provider: FakeProvider, seen: int, spans: CapturedSpans, stream: bool) -> None:
    tools = [{"type": "function", "function": ORDER_TOOL}]
    asked = [{"role": "user", "content": "Where is my order A-20731?"}]
    body = {**(STREAM if stream else CHAT), "messages": asked, "tools": tools}
    by_httpx(f"{provider.url}/v1/chat/completions", body)
    attributes = only(spans)
    assert_billed(attributes, provider.bills(seen)[0])
    calls = [part for part in messages(attributes, "output")[0]["parts"] if part["type"] == "tool_call"]
    assert calls[0]["arguments"] == {"order_id": "A-20731"}
    assert attributes["gen_ai.response.finish_reasons"] == ("tool_call",)
    assert json.loads(attributes["gen_ai.tool.definitions"])[0]["name"] == "get_order"


def test_content_off(provider: FakeProvider) -> None:
    with spanloft.testing.capture(capture_content=False) as captured:
        by_httpx(f"{provider.url}/v1/chat/completions", STREAM)
    attributes = only(captured)
    assert "refund" not in json.dumps(attributes)
    assert attributes["gen_ai.usage.output_tokens"] > 0


def test_context_stamps_the_span(provider: FakeProvider, spans: CapturedSpans) -> None:
    with spanloft.context(user="u-1", session="s-1"):
        by_httpx(f"{provider.url}/v1/chat/completions", STREAM)
    assert only(spans)["user.id"] == "u-1"


def test_first_piece_reaches_the_app_before_the_last_is_sent(provider: FakeProvider, spans: CapturedSpans) -> None:
    headers = {"x-fake-case": "gap=0.05"}
    url = f"{provider.url}/v1/chat/completions"
    with httpx.Client() as client, client.stream("POST", url, json=STREAM, headers=headers) as response:
        start = response.iter_bytes()
        first = next(start)
        assert b"[DONE]" not in first
        assert not spans.calls
        rest = b"".join(start)
    assert rest.rstrip().endswith(b"[DONE]")
    assert only(spans)["gen_ai.response.time_to_first_chunk"] < 0.5


def test_stream_closed_early(provider: FakeProvider, seen: int, spans: CapturedSpans) -> None:
    url = f"{provider.url}/v1/chat/completions"
    with (
        httpx.Client() as client,
        client.stream("POST", url, json=STREAM, headers={"x-fake-case": "gap=0.02"}) as answer,
    ):
        next(answer.iter_bytes())
    assert only(spans)["gen_ai.response.id"] == provider.wait_for_bills(1, seen)[0]["response_id"]


def test_body_by_a_generator_is_left_to_the_app(provider: FakeProvider, seen: int, spans: CapturedSpans) -> None:
    def pieces() -> Iterator[bytes]:
        yield from (json.dumps(CHAT).encode()[i : i + 20] for i in range(0, 500, 20))

    length = {"content-length": str(len(json.dumps(CHAT)))}
    answer = httpx.post(f"{provider.url}/v1/chat/completions", content=pieces(), headers=length)
    assert answer.status_code == 200
    attributes = only(spans)
    assert attributes["gen_ai.response.id"] == provider.bills(seen)[0]["response_id"]
    assert attributes["gen_ai.usage.input_tokens"] == provider.bills(seen)[0]["input_tokens"]


def test_uninstrument_leaves_the_clients(provider: FakeProvider) -> None:
    def methods() -> list[Any]:
        return [
            httpx.Client.send, httpx.AsyncClient.send, httpx2.Client.send, httpx2.AsyncClient.send,
            aiohttp.ClientSession._request, urllib3.HTTPConnectionPool.urlopen,
        ]  # fmt: skip

    before = methods()
    with spanloft.testing.capture() as captured:
        assert not set(methods()) & set(before)
    assert methods() == before
    by_httpx(f"{provider.url}/v1/chat/completions", CHAT)
    assert not captured.spans


def test_switched_off(provider: FakeProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPANLOFT_FALLBACK", "off")
    with spanloft.testing.capture() as captured:
        by_httpx(f"{provider.url}/v1/chat/completions", CHAT)
    assert not captured.spans


# --- odd servers ------------------------------------------------------------------------------------------------


@contextmanager
def odd_server(data: bytes, content_type: str, **headers: str) -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            """Silent."""

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            self.send_response(200)
            for name, value in {"content-type": content_type, "content-length": str(len(data)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


COMPLETION = json.dumps(
    {
        "id": "c-1",
        "object": "chat.completion",
        "model": "llama-3",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 3},
    }
).encode()


@clients
def test_compressed_answer_of_a_self_hosted_server(spans: CapturedSpans, send: Send) -> None:
    with odd_server(gzip.compress(COMPLETION), "application/json", **{"content-encoding": "gzip"}) as url:
        send(f"{url}/proxy/v1/chat/completions", {**CHAT, "stream": False})
    attributes = only(spans)
    assert attributes["gen_ai.response.model"] == "llama-3"
    assert attributes["gen_ai.usage.input_tokens"] == 7


@clients
@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b'{"ok": true}', "application/json"),
        (b"\x00\xff\xfe" * 1000, "application/octet-stream"),
        (b"", "application/json"),
        (b"[" * 100_000, "application/json"),
        (b"data: {broken\n\ndata: 17\n\ndata: [1]\n\n", "text/event-stream"),
        (b"\xff" * 50_000, "text/event-stream"),
        (b"\x00\x00\x00\x10" * 500, "application/vnd.amazon.eventstream"),
        (b'{"choices": [1, null], "usage": "many"}', "application/json"),
        (b'{"choices": [], "model": {"a": 1}}', "application/json"),
        (b'{"error": [1, 2]}\n{"message": 5}\n', "application/x-ndjson"),
    ],
)
def test_odd_answers_of_other_apis_are_no_calls(spans: CapturedSpans, send: Send, data: bytes, kind: str) -> None:
    with odd_server(data, kind) as url:
        for path in ("/v1/chat/completions", "/api/chat", "/v1/messages"):
            with suppress(ValueError):  # The app may ask for JSON that is none.
                send(url + path, {**CHAT, "stream": True})
    assert not spans.spans


def test_other_requests_are_no_calls(provider: FakeProvider, spans: CapturedSpans) -> None:
    with odd_server(COMPLETION, "application/json") as url:
        httpx.get(url.replace("/v1", "") + "/v1/chat/completions")
        httpx.post(f"{url}/v1/messages", json={"to": "me", "text": "hello"})
        httpx.post(f"{url}/api/chat", content=b"\x00\x01\xff")
        httpx.post(f"{url}/v1/embeddings", json=[1, 2])
    with odd_server(b'{"choices": 3}', "application/json") as url:
        httpx.post(f"{url}/upload/completions", files={"file": b"data"})
    assert not spans.spans


def test_huge_request(provider: FakeProvider, seen: int, spans: CapturedSpans) -> None:
    huge = {**CHAT, "messages": [{"role": "user", "content": "refund? " * 700_000}]}
    httpx.post(f"{provider.url}/v1/chat/completions", json=huge, timeout=60)
    attributes = only(spans)
    assert attributes["gen_ai.usage.input_tokens"] == provider.bills(seen)[0]["input_tokens"]
    assert attributes["gen_ai.request.model"] == "gpt-4o"
    assert "gen_ai.input.messages" not in attributes
