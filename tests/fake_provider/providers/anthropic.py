"""Anthropic: messages, whole and streamed, with prompt cache (5 minutes and 1 hour), tools and thinking."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from typing import Any

from ..ledger import Bill
from ..text import answer, arguments_for, count_tokens, pieces, text_of, variation
from ..wire import EventStream, Reply, Request, sse
from .openai import new_id

SNAPSHOTS = {
    "claude-sonnet-4-5": "claude-sonnet-4-5-20250929",
    "claude-haiku-4-5": "claude-haiku-4-5-20251001",
    "claude-opus-4-1": "claude-opus-4-1-20250805",
}
_ERRORS = {
    400: ("invalid_request_error", "messages: at least one message is required"),
    401: ("authentication_error", "invalid x-api-key"),
    429: ("rate_limit_error", "This request would exceed your organization's rate limit of requests per minute."),
    500: ("api_error", "Internal server error"),
    529: ("overloaded_error", "Overloaded"),
}

_cache_lock = threading.Lock()


def messages(request: Request) -> Reply | EventStream:
    """POST /v1/messages."""
    if request.case.error or not request.body.get("messages"):
        return _failure(request, request.case.error or 400)
    model = str(request.body["model"])
    stream = bool(request.body.get("stream"))
    bill = Bill(
        request.path,
        "anthropic",
        model,
        SNAPSHOTS.get(model, model),
        new_id(request, "msg_01", 22),
        stream=stream,
    )
    blocks = _blocks(request, bill)
    _fill_usage(request, bill, blocks)
    called = any(block["type"] == "tool_use" for block in blocks)
    stop = "max_tokens" if request.case.length else "tool_use" if called else "end_turn"
    if stream:
        return EventStream(_frames(request, bill, blocks, stop), bill)
    return Reply(_message(bill, blocks, stop), bill, headers={"request-id": new_id(request, "req_01", 22)})


def _failure(request: Request, status: int) -> Reply:
    kind, message = _ERRORS.get(status, _ERRORS[500])
    bill = Bill(request.path, "anthropic", str(request.body.get("model", "")), status=status)
    body = {"type": "error", "error": {"type": kind, "message": message}, "request_id": new_id(request, "req_01", 22)}
    return Reply(body, bill, status, {"request-id": body["request_id"], "retry-after-ms": "5"})


def _blocks(request: Request, bill: Bill) -> list[dict[str, Any]]:
    body = request.body
    turns: list[dict[str, Any]] = body["messages"]
    last = turns[-1]["content"]
    answered = isinstance(last, list) and any(block.get("type") == "tool_result" for block in last)
    tools = [tool for tool in body.get("tools") or [] if "input_schema" in tool]
    blocks: list[dict[str, Any]] = []
    if (body.get("thinking") or {}).get("type") in ("enabled", "adaptive"):
        thought = "The user asks about one case; check the policy first, then answer briefly."
        blocks.append({"type": "thinking", "thinking": thought, "signature": "RmFrZQ=="})
    if tools and not answered and (body.get("tool_choice") or {}).get("type") != "none":
        tool = next((t for t in tools if t["name"] == request.case.tool), tools[0])
        prompt = text_of([turn["content"] for turn in turns if turn["role"] == "user"])
        blocks.append({"type": "text", "text": "Let me look that up."})
        arguments = arguments_for(tool["input_schema"], prompt, request.number)
        call = {"type": "tool_use", "id": new_id(request, "toolu_01", 22), "name": tool["name"], "input": arguments}
        blocks.append(call)
        bill.tool_calls = [tool["name"]]
    else:
        seen = text_of(turns[-3:]) if answered else text_of(last)
        blocks.append({"type": "text", "text": request.case.reply or answer(seen, request.number)})
    bill.text = "".join(block["text"] for block in blocks if block["type"] == "text")
    return blocks


def _fill_usage(request: Request, bill: Bill, blocks: list[dict[str, Any]]) -> None:
    body = request.body
    total = count_tokens([body.get("system") or "", body.get("tools") or "", body["messages"]])
    total += variation(request.number, "in", 9)
    read, written = _use_cache(request)
    if request.case.cached is not None:
        read = request.case.cached
    fresh = max(total - read - sum(written.values()), 3)
    bill.cached_tokens, bill.cache_write_1h_tokens = read, written["1h"]
    bill.cache_write_tokens = sum(written.values())
    bill.input_tokens = fresh + read + bill.cache_write_tokens
    thinking = sum(count_tokens(block["thinking"]) for block in blocks if block["type"] == "thinking")
    bill.reasoning_tokens = thinking if request.case.reasoning is None else request.case.reasoning
    said = [block for block in blocks if block["type"] != "thinking"]
    bill.output_tokens = count_tokens(said) + variation(request.number, "out", 5) + bill.reasoning_tokens
    bill.usage = {
        "input_tokens": fresh,
        "cache_creation_input_tokens": bill.cache_write_tokens,
        "cache_read_input_tokens": read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": written["5m"],
            "ephemeral_1h_input_tokens": written["1h"],
        },
        "output_tokens": bill.output_tokens,
        "output_tokens_details": {"thinking_tokens": bill.reasoning_tokens},
        "service_tier": "standard",
    }


def _use_cache(request: Request) -> tuple[int, dict[str, int]]:
    """Tokens read from the cache, and written to it by lifetime: every marked block is an entry of its own."""
    read, written = 0, {"5m": 0, "1h": 0}
    body = request.body
    contents = [body.get("system") or [], body.get("tools") or [], *(turn["content"] for turn in body["messages"])]
    for content in contents:
        for block in content if isinstance(content, list) else []:
            if not (control := block.get("cache_control")):
                continue
            size = count_tokens(text_of(block) or block)
            key = hashlib.sha256(f"{body['model']}{json.dumps(block, sort_keys=True)}".encode()).hexdigest()
            with _cache_lock:
                known = key in request.cached
                request.cached.add(key)
            if known:
                read += size
            else:
                written[control.get("ttl", "5m")] += size
    return read, written


def _message(bill: Bill, blocks: list[dict[str, Any]], stop: str | None) -> dict[str, Any]:
    return {
        "id": bill.response_id,
        "type": "message",
        "role": "assistant",
        "model": bill.model,
        "content": blocks,
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": bill.usage,
    }


def _frames(request: Request, bill: Bill, blocks: list[dict[str, Any]], stop: str) -> Iterator[bytes]:
    def frame(kind: str, **fields: Any) -> bytes:
        return sse({"type": kind, **fields}, kind)

    opened = {**_message(bill, [], None), "usage": {**bill.usage, "output_tokens": 1, "output_tokens_details": None}}
    yield frame("message_start", message=opened)
    for index, block in enumerate(blocks):
        kind = block["type"]
        empty: dict[str, Any] = {"text": {"text": ""}, "thinking": {"thinking": "", "signature": ""}}.get(
            kind, {"input": {}}
        )
        yield frame("content_block_start", index=index, content_block={**block, **empty})
        if index == 0:
            yield frame("ping")
        if kind == "tool_use":
            text = json.dumps(block["input"], ensure_ascii=False)
            deltas = [{"type": "input_json_delta", "partial_json": text[i : i + 9]} for i in range(0, len(text), 9)]
        elif kind == "thinking":
            deltas = [{"type": "thinking_delta", "thinking": piece} for piece in pieces(block["thinking"], 1)]
            deltas.append({"type": "signature_delta", "signature": block["signature"]})
        else:
            deltas = [{"type": "text_delta", "text": piece} for piece in pieces(block["text"], request.number)]
        for delta in deltas:
            yield frame("content_block_delta", index=index, delta=delta)
        yield frame("content_block_stop", index=index)
    yield frame("message_delta", delta={"stop_reason": stop, "stop_sequence": None}, usage=_delta_usage(bill))
    yield frame("message_stop")


def _delta_usage(bill: Bill) -> dict[str, Any]:
    keys = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens")
    return {**{key: bill.usage[key] for key in keys}, "output_tokens_details": bill.usage["output_tokens_details"]}


def count(request: Request) -> Reply:
    """POST /v1/messages/count_tokens; free of charge."""
    total = count_tokens([request.body.get("system") or "", request.body["messages"]])
    return Reply({"input_tokens": total}, Bill(request.path, "anthropic", str(request.body["model"])))


ROUTES = {r"(/v1)?/messages": messages, r"(/v1)?/messages/count_tokens": count}
