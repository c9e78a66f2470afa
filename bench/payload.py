"""GenAI traces of about 2.2 KB a span: invoke_agent, retrieval, chat, execute_tool, with text that varies.

Words are drawn from a Zipf-like vocabulary, so that the text compresses about as well as prose and not better.
"""

from __future__ import annotations

import json
import os
import random
import re
import time

import numpy as np
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

MODELS = (
    ("openai", "gpt-4o-2024-08-06"),
    ("openai", "gpt-4o-mini-2024-07-18"),
    ("openai", "gpt-5-2025-08-07"),
    ("anthropic", "claude-sonnet-4-5-20250929"),
    ("gcp.gemini", "gemini-2.5-pro"),
)
_SYLLABLES = ["ka", "ri", "to", "men", "sal", "ver", "lo", "ti", "an", "que", "des", "pra", "no", "fi", "gu", "ster"]


class PayloadFactory:
    """Makes requests; the same seed gives the same texts."""

    def __init__(self, seed: int = 1) -> None:
        self.random = random.Random(seed)
        count = 20_000
        self.words = ["".join(self.random.choices(_SYLLABLES, k=self.random.randint(1, 4))) for _ in range(count)]
        weights = 1 / np.arange(3, count + 3)
        # Drawn once; slices of it are cheap and still differ.
        drawn = np.random.default_rng(seed).choice(count, 400_000, p=weights / weights.sum())
        self._stream = [self.words[word] for word in drawn]

    def text(self, characters: int) -> str:
        count = max(3, characters // 6)
        start = self.random.randrange(len(self._stream) - count)
        return " ".join(self._stream[start : start + count])[:characters]

    def request(self, spans: int, start_ns: int | None = None, service: str = "bench") -> ExportTraceServiceRequest:
        """A request with ``spans`` spans in traces of four."""
        request = ExportTraceServiceRequest()
        resource_spans = request.resource_spans.add()
        _set(resource_spans.resource.attributes, "service.name", service)
        _set(resource_spans.resource.attributes, "service.version", "1.4.2")
        _set(resource_spans.resource.attributes, "deployment.environment.name", "bench")
        _set(resource_spans.resource.attributes, "telemetry.sdk.language", "python")
        scope = resource_spans.scope_spans.add()
        scope.scope.name = "opentelemetry.instrumentation.genai.openai"
        scope.scope.version = "1.3b0"
        now = start_ns or time.time_ns()
        made = 0
        while made < spans:
            trace_id = self.random.randbytes(16)
            root_id = self.random.randbytes(8)
            question, answer = self.text(900), self.text(480)
            session, user = f"s-{self.random.randrange(5000)}", f"u-{self.random.randrange(800)}"
            for step in range(min(4, spans - made)):
                span = scope.spans.add(
                    trace_id=trace_id,
                    span_id=root_id if step == 0 else self.random.randbytes(8),
                    parent_span_id=b"" if step == 0 else root_id,
                    start_time_unix_nano=now + step * 1_000_000,
                    end_time_unix_nano=now + (step + 1) * 1_000_000 + self.random.randrange(2_000_000_000),
                    kind=3 if step == 2 else 1,
                )
                _set(span.attributes, "gen_ai.conversation.id", session)
                _set(span.attributes, "user.id", user)
                (self._agent, self._retrieval, self._chat, self._tool)[step](span, question, answer)
                made += 1
        return request

    def _agent(self, span: Span, question: str, answer: str) -> None:
        span.name = "invoke_agent support"
        _set(span.attributes, "gen_ai.operation.name", "invoke_agent")
        _set(span.attributes, "gen_ai.agent.name", "support")
        _set(span.attributes, "gen_ai.input.messages", _messages("user", question))
        _set(span.attributes, "gen_ai.output.messages", _messages("assistant", answer))

    def _retrieval(self, span: Span, question: str, answer: str) -> None:
        span.name = "retrieval docs"
        _set(span.attributes, "gen_ai.operation.name", "retrieval")
        _set(span.attributes, "gen_ai.data_source.id", "docs")
        _set(span.attributes, "gen_ai.retrieval.query.text", question[:200])
        documents = [
            {"id": f"doc-{i}", "score": round(self.random.random(), 4), "content": self.text(380)} for i in range(4)
        ]
        _set(span.attributes, "gen_ai.retrieval.documents", json.dumps(documents))

    def _chat(self, span: Span, question: str, answer: str) -> None:
        provider, model = self.random.choice(MODELS)
        span.name = f"chat {model}"
        prompt, output = self.random.randrange(200, 4000), self.random.randrange(20, 900)
        for key, value in {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": provider,
            "gen_ai.request.model": model,
            "gen_ai.response.model": model,
            "gen_ai.response.id": f"resp-{self.random.getrandbits(64):016x}",
            "gen_ai.usage.input_tokens": prompt,
            "gen_ai.usage.output_tokens": output,
            "gen_ai.usage.cache_read.input_tokens": prompt // 3,
            "gen_ai.request.temperature": 0.2,
            "gen_ai.request.max_tokens": 1024,
            "gen_ai.response.time_to_first_chunk": self.random.random(),
            "server.address": "api.example.test",
            "gen_ai.input.messages": _messages("user", question),
            "gen_ai.output.messages": _messages("assistant", answer),
        }.items():
            _set(span.attributes, key, value)
        value = span.attributes.add(key="gen_ai.response.finish_reasons").value
        value.array_value.values.add(string_value="stop")
        if self.random.random() < 0.02:
            span.status.code = 2
            _set(span.attributes, "error.type", "openai.RateLimitError")

    def _tool(self, span: Span, question: str, answer: str) -> None:
        span.name = "execute_tool lookup_order"
        _set(span.attributes, "gen_ai.operation.name", "execute_tool")
        _set(span.attributes, "gen_ai.tool.name", "lookup_order")
        _set(span.attributes, "gen_ai.tool.call.id", f"call_{self.random.getrandbits(48):012x}")
        _set(span.attributes, "gen_ai.tool.call.arguments", json.dumps({"query": question[:300]}))
        _set(span.attributes, "gen_ai.tool.call.result", json.dumps({"rows": [self.text(220) for _ in range(6)]}))


def _messages(role: str, text: str) -> str:
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}])


def _set(attributes: object, key: str, value: str | int | float) -> None:
    target = attributes.add(key=key).value  # type: ignore[attr-defined]
    if isinstance(value, str):
        target.string_value = value
    elif isinstance(value, float):
        target.double_value = value
    else:
        target.int_value = value


class Replayer:
    """Sends the same text again as new spans: ids, response ids and times are patched in place, which is cheap."""

    def __init__(self, request: ExportTraceServiceRequest) -> None:
        body = request.SerializeToString()
        self.spans = 0
        ids: set[int] = set()
        times: set[int] = set()
        begin = 0
        for resource_spans in request.resource_spans:
            for scope_spans in resource_spans.scope_spans:
                for span in scope_spans.spans:
                    self.spans += 1
                    # Looked for in its own bytes only: in all of them it takes a second a request.
                    own = span.SerializeToString()
                    begin = body.index(own, begin)
                    for identifier in {span.trace_id, span.span_id, span.parent_span_id} - {b""}:
                        for match in re.finditer(re.escape(identifier), own):
                            ids.update(range(begin + match.start(), begin + match.end()))
                    for moment in (span.start_time_unix_nano, span.end_time_unix_nano):
                        needle = moment.to_bytes(8, "little")
                        times.update(begin + match.start() for match in re.finditer(re.escape(needle), own))
                    begin += len(own)
        self._body = np.frombuffer(body, np.uint8).copy()
        self._ids = np.array(sorted(ids))
        self._times = np.array(sorted(times))[:, None] + np.arange(8)
        responses = [match.start(1) for match in re.finditer(rb"resp-([0-9a-f]{16})", body)]
        self._responses = (np.array(responses)[:, None] + np.arange(16)).ravel()
        self._made_ns = time.time_ns()
        self._hex = np.frombuffer(b"0123456789abcdef", np.uint8)

    def next(self) -> bytes:
        """The body with new ids; traces keep their shape because one mask goes over all ids."""
        body = self._body.copy()
        # Ids are 16 or 8 bytes long, so a repeating pattern of 8 meets equal ids alike: traces keep their shape.
        body[self._ids] ^= np.resize(np.frombuffer(os.urandom(8), np.uint8), self._ids.size)
        if self._responses.size:
            body[self._responses] = self._hex[np.frombuffer(os.urandom(self._responses.size), np.uint8) & 15]
        moments = body[self._times].copy().view(np.uint64)
        moments += np.uint64(time.time_ns() - self._made_ns)
        body[self._times] = moments.view(np.uint8)
        return body.tobytes()
