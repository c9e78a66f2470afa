"""``instrument()`` beside an app's own OpenTelemetry, and what ``uninstrument()`` leaves: nothing."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import openai
import pytest
import spanloft
from fake_provider import FakeProvider
from openai.resources.chat.completions import AsyncCompletions, Completions
from openai.resources.embeddings import Embeddings
from openai.resources.responses.responses import AsyncResponses, Responses
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from otlp_sink import Sink, otlp_sink
from sdk_support import provider
from spanloft import core

__all__ = ["provider"]
REFUND: Any = [{"role": "user", "content": "refund?"}]


@pytest.fixture
def sink(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Sink]:
    with otlp_sink() as running:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", running.url)
        monkeypatch.setenv("SPANLOFT_SPOOL", str(tmp_path / "spool"))
        yield running


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    yield
    spanloft.uninstrument()
    assert trace._TRACER_PROVIDER is None


@pytest.fixture
def client(provider: FakeProvider) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{provider.url}/v1", api_key="x", max_retries=0)


@pytest.fixture
def app_provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[TracerProvider]:
    made = TracerProvider(shutdown_on_exit=False)
    trace._TRACER_PROVIDER = made
    yield made
    spanloft.uninstrument()
    trace._TRACER_PROVIDER = None


def methods() -> list[Any]:
    owners = (Completions, AsyncCompletions, Embeddings, Responses, AsyncResponses)
    return [vars(owner)[name] for owner in owners for name in ("create", "parse", "stream") if name in vars(owner)]


def chat(client: openai.OpenAI) -> None:
    client.chat.completions.create(model="gpt-4o", messages=REFUND)


def test_twice_is_once(sink: Sink, client: openai.OpenAI) -> None:
    spanloft.instrument()
    first = (core.running(), methods())
    spanloft.instrument(service_name="other")
    assert (core.running(), methods()) == first
    chat(client)
    assert spanloft.flush()
    assert len(sink.spans) == 1


def test_uninstrument_leaves_nothing(sink: Sink, client: openai.OpenAI) -> None:
    chat(client)
    before = (methods(), dict(os.environ), list(sys.meta_path), trace._TRACER_PROVIDER)
    threads = set(threading.enumerate())
    for _ in range(3):
        spanloft.instrument()
        assert methods() != before[0]
        chat(client)
        spanloft.uninstrument()
        assert (methods(), dict(os.environ), list(sys.meta_path), trace._TRACER_PROVIDER) == before
        chat(client)
    assert len(sink.spans) == 3
    assert not [t for t in threading.enumerate() if t not in threads and t.name.startswith("spanloft") and t.is_alive()]


def test_tracers_from_before_work_again(sink: Sink) -> None:
    tracer = trace.get_tracer("app")
    for number in range(3):
        spanloft.instrument()
        tracer.start_span(f"span {number}").end()
        spanloft.uninstrument()
    assert [span.name for span in sink.spans] == ["span 0", "span 1", "span 2"]


def test_joins_the_apps_provider(sink: Sink, client: openai.OpenAI, app_provider: TracerProvider) -> None:
    memory = InMemorySpanExporter()
    app_provider.add_span_processor(SimpleSpanProcessor(memory))
    before = app_provider._active_span_processor._span_processors
    spanloft.instrument()
    assert trace.get_tracer_provider() is app_provider
    chat(client)
    assert app_provider.force_flush()
    spanloft.uninstrument()
    assert app_provider._active_span_processor._span_processors == before
    trace.get_tracer("app").start_span("afterwards").end()
    assert [span.name for span in memory.get_finished_spans()] == ["chat gpt-4o", "afterwards"]
    assert [span.name for span in sink.spans] == ["chat gpt-4o"]


def test_does_not_send_what_the_app_sends_already(
    sink: Sink, client: openai.OpenAI, app_provider: TracerProvider
) -> None:
    exporter = OTLPSpanExporter(endpoint=f"{sink.url}/v1/traces")
    app_provider.add_span_processor(BatchSpanProcessor(exporter))
    spanloft.instrument()
    chat(client)
    app_provider.force_flush()
    assert spanloft.flush()
    assert len(sink.spans) == 1
    app_provider.shutdown()


def test_leaves_the_apps_instrumentor_alone(client: openai.OpenAI, app_provider: TracerProvider) -> None:
    memory = InMemorySpanExporter()
    app_provider.add_span_processor(SimpleSpanProcessor(memory))
    OpenAIInstrumentor().instrument(tracer_provider=app_provider)
    try:
        wrapped = methods()
        spanloft.instrument(export=False)
        chat(client)
        spanloft.uninstrument()
        assert methods() == wrapped
    finally:
        OpenAIInstrumentor().uninstrument()
    assert len(memory.get_finished_spans()) == 1


def test_foreign_provider_is_left_alone(caplog: pytest.LogCaptureFixture, client: openai.OpenAI) -> None:
    before = methods()
    trace._TRACER_PROVIDER = trace.NoOpTracerProvider()
    try:
        with caplog.at_level(logging.WARNING, "spanloft"):
            spanloft.instrument()
        assert "cannot be joined" in caplog.text
        assert methods() == before
    finally:
        trace._TRACER_PROVIDER = None


def test_errors_of_ours_do_not_reach_the_app(
    sink: Sink, monkeypatch: pytest.MonkeyPatch, client: openai.OpenAI, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr(core, "choose", broken)
    before = methods()
    with caplog.at_level(logging.WARNING, "spanloft"):
        spanloft.instrument()
    assert core.running() is None
    assert methods() == before
    assert trace._TRACER_PROVIDER is None
    chat(client)


def test_bad_environment_is_named_and_ignored(
    sink: Sink, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, client: openai.OpenAI
) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "soon")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")
    with caplog.at_level(logging.WARNING, "spanloft"):
        spanloft.instrument()
    chat(client)
    assert spanloft.flush()
    assert len(sink.spans) == 1


def test_flush_without_instrument() -> None:
    assert spanloft.flush()
    spanloft.uninstrument()


def test_flush_tells_what_is_left(sink: Sink, client: openai.OpenAI) -> None:
    spanloft.instrument()
    sink.status = 503
    chat(client)
    assert not spanloft.flush()
    sink.status = 200
    assert spanloft.flush()
    assert len(sink.spans) == 1


def test_the_exporters_own_calls_are_not_traced(sink: Sink, client: openai.OpenAI) -> None:
    spanloft.instrument()
    for _ in range(5):
        chat(client)
        assert spanloft.flush()
    assert [span.name for span in sink.spans] == ["chat gpt-4o"] * 5


def test_grpc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, client: openai.OpenAI) -> None:
    taken: list[ExportTraceServiceRequest] = []
    metadata: list[Any] = []

    def export(request: ExportTraceServiceRequest, context: grpc.ServicerContext) -> ExportTraceServiceResponse:
        taken.append(request)
        metadata.extend(context.invocation_metadata())
        return ExportTraceServiceResponse()

    handler = grpc.unary_unary_rpc_method_handler(
        export,
        request_deserializer=ExportTraceServiceRequest.FromString,
        response_serializer=ExportTraceServiceResponse.SerializeToString,
    )
    server = grpc.server(futures.ThreadPoolExecutor(2))
    service = "opentelemetry.proto.collector.trace.v1.TraceService"
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {"Export": handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        monkeypatch.setenv("SPANLOFT_SPOOL", str(tmp_path))
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
        spanloft.instrument(endpoint=f"http://127.0.0.1:{port}", api_key="k-2")
        chat(client)
        assert spanloft.flush()
    finally:
        spanloft.uninstrument()
        server.stop(None)
    assert [span.name for r in taken[0].resource_spans for s in r.scope_spans for span in s.spans] == ["chat gpt-4o"]
    assert ("authorization", "Bearer k-2") in [(item.key, item.value) for item in metadata]
