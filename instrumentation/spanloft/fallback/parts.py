"""Messages, tools and system prompts of any provider's HTTP API as the GenAI conventions write them.

Read here: OpenAI chat and Responses, Anthropic, Google, Ollama, Bedrock Converse. A part of unknown shape is kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

Part = dict[str, Any]
Message = dict[str, Any]

_ROLES = {"model": "assistant", "developer": "system", "function": "tool"}
_FINISH = {
    "stop": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "completed": "stop",
    "complete": "stop",
    "finish_reason_unspecified": "stop",
    "length": "length",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_calls": "tool_call",
    "tool_call": "tool_call",
    "tool_use": "tool_call",
    "function_call": "tool_call",
    "content_filter": "content_filter",
    "safety": "content_filter",
    "recitation": "content_filter",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
    "refusal": "content_filter",
}


def dumps(value: Any) -> str:
    """Compact JSON; what JSON does not know is written as text."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str)


def text(value: Any) -> Part:
    """A text part."""
    return {"type": "text", "content": value if isinstance(value, str) else dumps(value)}


def finish_reason(value: Any) -> str | None:
    """The conventions' finish reason; an unknown one is kept in lower case, ``None`` stays ``None``."""
    if not isinstance(value, str) or not value:
        return None
    return _FINISH.get(value.lower(), value.lower())


def role_of(value: Any, default: str = "user") -> str:
    """A role in the conventions' spelling."""
    return _ROLES.get(value, value) if isinstance(value, str) and value else default


def parts_of(content: Any) -> list[Part]:
    """Parts of a message's content: a text, one part or a list of parts."""
    if content is None or content == "":
        return []
    items = content if isinstance(content, list) else [content]
    return [part_of(item) for item in items if item is not None]


def part_of(item: Any) -> Part:
    """One part; a shape nobody knows is kept as it is."""
    if not isinstance(item, dict):
        return text(item)
    kind = item.get("type")
    convert = _TYPED.get(kind) if isinstance(kind, str) else None
    if convert is not None:
        return convert(item)
    if kind is not None:
        return item
    return next((convert(item) for key, convert in _KEYED.items() if key in item), item)


def tool_call(call_id: Any, name: Any, arguments: Any) -> Part:
    """A tool call; arguments given as JSON text are parsed, broken JSON is kept as text."""
    if isinstance(arguments, str):
        with suppress(ValueError):
            arguments = json.loads(arguments)
    return {"type": "tool_call", "id": call_id, "name": name, "arguments": arguments}


def tool_response(call_id: Any, response: Any) -> Part:
    """What a tool answered; plain text parts become one text."""
    if (
        isinstance(response, list)
        and response
        and all(isinstance(r, dict) and set(r) <= {"type", "text"} for r in response)
    ):
        response = "".join(str(r.get("text", "")) for r in response)
    return {"type": "tool_call_response", "id": call_id, "response": response}


def chat_message(raw: Any, default_role: str = "user") -> Message:
    """A message of OpenAI chat, Anthropic, Google, Ollama or Bedrock."""
    if not isinstance(raw, dict):
        return {"role": default_role, "parts": parts_of(raw)}
    role = role_of(raw.get("role"), default_role)
    content = raw.get("content", raw.get("parts"))
    if role == "tool" and "parts" not in raw:
        return {"role": role, "parts": [tool_response(raw.get("tool_call_id") or raw.get("tool_name"), content)]}
    parts: list[Part] = []
    for key in ("reasoning_content", "reasoning", "thinking"):
        if isinstance(raw.get(key), str) and raw[key]:
            parts.append({"type": "reasoning", "content": raw[key]})
            break
    parts += parts_of(content)
    if isinstance(raw.get("refusal"), str):
        parts.append({"type": "refusal", "content": raw["refusal"]})
    for image in raw.get("images") or () if isinstance(raw.get("images"), list) else ():
        parts.append({"type": "blob", "modality": "image", "content": image})
    for call in raw.get("tool_calls") or ():
        function = call.get("function") if isinstance(call, dict) else None
        if isinstance(function, dict):
            parts.append(tool_call(call.get("id"), function.get("name"), function.get("arguments")))
    message: Message = {"role": role, "parts": parts}
    if isinstance(raw.get("name"), str):
        message["name"] = raw["name"]
    return message


def item_message(raw: Any) -> Message:
    """An item of the Responses API: a message, a call, its output, or reasoning."""
    if not isinstance(raw, dict) or "role" in raw:
        return chat_message(raw)
    kind = str(raw.get("type", ""))
    return {"role": "tool" if kind.endswith("_output") else "assistant", "parts": [part_of(raw)]}


def tools_of(tools: Any) -> list[dict[str, Any]]:
    """Tool definitions as ``{type, name, description, parameters}``; what is no function is kept."""
    found: list[dict[str, Any]] = []
    for tool in tools if isinstance(tools, list) else ():
        if not isinstance(tool, dict):
            continue
        declared = tool.get("functionDeclarations") or tool.get("function_declarations")
        if isinstance(declared, list):
            found += [
                _function(d, d.get("parameters") or d.get("parametersJsonSchema"))
                for d in declared
                if isinstance(d, dict)
            ]
        elif isinstance(tool.get("function"), dict):
            found.append(_function(tool["function"], tool["function"].get("parameters")))
        elif isinstance(tool.get("toolSpec"), dict):
            schema = tool["toolSpec"].get("inputSchema")
            found.append(_function(tool["toolSpec"], schema.get("json") if isinstance(schema, dict) else schema))
        elif "input_schema" in tool:
            found.append(_function(tool, tool["input_schema"]))
        elif tool.get("type") == "function":
            found.append(_function(tool, tool.get("parameters")))
        else:
            found.append(tool)
    return found


def _function(raw: dict[str, Any], parameters: Any) -> dict[str, Any]:
    return {
        "type": "function",
        "name": raw.get("name"),
        "description": raw.get("description"),
        "parameters": parameters,
    }


def _media(url: Any, modality: str) -> Part:
    address = url.get("url") if isinstance(url, dict) else url
    if isinstance(address, str) and address.startswith("data:") and "," in address:
        head, _, data = address[5:].partition(",")
        return {"type": "blob", "modality": modality, "mime_type": head.partition(";")[0], "content": data}
    return {"type": "uri", "modality": modality, "uri": address}


def _source(item: Part) -> Part:
    source = item.get("source")
    modality = "image" if item.get("type") == "image" else "document"
    if not isinstance(source, dict):
        return item
    if "url" in source:
        return {"type": "uri", "modality": modality, "uri": source["url"]}
    if "file_id" in source:
        return {"type": "file", "modality": modality, "file_id": source["file_id"]}
    mime = source.get("media_type")
    return {"type": "blob", "modality": modality, "mime_type": mime, "content": source.get("data")}


def _audio(item: Part) -> Part:
    audio = item.get("input_audio")
    if not isinstance(audio, dict):
        return item
    return {
        "type": "blob",
        "modality": "audio",
        "mime_type": f"audio/{audio.get('format')}",
        "content": audio.get("data"),
    }


def _reasoning(item: Part) -> Part:
    summary = item.get("summary")
    said = "".join(str(s.get("text", "")) for s in summary if isinstance(s, dict)) if isinstance(summary, list) else ""
    return {"type": "reasoning", "content": said or item.get("thinking") or item.get("text") or ""}


def _inline(item: Part) -> Part:
    data = item.get("inlineData") or item.get("inline_data") or {}
    mime = str(data.get("mimeType") or data.get("mime_type") or "")
    return {"type": "blob", "modality": mime.partition("/")[0], "mime_type": mime, "content": data.get("data")}


def _keyed_text(item: Part) -> Part:
    return {"type": "reasoning", "content": item["text"]} if item.get("thought") else text(item["text"])


def _bedrock_reasoning(item: Part) -> Part:
    inner = item["reasoningContent"]
    said = inner.get("reasoningText") if isinstance(inner, dict) else None
    return {"type": "reasoning", "content": said.get("text", "") if isinstance(said, dict) else ""}


def _mapping(item: Part, key: str) -> dict[str, Any]:
    value = item.get(key)
    return value if isinstance(value, dict) else {}


_TYPED: dict[str, Callable[[Part], Part]] = {
    **dict.fromkeys(
        ("text", "input_text", "output_text"), lambda item: text(item.get("text", item.get("content", "")))
    ),
    **dict.fromkeys(("image_url", "input_image"), lambda item: _media(item.get("image_url"), "image")),
    **dict.fromkeys(("image", "document"), _source),
    "input_audio": _audio,
    "tool_use": lambda item: tool_call(item.get("id"), item.get("name"), item.get("input")),
    "tool_result": lambda item: tool_response(item.get("tool_use_id"), item.get("content")),
    "function_call": lambda item: tool_call(item.get("call_id"), item.get("name"), item.get("arguments")),
    "function_call_output": lambda item: tool_response(item.get("call_id"), item.get("output")),
    **dict.fromkeys(("thinking", "redacted_thinking", "reasoning"), _reasoning),
}

_KEYED: dict[str, Callable[[Part], Part]] = {
    "text": _keyed_text,
    "functionCall": lambda item: tool_call(
        _mapping(item, "functionCall").get("id"),
        _mapping(item, "functionCall").get("name"),
        _mapping(item, "functionCall").get("args"),
    ),
    "functionResponse": lambda item: tool_response(
        _mapping(item, "functionResponse").get("id") or _mapping(item, "functionResponse").get("name"),
        _mapping(item, "functionResponse").get("response"),
    ),
    **dict.fromkeys(("inlineData", "inline_data"), _inline),
    "fileData": lambda item: {"type": "uri", "uri": _mapping(item, "fileData").get("fileUri")},
    "toolUse": lambda item: tool_call(
        _mapping(item, "toolUse").get("toolUseId"),
        _mapping(item, "toolUse").get("name"),
        _mapping(item, "toolUse").get("input"),
    ),
    "toolResult": lambda item: tool_response(
        _mapping(item, "toolResult").get("toolUseId"), _mapping(item, "toolResult").get("content")
    ),
    "reasoningContent": _bedrock_reasoning,
}
"""Google's and Bedrock's parts have no type: the key that they have tells."""
