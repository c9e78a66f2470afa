"""Collect spans of a real emitter and write them as OTLP/JSON sample traces."""

from __future__ import annotations

import base64
import gzip
import json
import re
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult

ROOT = Path(__file__).resolve().parents[1] / "sample_traces"
_IDS = re.compile(r'"(traceId|spanId|parentSpanId)": "([^"]*)"')
_PATHS = re.compile(r"(/[\w.+-]+)+/site-packages|/work/[\w./-]*|/tmp/[\w./-]*|/usr/lib/[\w./-]*")

_MACHINE = (
    *("process.", "host.", "os.", "service.instance", "service.version", "weave.os_", "weave.sys_"),
    "langsmith.metadata.revision_id",
)


def serving(answer: Callable[[bytes], bytes], content_type: str = "application/json") -> str:
    """Address of a server that answers every POST with ``answer(body)``."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            data = answer(gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body)
            self.send_response(200)
            self.send_header("content-type", content_type)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}"


def strip_machine(request: dict[str, Any]) -> None:
    """Drop what describes the recording machine rather than the call."""
    for resource in request.get("resourceSpans", []):
        holders = [resource.get("resource", {})]
        holders += [span for scope in resource["scopeSpans"] for span in scope["spans"]]
        for holder in holders:
            if "attributes" in holder:
                holder["attributes"] = [a for a in holder["attributes"] if not a["key"].startswith(_MACHINE)]


class Recorder(SpanExporter):
    """Collects ended spans and writes them as one OTLP/JSON request per case."""

    def __init__(self, dialect: str, url: str) -> None:
        self.dialect = dialect
        self.url = url
        self.spans: list[ReadableSpan] = []
        self.received = ExportTraceServiceRequest()
        self.provider = TracerProvider(resource=Resource({"service.name": "sample-app", "service.version": "1.0"}))
        self.provider.add_span_processor(SimpleSpanProcessor(self))

    def install(self) -> None:
        trace.set_tracer_provider(self.provider)

    def export(self, spans: Any) -> SpanExportResult:
        self.spans.extend(spans)
        return SpanExportResult.SUCCESS

    def receive(self) -> str:
        """Address of an OTLP/HTTP endpoint for emitters that bring their own provider."""

        def take(body: bytes) -> bytes:
            self.received.MergeFromString(body)
            return b""

        return serving(take, "application/x-protobuf")

    def save(self, case: str) -> None:
        message = encode_spans(self.spans)
        message.resource_spans.extend(self.received.resource_spans)
        if not message.resource_spans:
            print(f"  {case}: no spans", file=sys.stderr)
            return
        request = json_format.MessageToDict(message, use_integers_for_enums=True)
        self.spans.clear()
        self.received.Clear()
        strip_machine(request)
        text = json.dumps(request, indent=1, ensure_ascii=False)
        text = _IDS.sub(lambda m: f'"{m[1]}": "{base64.b64decode(m[2]).hex()}"', text)
        text = _PATHS.sub("...", text)
        folder = ROOT / self.dialect / case
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "request.json").write_text(text + "\n", encoding="utf-8")
        print(self.dialect, case, len(text))

    def case(self, name: str, call: Callable[[], Any]) -> None:
        """Run a call and save its spans; the errors that a case provokes are part of it."""
        try:
            call()
        except Exception as error:
            print(f"  {name}: {type(error).__name__}: {str(error)[:200]}", file=sys.stderr)
        self.save(name)


QUESTION = "What is the capital of France?"
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
CACHED = {"x-fake-case": "cached=8, reasoning=4", "x-fake-reply": "Paris."}


def openai_cases(recorder: Recorder, client: Any, model: str = "gpt-4o") -> None:
    """Plain call, tool call, stream with usage, embeddings and a 429 through an OpenAI client."""
    chat = client.chat.completions.create
    user = [{"role": "user", "content": QUESTION}]
    system = {"role": "system", "content": "You are terse."}
    recorder.case(
        "chat",
        lambda: chat(
            model=model, messages=[system, *user], temperature=0.2, max_tokens=50, user="u-1", extra_headers=CACHED
        ),
    )
    recorder.case("tool_call", lambda: chat(model=model, messages=user, tools=[TOOL]))
    recorder.case(
        "stream",
        lambda: list(
            chat(
                model=model,
                messages=user,
                stream=True,
                stream_options={"include_usage": True},
                extra_headers={**CACHED, "x-fake-reply": "Paris%20it%20is."},
            )
        ),
    )
    embed = client.embeddings.create
    recorder.case("embeddings", lambda: embed(model="text-embedding-3-small", input=["one", "two"], dimensions=4))
    recorder.case("rate_limit", lambda: chat(model=model, messages=user, extra_headers={"x-fake-case": "429"}))


def openai_client(recorder: Recorder) -> Any:
    from openai import OpenAI

    return OpenAI(base_url=f"{recorder.url}/v1", api_key="none", max_retries=0)


def anthropic_client(recorder: Recorder) -> Any:
    import anthropic

    return anthropic.Anthropic(base_url=recorder.url, api_key="none", max_retries=0)


def langchain_chain(recorder: Recorder, **config: Any) -> Any:
    """A prompt, a model and a tool behind one another."""
    from langchain_core.prompts import ChatPromptTemplate
    from langchain_core.tools import tool
    from langchain_openai import ChatOpenAI

    @tool
    def get_weather(city: str) -> str:
        """Weather of a city."""
        return f"sunny in {city}"

    model = ChatOpenAI(
        model="gpt-4o", base_url=f"{recorder.url}/v1", api_key="none", default_headers=CACHED, temperature=0.2
    )
    chain = ChatPromptTemplate.from_messages([("system", "You are terse."), ("user", "{question}")]) | model
    chain.invoke({"question": QUESTION}, config=config or None)
    return get_weather.invoke({"city": "Paris"}, config=config or None)
