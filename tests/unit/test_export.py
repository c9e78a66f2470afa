"""``spanloft export``: what leaves a store as OTLP comes back as the same rows; tables hold what views show."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import SeverityNumber
from spanloft_collector.errors import SpanloftError
from spanloft_collector.maintenance.export import check_datasets, export_otlp, export_tables, prepare
from spanloft_collector.maintenance.selection import Selection, parse_time
from spanloft_collector.model import DATASETS
from spanloft_collector.receivers.files import find_files
from spanloft_collector.store.parquet import ParquetStore
from stored import fill, one, rows, sample_requests

START = 1_790_000_000_123_456_789
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
MESSAGES = [{"role": "user", "parts": [{"type": "text", "content": "Wie spät ist es? 🕰"}]}]


def text(key: str, value: str) -> dict[str, Any]:
    return {"key": key, "value": {"stringValue": value}}


def odd_request() -> dict[str, Any]:
    """Spans with everything that attributes, events and links can hold, and times that make no sense."""
    nested = {
        "kvlistValue": {"values": [{"key": "deep", "value": {"arrayValue": {"values": [{"intValue": "-1"}, {}]}}}]}
    }
    attributes = [
        text("gen_ai.operation.name", "chat"),
        text("gen_ai.request.model", "gpt-4o-mini"),
        text("gen_ai.provider.name", "openai"),
        text("gen_ai.input.messages", json.dumps(MESSAGES, ensure_ascii=False)),
        {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "12"}},
        {"key": "gen_ai.usage.output_tokens", "value": {"intValue": "3"}},
        {"key": "whole", "value": {"doubleValue": 2.0}},
        {"key": "large", "value": {"intValue": str(2**62)}},
        {"key": "flag", "value": {"boolValue": False}},
        {"key": "nothing", "value": {}},
        {"key": "bytes", "value": {"bytesValue": "AAEC"}},
        {"key": "nested", "value": nested},
        text("empty", ""),
    ]
    span = {
        "traceId": TRACE,
        "spanId": SPAN,
        "parentSpanId": "00f067aa0ba902b7",
        "name": "chat gpt-4o-mini",
        "kind": 3,
        "startTimeUnixNano": str(START),
        "endTimeUnixNano": str(START + 1_234_567_891),
        "attributes": attributes,
        "events": [{"name": "retry", "timeUnixNano": str(START + 7), "attributes": [text("why", "429")]}],
        "links": [{"traceId": "f" * 32, "spanId": "e" * 16, "attributes": [{"key": "n", "value": {"intValue": "1"}}]}],
        "status": {"code": 2, "message": "late"},
    }
    no_end = {"traceId": TRACE, "spanId": "1" * 16, "name": "", "startTimeUnixNano": str(START)}
    resource = {"attributes": [text("service.name", "odd"), text("deployment.environment.name", "test")]}
    scope = {"name": "by-hand", "version": "1.2"}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": scope, "spans": [span, no_end]}]}]}


def signals() -> list[dict[str, Any]]:
    """A request of logs and one of metrics."""
    number = {"timeUnixNano": str(START), "startTimeUnixNano": str(START - 10**9), "attributes": [text("k", "v")]}
    histogram = number | {"count": "3", "sum": 1.5, "bucketCounts": ["1", "2"], "explicitBounds": [0.1]}
    logs = [
        {
            "timeUnixNano": str(START),
            "severityNumber": 13,
            "body": {"stringValue": "slow"},
            "traceId": TRACE,
            "spanId": SPAN,
        },
        {"timeUnixNano": str(START + 5000), "eventName": "x.y", "attributes": [text("a", "b")]},
    ]
    metrics = [
        {"name": "used", "unit": "1", "gauge": {"dataPoints": [number | {"asDouble": 0.5}]}},
        {
            "name": "calls",
            "sum": {"isMonotonic": True, "aggregationTemporality": 2, "dataPoints": [number | {"asInt": "4"}]},
        },
        {"name": "took", "unit": "s", "histogram": {"aggregationTemporality": 2, "dataPoints": [histogram]}},
    ]
    resource = {"attributes": [text("service.name", "odd")]}
    return [
        {"resourceLogs": [{"resource": resource, "scopeLogs": [{"scope": {"name": "s"}, "logRecords": logs}]}]},
        {"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"metrics": metrics}]}]},
    ]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ParquetStore:
    root = tmp_path_factory.mktemp("store")
    file = root / "more.jsonl"
    file.write_text("\n".join(json.dumps(request) for request in [odd_request(), *signals()]))
    return fill(root / "store", [*sample_requests(), file])


def export(store: ParquetStore, output: Path, selection: Selection | None = None) -> dict[str, int]:
    prepare(output)
    return export_otlp(store, output, selection or Selection(), lambda done, total: None)


def by_id(store: ParquetStore, statement: str) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["trace_id"], row["span_id"]): row for row in rows(store, statement)}


def test_loading_an_otlp_export_gives_the_same_rows(store: ParquetStore, tmp_path: Path) -> None:
    written = export(store, tmp_path / "out")
    again = fill(tmp_path / "again", find_files([tmp_path / "out"]))

    assert written["traces"] == one(store, "SELECT count(*) FROM spans") > 190
    for statement in ("SELECT * EXCLUDE ingest_time FROM spans", "FROM payloads"):
        found, wanted = by_id(again, statement), by_id(store, statement)
        assert found.keys() == wanted.keys()
        for key, row in wanted.items():
            for column, value in row.items():
                assert same(column, found[key][column], value), (key, column, found[key][column], value)
    for statement in ("SELECT * EXCLUDE priced_at FROM costs", "FROM cost_daily"):
        assert len(rows(again, statement)) == len(rows(store, statement))
    assert one(again, "SELECT sum(cost_usd) FROM cost_daily") == pytest.approx(
        one(store, "SELECT sum(cost_usd) FROM cost_daily")
    )


def same(column: str, found: Any, wanted: Any) -> bool:
    """Equal. First tokens to the microsecond in which starts are stored; JSON whatever the order of its keys."""
    if isinstance(wanted, float):
        return bool(found == pytest.approx(wanted, rel=1e-12, abs=1.1e-3 if column == "ttft_ms" else 0.0))
    return bool(found == wanted or json_or_text(found) == json_or_text(wanted))


def test_logs_and_metrics_come_back_too(store: ParquetStore, tmp_path: Path) -> None:
    assert {name: n for name, n in export(store, tmp_path / "out").items() if name != "traces"} == {
        "logs": 2,
        "metrics": 3,
    }
    again = fill(tmp_path / "again", find_files([tmp_path / "out"]), jobs=False)
    for dataset in ("logs", "metrics"):
        statement = f"SELECT * EXCLUDE ingest_time FROM {dataset} ORDER BY ALL"
        found, wanted = rows(again, statement), rows(store, statement)
        assert [{k: json_or_text(v) for k, v in row.items()} for row in found] == [
            {k: json_or_text(v) for k, v in row.items()} for row in wanted
        ]
    assert SeverityNumber.Name(13).removeprefix("SEVERITY_NUMBER_") in {
        row["severity"] for row in rows(again, "FROM logs")
    }


def json_or_text(value: Any) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return value


def test_only_what_is_selected_is_exported(store: ParquetStore, tmp_path: Path) -> None:
    assert export(store, tmp_path / "service", Selection(service="ODD"))["traces"] == 2
    assert export(store, tmp_path / "none", Selection(until_us=parse_time("2000-01-01", ""))) == {
        "logs": 0,
        "metrics": 0,
        "traces": 0,
    }
    output = tmp_path / "csv"
    prepare(output)
    written = export_tables(store, output, ["spans", "costs"], "csv", Selection(service="odd"), lambda *_: None)
    assert written == {"spans": 2, "costs": 1}


@pytest.mark.parametrize("file_format", ["parquet", "csv"])
def test_tables_hold_what_the_views_show(store: ParquetStore, tmp_path: Path, file_format: str) -> None:
    output = tmp_path / "out"
    prepare(output)
    written = export_tables(store, output, check_datasets([]), file_format, Selection(), lambda *_: None)
    for name in DATASETS:
        assert written[name] == one(store, f"SELECT count(*) FROM {name}")
    if file_format == "parquet":
        with duckdb.connect() as connection:
            found = connection.execute(f"FROM '{output}/payloads.parquet' ORDER BY ALL").to_arrow_table().to_pylist()
        assert found == rows(store, "FROM payloads ORDER BY ALL")
    else:
        with (output / "spans.csv").open(newline="") as file:
            lines = list(csv.DictReader(file))
        wanted = by_id(store, "FROM spans")
        assert len(lines) == len(wanted)
        for line in lines:
            row = wanted[line["trace_id"], line["span_id"]]
            assert line["input_preview"] == (row["input_preview"] or "")
            assert line["tags"] == ("" if row["tags"] is None else json.dumps(row["tags"]))


def test_a_folder_that_is_not_empty_is_refused(tmp_path: Path) -> None:
    (tmp_path / "something").touch()
    with pytest.raises(SpanloftError, match="not empty"):
        prepare(tmp_path)


def test_an_unknown_dataset_is_refused() -> None:
    with pytest.raises(SpanloftError, match=r"--dataset spam.*spans, payloads"):
        check_datasets(["spam"])
