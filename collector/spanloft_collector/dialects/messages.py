"""Messages in the semconv shape, from whatever shape an emitter wrote them in.

Read here: semconv (current and older), OpenAI chat and Responses, Anthropic, Google, Bedrock Converse, LangChain,
Vercel AI SDK, and plain text.
"""

from __future__ import annotations

from typing import Any, cast

from ..model import Message, Part
from .names import finish_reason
from .parts import text_part, to_part, to_parts, tool_call, tool_response
from .values import as_json, as_str

_ROLES = {
    "ai": "assistant",
    "aimessage": "assistant",
    "aimessagechunk": "assistant",
    "assistant": "assistant",
    "bot": "assistant",
    "developer": "system",
    "function": "tool",
    "human": "user",
    "humanmessage": "user",
    "humanmessagechunk": "user",
    "model": "assistant",
    "system": "system",
    "systemmessage": "system",
    "tool": "tool",
    "toolmessage": "tool",
    "user": "user",
}

_PLAIN_ROLES = frozenset({"user", "assistant", "system", "tool"})
_ITEM_ROLES = {"function_call": "assistant", "function_call_output": "tool", "reasoning": "assistant"}
"""OpenAI Responses items that stand among the messages without a role of their own."""


def role_of(value: Any, default: str) -> str:
    """Role as system, user, assistant or tool; an unknown one is kept, lower-case."""
    if not isinstance(value, str) or not value:
        return default
    known = _ROLES.get(value)
    if known is not None:
        return known
    lowered = value.strip().lower()
    return _ROLES.get(lowered, lowered) or default


def messages(value: Any, default_role: str = "user") -> list[Message] | None:
    """Messages from JSON text or plain values in any of the shapes above; ``None`` when there is nothing."""
    parsed = as_json(value)
    if parsed is None or parsed == "":
        return None
    if type(parsed) is list and parsed is not value and (done := _semconv(parsed)) is not None:
        return done
    value = parsed
    if isinstance(value, dict):
        value = _unwrap(value)
    if not isinstance(value, (list, tuple)):
        value = [value]
    if len(value) == 1 and isinstance(value[0], list):
        # LangChain hands a batch of prompts; a span covers one.
        value = value[0]
    if _is_part_list(value):
        parts = to_parts(value)
        return [{"role": default_role, "parts": parts}] if parts else None
    out = [message for item in value if (message := to_message(item, default_role)) is not None]
    return out or None


def _semconv(value: list[Any]) -> list[Message] | None:
    """The list itself, or a copy put right, when all of it is in the semconv shape: the hot path; else ``None``."""
    out = value
    for number, message in enumerate(value):
        if type(message) is not dict:
            return None
        parts = message.get("parts")
        role = message.get("role")
        if type(parts) is not list or type(role) is not str or role not in _PLAIN_ROLES:
            return None
        put_right = _put_right(message, parts)
        if put_right is None:
            return None
        if put_right is not message:
            if out is value:
                out = value.copy()
            out[number] = put_right
    return cast("list[Message]", out) or None


def _put_right(message: dict[str, Any], parts: list[Any]) -> dict[str, Any] | None:
    """The message itself where nothing is to be changed, else a copy: what was parsed is shared. ``None``: no parts."""
    plain = True
    for part in parts:
        if type(part) is not dict:
            return None
        if part.get("type") != "text" or "content" not in part:
            plain = False
    if not plain and (converted := [to_part(part) for part in parts]) != parts:
        message = {**message, "parts": converted}
    if "finish_reason" in message:
        reason = finish_reason(message["finish_reason"])
        if reason is None:
            return {key: item for key, item in message.items() if key != "finish_reason"}
        if reason != message["finish_reason"]:
            return {**message, "finish_reason": reason}
    return message


def input_messages(value: Any) -> list[Message] | None:
    """Messages sent to the model; those without a role are the user's."""
    return messages(value, "user")


def output_messages(value: Any) -> list[Message] | None:
    """Messages the model answered; those without a role are the assistant's."""
    return messages(value, "assistant")


def to_message(raw: Any, default_role: str) -> Message | None:
    """One message in the semconv shape; ``None`` when there is nothing in it."""
    if isinstance(raw, str):
        parsed = as_json(raw)
        raw = parsed if isinstance(parsed, dict) and ("role" in parsed or "content" in parsed) else raw
    if not isinstance(raw, dict):
        return None if raw is None or raw == "" else {"role": default_role, "parts": [text_part(raw)]}
    parts = raw.get("parts")
    if isinstance(parts, list):
        return _with_parts(raw, parts, default_role)
    inner = _inner_message(raw)
    if inner is not None:
        message = to_message(inner, default_role)
        reason = finish_reason(raw.get("finish_reason", raw.get("finishReason", raw.get("stop_reason"))))
        if message is not None and reason is not None:
            message.setdefault("finish_reason", reason)
        return message
    return _with_content(raw, default_role)


def _with_parts(raw: dict[str, Any], parts: list[Any], default_role: str) -> Message:
    role = raw.get("role")
    if role not in ("user", "assistant", "system", "tool"):
        role = role_of(role, default_role)
    out: Message = {"role": role, "parts": [to_part(part) for part in parts if part is not None]}
    if (name := as_str(raw.get("name"))) is not None:
        out["name"] = name
    if "finish_reason" in raw and (reason := finish_reason(raw["finish_reason"])) is not None:
        out["finish_reason"] = reason
    return out


def _inner_message(raw: dict[str, Any]) -> dict[str, Any] | None:
    """The message inside an OpenAI choice, a LangChain serialisation or generation, or a Google candidate."""
    inner = raw.get("message")
    if isinstance(inner, dict):
        return inner
    kwargs = raw.get("kwargs")
    if isinstance(kwargs, dict) and isinstance(identity := raw.get("id"), list):
        return {"type": as_str(identity[-1]) if identity else None, **kwargs}
    data = raw.get("data")
    if isinstance(data, dict) and "content" in data and isinstance(raw.get("type"), str):
        return {"type": raw["type"], **data}
    content = raw.get("content")
    if isinstance(content, dict) and isinstance(content.get("parts"), list):
        return content
    return None


def _with_content(raw: dict[str, Any], default_role: str) -> Message | None:
    kind = raw.get("type")
    role = raw.get("role")
    if role is None and isinstance(kind, str):
        if kind in _ITEM_ROLES:
            return {"role": _ITEM_ROLES[kind], "parts": [to_part(raw)]}
        role = kind if kind.lower() in _ROLES else None
        if role is None and kind != "message" and "content" not in raw:
            return {"role": default_role, "parts": [to_part(raw)]}
    role = role_of(role, default_role)
    parts = _tool_parts(raw) if role == "tool" else [*_reasoning(raw), *to_parts(_content(raw)), *_calls(raw)]
    if not parts and "content" not in raw and "role" not in raw:
        parts = [_payload(raw)]
    out: Message = {"role": role, "parts": parts}
    if role != "tool" and (name := as_str(raw.get("name"))) is not None:
        out["name"] = name
    reason = finish_reason(raw.get("finish_reason", raw.get("finishReason", raw.get("stop_reason"))))
    if reason is not None:
        out["finish_reason"] = reason
    return out


def _payload(raw: dict[str, Any]) -> Part:
    """What a chain or agent was called with, which is no message: its one text, or all of it as JSON."""
    if isinstance(raw.get("type"), str):
        return to_part(raw)
    values = list(raw.values())
    return text_part(values[0] if len(values) == 1 and isinstance(values[0], str) else raw)


def _content(raw: dict[str, Any]) -> Any:
    content = raw.get("content")
    if isinstance(content, str) and content[:2] == "[{":
        # Several emitters write a content array as JSON text; only a list of typed parts is taken for one.
        parsed = as_json(content)
        if isinstance(parsed, list) and _is_part_list(parsed):
            return parsed
    if not content and isinstance(refusal := raw.get("refusal"), str):
        return [{"type": "refusal", "content": refusal}]
    if content is None and isinstance(audio := raw.get("audio"), dict):
        return [{"type": "audio", **{key: value for key, value in audio.items() if key != "type"}}]
    return raw.get("text") if content is None else content


def _reasoning(raw: dict[str, Any]) -> list[Part]:
    text = raw.get("reasoning_content") or raw.get("reasoning") or raw.get("thinking")
    return [{"type": "reasoning", "content": text}] if isinstance(text, str) and text else []


def _calls(raw: dict[str, Any]) -> list[Part]:
    calls = as_json(raw.get("tool_calls", raw.get("toolCalls")))
    if not calls and isinstance(extra := raw.get("additional_kwargs"), dict):
        calls = extra.get("tool_calls")
    out = [_call(call) for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
    content = raw.get("content")
    if out and isinstance(content, list) and any(_is_call(part) for part in content):
        # LangChain repeats Anthropic's tool_use blocks of the content in tool_calls.
        return []
    legacy = raw.get("function_call")
    if not out and isinstance(legacy, dict):
        out.append(tool_call(None, legacy.get("name"), legacy.get("arguments")))
    return out


def _is_call(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type") in ("tool_use", "tool_call", "tool-call", "function_call")


def _call(call: dict[str, Any]) -> Part:
    function = call.get("function")
    if isinstance(function, dict):
        return tool_call(call.get("id"), function.get("name"), function.get("arguments"))
    arguments = next((call[key] for key in ("args", "arguments", "input") if key in call), None)
    return tool_call(call.get("id", call.get("toolCallId")), call.get("name", call.get("toolName")), arguments)


def _tool_parts(raw: dict[str, Any]) -> list[Part]:
    call_id = raw.get("tool_call_id", raw.get("toolCallId", raw.get("id")))
    content = raw.get("content")
    if isinstance(content, list) and any(
        isinstance(part, dict) and part.get("type") in ("tool-result", "tool_result", "tool_call_response")
        for part in content
    ):
        return to_parts(content)
    return [tool_response(call_id, content, raw.get("name"))]


def _unwrap(value: dict[str, Any]) -> Any:
    """The list of messages inside a request or response body; the value itself when it is one message."""
    kwargs = value.get("kwargs")
    if isinstance(kwargs, dict) and isinstance(kwargs.get("messages"), list):
        value = kwargs
    for key in ("messages", "input_messages", "output_messages", "choices", "candidates", "generations", "contents"):
        inner = value.get(key)
        if isinstance(inner, list) and inner:
            return _with_system(value, inner) if key == "messages" else inner
    if "role" not in value and "type" not in value:
        for key in ("input", "output", "prompt"):
            inner = value.get(key)
            if isinstance(inner, (str, list, dict)) and inner:
                return _unwrap(inner) if isinstance(inner, dict) and key == "output" and len(inner) < 3 else inner
    return value


def _with_system(value: dict[str, Any], inner: list[Any]) -> list[Any]:
    system = value.get("system")
    return [{"role": "system", "content": system}, *inner] if isinstance(system, (str, list)) and system else inner


def _is_part_list(value: Any) -> bool:
    """Whether a list holds parts of one message rather than messages."""
    return bool(value) and all(
        isinstance(item, dict)
        and isinstance(item.get("type"), str)
        and item["type"] in _PART_TYPES
        and "role" not in item
        for item in value
    )


_PART_TYPES = frozenset(
    {
        *("text", "input_text", "output_text", "thinking", "blob", "uri", "file"),
        *("image_url", "input_image", "image", "document", "input_audio", "input_file"),
        *("tool_use", "tool-call", "tool_result", "tool-result", "tool_call", "tool_call_response"),
    }
)


def split_system(found: list[Message]) -> tuple[list[Part], list[Message]]:
    """System parts and the rest, for callers that keep them apart."""
    system = [part for message in found if message["role"] == "system" for part in message["parts"]]
    return system, [message for message in found if message["role"] != "system"]


def system_parts(value: Any) -> list[Part] | None:
    """System instructions as parts, from text, a list of parts, or messages."""
    value = as_json(value)
    if isinstance(value, dict):
        value = value["parts"] if isinstance(value.get("parts"), list) else value.get("content", value)
    if not isinstance(value, list):
        return to_parts(value) or None
    out: list[Part] = []
    for item in value:
        if isinstance(item, dict) and ("role" in item or isinstance(item.get("parts"), list)):
            message = to_message(item, "system")
            out.extend(message["parts"] if message is not None else ())
        elif item is not None:
            out.append(to_part(item))
    return out or None


def tool_definitions(value: Any) -> list[Any] | None:
    """Tools offered, as ``{type, name, description, parameters}``; other kinds of tools are kept as they came."""
    value = as_json(value)
    if isinstance(value, dict):
        value = value.get("tools", [value])
    if not isinstance(value, (list, tuple)):
        return None
    out = [_definition(as_json(item)) for item in value if item is not None]
    return out or None


def _definition(raw: Any) -> Any:
    if not isinstance(raw, dict):
        return raw
    function = raw.get("function")
    if isinstance(function, dict):
        return {"type": "function", **function}
    spec = raw.get("toolSpec")
    if isinstance(spec, dict):
        raw = spec
    schema = next((raw[key] for key in ("input_schema", "inputSchema", "parameters_json_schema") if key in raw), None)
    if schema is not None and "name" in raw and raw.get("type") in (None, "function", "custom"):
        kept = {key: value for key, value in raw.items() if key in ("name", "description") and value is not None}
        if isinstance(schema, dict) and set(schema) == {"json"}:
            schema = schema["json"]
        return {"type": "function", **kept, "parameters": schema}
    return raw


def documents(value: Any) -> list[dict[str, Any]] | None:
    """Retrieved documents as ``{id, score, content, metadata}``; keys a document lacks are absent."""
    value = as_json(value)
    if isinstance(value, dict):
        value = next((value[key] for key in ("documents", "results", "output") if isinstance(value.get(key), list)), [])
    if not isinstance(value, (list, tuple)):
        return None
    out = [document(item) for item in value]
    return [item for item in out if item] or None


_DOCUMENT_FORMS = frozenset({("content",), ("id", "content"), ("score", "content"), ("id", "score", "content")})
"""Keys of documents that are as their column has them: the hot path."""


def document(raw: Any) -> dict[str, Any]:
    """One retrieved document; text is its content."""
    raw = as_json(raw)
    if isinstance(raw, str):
        return {"content": raw} if raw else {}
    if not isinstance(raw, dict):
        return {}
    if tuple(raw) in _DOCUMENT_FORMS and None not in raw.values():
        return raw
    kwargs = raw.get("kwargs")
    if isinstance(kwargs, dict) and "page_content" in kwargs:
        raw = kwargs
    out = {key: raw[key] for key in ("id", "score", "content", "metadata") if raw.get(key) is not None}
    content = raw.get("page_content", raw.get("text", raw.get("pageContent")))
    if "content" not in out and content is not None:
        out["content"] = content
    if (metadata := out.get("metadata")) is not None:
        out["metadata"] = as_json(metadata)
        if "score" not in out and isinstance(out["metadata"], dict):
            score = next((out["metadata"][k] for k in ("score", "relevance_score") if k in out["metadata"]), None)
            out.update({"score": score} if isinstance(score, (int, float)) else {})
    return out or cast("dict[str, Any]", raw)
