"""No span stops those behind it: whatever its attributes hold, every span of a journal ends in the store's columns."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from otlp_values import put
from spanloft_collector.ingest import create_pricer
from spanloft_collector.journal import Kind, Position, Record
from spanloft_collector.pipeline.batch import assemble, transform
from spanloft_collector.pipeline.duplicates import DuplicateFinder

PRICER = create_pricer(None)
KEYS = [
    "gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.system", "gen_ai.request.model", "gen_ai.response.model",
    "gen_ai.response.id", "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens", "gen_ai.request.max_tokens",
    "gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_creation.input_tokens", "gen_ai.request.temperature",
    "gen_ai.usage.reasoning.output_tokens", "gen_ai.response.finish_reasons", "gen_ai.response.time_to_first_chunk",
    "gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.system_instructions", "gen_ai.tool.definitions",
    "gen_ai.tool.call.arguments", "gen_ai.tool.call.result", "gen_ai.retrieval.documents", "gen_ai.conversation.id",
    "llm.token_count.prompt", "llm.token_count.completion", "llm.model_name", "openinference.span.kind", "input.value",
    "output.value", "llm.input_messages.0.message.role", "llm.input_messages.0.message.content", "session.id",
    "user.id", "error.type", "server.address", "tag.tags", "spanloft.tags", "gen_ai.usage.cost", "service.name",
]  # fmt: skip
SCOPES = [
    "opentelemetry.instrumentation.genai.openai", "openinference.instrumentation.openai", "com.anthropic.sdk.python",
    "opentelemetry.instrumentation.anthropic", "mistralai_sdk_tracer", "langfuse-sdk", "langsmith", "logfire", "x", "",
]  # fmt: skip

plain: st.SearchStrategy[Any] = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        ["chat", "embeddings", "LLM", "[]", "{}", '[{"role": 1}]', '[{"parts": 3}]', "9" * 40, "NaN", "\0"]
    ),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.binary(max_size=8),
    st.none(),
)
values = st.recursive(
    plain,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def digest(kind: Kind, payload: bytes) -> dict[str, Any]:
    record = Record(kind, 1_700_000_000_000_000_000, {}, payload, Position(1, 100))
    return assemble([transform([record], PRICER)], DuplicateFinder(), 1_700_000_000_000_000)


times = st.sampled_from([0, 1, 1_700_000_000_000_000_000, 2**63 - 1, 2**63, 2**64 - 1])


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    attributes=st.dictionaries(st.sampled_from(KEYS), values, max_size=12),
    resource=st.dictionaries(st.sampled_from(["service.name", "service.version", "x"]), values, max_size=3),
    scope=st.sampled_from(SCOPES),
    start=times,
    end=times,
    kind=st.integers(-5, 9),
)
def test_any_span_is_digested(
    attributes: dict[str, Any], resource: dict[str, Any], scope: str, start: int, end: int, kind: int
) -> None:
    request = ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add()
    for key, value in resource.items():
        put(resource_spans.resource.attributes.add(key=key).value, value)
    scope_spans = resource_spans.scope_spans.add()
    scope_spans.scope.name = scope
    for number in range(2):
        span = scope_spans.spans.add(
            trace_id=b"t" * 16,
            span_id=bytes([number + 1] * 8),
            start_time_unix_nano=start,
            end_time_unix_nano=end,
            kind=kind,
        )
        for key, value in attributes.items() if number == 0 else ():
            put(span.attributes.add(key=key).value, value)
            put(span.events.add(name=key, time_unix_nano=start).attributes.add(key=key).value, value)
            put(span.links.add(trace_id=b"x").attributes.add(key=key).value, value)
    tables = digest(Kind.TRACES, request.SerializeToString())
    assert tables["spans"].num_rows == tables["payloads"].num_rows == 2


@settings(max_examples=150, deadline=None)
@given(body=values, attributes=st.dictionaries(st.sampled_from([*KEYS, "event.name"]), values, max_size=6), time=times)
def test_any_log_and_metric_is_digested(body: Any, attributes: dict[str, Any], time: int) -> None:
    logs = ExportLogsServiceRequest()
    record = logs.resource_logs.add().scope_logs.add().log_records.add(time_unix_nano=time, trace_id=b"1", span_id=b"")
    put(record.body, body)
    metrics = ExportMetricsServiceRequest()
    scope = metrics.resource_metrics.add().scope_metrics.add()
    points: list[Any] = [
        scope.metrics.add(name="g").gauge.data_points.add(time_unix_nano=time, as_double=math.inf),
        scope.metrics.add(name="s").sum.data_points.add(time_unix_nano=time, as_int=-(2**63)),
        scope.metrics.add(name="h").histogram.data_points.add(time_unix_nano=time, count=2**64 - 1, sum=math.nan),
        scope.metrics.add(name="e").exponential_histogram.data_points.add(time_unix_nano=time, count=2**64 - 1),
        scope.metrics.add(name="y").summary.data_points.add(time_unix_nano=time, count=2**64 - 1),
    ]
    for target in (record, *points):
        for key, value in attributes.items():
            put(target.attributes.add(key=key).value, value)
    assert digest(Kind.LOGS, logs.SerializeToString())
    assert digest(Kind.METRICS, metrics.SerializeToString())


@pytest.mark.parametrize("kind", [Kind.TRACES, Kind.LOGS, Kind.METRICS])
def test_an_empty_request_is_digested(kind: Kind) -> None:
    assert sum(table.num_rows for name, table in digest(kind, b"").items() if name != "ingest_health") == 0


def test_counts_whose_sum_no_column_holds_cost_the_count_and_not_the_batch() -> None:
    request = ExportTraceServiceRequest()
    spans = request.resource_spans.add().scope_spans.add().spans
    for number, tokens in enumerate((2**63 - 1, 7)):
        span = spans.add(trace_id=b"t" * 16, span_id=bytes([number + 1] * 8), name="call")
        for key in ("gen_ai.usage.input_tokens", "gen_ai.usage.cache_read.input_tokens"):
            span.attributes.add(key=key).value.int_value = tokens
        # More cached than there was input: the emitter does not count them in.
        span.attributes[-1].value.int_value = tokens if tokens > 7 else 8
        span.attributes[0].value.int_value = tokens - 1 if tokens > 7 else 7
        span.attributes.add(key="gen_ai.operation.name").value.string_value = "chat"
    tables = digest(Kind.TRACES, request.SerializeToString())
    assert tables["spans"].column("input_tokens").to_pylist() == [None, 15]
    assert tables["spans"].column("cache_read_tokens").to_pylist() == [2**63 - 1, 8]
