"""Anthropic's Messages API, also as Bedrock and Vertex AI serve it."""

from __future__ import annotations

from typing import Any

from .api import Api, Attributes, Body, Texts, copy_known, count, set_input, set_messages, set_usage
from .parts import finish_reason, parts_of

_REQUEST = {
    "model": "gen_ai.request.model",
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "top_k": "gen_ai.request.top_k",
    "max_tokens": "gen_ai.request.max_tokens",
}


def request(body: Body, content: bool) -> Attributes | None:
    """``POST .../messages``."""
    messages = body.get("messages")
    if not isinstance(messages, list) or count(body, "max_tokens") is None:
        return None
    attributes: Attributes = {}
    copy_known(attributes, body, _REQUEST)
    if body.get("stream") is True:
        attributes["gen_ai.request.stream"] = True
    if content:
        set_input(attributes, messages, body.get("system"), body.get("tools"))
    return attributes


def answer(body: Body, content: bool) -> Attributes | None:
    """A message. Its input tokens come without the cached ones, which the conventions include."""
    if body.get("type") != "message" or not isinstance(body.get("content"), list):
        return None
    attributes: Attributes = {}
    copy_known(attributes, body, {"id": "gen_ai.response.id", "model": "gen_ai.response.model"})
    read, written = count(body, "usage", "cache_read_input_tokens"), count(body, "usage", "cache_creation_input_tokens")
    fresh = count(body, "usage", "input_tokens")
    set_usage(
        attributes,
        input_tokens=None if fresh is None else fresh + (read or 0) + (written or 0),
        output_tokens=count(body, "usage", "output_tokens"),
        cache_read=read,
        cache_write=written,
    )
    usage = body.get("usage")
    copy_known(attributes, usage, {"service_tier": "anthropic.response.service_tier"})
    split = usage.get("cache_creation") if isinstance(usage, dict) else None
    for key in ("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens"):
        if tokens := count(split, key):
            attributes[f"anthropic.usage.cache_creation.{key}"] = tokens
    reason = finish_reason(body.get("stop_reason")) or "error"
    attributes["gen_ai.response.finish_reasons"] = [reason]
    if content:
        said = {"role": "assistant", "parts": parts_of(body["content"]), "finish_reason": reason}
        set_messages(attributes, "gen_ai.output.messages", [said])
    return attributes


class Events:
    """Events of a streamed message."""

    def __init__(self) -> None:
        self._message: Body = {}
        self._blocks: dict[Any, dict[str, Any]] = {}

    def add(self, event: Body) -> bool:
        """Takes an event."""
        kind = event.get("type")
        if kind == "message_start" and isinstance(event.get("message"), dict):
            self._message = dict(event["message"])
        elif kind == "content_block_start" and isinstance(event.get("content_block"), dict):
            self._blocks[event.get("index")] = {"block": event["content_block"], "text": Texts()}
        elif kind == "content_block_delta" and isinstance(delta := event.get("delta"), dict):
            block = self._blocks.setdefault(event.get("index"), {"block": {"type": "text"}, "text": Texts()})
            for key in ("text", "partial_json", "thinking"):
                block["text"].add(delta.get(key))
        elif kind == "message_delta":
            self._message.update(event["delta"] if isinstance(event.get("delta"), dict) else {})
            if isinstance(event.get("usage"), dict):
                earlier = self._message.get("usage")
                known = {key: value for key, value in event["usage"].items() if value is not None}
                self._message["usage"] = {**(earlier if isinstance(earlier, dict) else {}), **known}
        elif kind == "error":
            self._message["error"] = event.get("error")
        else:
            return kind in ("message_stop", "content_block_stop", "ping")
        return True

    def body(self) -> Body:
        """The message so far."""
        content = []
        for made in self._blocks.values():
            block, said = dict(made["block"]), str(made["text"])
            if block.get("type") == "tool_use":
                block["input"] = said or block.get("input")
            elif block.get("type") == "thinking":
                block["thinking"] = (block.get("thinking") or "") + said
            elif block.get("type") == "text":
                block["text"] = (block.get("text") or "") + said
            content.append(block)
        return {**self._message, "content": content}


MESSAGES = Api("chat", request, answer, Events)
