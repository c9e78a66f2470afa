"""GenAI log events join their span, whichever comes first and however long after."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from spanloft_collector.jobs.events import EventsJob
from spanloft_collector.jobs.runner import JobRunner
from spanloft_collector.maintenance.export import export_otlp, prepare
from spanloft_collector.maintenance.late_events import join_events
from spanloft_collector.maintenance.remap import remap
from spanloft_collector.maintenance.selection import Selection
from spanloft_collector.pipeline import batch, events
from spanloft_collector.pipeline.events import EventMemory, combine, events_of
from spanloft_collector.pricing.prices import Pricer
from spanloft_collector.receivers.files import find_files
from spanloft_collector.store.parquet import ParquetStore
from spanloft_collector.store.rewrite import live_files
from spanloft_collector.store.schema import to_table
from stored import fill, rows

START = 1_790_000_000_000_000_000
TRACE, SPAN, OTHER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "00f067aa0ba902b7"
QUESTION = [{"role": "user", "parts": [{"type": "text", "content": "How tall is the tower?"}]}]
ANSWER = [{"role": "assistant", "parts": [{"type": "text", "content": "330 metres."}], "finish_reason": "stop"}]


def text(key: str, value: str) -> dict[str, Any]:
    return {"key": key, "value": {"stringValue": value}}


def spans() -> dict[str, Any]:
    shared = {"traceId": TRACE, "startTimeUnixNano": str(START), "endTimeUnixNano": str(START + 10**9)}
    call = [
        text("gen_ai.operation.name", "chat"),
        text("gen_ai.request.model", "gpt-4o"),
        text("gen_ai.system", "openai"),
    ]
    scope = {"scope": {"name": "opentelemetry.instrumentation.openai_v2"}}
    members = [
        {**shared, "spanId": SPAN, "name": "chat gpt-4o", "attributes": call},
        {**shared, "spanId": OTHER, "name": "work", "attributes": [text("a", "b")]},
    ]
    return {"resourceSpans": [{"resource": {}, "scopeSpans": [{**scope, "spans": members}]}]}


def logs(*records: dict[str, Any]) -> dict[str, Any]:
    shared = {"traceId": TRACE, "spanId": SPAN}
    numbered = [
        {**shared, "timeUnixNano": str(START + number * 1000), **record} for number, record in enumerate(records)
    ]
    return {"resourceLogs": [{"resource": {}, "scopeLogs": [{"scope": {"name": "s"}, "logRecords": numbered}]}]}


def value(found: Any) -> dict[str, Any]:
    if isinstance(found, dict):
        return {"kvlistValue": {"values": [{"key": key, "value": value(item)} for key, item in found.items()]}}
    if isinstance(found, list):
        return {"arrayValue": {"values": [value(item) for item in found]}}
    return {"stringValue": found}


DETAILS = {
    "eventName": "gen_ai.client.inference.operation.details",
    "attributes": [
        {"key": "gen_ai.input.messages", "value": value(QUESTION)},
        {"key": "gen_ai.output.messages", "value": value(ANSWER)},
    ],
}
ASKED = {"eventName": "gen_ai.user.message", "body": value({"content": "How tall is the tower?"})}
CHOSEN = {
    "attributes": [text("event.name", "gen_ai.choice")],
    "body": value({"finish_reason": "stop", "message": {"role": "assistant", "content": "330 metres."}}),
}
SCORE = {"eventName": "gen_ai.evaluation.result", "attributes": [text("gen_ai.evaluation.name", "relevance")]}
FORMS = {"details": [DETAILS], "per message": [ASKED, CHOSEN, SCORE]}


@pytest.fixture(autouse=True)
def memory(monkeypatch: pytest.MonkeyPatch) -> EventMemory:
    """A memory of the test's own, as a new process has."""
    memory = EventMemory()
    monkeypatch.setattr(batch.assemble, "__defaults__", (memory, ()))
    return memory


def load(root: Path, *requests: dict[str, Any]) -> ParquetStore:
    """Load requests, each in a run of the pipeline of its own."""
    store = ParquetStore(root / "store")
    for number, request in enumerate(requests):
        file = root / f"{number}-{len(list(root.iterdir()))}.json"
        file.write_text(json.dumps(request))
        fill(root / "store", [file], jobs=False)
    return store


def run_job(store: ParquetStore) -> None:
    JobRunner(store, [EventsJob(partial(join_events, store, settle_s=0.0))]).run_until_idle("events")


def joined(store: ParquetStore) -> None:
    (span,) = rows(store, f"FROM spans WHERE span_id = '{SPAN}'")
    (payload,) = rows(store, f"FROM payloads WHERE span_id = '{SPAN}'")
    assert json.loads(payload["input_messages"]) == QUESTION
    assert json.loads(payload["output_messages"]) == ANSWER
    assert (span["input_preview"], span["output_preview"]) == ("How tall is the tower?", "330 metres.")
    assert span["finish_reason"] == "stop"
    assert len(rows(store, "FROM spans")) == len(rows(store, "FROM payloads")) == 2
    (other,) = rows(store, f"FROM payloads WHERE span_id = '{OTHER}'")
    assert other["input_messages"] is None
    assert len(rows(store, "FROM logs")) >= 1


@pytest.mark.parametrize("form", FORMS)
def test_events_that_come_first_are_in_the_span_when_it_is_published(tmp_path: Path, form: str) -> None:
    joined(load(tmp_path, logs(*FORMS[form]), spans()))


@pytest.mark.parametrize("form", FORMS)
def test_events_of_the_same_publish_are_in_the_span(tmp_path: Path, form: str) -> None:
    file = tmp_path / "both.jsonl"
    file.write_text(json.dumps(spans()) + "\n" + json.dumps(logs(*FORMS[form])))
    joined(fill(tmp_path / "store", [file], jobs=False))


@pytest.mark.parametrize("form", FORMS)
def test_events_that_come_later_are_joined_by_the_job(tmp_path: Path, form: str) -> None:
    store = load(tmp_path, spans(), logs(*FORMS[form]))
    assert rows(store, f"FROM payloads WHERE span_id = '{SPAN}'")[0]["input_messages"] is None
    run_job(store)
    joined(store)
    files = live_files(store)
    run_job(store)
    assert live_files(store) == files


def test_a_restart_between_event_and_span_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load(tmp_path, logs(DETAILS))
    monkeypatch.setattr(batch.assemble, "__defaults__", (EventMemory(), ()))
    store = load(tmp_path, spans())
    assert rows(store, f"FROM payloads WHERE span_id = '{SPAN}'")[0]["input_messages"] is None
    run_job(store)
    joined(store)


def test_messages_that_come_one_by_one_add_up(tmp_path: Path) -> None:
    store = load(tmp_path, logs(ASKED), spans())
    assert rows(store, f"FROM spans WHERE span_id = '{SPAN}'")[0]["output_preview"] is None
    store = load(tmp_path, logs({**CHOSEN, "timeUnixNano": str(START + 5000)}))
    run_job(store)
    joined(store)


def test_an_event_that_was_sent_twice_counts_once(tmp_path: Path) -> None:
    joined(load(tmp_path, logs(ASKED, CHOSEN), logs(ASKED, CHOSEN), spans()))


def test_remap_keeps_messages_that_came_as_events(tmp_path: Path) -> None:
    store = load(tmp_path, logs(DETAILS), spans())
    assert remap(store, Pricer(), Selection(), settle_s=0.0).changed == 0
    joined(store)


def test_remap_joins_what_came_too_late_for_the_job(tmp_path: Path) -> None:
    store = load(tmp_path, spans(), logs(DETAILS))
    assert remap(store, Pricer(), Selection(), settle_s=0.0).changed == 1
    joined(store)


def test_an_otlp_export_brings_events_and_spans_together_again(tmp_path: Path) -> None:
    store = load(tmp_path, logs(DETAILS), spans())
    prepare(tmp_path / "out")
    export_otlp(store, tmp_path / "out", Selection(), lambda done, total: None)
    joined(fill(tmp_path / "again", find_files([tmp_path / "out"]), jobs=False))


def test_a_span_keeps_the_messages_of_its_own_attributes(tmp_path: Path) -> None:
    request = spans()
    own = [{"role": "user", "parts": [{"type": "text", "content": "Mine"}]}]
    (scope,) = request["resourceSpans"][0]["scopeSpans"]
    scope["spans"][0]["attributes"].append(text("gen_ai.input.messages", json.dumps(own)))
    store = load(tmp_path, logs(DETAILS), request)
    (payload,) = rows(store, f"FROM payloads WHERE span_id = '{SPAN}'")
    assert json.loads(payload["input_messages"]) == own
    assert json.loads(payload["output_messages"]) == ANSWER


def test_memory_is_bounded_and_forgets_the_oldest() -> None:
    memory = EventMemory(max_bytes=1000)
    for number in range(50):
        memory.add([((TRACE, f"{number:016x}"), events.Event(number, "gen_ai.choice", "x" * 100, None))])
    assert len(memory) == 10
    assert memory.take((TRACE, f"{0:016x}")) is None
    assert memory.take((TRACE, f"{49:016x}")) is not None
    assert len(memory) == 9


@pytest.mark.parametrize("damage", [None, "", "[1]", "{", '"text"', "null"])
def test_events_that_can_not_be_read_say_nothing(damage: str | None) -> None:
    table = to_table(
        "logs",
        {
            "trace_id": [TRACE, None],
            "span_id": [SPAN, None],
            "time": [1, 2],
            "event_name": ["gen_ai.client.inference.operation.details", None],
            "attributes": [damage, damage],
            "body": [damage, None],
        },
    )
    ((key, event),) = events_of(table)
    assert key == (TRACE, SPAN)
    assert combine([event]) == {}
