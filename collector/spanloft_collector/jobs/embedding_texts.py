"""What of a call is embedded: the last message of the user, and the answer."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from spanloft_collector.signals.drift.form import language

KEPT_CHARACTERS = 2_000
"""Of a text that is kept beside its vector, to name topics and to show examples."""
_REFUSAL = re.compile(
    r"\b(?:i (?:can(?:no|')t|can’t|am not able to|am unable to|won't|won’t)\b.{0,40}"
    r"\b(?:help|assist|provide|do|comply|share|answer)"
    r"|i(?:'m|’m| am) (?:sorry|afraid)[,.]? (?:but )?i (?:can|am|do|won)"
    r"|as an ai\b.{0,60}\b(?:can(?:no|')t|can’t|unable|not able)"
    r"|i must decline)",
    re.IGNORECASE | re.DOTALL,
)
_REFUSAL_CHARACTERS = 400
"""A refusal stands at the beginning of an answer."""

Row = Mapping[str, Any]


def text_key(text: str) -> str:
    """Name of a text: the first 32 hex digits of its SHA-256."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def is_refusal(answer: str) -> bool:
    """Whether an answer declines to help, by its wording; English only."""
    return _REFUSAL.search(answer[:_REFUSAL_CHARACTERS]) is not None


def texts_of(call: Row) -> list[tuple[dict[str, Any], str]]:
    """Rows of ``call_texts`` of a row of ``job_embeddings_calls``, each with its text; a side without text has none."""
    found = []
    asked = _last_of(_messages(call["input_messages"]), "user")
    if asked is not None and (text := _text(asked).strip()):
        found.append((_row(call, "input", text, call["input_tokens"]), text))
    answers = _messages(call["output_messages"])
    text = "\n".join(filter(None, (_text(message) for message in answers))).strip()
    if text:
        row = _row(call, "output", text, call["output_tokens"])
        found.append((row | {"refusal": is_refusal(text), "tool_calls": sum(map(_tool_calls, answers))}, text))
    return found


def _row(call: Row, side: str, text: str, tokens: int | None) -> dict[str, Any]:
    copied = (
        "trace_id",
        "span_id",
        "start_time",
        "service_name",
        "service_version",
        "operation",
        "model",
        "prompt_name",
        "prompt_version",
        "user_id",
        "session_id",
        "retrieval_score",
    )
    return {name: call[name] for name in copied} | {
        "side": side,
        "text_key": text_key(text),
        "characters": len(text),
        "tokens": tokens,
        "language": language(text),
        "refusal": None,
        "tool_calls": None,
    }


def _messages(column: str | None) -> list[dict[str, Any]]:
    if not column:
        return []
    try:
        messages = orjson.loads(column)
    except ValueError:
        return []
    return [message for message in messages if isinstance(message, dict)] if isinstance(messages, list) else []


def _last_of(messages: Sequence[dict[str, Any]], role: str) -> dict[str, Any] | None:
    return next((message for message in reversed(messages) if message.get("role") == role), None)


def _parts(message: dict[str, Any]) -> list[dict[str, Any]]:
    parts = message.get("parts")
    return [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []


def _text(message: dict[str, Any]) -> str:
    contents = [part.get("content") for part in _parts(message) if part.get("type") == "text"]
    return "\n".join(content for content in contents if isinstance(content, str))


def _tool_calls(message: dict[str, Any]) -> int:
    return sum(part.get("type") == "tool_call" for part in _parts(message))
