"""The OTLP receiver checklist (opentelemetry-proto docs/specification.md, 1.11), against a real collector."""

from __future__ import annotations

import gzip
import json
import os
import time
import zlib
from collections.abc import Iterator
from typing import Any

import grpc
import httpx2 as httpx
import pytest
import zstandard
from collecting import PROTOBUF, CollectorProcess, request_of
from google.protobuf.json_format import MessageToDict
from google.rpc.status_pb2 import Status
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceResponse,
)

JSON = {"Content-Type": "application/json"}
LIMIT = 2 * 1024 * 1024
EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CollectorProcess]:
    with CollectorProcess(tmp_path_factory.mktemp("otlp") / "store", SPANLOFT_MAX_BODY_BYTES=str(LIMIT)) as running:
        yield running


def post(collector: CollectorProcess, body: bytes, headers: dict[str, str], path: str = "/v1/traces") -> httpx.Response:
    return httpx.post(collector.http + path, content=body, headers=headers, timeout=60)


def span_json(**changes: Any) -> dict[str, Any]:
    now = time.time_ns()
    span = {
        "traceId": os.urandom(16).hex(),
        "spanId": os.urandom(8).hex(),
        "name": "json span",
        "kind": 3,
        "startTimeUnixNano": str(now),
        "endTimeUnixNano": str(now + 2_000_000),
        **changes,
    }
    return {"resourceSpans": [{"scopeSpans": [{"scope": {"name": "s"}, "spans": [span]}]}]}


def ids(document: dict[str, Any]) -> tuple[str, str]:
    span = document["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    return span["traceId"].lower(), span["spanId"].lower()


def stored(collector: CollectorProcess, trace_id: str, columns: str = "*", table: str = "spans") -> tuple[Any, ...]:
    deadline = time.monotonic() + 20
    while not (rows := collector.rows(f"SELECT {columns} FROM {table} WHERE trace_id = ?", trace_id)):
        assert time.monotonic() < deadline, f"{trace_id} did not arrive"
        time.sleep(0.1)
    assert len(rows) == 1
    return rows[0]


def status_of(response: httpx.Response) -> Status:
    if response.headers["content-type"].startswith("application/json"):
        return Status(message=response.json()["message"], code=response.json().get("code", 0))
    return Status.FromString(response.content)


# --- HTTP -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("media", ["application/x-protobuf", "Application/X-Protobuf", "application/x-protobuf; v=1"])
def test_protobuf_is_answered_in_protobuf(collector: CollectorProcess, media: str) -> None:
    response = post(collector, request_of(1).SerializeToString(), {"Content-Type": media})
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/x-protobuf"
    assert response.content == b""


@pytest.mark.parametrize("media", ["application/json", "APPLICATION/JSON", "application/json; charset=utf-8"])
def test_json_is_answered_in_json(collector: CollectorProcess, media: str) -> None:
    document = span_json()
    response = post(collector, json.dumps(document).encode(), {"Content-Type": media})
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.json() == {}
    assert stored(collector, ids(document)[0], "name, kind, duration_ms") == ("json span", "client", 2.0)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd", "identity", "GZIP"])
def test_content_encodings(collector: CollectorProcess, encoding: str) -> None:
    request = request_of(2)
    body = request.SerializeToString()
    packed = {"gzip": gzip.compress, "deflate": zlib.compress, "zstd": zstandard.compress, "identity": bytes}
    response = post(collector, packed[encoding.lower()](body), {**PROTOBUF, "Content-Encoding": encoding})
    assert response.status_code == 200
    stored(collector, request.resource_spans[0].scope_spans[0].spans[1].trace_id.hex())


@pytest.mark.parametrize("media", [PROTOBUF, JSON])
def test_an_unknown_encoding_is_refused_in_kind(collector: CollectorProcess, media: dict[str, str]) -> None:
    response = post(collector, b"x", {**media, "Content-Encoding": "br"})
    assert response.status_code == 415
    assert "br" in status_of(response).message


@pytest.mark.parametrize("body", [b"not gzip", gzip.compress(b"x" * 1000, mtime=0)[:-9], b""])
def test_a_damaged_gzip_body_is_bad_data(collector: CollectorProcess, body: bytes) -> None:
    response = post(collector, body or b"\x1f\x8b", {**PROTOBUF, "Content-Encoding": "gzip"})
    assert response.status_code == 400
    assert "gzip" in status_of(response).message


@pytest.mark.parametrize("path", ["/v1/traces", "/v1/logs", "/v1/metrics"])
def test_an_empty_request_succeeds(collector: CollectorProcess, path: str) -> None:
    assert post(collector, b"", PROTOBUF, path).status_code == 200
    response = post(collector, b"{}", JSON, path)
    assert (response.status_code, response.json()) == (200, {})


@pytest.mark.parametrize(("media", "body"), [(PROTOBUF, b"\x0a\xff\xff"), (JSON, b"1234"), (JSON, b"{"), (JSON, b"[]")])
def test_garbage_is_bad_data_with_a_status(collector: CollectorProcess, media: dict[str, str], body: bytes) -> None:
    response = post(collector, body, media)
    assert response.status_code == 400
    assert response.headers["content-type"] == media["Content-Type"]
    assert status_of(response).message


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "text/plain"}, {"Content-Type": "application/xml"}])
def test_other_media_types(collector: CollectorProcess, headers: dict[str, str]) -> None:
    response = post(collector, b"{}", headers)
    assert response.status_code == 415
    assert response.headers["content-type"].startswith("text/plain")
    assert "application/json, application/x-protobuf" in response.text


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_other_methods(collector: CollectorProcess, method: str) -> None:
    response = httpx.request(method, collector.http + "/v1/traces")
    assert response.status_code == 405
    assert "405 method not allowed, supported: [POST]" in response.text


def test_unknown_paths(collector: CollectorProcess) -> None:
    assert post(collector, b"", PROTOBUF, "/v1development/profiles").status_code == 404


def test_the_limit_is_exact_before_and_after_decompression(collector: CollectorProcess) -> None:
    request = request_of(1)
    attribute = request.resource_spans[0].scope_spans[0].spans[0].attributes.add(key="k").value
    attribute.string_value = "x" * (LIMIT - len(request.SerializeToString()) - 30)
    while (missing := LIMIT - len(request.SerializeToString())) > 0:
        attribute.string_value += "x" * max(1, missing - 12)
    if missing < 0:
        attribute.string_value = attribute.string_value[: len(attribute.string_value) + missing]
    body = request.SerializeToString()
    assert len(body) == LIMIT
    assert post(collector, body, PROTOBUF).status_code == 200
    attribute.string_value += "x"
    for sent, headers in (
        (request.SerializeToString(), {}),
        (gzip.compress(request.SerializeToString()), {"Content-Encoding": "gzip"}),
    ):
        response = post(collector, sent, {**PROTOBUF, **headers})
        assert response.status_code == 413
        assert status_of(response).message


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_bomb_is_stopped_early(collector: CollectorProcess, encoding: str) -> None:
    pack = {"gzip": lambda data: gzip.compress(data, 9), "zstd": lambda data: zstandard.compress(data, 19)}[encoding]
    bomb = pack(b"\x00" * 200_000_000)
    before = collector_memory(collector)
    response = post(collector, bomb, {**PROTOBUF, "Content-Encoding": encoding})
    assert response.status_code == 413
    assert collector_memory(collector) - before < 60 * 2**20


def collector_memory(collector: CollectorProcess) -> int:
    import psutil

    return int(psutil.Process(collector.process.pid).memory_info().rss)


def test_bad_spans_among_good_ones_are_a_partial_success(collector: CollectorProcess) -> None:
    request = request_of(4)
    spans = request.resource_spans[0].scope_spans[0].spans
    spans[0].trace_id = b"short"
    spans[1].span_id = bytes(8)
    spans[2].trace_id = bytes(16)
    response = post(collector, request.SerializeToString(), PROTOBUF)
    assert response.status_code == 200
    partial = ExportTraceServiceResponse.FromString(response.content).partial_success
    assert partial.rejected_spans == 3
    assert "trace_id" in partial.error_message
    assert "span_id" in partial.error_message
    stored(collector, spans[3].trace_id.hex())


def test_partial_success_in_json(collector: CollectorProcess) -> None:
    document = span_json(spanId="nothex")
    response = post(collector, json.dumps(document).encode(), JSON)
    assert response.status_code == 200
    assert response.json()["partialSuccess"]["rejectedSpans"] in ("1", 1)


# --- JSON encoding --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"traceId": os.urandom(16).hex().upper(), "spanId": os.urandom(8).hex().upper()},
        {"kind": "SPAN_KIND_CLIENT"},
        {"startTimeUnixNano": 1795000000000000000, "endTimeUnixNano": 1795000000002000000},
        {"futureField": {"a": [1, {"b": None}]}, "flags": 0x3FF},
        {"attributes": [{"key": "n", "value": {"intValue": "9007199254740993"}}]},
        {"attributes": [{"key": "n", "value": {"intValue": 9007199254740993}}]},
        {"attributes": [{"key": "d", "value": {"doubleValue": 0.5}}, {"key": "b", "value": {"boolValue": False}}]},
        {"attributes": [{"key": "x", "value": {"bytesValue": "AAEC"}}, {"key": "e", "value": {}}]},
        {
            "attributes": [
                {"key": "a", "value": {"arrayValue": {"values": [{"stringValue": "p"}, {"intValue": "1"}]}}},
                {"key": "m", "value": {"kvlistValue": {"values": [{"key": "k", "value": {"stringValue": "v"}}]}}},
            ]
        },
    ],
    ids=lambda changes: "-".join(changes),
)
def test_json_spellings(collector: CollectorProcess, changes: dict[str, Any]) -> None:
    document = span_json(**changes)
    response = post(collector, json.dumps(document).encode(), JSON)
    assert (response.status_code, response.json()) == (200, {})
    trace_id, span_id = ids(document)
    assert stored(collector, trace_id, "span_id") == (span_id,)
    attributes = json.loads(stored(collector, trace_id, "attributes::VARCHAR", "payloads")[0])
    expected = {
        "n": 9007199254740993, "d": 0.5, "b": False, "x": "AAEC", "e": None, "a": ["p", 1], "m": {"k": "v"},
    }  # fmt: skip
    assert attributes == {key: expected[key] for key in attributes}
    assert len(attributes) == len(changes.get("attributes", ()))


def test_deep_nesting_is_refused_or_stored_but_never_a_crash(collector: CollectorProcess) -> None:
    value: dict[str, Any] = {"stringValue": "x"}
    for _ in range(2000):
        value = {"arrayValue": {"values": [value]}}
    body = json.dumps({"v": 0})[:-1] + "}"
    nested = '{"resourceSpans":[{"scopeSpans":[{"spans":[{"attributes":[{"key":"k","value":' + "[" * 5000 + "]" * 5000
    assert post(collector, nested.encode(), JSON).status_code == 400
    assert post(collector, body.encode(), JSON).status_code == 200
    assert post(collector, request_of(1).SerializeToString(), PROTOBUF).status_code == 200


# --- time and size of what is sent ----------------------------------------------------------------------------------


def test_odd_times_and_names_are_kept(collector: CollectorProcess) -> None:
    request = request_of(4)
    spans = request.resource_spans[0].scope_spans[0].spans
    spans[0].start_time_unix_nano, spans[0].end_time_unix_nano = 0, 0
    spans[1].start_time_unix_nano, spans[1].end_time_unix_nano = 2**64 - 1, 2**64 - 1
    spans[2].end_time_unix_nano = spans[2].start_time_unix_nano - 5
    spans[3].name = "‮‏\u0000 <script>" + "n" * 100_000
    assert post(collector, request.SerializeToString(), PROTOBUF).status_code == 200
    for span in spans:
        assert stored(collector, span.trace_id.hex(), "span_id") == (span.span_id.hex(),)
    assert stored(collector, spans[2].trace_id.hex(), "duration_ms") == (None,)


def test_logs_and_metrics_are_stored(collector: CollectorProcess) -> None:
    logs = ExportLogsServiceRequest()
    record = logs.resource_logs.add().scope_logs.add().log_records.add(time_unix_nano=time.time_ns(), event_name="e.v")
    record.body.kvlist_value.values.add(key="a").value.string_value = "b"
    metrics = ExportMetricsServiceRequest()
    metric = metrics.resource_metrics.add().scope_metrics.add().metrics.add(name="m.n", unit="s")
    metric.gauge.data_points.add(time_unix_nano=time.time_ns(), as_double=1.5)
    assert post(collector, logs.SerializeToString(), PROTOBUF, "/v1/logs").status_code == 200
    assert post(collector, json.dumps(MessageToDict(metrics)).encode(), JSON, "/v1/metrics").status_code == 200
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        found = collector.rows("SELECT body ->> 'a' FROM logs WHERE event_name = 'e.v'")
        points = collector.rows("SELECT value, type FROM metrics WHERE name = 'm.n'")
        if found and points:
            break
        time.sleep(0.1)
    assert found == [("b",)]
    assert points == [(1.5, "gauge")]


def test_the_books_balance(collector: CollectorProcess) -> None:
    """Whatever was sent to this collector so far: stored is what `spans` holds, by service and scope."""

    def counted(outcome: str) -> float:
        lines = httpx.get(collector.http + "/metrics").text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(f"receiver_{outcome}_spans_total"))

    def booked(outcome: str) -> int:
        return int(collector.rows("SELECT sum(spans) FROM ingest_health WHERE outcome = ?", outcome)[0][0] or 0)

    # What was refused is booked every five seconds.
    deadline = time.monotonic() + 20
    while booked("refused") != counted("refused") and time.monotonic() < deadline:
        time.sleep(0.2)
    assert booked("refused") == counted("refused") > 0
    collector.wait_for(int(counted("accepted")))
    assert booked("stored") == counted("accepted")


def test_health_endpoints(collector: CollectorProcess) -> None:
    assert httpx.get(collector.http + "/healthz").status_code == 200
    assert httpx.get(collector.http + "/readyz").status_code == 200


# --- gRPC -----------------------------------------------------------------------------------------------------------


def export(collector: CollectorProcess, body: bytes, **options: Any) -> bytes:
    with grpc.insecure_channel(collector.grpc) as channel:
        return channel.unary_unary(EXPORT)(body, timeout=20, **options)


def test_grpc_export(collector: CollectorProcess) -> None:
    request = request_of(3)
    assert export(collector, request.SerializeToString()) == b""
    assert export(collector, b"") == b""
    stored(collector, request.resource_spans[0].scope_spans[0].spans[2].trace_id.hex())


def test_grpc_gzip_and_partial_success(collector: CollectorProcess) -> None:
    request = request_of(2)
    request.resource_spans[0].scope_spans[0].spans[0].span_id = b"1"
    answer = export(collector, request.SerializeToString(), compression=grpc.Compression.Gzip)
    assert ExportTraceServiceResponse.FromString(answer).partial_success.rejected_spans == 1


@pytest.mark.parametrize(
    ("body", "code"), [(b"\xff\xff", "INVALID_ARGUMENT"), (b"x" * (LIMIT + 1), "RESOURCE_EXHAUSTED")]
)
def test_grpc_refusals(collector: CollectorProcess, body: bytes, code: str) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        export(collector, body)
    assert caught.value.code().name == code


# --- the real exporters ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["grpc", "http"])
def test_the_real_exporters(collector: CollectorProcess, transport: str) -> None:
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    if transport == "grpc":
        exporter: Any = GrpcExporter(endpoint=f"http://{collector.grpc}", insecure=True)
    else:
        exporter = HttpExporter(endpoint=f"{collector.http}/v1/traces")
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with provider.get_tracer("real").start_as_current_span("outer") as outer:
        outer.set_attribute("list", ["a", "b"])
        outer.add_event("happened", {"n": 1})
    provider.shutdown()
    row = stored(collector, f"{outer.get_span_context().trace_id:032x}", "name, scope_name")
    assert row == ("outer", "real")


# --- anything at all ------------------------------------------------------------------------------------------------


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_mutated_requests_are_never_a_500(collector: CollectorProcess, data: st.DataObject) -> None:
    body = bytearray(BASE)
    for _ in range(data.draw(st.integers(0, 6))):
        position = data.draw(st.integers(0, len(body) - 1))
        body[position : position + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
        if not body:
            body = bytearray(b"\x0a")
    headers = data.draw(st.sampled_from([PROTOBUF, JSON, {**PROTOBUF, "Content-Encoding": "gzip"}]))
    response = CLIENT.post(collector.http + "/v1/traces", content=bytes(body), headers=headers)
    assert response.status_code in (200, 400, 413)


BASE = request_of(2).SerializeToString()
CLIENT = httpx.Client(timeout=30)


# --- keys -----------------------------------------------------------------------------------------------------------


def test_keys_decide_who_may_send_and_to_which_project(tmp_path_factory: pytest.TempPathFactory) -> None:
    store = tmp_path_factory.mktemp("keys") / "store"
    with CollectorProcess(store, SPANLOFT_API_KEY="shop:secret-1,secret-2") as collector:
        body = request_of(1).SerializeToString()
        refused = post(collector, body, PROTOBUF)
        assert refused.status_code == 401
        assert status_of(refused).message
        assert post(collector, body, {**PROTOBUF, "Authorization": "Bearer wrong"}).status_code == 401
        assert post(collector, body, {**PROTOBUF, "Authorization": "Bearer secret-1"}).status_code == 200
        with pytest.raises(grpc.RpcError) as caught:
            export(collector, body)
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
        other = request_of(1)
        export(collector, other.SerializeToString(), metadata=(("authorization", "Bearer secret-2"),))
        collector.wait_for(2)
        assert sorted(collector.rows("SELECT project FROM spans")) == [("default",), ("shop",)]


def test_a_full_journal_is_503_with_retry_after(tmp_path_factory: pytest.TempPathFactory) -> None:
    store = tmp_path_factory.mktemp("full") / "store"
    with CollectorProcess(store, SPANLOFT_MAX_JOURNAL_BYTES="1") as collector:
        response = post(collector, request_of(1).SerializeToString(), PROTOBUF)
        assert response.status_code == 503
        assert int(response.headers["retry-after"]) >= 1
        assert status_of(response).message
        with pytest.raises(grpc.RpcError) as caught:
            export(collector, request_of(1).SerializeToString())
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        assert any(key == "grpc-status-details-bin" for key, _ in caught.value.trailing_metadata())
        assert httpx.get(collector.http + "/readyz").status_code == 503
