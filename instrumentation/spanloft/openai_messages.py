"""Chat messages and tools as the GenAI conventions' JSON, written straight from the request and the answer.

Every function gives the very string that OpenTelemetry's instrumentor would, or ``None`` for what it does not cover.
"""

from __future__ import annotations

import json
from contextlib import suppress
from json.encoder import encode_basestring_ascii as quote
from typing import Any

_TEXT_ROLES = frozenset({"system", "user", "developer"})
_KEYS = frozenset({"role", "content", "name", "tool_calls", "tool_call_id", "refusal"})
_dumps = json.JSONEncoder(separators=(",", ":")).encode


def input_messages(messages: Any) -> str | None:
    """The request's ``messages``; ``None`` if one holds more than text, tool calls and their results."""
    if not isinstance(messages, list):
        return None
    written: list[str] = []
    for message in messages:
        if type(message) is not dict or not (message.keys() <= _KEYS) or message.get("refusal") is not None:
            return None
        role, content, name = message.get("role"), message.get("content"), message.get("name")
        if role in _TEXT_ROLES:
            parts = [_text(content)] if type(content) is str else None
        elif role == "assistant":
            parts = _assistant_parts(content, message.get("tool_calls"))
        elif role == "tool":
            parts = _tool_result(content, message.get("tool_call_id"))
        else:
            return None
        if parts is None or not (name is None or type(name) is str):
            return None
        if parts:
            sender = "null" if name is None else quote(name)
            written.append(f'{{"role":"{role}","parts":[{",".join(parts)}],"name":{sender}}}')
    return f"[{','.join(written)}]"


def tool_definitions(tools: Any) -> str | None:
    """The request's ``tools``; an empty string without any, ``None`` if one is no plain function."""
    if tools is None:
        return ""
    if type(tools) is not list or not tools:
        return None
    written: list[dict[str, Any]] = []
    for tool in tools:
        function = tool.get("function") if type(tool) is dict and tool.get("type") == "function" else None
        if type(function) is not dict or not function:
            return None
        written.append(
            {
                "name": function.get("name") or "",
                "description": function.get("description"),
                "parameters": function.get("parameters"),
                "type": "function",
            }
        )
    return _dumps(written)


def output_messages(choices: Any) -> str:
    """The answer's ``choices``, whatever they hold."""
    written: list[str] = []
    for choice in choices:
        message = choice.message
        if message is None or message.refusal or type(message.role) is not str:
            return _in_full(choices)
        calls = [call.model_dump() for call in message.tool_calls] if message.tool_calls else None
        parts = _assistant_parts(message.content, calls)
        if parts is None:
            return _in_full(choices)
        finish = "tool_call" if choice.finish_reason in ("tool_calls", "function_call") else choice.finish_reason
        head = f'{{"role":{quote(message.role)},"parts":[{",".join(parts)}]'
        written.append(f'{head},"finish_reason":{quote(finish or "error")},"name":null}}')
    return f"[{','.join(written)}]"


def _text(content: str) -> str:
    return f'{{"content":{quote(content)},"type":"text"}}'


def _assistant_parts(content: Any, calls: Any) -> list[str] | None:
    if not (content is None or type(content) is str) or not (calls is None or type(calls) is list):
        return None
    parts: list[str] = []
    for call in calls or ():
        function = call.get("function") if type(call) is dict else None
        if type(function) is not dict or not function:
            return None
        arguments = function.get("arguments") or None
        if type(arguments) is str:
            # A model may write broken JSON: kept as it is.
            with suppress(ValueError):
                arguments = json.loads(arguments)
        part = {"arguments": arguments, "name": function.get("name") or "", "id": call.get("id"), "type": "tool_call"}
        parts.append(_dumps(part))
    if content is not None:
        parts.append(_text(content))
    return parts


def _tool_result(content: Any, call_id: Any) -> list[str] | None:
    if type(content) is not str or type(call_id) is not str:
        return None
    return [f'{{"response":{quote(content)},"id":{quote(call_id)},"type":"tool_call_response"}}']


def _in_full(choices: Any) -> str:
    """Refusals and whatever else a choice may hold, by the instrumentor's own code."""
    from dataclasses import asdict

    from opentelemetry.instrumentation.genai.openai.utils import _prepare_output_messages
    from opentelemetry.util.genai.utils import gen_ai_json_dumps

    return str(gen_ai_json_dumps([asdict(message) for message in _prepare_output_messages(choices)]))
