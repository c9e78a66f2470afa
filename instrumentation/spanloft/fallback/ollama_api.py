"""Ollama's own API (it also speaks OpenAI's)."""

from __future__ import annotations

from typing import Any

from .api import Api, Attributes, Body, Texts, copy_known, count, set_input, set_messages, set_usage
from .parts import chat_message, finish_reason

_OPTIONS = {
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "top_k": "gen_ai.request.top_k",
    "num_predict": "gen_ai.request.max_tokens",
    "seed": "gen_ai.request.seed",
}


def chat_request(body: Body, content: bool) -> Attributes | None:
    """``POST /api/chat``."""
    messages = body.get("messages")
    if not isinstance(messages, list):
        return None
    return _request(body, content, messages)


def generate_request(body: Body, content: bool) -> Attributes | None:
    """``POST /api/generate``."""
    if "prompt" not in body:
        return None
    return _request(body, content, [{"role": "user", "content": body["prompt"]}])


def _request(body: Body, content: bool, messages: list[Any]) -> Attributes | None:
    if not isinstance(body.get("model"), str):
        return None
    attributes: Attributes = {}
    copy_known(attributes, body, {"model": "gen_ai.request.model"})
    copy_known(attributes, body.get("options"), _OPTIONS)
    # Streaming is what it does unless told not to.
    if body.get("stream") is not False:
        attributes["gen_ai.request.stream"] = True
    if content:
        set_input(attributes, messages, body.get("system"), body.get("tools"))
    return attributes


def answer(body: Body, content: bool) -> Attributes | None:
    """The answer of a chat or a generation."""
    message = body.get("message")
    if not isinstance(body.get("model"), str) or not (isinstance(message, dict) or "response" in body):
        return None
    attributes: Attributes = {"gen_ai.response.model": body["model"]}
    set_usage(attributes, input_tokens=count(body, "prompt_eval_count"), output_tokens=count(body, "eval_count"))
    said = chat_message(message if isinstance(message, dict) else {"content": body["response"]}, "assistant")
    called = any(part.get("type") == "tool_call" for part in said["parts"])
    reason = (
        "tool_call" if called else finish_reason(body.get("done_reason")) or ("stop" if body.get("done") else "error")
    )
    attributes["gen_ai.response.finish_reasons"] = [reason]
    if content:
        set_messages(attributes, "gen_ai.output.messages", [{**said, "finish_reason": reason}])
    return attributes


def embed_request(body: Body, content: bool) -> Attributes | None:
    """``POST /api/embed`` or ``/api/embeddings``."""
    if not isinstance(body.get("model"), str) or not ("input" in body or "prompt" in body):
        return None
    return {"gen_ai.request.model": body["model"]}


def embed_answer(body: Body, content: bool) -> Attributes | None:
    """Embeddings; the vectors are not recorded."""
    if "embeddings" not in body and "embedding" not in body:
        return None
    attributes: Attributes = {}
    copy_known(attributes, body, {"model": "gen_ai.response.model"})
    set_usage(attributes, input_tokens=count(body, "prompt_eval_count"))
    return attributes


class Lines:
    """Lines of a streamed answer; the last one has the counts."""

    def __init__(self) -> None:
        self._last: Body = {}
        self._content, self._thinking, self._response = Texts(), Texts(), Texts()
        self._calls: list[Any] = []

    def add(self, event: Body) -> bool:
        """Takes a line."""
        message = event.get("message")
        if not isinstance(message, dict) and "response" not in event and "error" not in event:
            return False
        self._last = event
        self._response.add(event.get("response"))
        if isinstance(message, dict):
            self._content.add(message.get("content"))
            self._thinking.add(message.get("thinking"))
            self._calls += message.get("tool_calls") or ()
        return True

    def body(self) -> Body:
        """As if it had not been streamed."""
        if "response" in self._last:
            return {**self._last, "response": str(self._response)}
        if "message" not in self._last:
            return self._last
        message = {
            "role": "assistant",
            "content": str(self._content),
            "thinking": str(self._thinking),
            "tool_calls": self._calls,
        }
        return {**self._last, "message": message}


CHAT = Api("chat", chat_request, answer, Lines)
GENERATE = Api("text_completion", generate_request, answer, Lines)
EMBED = Api("embeddings", embed_request, embed_answer, Lines)
