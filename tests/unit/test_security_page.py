"""The Security page on the poisoned sample: the list, a finding with its chain, verdicts, and foreign text as text."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from apptest import figures, lists, open_page, words
from spanloft_collector.store.parquet import ParquetStore
from spanloft_dashboard.components import verdicts
from stored import SAMPLES, fill, one, rows


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ParquetStore:
    return fill(tmp_path_factory.mktemp("page") / "store", [SAMPLES / "otel_genai" / "poisoned_agent" / "request.json"])


def test_the_list_shows_the_attack_and_what_is_measured(monkeypatch: pytest.MonkeyPatch, store: ParquetStore) -> None:
    app = open_page(monkeypatch, store.root, "security", range="all")
    values = figures(app)
    assert values["Attacked traces"] == "1"
    assert values["Successful"] == "1"
    table = next(frame for frame in lists(app) if "detectors" not in frame and "outcome" in frame)
    assert table["outcome"].tolist() == ["successful"]
    assert "send_email" in table["segment"][0]
    text = words(app)
    assert "How far to trust this" in text
    assert "does not" in text
    assert "could not be" not in text


def test_a_finding_shows_evidence_and_chain(monkeypatch: pytest.MonkeyPatch, store: ParquetStore) -> None:
    finding = one(store, "SELECT min(finding_id) FROM security_findings WHERE detector = 'rule:tool-call-order'")
    app = open_page(monkeypatch, store.root, "security", range="all", finding=finding)
    text = words(app)
    assert "orange-background" in text
    assert "calls send\\_email" in text or "calls send_email" in text
    assert "execute" in text
    assert "learned" in text
    assert {button.label for button in app.button} >= {"True alarm", "False alarm"}


def test_leaks_and_ranks_have_their_own_lists(monkeypatch: pytest.MonkeyPatch, store: ParquetStore) -> None:
    leaks = open_page(monkeypatch, store.root, "security", range="all")
    leaks.selectbox(key="_choice_kind").set_value("leaks").run()
    table = next(frame for frame in lists(leaks) if "outcome" in frame)
    assert set(table["category"]) == {"sensitive info disclosure"}
    ranked = open_page(monkeypatch, store.root, "security", range="all", kind="ranked", budget="0.1")
    assert "rank among your own texts" in words(ranked)


def test_an_unknown_finding_is_a_sentence(monkeypatch: pytest.MonkeyPatch, store: ParquetStore) -> None:
    assert "There is no finding" in words(
        open_page(monkeypatch, store.root, "security", range="all", finding="[x](https://a.example)")
    )


@pytest.fixture
def collector(store: ParquetStore) -> Iterator[list[dict[str, Any]]]:
    """A server that takes log events as the collector does, named in the store as a collector names itself."""
    taken: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = store.root / "collector.json"
    address.write_text(json.dumps({"http": f"http://127.0.0.1:{server.server_address[1]}"}))
    yield taken
    server.shutdown()
    server.server_close()
    address.unlink()


def test_a_verdict_is_sent_to_the_collector(
    monkeypatch: pytest.MonkeyPatch, store: ParquetStore, collector: list[dict[str, Any]]
) -> None:
    (row,) = rows(store, "SELECT finding_id, trace_id FROM security_findings WHERE detector = 'rule:tool-call-order'")
    app = open_page(monkeypatch, store.root, "security", range="all", finding=row["finding_id"])
    next(button for button in app.button if button.label == "False alarm").click().run()
    assert "Recorded" in app.success[0].value
    record = collector[0]["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]
    attributes = {item["key"]: item["value"]["stringValue"] for item in record["attributes"]}
    assert record["eventName"] == verdicts.EVENT
    assert record["traceId"] == row["trace_id"]
    assert attributes["spanloft.finding.id"] == row["finding_id"]
    assert attributes["gen_ai.evaluation.score.label"] == "false_alarm"


def test_without_a_collector_a_sentence_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, store: ParquetStore, tmp_path: Path
) -> None:
    monkeypatch.setenv("SPANLOFT_ENDPOINT", "http://127.0.0.1:9")
    finding = one(store, "SELECT min(finding_id) FROM security_findings WHERE detector = 'rule:tool-call-order'")
    app = open_page(monkeypatch, store.root, "security", range="all", finding=finding)
    next(button for button in app.button if button.label == "True alarm").click().run()
    assert "start it with: spanloft up" in app.error[0].value.replace("\\", "")
