"""Cohere's second API, below ``/cohere``: chat, whole and streamed, and embeddings."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

from ..ledger import Bill
from ..text import answer, arguments_for, count_tokens, pieces, text_of, variation
from ..wire import EventStream, Reply, Request, sse
from .openai import new_id


def chat(request: Request) -> Reply | EventStream:
    """POST /v2/chat."""
    if request.case.error:
        return _failure(request, request.case.error)
    body = request.body
    model = str(body["model"])
    stream = bool(body.get("stream"))
    bill = Bill(request.path, "cohere", model, model, new_id(request, "", 32), stream=stream)
    message = _message(request, bill)
    said = bill.text or json.dumps(message["tool_calls"])
    bill.input_tokens = count_tokens([body["messages"], body.get("tools") or ""]) + variation(request.number, "in", 9)
    bill.output_tokens = count_tokens(said) + variation(request.number, "out", 5)
    counts = {"input_tokens": bill.input_tokens, "output_tokens": bill.output_tokens}
    bill.usage = {"billed_units": counts, "tokens": counts}
    finish = "TOOL_CALL" if bill.tool_calls else "COMPLETE"
    if stream:
        return EventStream(_frames(request, bill, message, finish), bill, "text/event-stream")
    return Reply({"id": bill.response_id, "finish_reason": finish, "message": message, "usage": bill.usage}, bill)


def embed(request: Request) -> Reply:
    """POST /v2/embed."""
    if request.case.error:
        return _failure(request, request.case.error)
    body = request.body
    model = str(body["model"])
    bill = Bill(request.path, "cohere", model, model, new_id(request, "", 32))
    bill.input_tokens = sum(map(count_tokens, body["texts"]))
    vectors = [[random.Random(text).uniform(-1, 1) for _ in range(64)] for text in body["texts"]]
    bill.usage = {"billed_units": {"input_tokens": bill.input_tokens}}
    reply = {"id": bill.response_id, "embeddings": {"float": vectors}, "texts": body["texts"]}
    meta = {"api_version": {"version": "2"}, **bill.usage}
    return Reply({**reply, "meta": meta, "response_type": "embeddings_by_type"}, bill)


def _failure(request: Request, status: int) -> Reply:
    bill = Bill(request.path, "cohere", str(request.body.get("model", "")), status=status)
    return Reply({"message": "too many requests" if status == 429 else "an error"}, bill, status)


def _message(request: Request, bill: Bill) -> dict[str, Any]:
    turns = request.body["messages"]
    tools = [tool["function"] for tool in request.body.get("tools") or []]
    if tools and turns[-1]["role"] != "tool":
        arguments = arguments_for(tools[0].get("parameters") or {}, text_of(turns[-1]["content"]), request.number)
        function = {"name": tools[0]["name"], "arguments": json.dumps(arguments)}
        bill.tool_calls = [function["name"]]
        call = {"id": new_id(request, f"{function['name']}_", 12), "type": "function", "function": function}
        return {"role": "assistant", "tool_plan": "I will look that up.", "tool_calls": [call]}
    bill.text = request.case.reply or answer(text_of(turns[-1]["content"]), request.number)
    return {"role": "assistant", "content": [{"type": "text", "text": bill.text}]}


def _frames(request: Request, bill: Bill, message: dict[str, Any], finish: str) -> Iterator[bytes]:
    def frame(kind: str, **fields: Any) -> bytes:
        return sse({"type": kind, **fields}, kind)

    start = {"message": {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}}
    yield frame("message-start", id=bill.response_id, delta=start)
    if bill.tool_calls:
        call = message["tool_calls"][0]
        yield frame("tool-plan-delta", delta={"message": {"tool_plan": message["tool_plan"]}})
        opened = {**call, "function": {**call["function"], "arguments": ""}}
        yield frame("tool-call-start", index=0, delta={"message": {"tool_calls": opened}})
        function = {"arguments": call["function"]["arguments"]}
        yield frame("tool-call-delta", index=0, delta={"message": {"tool_calls": {"function": function}}})
        yield frame("tool-call-end", index=0)
    else:
        yield frame("content-start", index=0, delta={"message": {"content": {"type": "text", "text": ""}}})
        for piece in pieces(bill.text, request.number):
            yield frame("content-delta", index=0, delta={"message": {"content": {"text": piece}}})
        yield frame("content-end", index=0)
    yield frame("message-end", delta={"finish_reason": finish, "usage": bill.usage})


ROUTES = {r"/cohere/v2/chat": chat, r"/cohere/v2/embed": embed}
