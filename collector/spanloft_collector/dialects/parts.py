"""Parts of a message, from the shape of any provider or framework to the semconv one.

Semconv parts: text, reasoning, tool_call, tool_call_response, blob, uri, file, server_tool_call. A part that
is none of the shapes below is kept as it came.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from ..model import Part
from .values import as_json, as_str, dumps

Raw = dict[str, Any]

_SEMCONV_TYPES = frozenset(
    {"blob", "uri", "file", "reasoning", "compaction", "server_tool_call", "server_tool_call_response", "generic"}
)


def text_part(content: Any) -> Part:
    """A text part; a value that is no text is written as JSON."""
    return {"type": "text", "content": content if isinstance(content, str) else dumps(content)}


def tool_call(call_id: Any, name: Any, arguments: Any) -> Part:
    """A tool call; arguments given as JSON text are parsed."""
    part: Part = {"type": "tool_call"}
    if (text := as_str(call_id)) is not None:
        part["id"] = text
    if (text := as_str(name)) is not None:
        part["name"] = text
    part["arguments"] = as_json(arguments)
    return part


def tool_response(call_id: Any, response: Any, name: Any = None) -> Part:
    """The answer of a tool; a list of text parts becomes one text."""
    part: Part = {"type": "tool_call_response"}
    if (text := as_str(call_id)) is not None:
        part["id"] = text
    if (text := as_str(name)) is not None:
        part["name"] = text
    part["response"] = _flat_text(response)
    return part


def media(url: Any, modality: str, mime_type: Any = None) -> Part:
    """Media by address: a ``data:`` URL becomes a blob, anything else a uri."""
    text = url if isinstance(url, str) else dumps(url)
    if text.startswith("data:") and "," in text:
        header, _, content = text[5:].partition(",")
        return blob(content, modality, header.partition(";")[0] or mime_type)
    part: Part = {"type": "uri", "modality": modality, "uri": text}
    if (mime := as_str(mime_type)) is not None:
        part["mime_type"] = mime
    return part


def blob(content: Any, modality: str, mime_type: Any) -> Part:
    """Media by value, base64."""
    part: Part = {"type": "blob", "modality": modality, "content": content}
    if (mime := as_str(mime_type)) is not None:
        part["mime_type"] = mime
    return part


def modality_of(mime_type: Any) -> str:
    """Modality of a media type; documents are the rest."""
    kind = mime_type.partition("/")[0] if isinstance(mime_type, str) else ""
    return kind if kind in ("image", "audio", "video") else "document"


def to_part(raw: Any) -> Part:
    """One part in the semconv shape; never raises, and what is unknown is kept."""
    if isinstance(raw, str):
        return {"type": "text", "content": raw}
    if not isinstance(raw, dict):
        return text_part(raw)
    kind = raw.get("type")
    if kind == "text" and "content" in raw:
        return cast(Part, raw)
    convert = _BY_TYPE.get(kind) if isinstance(kind, str) else None
    if convert is not None:
        return convert(raw)
    if isinstance(kind, str) and kind:
        return cast(Part, raw)
    return _untyped(raw)


def to_parts(raw: Any) -> list[Part]:
    """Parts of a message's content: text, one part, or a list of them."""
    if raw is None or raw == "":
        return []
    if isinstance(raw, (list, tuple)):
        return [to_part(item) for item in raw if item is not None]
    return [to_part(raw)]


def _flat_text(response: Any) -> Any:
    response = as_json(response)
    if isinstance(response, list) and response and all(_is_plain_text(item) for item in response):
        return "".join(item["text"] for item in response)
    return response


def _is_plain_text(item: Any) -> bool:
    return isinstance(item, dict) and item.get("type") == "text" and isinstance(item.get("text"), str)


def _text(raw: Raw) -> Part:
    rest = {key: value for key, value in raw.items() if key not in ("type", "text", "content") and value}
    content = raw.get("text", raw.get("content"))
    if isinstance(content, dict):
        content = content.get("value", content)
    return cast(Part, {**text_part("" if content is None else content), **rest})


def _image_url(raw: Raw) -> Part:
    url: Any = raw.get("image_url", raw.get("url"))
    if isinstance(url, dict):
        url = url.get("url")
    if url is None and raw.get("file_id") is not None:
        return {"type": "file", "modality": "image", "file_id": as_str(raw["file_id"]) or ""}
    return media(url, "image") if url is not None else cast(Part, raw)


def _source(raw: Raw) -> Part:
    modality = "document" if raw.get("type") == "document" else "image"
    source = raw.get("source")
    if not isinstance(source, dict):
        value = raw.get("image", raw.get("data", raw.get("url")))
        mime = raw.get("mediaType") or raw.get("mimeType") or raw.get("mime_type")
        if not isinstance(value, str):
            return cast(Part, raw)
        return media(value, modality, mime) if ":" in value[:8] else blob(value, modality, mime)
    if source.get("url") is not None:
        return media(source["url"], modality)
    if source.get("file_id") is not None:
        return {"type": "file", "modality": modality, "file_id": as_str(source["file_id"]) or ""}
    if source.get("data") is None:
        return cast(Part, raw)
    mime = source.get("media_type")
    return blob(source["data"], modality_of(mime) if mime else modality, mime)


def _input_audio(raw: Raw) -> Part:
    audio = raw.get("input_audio") or raw.get("audio")
    if not isinstance(audio, dict) or audio.get("data") is None:
        return cast(Part, raw)
    encoding = as_str(audio.get("format"))
    return blob(audio["data"], "audio", f"audio/{encoding}" if encoding else None)


def _file(raw: Raw) -> Part:
    inner = raw.get("file")
    source = inner if isinstance(inner, dict) else raw
    mime = source.get("mediaType") or source.get("mime_type") or source.get("mimeType")
    if source.get("file_id") is not None and "modality" not in raw:
        return {"type": "file", "modality": modality_of(mime), "file_id": as_str(source["file_id"]) or ""}
    for key in ("file_data", "data", "file_url", "url"):
        value = source.get(key)
        if isinstance(value, str):
            return media(value, modality_of(mime), mime) if ":" in value[:8] else blob(value, modality_of(mime), mime)
    return cast(Part, raw)


def _tool_use(raw: Raw) -> Part:
    arguments = raw.get("input", raw.get("args", raw.get("arguments")))
    name = raw.get("name", raw.get("toolName"))
    function = raw.get("function")
    if isinstance(function, dict):
        name, arguments = function.get("name"), function.get("arguments")
    return tool_call(raw.get("id", raw.get("toolCallId", raw.get("call_id"))), name, arguments)


def _tool_result(raw: Raw) -> Part:
    call_id = raw.get("tool_use_id", raw.get("toolCallId", raw.get("call_id", raw.get("id"))))
    response = raw.get("content", raw.get("output", raw.get("result")))
    if isinstance(response, dict) and response.get("type") in ("text", "json") and "value" in response:
        response = response["value"]
    return tool_response(call_id, response, raw.get("toolName"))


def _semconv_call(raw: Raw) -> Part:
    if isinstance(raw.get("arguments"), (dict, list)) or "function" not in raw:
        return cast(Part, {**raw, "arguments": as_json(raw["arguments"])} if "arguments" in raw else raw)
    return _tool_use(raw)


def _semconv_response(raw: Raw) -> Part:
    if "response" in raw or "result" not in raw:
        return cast(Part, raw)
    return cast(Part, {("response" if key == "result" else key): value for key, value in raw.items()})


def _function_call(raw: Raw) -> Part:
    return tool_call(raw.get("call_id", raw.get("id")), raw.get("name"), raw.get("arguments"))


def _thinking(raw: Raw) -> Part:
    content = next((raw[key] for key in ("content", "thinking", "text", "reasoning") if raw.get(key)), None)
    if content is None:
        summary = raw.get("summary")
        texts = [item.get("text") for item in summary if isinstance(item, dict)] if isinstance(summary, list) else []
        content = "\n".join(text for text in texts if isinstance(text, str))
    rest = {key: raw[key] for key in ("id", "signature", "data", "encrypted_content") if raw.get(key)}
    return cast(Part, {"type": "reasoning", "content": content, **rest})


def _server_tool_use(raw: Raw) -> Part:
    name = as_str(raw.get("name")) or ""
    call = {"type": name, "input": raw.get("input")}
    return cast(Part, {"type": "server_tool_call", "id": raw.get("id"), "name": name, "server_tool_call": call})


def _binary(raw: Raw) -> Part:
    mime = raw.get("media_type") or raw.get("mime_type")
    return blob(raw.get("content", raw.get("data")), modality_of(mime), mime)


def _url_part(modality: str) -> Callable[[Raw], Part]:
    def convert(raw: Raw) -> Part:
        return media(raw["url"], modality) if isinstance(raw.get("url"), str) else cast(Part, raw)

    return convert


def _untyped(raw: Raw) -> Part:
    """Parts of Google's API and of Bedrock Converse, which carry no type but one telling key."""
    if isinstance(raw.get("text"), str):
        if raw.get("thought") is True:
            return {"type": "reasoning", "content": raw["text"]}
        return {"type": "text", "content": raw["text"]}
    for keys, convert in _BY_KEY:
        for key in keys:
            inner = raw.get(key)
            if isinstance(inner, dict):
                return convert(inner)
    return cast(Part, {"type": "generic", **{key: value for key, value in raw.items() if key != "type"}})


def _google_blob(inner: Raw) -> Part:
    mime = inner.get("mimeType", inner.get("mime_type"))
    return blob(inner.get("data"), modality_of(mime), mime)


def _google_file(inner: Raw) -> Part:
    mime = inner.get("mimeType", inner.get("mime_type"))
    return media(inner.get("fileUri", inner.get("file_uri")), modality_of(mime), mime)


def _bedrock_reasoning(inner: Raw) -> Part:
    text = inner.get("reasoningText")
    return _thinking(text) if isinstance(text, dict) else _thinking(inner)


_BY_KEY: tuple[tuple[tuple[str, ...], Callable[[Raw], Part]], ...] = (
    (("functionCall", "function_call"), lambda c: tool_call(c.get("id"), c.get("name"), c.get("args"))),
    (
        ("functionResponse", "function_response"),
        lambda r: tool_response(r.get("id"), r.get("response"), r.get("name")),
    ),
    (("inlineData", "inline_data"), _google_blob),
    (("fileData", "file_data"), _google_file),
    (("toolUse",), lambda c: tool_call(c.get("toolUseId"), c.get("name"), c.get("input"))),
    (("toolResult",), lambda r: tool_response(r.get("toolUseId"), r.get("content"))),
    (("reasoningContent",), _bedrock_reasoning),
)

_BY_TYPE: dict[str, Callable[[Raw], Part]] = {
    **dict.fromkeys(("text", "input_text", "output_text"), _text),
    **dict.fromkeys(("image_url", "input_image"), _image_url),
    **dict.fromkeys(("image", "document"), _source),
    "input_audio": _input_audio,
    **dict.fromkeys(("input_file", "file"), _file),
    **dict.fromkeys(("tool_use", "tool-call"), _tool_use),
    **dict.fromkeys(("tool_result", "tool-result"), _tool_result),
    "tool_call": _semconv_call,
    "tool_call_response": _semconv_response,
    "function_call": _function_call,
    "function": _tool_use,
    "function_call_output": _tool_result,
    **dict.fromkeys(("thinking", "redacted_thinking", "reasoning", "reasoning_content"), _thinking),
    "server_tool_use": _server_tool_use,
    "binary": _binary,
    "image-url": _url_part("image"),
    "audio-url": _url_part("audio"),
    "video-url": _url_part("video"),
    "document-url": _url_part("document"),
}

SEMCONV_TYPES = _SEMCONV_TYPES
