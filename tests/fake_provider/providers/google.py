"""Google's Gemini: generateContent, whole and streamed, and embeddings; at the Gemini API's paths and at Vertex's."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from typing import Any

from ..ledger import Bill
from ..text import answer, arguments_for, count_tokens, pieces, text_of, variation
from ..wire import EventStream, Reply, Request, sse
from .openai import new_id

_ERRORS = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 429: "RESOURCE_EXHAUSTED", 500: "INTERNAL"}
_MODEL = re.compile(r"models/([^:/]+):")


def generate(request: Request) -> Reply | EventStream:
    """POST models/MODEL:generateContent and :streamGenerateContent (server-sent events or one JSON array)."""
    if request.case.error or not request.body.get("contents"):
        return _failure(request, request.case.error or 400)
    stream = request.path.endswith(":streamGenerateContent")
    bill = _bill(request, stream=stream, response_id=new_id(request, "", 22))
    parts = _parts(request, bill)
    _fill_usage(request, bill, parts)
    finish = "MAX_TOKENS" if request.case.length else "STOP"
    if stream:
        frames = _frames(request, bill, parts, finish)
        if "alt=sse" in request.query:
            return EventStream(map(sse, frames), bill, "text/event-stream")
        return EventStream(_array(list(frames)), bill, "application/json")
    return Reply(_response(bill, parts, finish, bill.usage), bill)


def embed(request: Request) -> Reply:
    """POST models/MODEL:batchEmbedContents and models/MODEL:embedContent. The answer tells no usage."""
    if request.case.error:
        return _failure(request, request.case.error)
    requests = request.body.get("requests") or [request.body]
    bill = _bill(request)
    bill.input_tokens = sum(count_tokens(text_of(_text(item["content"]))) for item in requests)
    bill.usage_sent = False
    vectors = [{"values": _vector(item)} for item in requests]
    return Reply({"embeddings": vectors} if "requests" in request.body else {"embedding": vectors[0]}, bill)


def predict(request: Request) -> Reply:
    """POST models/MODEL:predict, Vertex's embeddings; the answer counts the tokens of each text."""
    if request.case.error:
        return _failure(request, request.case.error)
    bill = _bill(request)
    predictions = []
    for item in request.body["instances"]:
        tokens = count_tokens(item["content"])
        bill.input_tokens += tokens
        statistics = {"token_count": tokens, "truncated": False}
        predictions.append({"embeddings": {"values": _vector(item), "statistics": statistics}})
    return Reply({"predictions": predictions}, bill)


def _bill(request: Request, **more: Any) -> Bill:
    found = _MODEL.search(request.path)
    model = found.group(1) if found else ""
    return Bill(request.path, "google", model, model, **more)


def _failure(request: Request, status: int) -> Reply:
    bill = _bill(request, status=status)
    error = {"code": status, "message": "Quota exceeded.", "status": _ERRORS.get(status, "INTERNAL")}
    return Reply({"error": error}, bill, status)


def _text(content: Any) -> str:
    return text_of([part for part in content.get("parts", []) if "text" in part]) if isinstance(content, dict) else ""


def _parts(request: Request, bill: Bill) -> list[dict[str, Any]]:
    contents = request.body["contents"]
    declarations = [
        declaration
        for tool in request.body.get("tools") or []
        for declaration in tool.get("functionDeclarations") or tool.get("function_declarations") or []
    ]
    answered = any("functionResponse" in part for part in contents[-1]["parts"])
    asked = " ".join(_text(content) for content in contents)
    if declarations and not answered:
        chosen = next((d for d in declarations if d["name"] == request.case.tool), declarations[0])
        schema = chosen.get("parameters") or chosen.get("parametersJsonSchema") or {}
        arguments = arguments_for(_lower(schema), asked, request.number)
        bill.tool_calls = [chosen["name"]]
        return [{"functionCall": {"name": chosen["name"], "args": arguments}}]
    bill.text = request.case.reply or answer(_text(contents[-1]) or asked, request.number)
    return [{"text": bill.text}]


def _lower(schema: dict[str, Any]) -> dict[str, Any]:
    """Google spells types STRING and OBJECT."""
    properties = {
        name: {**spec, "type": str(spec.get("type", "string")).lower()}
        for name, spec in (schema.get("properties") or {}).items()
    }
    return {**schema, "properties": properties}


def _fill_usage(request: Request, bill: Bill, parts: list[dict[str, Any]]) -> None:
    body = request.body
    system = body.get("systemInstruction") or body.get("system_instruction") or ""
    total = count_tokens([system, body.get("tools") or "", body["contents"]])
    bill.input_tokens = total + variation(request.number, "in", 9)
    bill.cached_tokens = min(request.case.cached or 0, bill.input_tokens)
    bill.reasoning_tokens = request.case.reasoning or 0
    candidates = count_tokens(bill.text or parts) + variation(request.number, "out", 5)
    bill.output_tokens = candidates + bill.reasoning_tokens
    bill.usage = {
        "promptTokenCount": bill.input_tokens,
        "candidatesTokenCount": candidates,
        "totalTokenCount": bill.input_tokens + bill.output_tokens,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": bill.input_tokens}],
    }
    if bill.cached_tokens:
        bill.usage["cachedContentTokenCount"] = bill.cached_tokens
    if bill.reasoning_tokens:
        # Thoughts are outside of the candidates' count.
        bill.usage["thoughtsTokenCount"] = bill.reasoning_tokens


def _response(
    bill: Bill, parts: list[dict[str, Any]], finish: str | None, usage: dict[str, Any] | None
) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": parts}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    body = {"candidates": [candidate], "modelVersion": bill.model, "responseId": bill.response_id}
    return {**body, "usageMetadata": usage} if usage else body


def _frames(request: Request, bill: Bill, parts: list[dict[str, Any]], finish: str) -> Iterator[dict[str, Any]]:
    frames = [[{"text": piece}] for piece in pieces(bill.text, request.number)] or [parts]
    for number, frame in enumerate(frames, 1):
        last = number == len(frames)
        # Counts so far come with every frame; only the last one's are final.
        usage = bill.usage if last else {**bill.usage, "candidatesTokenCount": number}
        yield _response(bill, frame, finish if last else None, usage)


def _array(frames: list[dict[str, Any]]) -> Iterator[bytes]:
    for number, frame in enumerate(frames):
        yield (b"[" if number == 0 else b",\r\n") + json.dumps(frame).encode()
    yield b"]"


def _vector(item: Any) -> list[float]:
    rng = random.Random(str(item))
    return [round(rng.uniform(-1, 1), 6) for _ in range(64)]


ROUTES = {
    r"/.*models/[^:/]+:(generateContent|streamGenerateContent)": generate,
    r"/.*models/[^:/]+:(batchEmbedContents|embedContent)": embed,
    r"/.*models/[^:/]+:predict": predict,
}
