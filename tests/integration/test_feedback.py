"""Feedback from an app, an uninstrumented process, with the collector down; and what a user finds in the store."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import openai
import pytest
import spanloft
import spanloft.testing
from collecting import CollectorProcess
from fake_provider import FakeProvider
from opentelemetry import trace
from otlp_sink import Sink, attributes, otlp_sink
from sdk_support import provider, run_python

__all__ = ["provider"]


@pytest.fixture
def sink(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Sink]:
    with otlp_sink() as running:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", running.url)
        monkeypatch.setenv("SPANLOFT_SPOOL", str(tmp_path / "spool"))
        yield running


@pytest.fixture
def instrumented(sink: Sink) -> Iterator[Sink]:
    spanloft.instrument()
    yield sink
    spanloft.uninstrument()


def test_the_current_span_and_the_users_context(instrumented: Sink) -> None:
    with trace.get_tracer("app").start_as_current_span("answer") as span, spanloft.context(user="u-1", session="s-1"):
        assert spanloft.feedback(True, comment="good", label="up")
    assert spanloft.flush()
    (record,) = instrumented.logs
    context = span.get_span_context()
    assert record.event_name == "gen_ai.evaluation.result"
    assert (record.trace_id.hex(), record.span_id.hex()) == (f"{context.trace_id:032x}", f"{context.span_id:016x}")
    assert attributes(record.attributes) == {
        "gen_ai.evaluation.name": "user_feedback",
        "gen_ai.evaluation.score.value": 1.0,
        "gen_ai.evaluation.score.label": "up",
        "gen_ai.evaluation.explanation": "good",
        "user.id": "u-1",
        "session.id": "s-1",
    }


def test_ids_as_text_or_number(instrumented: Sink) -> None:
    assert spanloft.feedback(0.5, trace_id="0af7651916cd43dd8448eb211c80319c", span_id=0xB7AD6B7169203331, name="x")
    assert spanloft.feedback(label="ok", response_id="chatcmpl-1")
    assert spanloft.flush()
    first, second = instrumented.logs
    assert first.trace_id.hex() == "0af7651916cd43dd8448eb211c80319c"
    assert first.span_id.hex() == "b7ad6b7169203331"
    assert (second.trace_id, second.span_id) == (b"", b"")
    assert attributes(second.attributes)["gen_ai.response.id"] == "chatcmpl-1"


def test_wrong_use_raises_nothing(instrumented: Sink) -> None:
    assert not spanloft.feedback(True)
    assert not spanloft.feedback(response_id="x")
    assert not spanloft.feedback("five", response_id="x")  # type: ignore[arg-type]
    assert not spanloft.feedback(1, trace_id="no hex")
    assert spanloft.flush()
    assert not instrumented.logs


def test_redacted(sink: Sink) -> None:
    spanloft.instrument(redact="email")
    try:
        assert spanloft.feedback(1, response_id="x", comment="write to me@example.com", user="me@example.com")
        assert spanloft.flush()
    finally:
        spanloft.uninstrument()
    assert b"me@example.com" not in b"".join(record.SerializeToString() for record in sink.logs)
    assert attributes(sink.logs[0].attributes)["user.id"] == "[EMAIL]"


def test_nothing_is_sent_when_nothing_may_be(sink: Sink) -> None:
    with spanloft.testing.capture():
        assert not spanloft.feedback(1, response_id="x")
    assert spanloft.flush()
    assert not sink.logs


def test_a_process_that_is_not_instrumented(sink: Sink) -> None:
    ran = run_python(
        "import spanloft; print(spanloft.feedback(1, response_id='x'))",
        {"OTEL_EXPORTER_OTLP_ENDPOINT": sink.url, "SPANLOFT_SPOOL": "off"},
    )
    assert (ran.code, ran.stdout) == (0, "True\n"), ran.stderr
    assert len(sink.logs) == 1


def test_collector_down_then_delivered_by_the_next_start(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}", "SPANLOFT_SPOOL": str(tmp_path)}
    run_python("import spanloft; spanloft.instrument(); spanloft.feedback(1, response_id='x')", environment)
    assert len(list(tmp_path.rglob("*.otlp"))) == 1
    with otlp_sink(port) as back:
        run_python("import spanloft; spanloft.instrument(); spanloft.flush()", environment)
        assert len(back.logs) == 1
        assert not back.requests
    assert not list(tmp_path.rglob("*.otlp"))


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_the_view_shows_the_latest(
    provider: FakeProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protocol: str
) -> None:
    with CollectorProcess(tmp_path / "store") as collector:
        address = collector.http if protocol.startswith("http") else f"http://{collector.grpc}"
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
        monkeypatch.setenv("SPANLOFT_SPOOL", "off")
        spanloft.instrument()
        try:
            client = openai.OpenAI(base_url=f"{provider.url}/v1", api_key="x")
            answer = client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "refund?"}])
            for user, score in (("a", 0), ("b", 1), ("a", 1)):
                spanloft.feedback(score, response_id=answer.id, user=user)
                time.sleep(0.002)
            spanloft.feedback(0.2, response_id="nobody knows", name="tone", label="rude")
            assert spanloft.flush()
        finally:
            spanloft.uninstrument()
        assert collector.stop() == 0
    with duckdb.connect(str(tmp_path / "store" / "spanloft.duckdb"), read_only=True) as connection:
        rows = connection.execute(
            "SELECT f.name, f.score, f.user_id, f.label, c.request_model FROM feedback f "
            "LEFT JOIN llm_calls c USING (trace_id, span_id) ORDER BY f.name, f.user_id"
        ).fetchall()
        comment = connection.execute(
            "SELECT comment FROM duckdb_columns() WHERE table_name = 'feedback' AND column_name = 'score'"
        ).fetchone()
    expected = [["tone", 0.2, None, "rude", None], *(["user_feedback", 1.0, u, None, "gpt-4o"] for u in "ab")]
    assert json.loads(json.dumps(rows)) == expected
    assert comment
