"""Google's ``generateContent`` (Gemini API and Vertex AI) and its embeddings. The model is in the path."""

from __future__ import annotations

from typing import Any

from .api import Api, Attributes, Body, Texts, copy_known, count, set_input, set_messages, set_usage
from .parts import finish_reason, parts_of

_CONFIG = {
    "temperature": "gen_ai.request.temperature",
    "topP": "gen_ai.request.top_p",
    "topK": "gen_ai.request.top_k",
    "maxOutputTokens": "gen_ai.request.max_tokens",
    "seed": "gen_ai.request.seed",
}


def request(body: Body, content: bool) -> Attributes | None:
    """``POST .../models/MODEL:generateContent``."""
    contents = body.get("contents")
    if not isinstance(contents, (list, dict)):
        return None
    attributes: Attributes = {}
    config = body.get("generationConfig", body.get("generation_config"))
    copy_known(attributes, config, _CONFIG)
    if content:
        system = body.get("systemInstruction", body.get("system_instruction"))
        system = system.get("parts") if isinstance(system, dict) else system
        set_input(attributes, contents if isinstance(contents, list) else [contents], system, body.get("tools"))
    return attributes


def answer(body: Body, content: bool) -> Attributes | None:
    """A ``GenerateContentResponse``. What was thought comes beside the candidates' tokens: it is output, too."""
    candidates = body.get("candidates")
    usage = body.get("usageMetadata")
    if not isinstance(candidates, list) and not isinstance(usage, dict):
        return None
    attributes: Attributes = {}
    copy_known(attributes, body, {"responseId": "gen_ai.response.id", "modelVersion": "gen_ai.response.model"})
    thoughts, said = count(usage, "thoughtsTokenCount"), count(usage, "candidatesTokenCount")
    prompt, tools = count(usage, "promptTokenCount"), count(usage, "toolUsePromptTokenCount")
    set_usage(
        attributes,
        input_tokens=None if prompt is None else prompt + (tools or 0),
        output_tokens=None if said is None and thoughts is None else (said or 0) + (thoughts or 0),
        cache_read=count(usage, "cachedContentTokenCount"),
        reasoning=thoughts,
    )
    outputs, reasons = [], []
    for candidate in candidates if isinstance(candidates, list) else ():
        if isinstance(candidate, dict):
            inner = candidate.get("content")
            parts = parts_of(inner.get("parts")) if isinstance(inner, dict) else []
            called = any(part.get("type") == "tool_call" for part in parts)
            reason = "tool_call" if called else finish_reason(candidate.get("finishReason")) or "error"
            reasons.append(reason)
            outputs.append({"role": "assistant", "parts": parts, "finish_reason": reason})
    if reasons:
        attributes["gen_ai.response.finish_reasons"] = reasons
    if content:
        set_messages(attributes, "gen_ai.output.messages", outputs)
    return attributes


def embed_request(body: Body, content: bool) -> Attributes | None:
    """``POST .../models/MODEL:embedContent`` or ``:batchEmbedContents``."""
    return {} if "content" in body or "requests" in body else None


def embed_answer(body: Body, content: bool) -> Attributes | None:
    """Embeddings; the vectors are not recorded."""
    if "embedding" not in body and "embeddings" not in body:
        return None
    attributes: Attributes = {}
    set_usage(attributes, input_tokens=count(body, "usageMetadata", "promptTokenCount"))
    return attributes


class Pieces:
    """Responses of a stream, each with some parts; the last usage counts."""

    def __init__(self) -> None:
        self._head: Body = {}
        self._candidates: dict[int, dict[str, Any]] = {}

    def add(self, event: Body) -> bool:
        """Takes a response."""
        candidates = event.get("candidates")
        known = {key: event[key] for key in ("responseId", "modelVersion", "usageMetadata", "error") if event.get(key)}
        self._head.update(known)
        for candidate in candidates if isinstance(candidates, list) else ():
            if not isinstance(candidate, dict):
                continue
            mine = self._candidates.setdefault(candidate.get("index", 0), {"parts": [], "reason": None})
            mine["reason"] = candidate.get("finishReason") or mine["reason"]
            inner = candidate.get("content")
            for part in inner.get("parts") or () if isinstance(inner, dict) else ():
                self._append(mine["parts"], part)
        return isinstance(candidates, list) or bool(known)

    def _append(self, parts: list[dict[str, Any]], part: Any) -> None:
        if not isinstance(part, dict):
            return
        if not isinstance(part.get("text"), str):
            parts.append(part)
        elif parts and "texts" in parts[-1] and parts[-1]["thought"] == bool(part.get("thought")):
            parts[-1]["texts"].add(part["text"])
        else:
            texts = Texts()
            texts.add(part["text"])
            parts.append({"texts": texts, "thought": bool(part.get("thought"))})

    def body(self) -> Body:
        """As if it had not been streamed."""
        candidates = []
        for mine in self._candidates.values():
            parts = [{"text": str(p["texts"]), "thought": p["thought"]} if "texts" in p else p for p in mine["parts"]]
            candidates.append({"content": {"parts": parts}, "finishReason": mine["reason"]})
        return {**self._head, "candidates": candidates}


GENERATE = Api("generate_content", request, answer, Pieces)
EMBED = Api("embeddings", embed_request, embed_answer, Pieces)
