"""OpenAI: chat completions and embeddings. (Responses API: ``openai_responses``.)"""

from __future__ import annotations

import base64
import json
import random
import struct
import time
from collections.abc import Iterator
from typing import Any

from ..ledger import Bill
from ..text import answer, arguments_for, count_tokens, pieces, text_of, variation
from ..wire import EventStream, Reply, Request, sse

SNAPSHOTS = {
    "gpt-4o": "gpt-4o-2024-08-06",
    "gpt-4o-mini": "gpt-4o-mini-2024-07-18",
    "gpt-4.1": "gpt-4.1-2025-04-14",
    "gpt-5": "gpt-5-2025-08-07",
    "gpt-5-mini": "gpt-5-mini-2025-08-07",
    "o3": "o3-2025-04-16",
}
"""What an alias resolves to: the response names the dated model."""

_ERRORS = {
    400: ("invalid_request_error", "Invalid value for 'messages': expected an array.", "invalid_type"),
    401: ("invalid_request_error", "Incorrect API key provided.", "invalid_api_key"),
    429: ("requests", "Rate limit reached for requests per minute. Please try again in 20s.", "rate_limit_exceeded"),
    500: ("server_error", "The server had an error while processing your request.", None),
    503: ("server_error", "The engine is currently overloaded, please try again later.", None),
}


def failure(request: Request, status: int) -> Reply:
    """An error in OpenAI's shape; nothing is billed for it."""
    kind, message, code = _ERRORS.get(status, _ERRORS[500])
    bill = Bill(request.path, "openai", str(request.body.get("model", "")), status=status)
    error = {"message": message, "type": kind, "param": None, "code": code}
    return Reply({"error": error}, bill, status, {"retry-after-ms": "5"} if status == 429 else {})


def is_reasoning(model: str) -> bool:
    """Whether a model thinks before it answers, and bills for it."""
    return model.startswith(("o1", "o3", "o4", "gpt-5"))


def new_id(request: Request, prefix: str, length: int = 29) -> str:
    """An id that no other answer of this or another run has."""
    rng = random.Random(f"{time.time_ns()}:{request.number}")
    return prefix + "".join(rng.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", k=length))


def fill_usage(request: Request, bill: Bill, prompt: Any, output: str, tools: Any) -> None:
    """Writes the token counts: from the lengths of the texts, a seeded variation, the cache and the reasoning."""
    bill.input_tokens = (
        count_tokens(prompt) + (count_tokens(tools) if tools else 0) + variation(request.number, "in", 9)
    )
    cached = bill.input_tokens // 128 * 128 if bill.input_tokens >= 1024 and request.number % 2 == 0 else 0
    bill.cached_tokens = min(cached if request.case.cached is None else request.case.cached, bill.input_tokens)
    reasoning = 64 * (1 + variation(request.number, "reasoning", 5)) if is_reasoning(bill.request_model) else 0
    bill.reasoning_tokens = reasoning if request.case.reasoning is None else request.case.reasoning
    bill.output_tokens = count_tokens(output) + variation(request.number, "out", 5) + bill.reasoning_tokens


def chat(request: Request) -> Reply | EventStream:
    """POST /v1/chat/completions."""
    if request.case.error:
        return failure(request, request.case.error)
    body = request.body
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        return failure(request, 400)
    bill = _bill(request, "chatcmpl-")
    prompt = text_of([m.get("content") for m in messages if m.get("role") == "user"])
    call = _tool_call(request, messages, prompt)
    text = "" if call else request.case.reply or answer(_last_text(messages), request.number)
    output = json.dumps(call["function"]) if call else text
    fill_usage(request, bill, messages, output, body.get("tools"))
    bill.text, bill.tool_calls = text, [call["function"]["name"]] if call else []
    bill.usage = _chat_usage(bill)
    finish = "length" if request.case.length else "tool_calls" if call else "stop"
    if body.get("stream"):
        bill.usage_sent = bool((body.get("stream_options") or {}).get("include_usage"))
        return EventStream(_chat_chunks(request, bill, text, call, finish), bill)
    message = {"role": "assistant", "content": text or None, "refusal": None, "annotations": []}
    if call:
        message["tool_calls"] = [call]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
    return Reply({**_envelope(bill, "chat.completion"), "choices": [choice], "usage": bill.usage}, bill)


def embeddings(request: Request) -> Reply:
    """POST /v1/embeddings; base64 or float vectors, as asked for."""
    if request.case.error:
        return failure(request, request.case.error)
    body = request.body
    inputs = body["input"] if isinstance(body["input"], list) else [body["input"]]
    bill = Bill(request.path, "openai", body["model"], body["model"])
    bill.input_tokens = sum(map(count_tokens, inputs)) + variation(request.number, "in", 4)
    bill.usage = {"prompt_tokens": bill.input_tokens, "total_tokens": bill.input_tokens}
    data = []
    for index, text in enumerate(inputs):
        rng = random.Random(str(text))
        vector: Any = [round(rng.uniform(-1, 1), 6) for _ in range(int(body.get("dimensions") or 256))]
        if body.get("encoding_format") == "base64":
            vector = base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
        data.append({"object": "embedding", "index": index, "embedding": vector})
    return Reply({"object": "list", "data": data, "model": body["model"], "usage": bill.usage}, bill)


def _bill(request: Request, prefix: str) -> Bill:
    model = str(request.body.get("model", "gpt-4o"))
    return Bill(
        request.path,
        "openai",
        model,
        SNAPSHOTS.get(model, model),
        new_id(request, prefix),
        stream=bool(request.body.get("stream")),
    )


def _last_text(messages: list[dict[str, Any]]) -> str:
    last = messages[-1]
    if last.get("role") == "tool":
        return f"{text_of(messages[-3:-1])} {text_of(last)}"
    return text_of(last.get("content"))


def _tool_call(request: Request, messages: list[dict[str, Any]], prompt: str) -> dict[str, Any] | None:
    tools = [tool for tool in request.body.get("tools") or [] if tool.get("type") == "function"]
    if not tools or request.body.get("tool_choice") == "none" or messages[-1].get("role") == "tool":
        return None
    wanted = request.case.tool
    function = next((t["function"] for t in tools if t["function"]["name"] == wanted), tools[0]["function"])
    arguments = arguments_for(function.get("parameters") or {}, prompt, request.number, text_of(messages))
    return {
        "id": new_id(request, "call_", 24),
        "type": "function",
        "function": {"name": function["name"], "arguments": json.dumps(arguments, ensure_ascii=False)},
    }


def _chat_usage(bill: Bill) -> dict[str, Any]:
    return {
        "prompt_tokens": bill.input_tokens,
        "completion_tokens": bill.output_tokens,
        "total_tokens": bill.input_tokens + bill.output_tokens,
        "prompt_tokens_details": {"cached_tokens": bill.cached_tokens, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": bill.reasoning_tokens,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _envelope(bill: Bill, kind: str) -> dict[str, Any]:
    return {
        "id": bill.response_id,
        "object": kind,
        "created": int(bill.started_at),
        "model": bill.model,
        "service_tier": "default",
        "system_fingerprint": "fp_f33640a400",
    }


def _chat_chunks(request: Request, bill: Bill, text: str, call: dict[str, Any] | None, finish: str) -> Iterator[bytes]:
    head = _envelope(bill, "chat.completion.chunk")

    def frame(delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        usage = {"usage": None} if bill.usage_sent else {}
        return sse({**head, "choices": [choice], **usage})

    yield frame({"role": "assistant", "content": None if call else "", "refusal": None})
    if call:
        name = {"name": call["function"]["name"], "arguments": ""}
        yield frame({"tool_calls": [{"index": 0, **call, "function": name}]})
        arguments = call["function"]["arguments"]
        for start in range(0, len(arguments), 12):
            part = {"index": 0, "function": {"arguments": arguments[start : start + 12]}}
            yield frame({"tool_calls": [part]})
    for piece in pieces(text, request.number):
        yield frame({"content": piece})
    yield frame({}, finish)
    if bill.usage_sent:
        yield sse({**head, "choices": [], "usage": bill.usage})
    yield sse("[DONE]")


ROUTES = {r"(/v1)?/chat/completions": chat, r"(/v1)?/embeddings": embeddings}
