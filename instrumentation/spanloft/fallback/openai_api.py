"""OpenAI's HTTP APIs, which most self-hosted servers and other providers speak too."""

from __future__ import annotations

from typing import Any

from .api import Api, Attributes, Body, Texts, copy_known, count, set_input, set_messages, set_usage
from .parts import Message, Part, chat_message, finish_reason, item_message, part_of, text

_REQUEST = {
    "model": "gen_ai.request.model",
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "max_completion_tokens": "gen_ai.request.max_tokens",
    "max_output_tokens": "gen_ai.request.max_tokens",
    "max_tokens": "gen_ai.request.max_tokens",
    "seed": "gen_ai.request.seed",
    "presence_penalty": "gen_ai.request.presence_penalty",
    "frequency_penalty": "gen_ai.request.frequency_penalty",
}
_RESPONSE = {
    "id": "gen_ai.response.id",
    "model": "gen_ai.response.model",
    "service_tier": "openai.response.service_tier",
    "system_fingerprint": "openai.response.system_fingerprint",
}


def chat_request(body: Body, content: bool) -> Attributes | None:
    """``POST .../chat/completions``."""
    messages = body.get("messages")
    if not isinstance(messages, list):
        return None
    attributes = _known(body)
    if content:
        set_input(attributes, messages, tools=body.get("tools"))
    return attributes


def chat_answer(body: Body, content: bool) -> Attributes | None:
    """A chat completion, or a text completion."""
    choices = body.get("choices")
    if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
        return None
    if not choices and not isinstance(body.get("usage"), dict):
        return None
    attributes: Attributes = {}
    copy_known(attributes, body, _RESPONSE)
    _set_usage(attributes, body)
    reasons = [finish_reason(choice.get("finish_reason")) or "error" for choice in choices]
    if reasons:
        attributes["gen_ai.response.finish_reasons"] = reasons
    if content:
        set_messages(attributes, "gen_ai.output.messages", [_said(c, r) for c, r in zip(choices, reasons, strict=True)])
    return attributes


def completion_request(body: Body, content: bool) -> Attributes | None:
    """``POST .../completions``, the old one with a prompt."""
    if "prompt" not in body:
        return None
    attributes = _known(body)
    if content and isinstance(body["prompt"], str):
        set_input(attributes, [{"role": "user", "content": body["prompt"]}])
    return attributes


def embeddings_request(body: Body, content: bool) -> Attributes | None:
    """``POST .../embeddings``."""
    if "input" not in body:
        return None
    attributes = _known(body)
    if (dimensions := count(body, "dimensions")) is not None:
        attributes["gen_ai.embeddings.dimension.count"] = dimensions
    return attributes


def embeddings_answer(body: Body, content: bool) -> Attributes | None:
    """A list of embeddings; the vectors are not recorded."""
    if not isinstance(body.get("data"), list):
        return None
    attributes: Attributes = {}
    copy_known(attributes, body, {"model": "gen_ai.response.model", "id": "gen_ai.response.id"})
    set_usage(attributes, input_tokens=count(body, "usage", "prompt_tokens"))
    return attributes


def responses_request(body: Body, content: bool) -> Attributes | None:
    """``POST .../responses``."""
    given = body.get("input")
    if given is None and "prompt" not in body and "previous_response_id" not in body:
        return None
    attributes = _known(body)
    attributes["openai.api.type"] = "responses"
    if content:
        set_input(attributes, (), system=body.get("instructions"), tools=body.get("tools"))
        items = given if isinstance(given, list) else [] if given is None else [given]
        set_messages(attributes, "gen_ai.input.messages", [item_message(item) for item in items])
    return attributes


def responses_answer(body: Body, content: bool) -> Attributes | None:
    """A response object."""
    output = body.get("output")
    if body.get("object") != "response" and not isinstance(output, list):
        return None
    attributes: Attributes = {}
    copy_known(attributes, body, _RESPONSE)
    _set_usage(attributes, body)
    items = [item for item in output if isinstance(item, dict)] if isinstance(output, list) else []
    called = any(item.get("type") == "function_call" for item in items)
    incomplete = body.get("incomplete_details")
    why = incomplete.get("reason") if isinstance(incomplete, dict) else body.get("status")
    reason = "tool_call" if called else finish_reason(why) or "stop"
    attributes["gen_ai.response.finish_reasons"] = [reason]
    if content and items:
        parts: list[Part] = []
        for item in items:
            parts += chat_message(item)["parts"] if item.get("type") == "message" else [part_of(item)]
        set_messages(
            attributes,
            "gen_ai.output.messages",
            [{"role": "assistant", "parts": parts, "finish_reason": reason}],
        )
    return attributes


class ChatChunks:
    """Chunks of a streamed chat or text completion."""

    def __init__(self) -> None:
        self._head: Body = {}
        self._choices: dict[int, dict[str, Any]] = {}

    def add(self, event: Body) -> bool:
        """Takes a chunk."""
        choices = event.get("choices")
        if not isinstance(choices, list):
            if isinstance(event.get("error"), dict):
                self._head["error"] = event["error"]
                return True
            return False
        for key in (*_RESPONSE, "usage", "x_groq"):
            if event.get(key):
                self._head[key] = event[key]
        for choice in choices:
            if isinstance(choice, dict):
                self._add_choice(choice)
        return True

    def _add_choice(self, choice: Body) -> None:
        index = choice.get("index")
        mine = self._choices.setdefault(
            index if isinstance(index, int) else 0, {"content": Texts(), "reasoning": Texts(), "calls": {}}
        )
        if choice.get("finish_reason"):
            mine["finish_reason"] = choice["finish_reason"]
        mine["content"].add(choice.get("text"))
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            return
        mine["content"].add(delta.get("content"))
        mine["reasoning"].add(delta.get("reasoning_content") or delta.get("reasoning"))
        for call in delta.get("tool_calls") or ():
            if isinstance(call, dict) and isinstance(function := call.get("function"), dict):
                made = mine["calls"].setdefault(call.get("index", len(mine["calls"])), {"arguments": Texts()})
                made["id"] = call.get("id") or made.get("id")
                made["name"] = function.get("name") or made.get("name")
                made["arguments"].add(function.get("arguments"))

    def body(self) -> Body:
        """As if it had not been streamed."""
        choices = []
        for _, mine in sorted(self._choices.items()):
            calls = [
                {"id": call["id"], "function": {"name": call["name"], "arguments": str(call["arguments"])}}
                for call in mine["calls"].values()
            ]
            message = {"role": "assistant", "content": str(mine["content"]), "tool_calls": calls}
            if mine["reasoning"]:
                message["reasoning_content"] = str(mine["reasoning"])
            choices.append({"message": message, "finish_reason": mine.get("finish_reason")})
        return {**self._head, "choices": choices}


class ResponseEvents:
    """Events of a streamed response: the last one that has the whole response is what counts."""

    def __init__(self) -> None:
        self._body: Body = {}
        self._text = Texts()

    def add(self, event: Body) -> bool:
        """Takes an event."""
        kind = event.get("type")
        if kind == "error":
            self._body["error"] = event
            return True
        if not isinstance(kind, str) or not kind.startswith("response."):
            return False
        if isinstance(event.get("response"), dict):
            self._body = event["response"]
        elif kind == "response.output_text.delta":
            self._text.add(event.get("delta"))
        return True

    def body(self) -> Body:
        """The response; one that was cut off has the text so far."""
        if not self._body.get("output") and self._text:
            said = {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "output_text", "text": str(self._text)}],
            }
            return {**self._body, "object": "response", "output": [said]}
        return self._body


def _known(body: Body) -> Attributes:
    attributes: Attributes = {}
    copy_known(attributes, body, _REQUEST)
    if body.get("stream") is True:
        attributes["gen_ai.request.stream"] = True
    return attributes


def _said(choice: Body, reason: str) -> Message:
    message = choice.get("message")
    said = chat_message(message, "assistant") if isinstance(message, dict) else None
    if said is None:
        said = {"role": "assistant", "parts": [text(choice.get("text") or "")]}
    return {**said, "finish_reason": reason}


def _set_usage(attributes: Attributes, body: Body) -> None:
    usage = body.get("usage")
    if not isinstance(usage, dict):
        groq = body.get("x_groq")
        usage = groq.get("usage") if isinstance(groq, dict) else None
    if not isinstance(usage, dict):
        return
    new = "input_tokens" in usage
    prompt, completion = ("input", "output") if new else ("prompt", "completion")
    details, more = f"{prompt}_tokens_details", f"{completion}_tokens_details"
    cached = count(usage, details, "cached_tokens")
    if cached is None:
        cached = count(usage, "prompt_cache_hit_tokens")  # DeepSeek's spelling.
    set_usage(
        attributes,
        input_tokens=count(usage, f"{prompt}_tokens"),
        output_tokens=count(usage, f"{completion}_tokens"),
        cache_read=cached,
        cache_write=count(usage, details, "cache_write_tokens"),
        reasoning=count(usage, more, "reasoning_tokens"),
    )
    for source, name in ((details, "audio.input_tokens"), (more, "audio.output_tokens")):
        if audio := count(usage, source, "audio_tokens"):
            attributes[f"gen_ai.usage.{name}"] = audio


CHAT = Api("chat", chat_request, chat_answer, ChatChunks)
COMPLETIONS = Api("text_completion", completion_request, chat_answer, ChatChunks)
EMBEDDINGS = Api("embeddings", embeddings_request, embeddings_answer, ChatChunks)
RESPONSES = Api("chat", responses_request, responses_answer, ResponseEvents)
