"""Amazon Bedrock's runtime: Converse and InvokeModel, whole and as AWS event streams.

Converse tells input tokens without the cached ones, as Anthropic's own API does; the ledger holds them all.
"""

from __future__ import annotations

import base64
import binascii
import json
import random
import struct
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from ..ledger import Bill
from ..text import answer, arguments_for, count_tokens, pieces, text_of, variation
from ..wire import EventStream, Reply, Request
from . import anthropic

EVENT_STREAM = "application/vnd.amazon.eventstream"


def event(payload: Any, kind: str) -> bytes:
    """One message of an AWS event stream: prelude, headers, payload and both checksums."""
    body = json.dumps(payload).encode()
    headers = b"".join(
        struct.pack(">B", len(name)) + name.encode() + struct.pack(">BH", 7, len(value)) + value.encode()
        for name, value in (
            (":event-type", kind),
            (":content-type", "application/json"),
            (":message-type", "event"),
        )
    )
    prelude = struct.pack(">II", 16 + len(headers) + len(body), len(headers))
    message = prelude + struct.pack(">I", binascii.crc32(prelude)) + headers + body
    return message + struct.pack(">I", binascii.crc32(message))


def converse(request: Request) -> Reply | EventStream:
    """POST /model/MODEL/converse and /model/MODEL/converse-stream."""
    bill = _bill(request)
    if request.case.error:
        return _failure(request, bill)
    bill.stream = request.path.endswith("-stream")
    message = _message(request, bill)
    _fill_usage(request, bill, message)
    stop = "max_tokens" if request.case.length else "tool_use" if bill.tool_calls else "end_turn"
    metrics = {"latencyMs": 20 + variation(request.number, "latency", 50)}
    if bill.stream:
        return EventStream(_frames(request, bill, message, stop, metrics), bill, EVENT_STREAM, _request_id(request))
    body = {"output": {"message": message}, "stopReason": stop, "usage": bill.usage, "metrics": metrics}
    return Reply(body, bill, headers=_request_id(request))


def invoke(request: Request) -> Reply | EventStream:
    """POST /model/MODEL/invoke and /model/MODEL/invoke-with-response-stream, with the model's own body."""
    bill = _bill(request)
    if request.case.error:
        return _failure(request, bill)
    if "inputText" in request.body:
        return _embed(request, bill)
    inner = Request(**{name: getattr(request, name) for name in Request.__slots__})
    inner.body = {**request.body, "model": bill.model, "stream": request.path.endswith("-response-stream")}
    answered = anthropic.messages(inner)
    answered.bill.provider, answered.bill.endpoint = "bedrock", request.path
    answered.bill.reasoning_tokens = 0  # Bedrock does not tell them apart.
    # The answer is Anthropic's own and names the model as Anthropic does; billed is Bedrock's.
    behind = bill.model.rpartition("anthropic.")[2].partition("-v1")[0]
    if isinstance(answered, EventStream):
        chunks = _wrapped(list(answered.chunks), answered.bill, behind)
        return EventStream(chunks, answered.bill, EVENT_STREAM, _request_id(request))
    counts = {
        "x-amzn-bedrock-input-token-count": str(answered.bill.usage["input_tokens"]),
        "x-amzn-bedrock-output-token-count": str(answered.bill.output_tokens),
    }
    usage = {name: value for name, value in answered.bill.usage.items() if name != "output_tokens_details"}
    return Reply(
        {**answered.body, "model": behind, "usage": usage}, answered.bill, headers=counts | _request_id(request)
    )


def _bill(request: Request) -> Bill:
    model = unquote(request.path.split("/")[2])
    return Bill(request.path, "bedrock", model, model)


def _request_id(request: Request) -> dict[str, str]:
    rng = random.Random(request.number)
    return {"x-amzn-requestid": f"{rng.getrandbits(32):08x}-0000-4000-8000-{rng.getrandbits(48):012x}"}


def _failure(request: Request, bill: Bill) -> Reply:
    bill.status = request.case.error or 400
    kind = {429: "ThrottlingException", 400: "ValidationException"}.get(bill.status, "InternalServerException")
    headers = {"x-amzn-errortype": kind} | _request_id(request)
    return Reply({"message": "Too many requests, please wait before trying again."}, bill, bill.status, headers)


def _embed(request: Request, bill: Bill) -> Reply:
    text = request.body["inputText"]
    bill.input_tokens = count_tokens(text) + variation(request.number, "in", 4)
    rng = random.Random(text)
    body = {"embedding": [rng.uniform(-1, 1) for _ in range(64)], "inputTextTokenCount": bill.input_tokens}
    headers = {"x-amzn-bedrock-input-token-count": str(bill.input_tokens)}
    return Reply(body, bill, headers=headers | _request_id(request))


def _message(request: Request, bill: Bill) -> dict[str, Any]:
    turns = request.body["messages"]
    specs = [tool["toolSpec"] for tool in (request.body.get("toolConfig") or {}).get("tools", []) if "toolSpec" in tool]
    answered = any("toolResult" in block for block in turns[-1]["content"])
    if specs and not answered:
        schema = specs[0]["inputSchema"]["json"]
        arguments = arguments_for(schema, text_of(turns), request.number)
        identifier = f"tooluse_{random.Random(request.number).getrandbits(64):x}"
        bill.tool_calls = [specs[0]["name"]]
        call = {"toolUseId": identifier, "name": specs[0]["name"], "input": arguments}
        return {"role": "assistant", "content": [{"toolUse": call}]}
    bill.text = request.case.reply or answer(text_of(turns[-1]["content"]), request.number)
    return {"role": "assistant", "content": [{"text": bill.text}]}


def _fill_usage(request: Request, bill: Bill, message: dict[str, Any]) -> None:
    body = request.body
    total = count_tokens([body.get("system") or "", body.get("toolConfig") or "", body["messages"]])
    bill.input_tokens = total + variation(request.number, "in", 9)
    bill.cached_tokens = min(request.case.cached or 0, bill.input_tokens)
    bill.output_tokens = count_tokens(bill.text or message) + variation(request.number, "out", 5)
    bill.usage = {
        "inputTokens": bill.input_tokens - bill.cached_tokens,
        "outputTokens": bill.output_tokens,
        "totalTokens": bill.input_tokens + bill.output_tokens,
        "cacheReadInputTokens": bill.cached_tokens,
        "cacheWriteInputTokens": 0,
    }


def _frames(
    request: Request, bill: Bill, message: dict[str, Any], stop: str, metrics: dict[str, Any]
) -> Iterator[bytes]:
    yield event({"role": "assistant"}, "messageStart")
    if bill.tool_calls:
        call = message["content"][0]["toolUse"]
        start = {"toolUse": {"toolUseId": call["toolUseId"], "name": call["name"]}}
        yield event({"start": start, "contentBlockIndex": 0}, "contentBlockStart")
        delta = {"toolUse": {"input": json.dumps(call["input"])}}
        yield event({"delta": delta, "contentBlockIndex": 0}, "contentBlockDelta")
    for piece in pieces(bill.text, request.number):
        yield event({"delta": {"text": piece}, "contentBlockIndex": 0}, "contentBlockDelta")
    yield event({"contentBlockIndex": 0}, "contentBlockStop")
    yield event({"stopReason": stop}, "messageStop")
    yield event({"usage": bill.usage, "metrics": metrics}, "metadata")


def _wrapped(frames: list[bytes], bill: Bill, model: str) -> Iterator[bytes]:
    """Anthropic's server-sent events as chunks of an AWS event stream."""
    for frame in frames:
        data = json.loads(frame.decode().partition("data: ")[2])
        if data["type"] == "ping":
            continue
        if data["type"] == "message_start":
            data["message"]["model"] = model
        if data["type"] == "message_delta":
            data["usage"].pop("output_tokens_details")
        if data["type"] == "message_stop":
            data["amazon-bedrock-invocationMetrics"] = {
                "inputTokenCount": bill.usage["input_tokens"],
                "outputTokenCount": bill.output_tokens,
                "cacheReadInputTokenCount": bill.cached_tokens,
                "cacheWriteInputTokenCount": bill.cache_write_tokens,
                "invocationLatency": 200,
                "firstByteLatency": 20,
            }
        yield event({"bytes": base64.b64encode(json.dumps(data).encode()).decode()}, "chunk")


ROUTES = {r"/model/[^/]+/converse(-stream)?": converse, r"/model/[^/]+/invoke(-with-response-stream)?": invoke}
