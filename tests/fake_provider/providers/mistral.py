"""Mistral, below ``/mistral`` because its paths are OpenAI's: chat, whole and streamed, and embeddings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ..ledger import Bill
from ..text import pieces
from ..wire import EventStream, Reply, Request, sse
from . import openai


def chat(request: Request) -> Reply | EventStream:
    """POST /v1/chat/completions. A stream tells its usage unasked, in the last chunk."""
    answer = openai.chat(Request(**{**_fields(request), "body": {**request.body, "stream": False}}))
    assert isinstance(answer, Reply)
    bill = answer.bill
    bill.provider = "mistral"
    bill.model = bill.request_model
    if answer.status != 200:
        body = {"object": "error", "message": "Requests rate limit exceeded", "type": "rate_limited", "code": "1300"}
        return Reply(body, bill, answer.status)
    bill.response_id = openai.new_id(request, "", 32)
    bill.cached_tokens = bill.reasoning_tokens = 0
    bill.usage = {
        "prompt_tokens": bill.input_tokens,
        "completion_tokens": bill.output_tokens,
        "total_tokens": bill.input_tokens + bill.output_tokens,
    }
    choice = answer.body["choices"][0]
    message = {"role": "assistant", "content": choice["message"]["content"] or "", "tool_calls": None, "prefix": False}
    if calls := choice["message"].get("tool_calls"):
        message["tool_calls"] = [{"id": calls[0]["id"][-9:], "function": calls[0]["function"], "index": 0}]
    if request.body.get("stream"):
        bill.stream = True
        return EventStream(_frames(request, bill, message, choice["finish_reason"]), bill)
    choices = [{"index": 0, "message": message, "finish_reason": choice["finish_reason"]}]
    return Reply({**_envelope(bill, "chat.completion"), "choices": choices, "usage": bill.usage}, bill)


def embeddings(request: Request) -> Reply:
    """POST /v1/embeddings."""
    answer = openai.embeddings(request)
    answer.bill.provider = "mistral"
    answer.bill.response_id = openai.new_id(request, "", 32)
    if answer.status == 200:
        answer.body |= {"id": answer.bill.response_id}
    return answer


def _fields(request: Request) -> dict[str, Any]:
    return {name: getattr(request, name) for name in Request.__slots__}


def _envelope(bill: Bill, kind: str) -> dict[str, Any]:
    return {"id": bill.response_id, "object": kind, "created": int(bill.started_at), "model": bill.model}


def _frames(request: Request, bill: Bill, message: dict[str, Any], finish: str) -> Iterator[bytes]:
    head = _envelope(bill, "chat.completion.chunk")

    def frame(delta: dict[str, Any], reason: str | None = None, **more: Any) -> bytes:
        return sse({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}], **more})

    yield frame({"role": "assistant", "content": ""})
    for piece in pieces(message["content"], request.number):
        yield frame({"content": piece})
    last: dict[str, Any] = {"content": ""}
    if message["tool_calls"]:
        last["tool_calls"] = json.loads(json.dumps(message["tool_calls"]))
    yield frame(last, finish, usage=bill.usage)
    yield sse("[DONE]")


ROUTES = {r"/mistral/v1/chat/completions": chat, r"/mistral/v1/embeddings": embeddings}
