"""Records sample_traces/: the real SDKs against the fake provider, as OTLP/JSON requests.

    python scripts/record_samples.py [DIALECT ...]

Dialects: ``otel_genai`` (``spanloft.instrument()``), ``openinference`` (its instrumentors) and ``anthropic`` (the
SDK's own spans). Recording again gives the same files unless an instrumentor changed. ``expected.json`` is kept.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "scripts")]
warnings.simplefilter("ignore", DeprecationWarning)
os.environ["OTEL_SERVICE_NAME"] = "harbour-lane-support"

import anthropic  # noqa: E402
import openai  # noqa: E402
import sample_agent  # noqa: E402
import sample_cases  # noqa: E402
from fake_provider.ledger import Ledger  # noqa: E402
from fake_provider.server import FakeServer  # noqa: E402
from google.protobuf.json_format import MessageToDict  # noqa: E402
from opentelemetry import trace  # noqa: E402
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans  # noqa: E402
from opentelemetry.sdk.resources import Resource  # noqa: E402
from opentelemetry.sdk.trace import TracerProvider  # noqa: E402
from opentelemetry.sdk.trace.export import SimpleSpanProcessor  # noqa: E402
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter  # noqa: E402
from sample_normal import normalise  # noqa: E402

Case = Callable[[sample_cases.Kit], None]


@contextlib.contextmanager
def serving() -> Iterator[tuple[FakeServer, str]]:
    """A fresh provider for each case, so that its numbers do not depend on the cases before."""
    server = FakeServer(0, Ledger())
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server, f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def otel_genai(provider: TracerProvider) -> Iterator[Any]:
    import spanloft

    spanloft.instrument(tracer_provider=provider, export=False)
    try:
        yield spanloft.context
    finally:
        spanloft.uninstrument()


@contextlib.contextmanager
def openinference(provider: TracerProvider) -> Iterator[Any]:
    from openinference.instrumentation import using_attributes
    from openinference.instrumentation.anthropic import AnthropicInstrumentor
    from openinference.instrumentation.openai import OpenAIInstrumentor

    os.environ["ANTHROPIC_OPEN_TELEMETRY"] = "false"
    instrumentors = [OpenAIInstrumentor(), AnthropicInstrumentor()]
    for instrumentor in instrumentors:
        instrumentor.instrument(tracer_provider=provider)

    def context(user: str = "", session: str = "", tags: list[str] | None = None) -> Any:
        return using_attributes(user_id=user, session_id=session, tags=tags or [])

    try:
        yield context
    finally:
        for instrumentor in instrumentors:
            instrumentor.uninstrument()
        del os.environ["ANTHROPIC_OPEN_TELEMETRY"]


@contextlib.contextmanager
def native_anthropic(provider: TracerProvider) -> Iterator[Any]:
    os.environ["ANTHROPIC_OPEN_TELEMETRY_TRACES_CONTENT_MODE"] = "content"
    before = trace._TRACER_PROVIDER
    trace._TRACER_PROVIDER = provider
    try:
        yield lambda **_: contextlib.nullcontext()
    finally:
        trace._TRACER_PROVIDER = before
        del os.environ["ANTHROPIC_OPEN_TELEMETRY_TRACES_CONTENT_MODE"]


DIALECTS: dict[str, tuple[Any, list[tuple[str, Case]]]] = {}


def _register() -> None:
    plain = [(case.__name__, case) for case in (*sample_cases.OPENAI, *sample_cases.ANTHROPIC)]
    for name, dialect, spans in (
        ("otel_genai", otel_genai, sample_agent.GenAI()),
        ("openinference", openinference, sample_agent.OpenInference()),
    ):
        agents = [(case.__name__, _with_spans(case, spans)) for case in sample_agent.AGENT]
        DIALECTS[name] = (dialect, [*plain, *agents])
    DIALECTS["anthropic"] = (native_anthropic, [(case.__name__, case) for case in sample_cases.ANTHROPIC])


def _with_spans(case: Callable[..., None], spans: Any) -> Case:
    return lambda kit: case(kit, spans)


def record(dialect: Any, case: Case, name: str) -> dict[str, Any]:
    """Runs one case and returns its OTLP request, normalised."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource.create({"deployment.environment.name": "production"}))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with serving() as (server, url), dialect(provider) as context:
        kit = sample_cases.Kit(
            openai=openai.OpenAI(base_url=f"{url}/v1", api_key="sk-sample"),
            async_openai=openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="sk-sample"),
            anthropic=anthropic.Anthropic(base_url=url, api_key="sk-sample"),
            tracer=provider.get_tracer("harbour_lane.agent", "2.3.0"),
            replies=server.replies,
            context=context,
        )
        case(kit)
    spans = exporter.get_finished_spans()
    if not spans:
        raise SystemExit(f"{name}: no span was recorded")
    return normalise(otlp_json(spans), name)


def otlp_json(spans: Any) -> dict[str, Any]:
    """An ``ExportTraceServiceRequest`` as OTLP/JSON: hexadecimal ids, enums as integers."""
    request = MessageToDict(encode_spans(spans), use_integers_for_enums=True)
    for resource in request["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                for key in ("traceId", "spanId", "parentSpanId"):
                    if key in span:
                        span[key] = base64.b64decode(span[key]).hex()
    return request


def main() -> None:
    _register()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dialect", nargs="*", default=list(DIALECTS), help="which to record; default all")
    parser.add_argument("--to", type=Path, default=ROOT / "sample_traces", help="folder to write to")
    options = parser.parse_args()
    for name in options.dialect:
        dialect, cases = DIALECTS[name]
        for case_name, case in cases:
            file = options.to / name / case_name / "request.json"
            file.parent.mkdir(parents=True, exist_ok=True)
            request = record(dialect, case, f"{name}/{case_name}")
            file.write_text(json.dumps(request, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        print(f"{name}: {len(cases)} cases")


if __name__ == "__main__":
    main()
