"""Amazon Bedrock's runtime: Converse, and InvokeModel with the bodies of the models' own APIs."""

from __future__ import annotations

import base64
import json
from typing import Any

from . import anthropic_api, openai_api
from .api import Api, Attributes, Body, Chunks, Texts, copy_known, count, set_input, set_messages, set_usage
from .parts import finish_reason, parts_of

_CONFIG = {
    "temperature": "gen_ai.request.temperature",
    "topP": "gen_ai.request.top_p",
    "maxTokens": "gen_ai.request.max_tokens",
}
_METRICS = "amazon-bedrock-invocationMetrics"


def converse_request(body: Body, content: bool) -> Attributes | None:
    """``POST /model/MODEL/converse`` or ``converse-stream``."""
    messages = body.get("messages")
    if not isinstance(messages, list):
        return None
    attributes: Attributes = {}
    copy_known(attributes, body.get("inferenceConfig"), _CONFIG)
    if content:
        tools = body.get("toolConfig")
        set_input(attributes, messages, body.get("system"), tools.get("tools") if isinstance(tools, dict) else None)
    return attributes


def converse_answer(body: Body, content: bool) -> Attributes | None:
    """The answer of Converse. Its input tokens come without the cached ones, which the conventions include."""
    output = body.get("output")
    message = output.get("message") if isinstance(output, dict) else None
    if not isinstance(message, dict):
        return None
    attributes: Attributes = {}
    usage = body.get("usage")
    read, written = count(usage, "cacheReadInputTokens"), count(usage, "cacheWriteInputTokens")
    fresh = count(usage, "inputTokens")
    set_usage(
        attributes,
        input_tokens=None if fresh is None else fresh + (read or 0) + (written or 0),
        output_tokens=count(usage, "outputTokens"),
        cache_read=read,
        cache_write=written,
    )
    reason = finish_reason(body.get("stopReason")) or "error"
    attributes["gen_ai.response.finish_reasons"] = [reason]
    if content:
        said = {"role": "assistant", "parts": parts_of(message.get("content")), "finish_reason": reason}
        set_messages(attributes, "gen_ai.output.messages", [said])
    return attributes


def invoke_request(body: Body, content: bool) -> Attributes | None:
    """``POST /model/MODEL/invoke``: whatever the model takes."""
    for read in (anthropic_api.request, openai_api.chat_request, openai_api.completion_request):
        if (attributes := read(body, content)) is not None:
            return attributes
    attributes = {}
    copy_known(attributes, body.get("textGenerationConfig"), {**_CONFIG, "maxTokenCount": "gen_ai.request.max_tokens"})
    prompt = body.get("inputText")
    if content and isinstance(prompt, str):
        set_input(attributes, [{"role": "user", "content": prompt}])
    return attributes


def invoke_answer(body: Body, content: bool) -> Attributes | None:
    """Whatever the model answers; the counts of Bedrock itself fill what it leaves out."""
    attributes: Attributes | None = None
    for read in (anthropic_api.answer, openai_api.chat_answer):
        if (attributes := read(body, content)) is not None:
            break
    if attributes is None:
        attributes = _plain_answer(body, content)
    if attributes is None:
        return None
    metrics = body.get(_METRICS)
    for key, name in (("inputTokenCount", "input_tokens"), ("outputTokenCount", "output_tokens")):
        tokens = count(metrics, key)
        if tokens is not None:
            attributes.setdefault(f"gen_ai.usage.{name}", tokens)
    return attributes


def _plain_answer(body: Body, content: bool) -> Attributes | None:
    """Titan, Llama, and embeddings."""
    attributes: Attributes = {}
    results = body.get("results")
    said = body.get("generation", body.get("outputText"))
    if isinstance(results, list) and results and isinstance(results[0], dict):
        said = results[0].get("outputText")
        set_usage(attributes, output_tokens=count(results[0], "tokenCount"))
    set_usage(
        attributes,
        input_tokens=count(body, "inputTextTokenCount") or count(body, "prompt_token_count"),
        output_tokens=count(body, "generation_token_count"),
    )
    if said is None and "embedding" not in body and not attributes and _METRICS not in body:
        return None
    if content and isinstance(said, str):
        set_messages(attributes, "gen_ai.output.messages", [{"role": "assistant", "parts": parts_of(said)}])
    return attributes


class ConverseEvents:
    """Events of ``converse-stream``; their kind is a header of the frame, given here as ``:event-type``."""

    def __init__(self) -> None:
        self._body: Body = {}
        self._blocks: dict[Any, dict[str, Any]] = {}

    def add(self, event: Body) -> bool:
        """Takes an event."""
        kind = event.get(":event-type")
        index = event.get("contentBlockIndex", 0)
        if kind == "contentBlockStart" and isinstance(start := event.get("start"), dict):
            self._block(index).update(start)
        elif kind == "contentBlockDelta" and isinstance(delta := event.get("delta"), dict):
            self._block(index)["texts"].add(delta.get("text"))
            for key in ("toolUse", "reasoningContent"):
                if isinstance(inner := delta.get(key), dict):
                    self._block(index).setdefault(key, {})
                    self._block(index)["texts"].add(inner.get("input") or inner.get("text"))
        elif kind == "messageStop":
            self._body["stopReason"] = event.get("stopReason")
        elif kind == "metadata":
            self._body["usage"] = event.get("usage")
        elif isinstance(kind, str) and kind.endswith("Exception"):
            self._body["error"] = {"type": kind, "message": event.get("message")}
        else:
            return kind in ("messageStart", "contentBlockStop")
        return True

    def _block(self, index: Any) -> dict[str, Any]:
        return self._blocks.setdefault(index, {"texts": Texts()})

    def body(self) -> Body:
        """As if it had not been streamed."""
        content: list[Body] = []
        for block in self._blocks.values():
            said = str(block["texts"])
            if "toolUse" in block:
                content.append({"toolUse": {**block["toolUse"], "input": said}})
            elif "reasoningContent" in block:
                content.append({"reasoningContent": {"reasoningText": {"text": said}}})
            else:
                content.append({"text": said})
        return {**self._body, "output": {"message": {"content": content}}}


class InvokeEvents:
    """Events of ``invoke-with-response-stream``: base64 of the model's own events."""

    def __init__(self) -> None:
        self._models: tuple[Chunks, ...] = (anthropic_api.Events(), openai_api.ChatChunks())
        self._chosen: Chunks | None = None
        self._texts = Texts()
        self._rest: Body = {}

    def add(self, event: Body) -> bool:
        """Takes an event."""
        kind = event.get(":event-type")
        if isinstance(kind, str) and kind.endswith("Exception"):
            self._rest["error"] = {"type": kind, "message": event.get("message")}
            return True
        try:
            inner = json.loads(base64.b64decode(event["bytes"]))
        except (KeyError, ValueError, TypeError):
            return False
        if not isinstance(inner, dict):
            return False
        if _METRICS in inner:
            self._rest[_METRICS] = inner[_METRICS]
        for model in (self._chosen,) if self._chosen else self._models:
            if model.add(inner):
                self._chosen = model
                return True
        self._texts.add(inner.get("generation") or inner.get("outputText"))
        return True

    def body(self) -> Body:
        """As if it had not been streamed."""
        if self._chosen is not None:
            return {**self._chosen.body(), **self._rest}
        return {**self._rest, "generation": str(self._texts)}


CONVERSE = Api("chat", converse_request, converse_answer, ConverseEvents)
INVOKE = Api("chat", invoke_request, invoke_answer, InvokeEvents)
