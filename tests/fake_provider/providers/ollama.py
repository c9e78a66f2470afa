"""Ollama: chat and generate, streamed as lines of JSON, and embeddings. A model of one's own has no list price."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from ..ledger import Bill
from ..text import answer, arguments_for, count_tokens, pieces, text_of, variation
from ..wire import EventStream, Reply, Request


def chat(request: Request) -> Reply | EventStream:
    """POST /api/chat."""
    body = request.body
    bill = _bill(request)
    if request.case.error:
        return _failure(request, bill)
    turns = body["messages"]
    tools = [tool["function"] for tool in body.get("tools") or []]
    message: dict[str, Any] = {"role": "assistant", "content": ""}
    if tools and turns[-1]["role"] != "tool":
        arguments = arguments_for(tools[0].get("parameters") or {}, text_of(turns), request.number)
        message["tool_calls"] = [{"function": {"name": tools[0]["name"], "arguments": arguments}}]
        bill.tool_calls = [tools[0]["name"]]
    else:
        message["content"] = bill.text = request.case.reply or answer(text_of(turns[-1]["content"]), request.number)
    _fill_usage(request, bill, [turns, body.get("tools") or ""], bill.text or message)

    def line(text: str, last: bool) -> dict[str, Any]:
        calls = {"tool_calls": message["tool_calls"]} if "tool_calls" in message and not last else {}
        return {"message": {"role": "assistant", "content": text, **calls}}

    if bill.stream:
        return EventStream(_frames(request, bill, line), bill, "application/x-ndjson")
    return Reply({**_head(bill), "message": message, **_tail(bill)}, bill)


def generate(request: Request) -> Reply | EventStream:
    """POST /api/generate."""
    bill = _bill(request)
    if request.case.error:
        return _failure(request, bill)
    prompt = request.body["prompt"]
    bill.text = request.case.reply or answer(prompt, request.number)
    _fill_usage(request, bill, prompt, bill.text)
    if bill.stream:
        return EventStream(_frames(request, bill, lambda text, last: {"response": text}), bill, "application/x-ndjson")
    return Reply({**_head(bill), "response": bill.text, **_tail(bill)}, bill)


def embed(request: Request) -> Reply:
    """POST /api/embed."""
    body = request.body
    bill = Bill(request.path, "ollama", body["model"], body["model"])
    if request.case.error:
        return _failure(request, bill)
    texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
    bill.input_tokens = sum(map(count_tokens, texts))
    bill.usage = {"prompt_eval_count": bill.input_tokens}
    vectors = [[random.Random(text).uniform(-1, 1) for _ in range(64)] for text in texts]
    return Reply({"model": bill.model, "embeddings": vectors, "total_duration": 1, **bill.usage}, bill)


def _bill(request: Request) -> Bill:
    model = str(request.body["model"])
    return Bill(request.path, "ollama", model, model, stream=bool(request.body.get("stream", True)))


def _failure(request: Request, bill: Bill) -> Reply:
    bill.status = request.case.error or 500
    bill.stream = False
    return Reply({"error": "server busy, please try again"}, bill, bill.status)


def _fill_usage(request: Request, bill: Bill, prompt: Any, said: Any) -> None:
    bill.input_tokens = count_tokens(prompt) + variation(request.number, "in", 9)
    bill.output_tokens = count_tokens(said) + variation(request.number, "out", 5)
    bill.usage = {"prompt_eval_count": bill.input_tokens, "eval_count": bill.output_tokens}


def _head(bill: Bill) -> dict[str, Any]:
    return {"model": bill.model, "created_at": datetime.now(UTC).isoformat().replace("+00:00", "Z")}


def _tail(bill: Bill) -> dict[str, Any]:
    times = {"total_duration": 900_000_000, "load_duration": 1_000_000, "eval_duration": 800_000_000}
    reason = "length" if bill.output_tokens == 0 else "stop"
    return {"done": True, "done_reason": reason, **times, "prompt_eval_duration": 50_000_000, **bill.usage}


def _frames(request: Request, bill: Bill, line: Callable[[str, bool], dict[str, Any]]) -> Iterator[bytes]:
    for piece in [*pieces(bill.text, request.number)] or [""]:
        yield json.dumps({**_head(bill), **line(piece, False), "done": False}).encode() + b"\n"
    yield json.dumps({**_head(bill), **line("", True), **_tail(bill)}).encode() + b"\n"


ROUTES = {r"/api/chat": chat, r"/api/generate": generate, r"/api/embed": embed}
