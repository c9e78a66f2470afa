"""Maintenance commands beside a collector that receives, jobs that run and readers that never stop."""

from __future__ import annotations

import json
import subprocess
import threading
import time
import urllib.request
from pathlib import Path

import duckdb
import pytest
from running import SPANLOFT, Running

PRICES = "version: test\nprices:\n  - {model: gpt-4o, input_per_mtok: 100, output_per_mtok: 100}\n"


def request(number: int, spans: int = 20) -> bytes:
    """A request of calls with ids of their own, over three days."""
    start = time.time_ns() - number % 3 * 86_400 * 10**9
    attributes = [
        {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
        {"key": "gen_ai.request.model", "value": {"stringValue": "gpt-4o"}},
        {"key": "gen_ai.provider.name", "value": {"stringValue": "openai"}},
        {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "1000"}},
        {"key": "gen_ai.usage.output_tokens", "value": {"intValue": "10"}},
    ]
    members = [
        {
            "traceId": f"{number + 1:032x}",
            "spanId": f"{number * spans + index + 1:016x}",
            "name": "chat gpt-4o",
            "startTimeUnixNano": str(start + index),
            "endTimeUnixNano": str(start + 10**9),
            "attributes": attributes,
        }
        for index in range(spans)
    ]
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"scope": {"name": "test"}, "spans": members}]}]}).encode()


class Traffic:
    """Sends without a pause, and reads counts that may only rise."""

    def __init__(self, spanloft: Running) -> None:
        self.spanloft = spanloft
        self.sent = 0
        self.failures: list[str] = []
        self.reads = 0
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=target) for target in (self.send, self.read, self.read)]
        for thread in self.threads:
            thread.start()

    def send(self) -> None:
        number = 0
        while not self.stop.wait(0.05):
            post = urllib.request.Request(
                f"{self.spanloft.http}/v1/traces", request(number), {"Content-Type": "application/json"}
            )
            try:
                with urllib.request.urlopen(post, timeout=30) as response:
                    assert response.status == 200
            except Exception as error:
                self.failures.append(f"send: {error}")
            number += 1
            self.sent += 20

    def read(self) -> None:
        before = (0, 0)
        with duckdb.connect(str(self.spanloft.store / "spanloft.duckdb"), read_only=True) as connection:
            while not self.stop.is_set():
                try:
                    found = connection.execute(
                        "SELECT (SELECT count(*) FROM spans), (SELECT count(DISTINCT span_id) FROM payloads)"
                    ).fetchone()
                except duckdb.Error as error:
                    self.failures.append(f"read: {error}")
                    continue
                assert found is not None
                if found < before or found[0] < before[0] or found[1] < before[1]:
                    self.failures.append(f"read: {found} after {before}")
                before = found
                self.reads += 1

    def end(self) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_commands_beside_a_collector_lose_nothing_and_nobody_notices(tmp_path: Path) -> None:
    prices = tmp_path / "prices.yaml"
    prices.write_text(PRICES)
    commands = (["compact"], ["reprice", "--prices", str(prices)], ["remap"], ["compact"])
    with Running(tmp_path / "store") as spanloft:
        spanloft.wait_for("SELECT count(*) FROM spans", 0)
        traffic = Traffic(spanloft)
        try:
            spanloft.wait_for("SELECT (count(*) > 1000)::INT FROM spans", 1, timeout=60)
            outputs = []
            for command in commands:
                done = subprocess.run(
                    [*SPANLOFT, *command, "--store", str(spanloft.store)], capture_output=True, text=True, timeout=120
                )
                assert done.returncode == 0, (command, done.stdout, done.stderr)
                outputs.append(done.stdout)
        finally:
            traffic.end()
        assert traffic.failures == []
        assert traffic.reads > 20
        for view in ("spans", "payloads", "costs"):
            spanloft.wait_for(f"SELECT count(*) FROM {view}", traffic.sent, timeout=40)
            (ids,) = spanloft.rows(f"SELECT count(DISTINCT span_id) AS n FROM {view}")
            assert ids["n"] == traffic.sent
        # remap prices as the collector does: without the overrides that reprice was given.
        (kept,) = spanloft.rows("SELECT count(DISTINCT run) AS runs, count(*) AS n FROM reprices")
        assert kept["runs"] == 2, outputs
        (bill,) = spanloft.rows("SELECT sum(cost_usd) AS usd, count(*) AS n FROM llm_calls")
        spanloft.wait_for(f"SELECT (sum(cost_usd) - {bill['usd']} BETWEEN -1e-6 AND 1e-6)::INT FROM costs", 1)
        spanloft.wait_for("SELECT sum(calls)::BIGINT FROM cost_daily", bill["n"], timeout=30)
