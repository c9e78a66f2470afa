"""Parts of the trace view with known answers: the critical path, and what can be copied."""

from __future__ import annotations

import datetime as dt
import json
import shlex
import subprocess
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from spanloft_collector.receivers.encoding import parse_json
from spanloft_dashboard.components import theme, tree, waterfall
from spanloft_dashboard.components.copies import model_call, request
from spanloft_dashboard.components.critical_path import by_name, critical_path

START = dt.datetime.fromisoformat("2026-03-02T08:00")


def span(name: str, begin: float, end: float, parent: str | None = None) -> dict[str, Any]:
    return {
        "span_id": name,
        "parent_span_id": parent,
        "name": name,
        "start_time": START + dt.timedelta(milliseconds=begin),
        "duration_ms": end - begin,
    }


@pytest.mark.parametrize(
    ("spans", "path"),
    [
        # One after the other: all of it, and the root's own time between.
        (
            [span("root", 0, 100), span("a", 10, 40, "root"), span("b", 50, 90, "root")],
            {"root": [(90, 100), (40, 50), (0, 10)], "b": [(50, 90)], "a": [(10, 40)]},
        ),
        # Side by side: only the one that ends last.
        (
            [span("root", 0, 100), span("short", 0, 60, "root"), span("long", 0, 100, "root")],
            {"long": [(0, 100)]},
        ),
        # A child that outlives its parent counts up to the parent's end; one that began afterwards does not count.
        (
            [span("root", 0, 100), span("late", 80, 150, "root"), span("after", 120, 130, "root")],
            {"late": [(80, 100)], "root": [(0, 80)]},
        ),
        # Two levels, and a second root that is shorter.
        (
            [span("root", 0, 100), span("a", 20, 100, "root"), span("b", 30, 90, "a"), span("other", 0, 99, "gone")],
            {"a": [(90, 100), (20, 30)], "b": [(30, 90)], "root": [(0, 20)]},
        ),
    ],
)
def test_the_critical_path(spans: list[dict[str, Any]], path: dict[str, list[tuple[float, float]]]) -> None:
    found = critical_path(tree.build(spans), START)
    assert found == path
    assert sum(ms for _, ms in by_name(found, {s["span_id"]: s["name"] for s in spans})) == 100


HOSTILE = 'it\'s $(touch /tmp/never) `id` "quoted" \\ \u202e <script>'
CALL = {
    "trace_id": "ab" * 16,
    "span_id": "cd" * 8,
    "parent_span_id": None,
    "name": "chat gpt-5",
    "kind": "client",
    "start_time": START,
    "duration_ms": 1500.25,
    "status_code": "ok",
    "status_message": None,
    "scope_name": "scope",
    "scope_version": "1",
    "operation": "chat",
    "provider": "openai",
    "request_model": "gpt-5",
    "response_model": "gpt-5-2026",
    "max_tokens": 50,
    "temperature": None,
}
PAYLOAD = {
    "input_messages": json.dumps([{"role": "user", "parts": [{"type": "text", "content": HOSTILE}]}]),
    "system_instructions": json.dumps([{"type": "text", "content": "Be brief."}]),
    "attributes": json.dumps({"gen_ai.operation.name": "chat", "n": 3, "x": [1.5, "a"], "deep": {"b": True}}),
    "resource": json.dumps({"service.name": "shop"}),
    "events": json.dumps([{"name": "went", "time_ns": 1_700_000_000_000_000_000, "attributes": {"k": "v"}}]),
}


def test_otlp_is_read_by_the_receiver() -> None:
    message = ExportTraceServiceRequest()
    parse_json(json.dumps(request([(CALL, PAYLOAD)])).encode(), message)
    read = message.resource_spans[0].scope_spans[0].spans[0]
    assert read.trace_id.hex() == CALL["trace_id"]
    assert read.end_time_unix_nano - read.start_time_unix_nano == 1_500_250_000
    assert {pair.key for pair in read.attributes} == {"gen_ai.operation.name", "n", "x", "deep"}
    assert read.events[0].name == "went"
    assert message.resource_spans[0].resource.attributes[0].value.string_value == "shop"


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_the_shell_reads_nothing_of_the_texts(provider: str) -> None:
    text = model_call({**CALL, "provider": provider}, PAYLOAD)
    assert text is not None
    arguments = shlex.split(text)
    body = json.loads(arguments[arguments.index("--data-raw") + 1])
    content = body["messages"][-1]["content"]
    assert content == HOSTILE.replace("\u202e", "⟨U+202E⟩")
    # A real shell agrees about where the words end.
    echoed = subprocess.run(
        ["bash", "-c", text.replace("curl ", "printf '%s\\0' ", 1)],
        capture_output=True,
        text=True,
        check=True,
        env={"OPENAI_API_KEY": "k", "ANTHROPIC_API_KEY": "k"},
    ).stdout.split("\0")
    assert echoed[0].startswith("https://api.")
    assert json.loads(echoed[-2]) == body


def test_a_call_without_messages_can_not_be_made_again() -> None:
    assert model_call(CALL, {}) is None
    assert model_call({**CALL, "provider": "cohere"}, PAYLOAD) is None


def test_the_waterfall_draws_ten_thousand_spans_folded() -> None:
    names = [f"s{number}" for number in range(10_000)]
    spans = [span(name, 10.0 * at, 10.0 * at + 9, f"s{at // 20 * 20}") for at, name in enumerate(names)]
    for at, row in enumerate(spans):
        row |= {"parent_span_id": None if at == 0 else "s0" if at % 20 == 0 else f"s{at // 20 * 20}"}
        row |= {"operation": "chat", "status_code": "error" if at == 7 else "unset", "error_type": "<b>E</b>"}
        row |= {"status_message": None, "cost_usd": 0.001, "input_tokens": 10, "output_tokens": 5}
    roots = tree.build(spans)
    start, length = tree.bounds(spans)
    drawn = tree.rows(roots, "s7")
    spec = waterfall.description(drawn, start, length, "s7", critical_path(roots, start))
    rows = {row["id"]: row for row in spec["spans"]}
    assert len(spec["spans"]) <= 320
    assert (spec["length"], rows["s7"]["begin"], rows["s7"]["length"]) == (99_999.0, 70.0, 9.0)
    assert rows["s0"]["figures"] == "9.0 ms · 142 k tok · $10.00", "with all below; calls above calls are counted below"
    assert rows["s7"]["figures"].startswith("✕ 9.0 ms")
    assert "<b>E</b>" in rows["s7"]["hover"], "set as text by the drawing"
    folded = next(row for row in spec["spans"] if row["folded"])
    assert (folded["mark"], folded["folded"]) == ("▸", " +19")
    assert len(json.dumps(spec)) < 200_000


@pytest.mark.parametrize("color", sorted({*theme.OPERATIONS.values(), theme.ERROR, theme.OTHER_OPERATION}))
def test_figures_on_a_bar_can_be_read(color: str) -> None:
    lights = sorted(theme._luminance(shade) + 0.05 for shade in (color, theme.ink_on(color)))
    assert lights[1] / lights[0] >= 4.5
