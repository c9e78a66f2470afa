"""OpenAI's Responses API, whole and streamed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ..ledger import Bill
from ..text import answer, arguments_for, pieces, text_of
from ..wire import EventStream, Reply, Request, sse
from .openai import SNAPSHOTS, failure, fill_usage, is_reasoning, new_id


def responses(request: Request) -> Reply | EventStream:
    """POST /v1/responses."""
    if request.case.error:
        return failure(request, request.case.error)
    body = request.body
    model = str(body["model"])
    stream = bool(body.get("stream"))
    bill = Bill(request.path, "openai", model, SNAPSHOTS.get(model, model), new_id(request, "resp_", 48), stream=stream)
    call = _tool_call(request)
    text = "" if call else request.case.reply or answer(_last_text(body["input"]), request.number)
    output = call["arguments"] if call else text
    fill_usage(request, bill, [body.get("instructions") or "", body["input"]], output, body.get("tools"))
    bill.text, bill.tool_calls = text, [call["name"]] if call else []
    bill.usage = {
        "input_tokens": bill.input_tokens,
        "input_tokens_details": {"cached_tokens": bill.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": bill.output_tokens,
        "output_tokens_details": {"reasoning_tokens": bill.reasoning_tokens},
        "total_tokens": bill.input_tokens + bill.output_tokens,
    }
    items = _items(request, bill, text, call)
    if stream:
        return EventStream(_frames(request, bill, items), bill)
    return Reply(_response(request, bill, items, "completed"), bill)


def _last_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return text_of(value[-3:] if value[-1].get("type") == "function_call_output" else value[-1])


def _tool_call(request: Request) -> dict[str, Any] | None:
    tools = [tool for tool in request.body.get("tools") or [] if tool.get("type") == "function"]
    value = request.body["input"]
    answered = not isinstance(value, str) and value[-1].get("type") == "function_call_output"
    if not tools or answered:
        return None
    arguments = arguments_for(tools[0].get("parameters") or {}, text_of(value), request.number)
    return {
        "id": new_id(request, "fc_", 48),
        "type": "function_call",
        "status": "completed",
        "call_id": new_id(request, "call_", 24),
        "name": tools[0]["name"],
        "arguments": json.dumps(arguments, ensure_ascii=False),
    }


def _items(request: Request, bill: Bill, text: str, call: dict[str, Any] | None) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    if is_reasoning(bill.request_model):
        items.append({"id": new_id(request, "rs_", 48), "type": "reasoning", "summary": []})
    if call:
        return [*items, call]
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    message = {"id": new_id(request, "msg_", 48), "type": "message", "role": "assistant", "status": "completed"}
    return [*items, {**message, "content": [part]}]


def _response(request: Request, bill: Bill, items: list[dict[str, Any]], status: str) -> dict[str, Any]:
    body = request.body
    return {
        "id": bill.response_id,
        "object": "response",
        "created_at": int(bill.started_at),
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": body.get("instructions"),
        "max_output_tokens": body.get("max_output_tokens"),
        "model": bill.model,
        "output": items,
        "parallel_tool_calls": True,
        "previous_response_id": body.get("previous_response_id"),
        "reasoning": body.get("reasoning") or {"effort": None, "summary": None},
        "service_tier": "default",
        "store": True,
        "temperature": body.get("temperature", 1.0),
        "text": body.get("text") or {"format": {"type": "text"}},
        "tool_choice": body.get("tool_choice", "auto"),
        "tools": body.get("tools") or [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": bill.usage if status == "completed" else None,
        "metadata": {},
    }


def _frames(request: Request, bill: Bill, items: list[dict[str, Any]]) -> Iterator[bytes]:
    number = 0

    def frame(kind: str, **fields: Any) -> bytes:
        nonlocal number
        number += 1
        return sse({"type": kind, "sequence_number": number - 1, **fields}, kind)

    yield frame("response.created", response=_response(request, bill, [], "in_progress"))
    yield frame("response.in_progress", response=_response(request, bill, [], "in_progress"))
    for index, item in enumerate(items):
        at = {"output_index": index, "item_id": item["id"]}
        opened = {**item, "status": "in_progress"} if "status" in item else dict(item)
        if item["type"] == "message":
            opened["content"] = []
        if item["type"] == "function_call":
            opened["arguments"] = ""
        yield frame("response.output_item.added", output_index=index, item=opened)
        if item["type"] == "message":
            part = item["content"][0]
            yield frame("response.content_part.added", **at, content_index=0, part={**part, "text": ""})
            for piece in pieces(part["text"], request.number):
                yield frame("response.output_text.delta", **at, content_index=0, delta=piece, logprobs=[])
            yield frame("response.output_text.done", **at, content_index=0, text=part["text"], logprobs=[])
            yield frame("response.content_part.done", **at, content_index=0, part=part)
        elif item["type"] == "function_call":
            yield frame("response.function_call_arguments.delta", **at, delta=item["arguments"])
            yield frame("response.function_call_arguments.done", **at, name=item["name"], arguments=item["arguments"])
        yield frame("response.output_item.done", output_index=index, item=item)
    yield frame("response.completed", response=_response(request, bill, items, "completed"))


ROUTES = {r"(/v1)?/responses": responses}
