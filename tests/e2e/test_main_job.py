"""The main job: an app adds one line; its calls are in DuckDB and in the browser as the provider billed them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fake_provider import FakeProvider
from genai_prices import Usage, calc_price
from playwright.sync_api import Page, expect
from running import SPANLOFT, Running

APP = Path(__file__).parent / "an_app.py"
CALLS = 20


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeProvider]:
    with FakeProvider(tmp_path_factory.mktemp("provider") / "ledger.jsonl") as provider:
        yield provider


@pytest.fixture(scope="module")
def spanloft(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with Running(tmp_path_factory.mktemp("main") / "store") as running:
        yield running


@pytest.fixture(scope="module")
def bills(spanloft: Running, provider: FakeProvider) -> list[dict[str, Any]]:
    """The provider's ledger after the app ran with its one line."""
    environment = spanloft.environment(PROVIDER_URL=provider.url, OTEL_SERVICE_NAME="an-app")
    subprocess.run([sys.executable, str(APP)], env=environment, check=True, timeout=60)
    spanloft.wait_for("SELECT count(*) FROM llm_calls WHERE service_name = 'an-app'", CALLS)
    return provider.wait_for_bills(CALLS)


def test_every_call_is_there_once(spanloft: Running, bills: list[dict[str, Any]]) -> None:
    assert len(bills) == CALLS
    rows = spanloft.rows("SELECT response_id, span_id FROM llm_calls WHERE service_name = 'an-app'")
    assert len(rows) == CALLS
    told = sorted(bill["response_id"] for bill in bills if bill["response_id"] and bill["provider"] != "openai")
    assert told
    stored = {row["response_id"] for row in rows}
    assert set(told) <= stored


def test_tokens_are_those_of_the_ledger(spanloft: Running, bills: list[dict[str, Any]]) -> None:
    rows = spanloft.rows("SELECT * FROM llm_calls WHERE service_name = 'an-app' AND response_id IS NOT NULL")
    by_id = {row["response_id"]: row for row in rows}
    compared = 0
    for bill in bills:
        if bill["response_id"] not in by_id:
            # An embedding has no response id and a refused call no response; both are compared below.
            assert bill["endpoint"].endswith("/embeddings") or bill["status"] == 429
            continue
        row = by_id[bill["response_id"]]
        assert row["provider"] == bill["provider"]
        assert row["response_model"] == bill["model"]
        assert row["request_model"] == bill["request_model"]
        assert bool(row["is_stream"]) == bill["stream"]
        if bill["usage_sent"]:
            assert row["usage_source"] == "reported"
            assert row["input_tokens"] == bill["input_tokens"]
            assert row["output_tokens"] == bill["output_tokens"]
            assert (row["cache_read_tokens"] or 0) == bill["cached_tokens"]
            assert (row["cache_write_tokens"] or 0) == bill["cache_write_tokens"]
            assert (row["reasoning_tokens"] or 0) == bill["reasoning_tokens"]
        else:
            assert row["usage_source"] == "missing"
            assert row["input_tokens"] is None
            assert row["cost_usd"] is None
        compared += 1
    assert compared == CALLS - 2


def test_embedding_and_refusal(spanloft: Running, bills: list[dict[str, Any]]) -> None:
    (embedding,) = spanloft.rows("SELECT * FROM llm_calls WHERE operation = 'embeddings'")
    (bill,) = [bill for bill in bills if bill["endpoint"].endswith("/embeddings")]
    assert embedding["input_tokens"] == bill["input_tokens"]
    assert embedding["cost_usd"] > 0
    (refused,) = spanloft.rows("SELECT * FROM llm_calls WHERE error_type IS NOT NULL")
    assert "RateLimit" in refused["error_type"]
    assert refused["status_code"] == "error"
    assert refused["cost_usd"] is None


def test_cost_is_the_price_lists(spanloft: Running, bills: list[dict[str, Any]]) -> None:
    """The bill by the price list's own arithmetic on the provider's ledger, not by ours on our rows."""
    rows = {row["response_id"]: row for row in spanloft.rows("SELECT * FROM llm_calls WHERE response_id IS NOT NULL")}
    total = 0.0
    for bill in bills:
        if bill["response_id"] not in rows or not bill["usage_sent"]:
            continue
        usage = Usage(
            input_tokens=bill["input_tokens"],
            output_tokens=bill["output_tokens"],
            cache_read_tokens=bill["cached_tokens"] or None,
            cache_write_tokens=bill["cache_write_tokens"] or None,
            cache_write_1h_tokens=bill["cache_write_1h_tokens"] or None,
        )
        price = calc_price(
            usage, bill["model"], provider_id=bill["provider"], genai_request_timestamp=datetime.now(UTC)
        )
        expected = float(price.total_price)
        assert rows[bill["response_id"]]["cost_usd"] == pytest.approx(expected, rel=1e-9)
        total += expected
    assert total > 0


def test_jobs_agree_with_the_calls(spanloft: Running, bills: list[dict[str, Any]]) -> None:
    spanloft.wait_for("SELECT count(*) FROM costs", CALLS)
    (sums,) = spanloft.rows(
        """SELECT (SELECT sum(cost_usd) FROM llm_calls) AS calls, (SELECT sum(cost_usd) FROM costs) AS components,
                  (SELECT sum(cost_usd) FROM cost_daily) AS daily, (SELECT sum(calls) FROM cost_daily) AS n"""
    )
    assert sums["n"] == CALLS
    assert sums["components"] == pytest.approx(sums["calls"])
    assert sums["daily"] == pytest.approx(sums["calls"])
    (row,) = spanloft.rows("SELECT count(*) AS n FROM costs WHERE cost_usd IS NULL AND price_note IS NULL")
    assert row["n"] == 0
    spanloft.wait_for("SELECT sum(calls)::INT FROM latency_minute", CALLS)
    (latency,) = spanloft.rows(
        "SELECT sum(errors) AS errors, count(duration_p50_ms) AS durations, sum(ttft_calls) AS ttft FROM latency_minute"
    )
    assert latency["errors"] == 1
    assert latency["durations"] > 0
    assert latency["ttft"] >= 3


def test_messages_are_kept(spanloft: Running, bills: list[dict[str, Any]]) -> None:
    rows = spanloft.rows(
        "SELECT c.response_id, p.output_messages::VARCHAR AS output "
        "FROM llm_calls AS c JOIN payloads AS p USING (trace_id, span_id) WHERE c.response_id IS NOT NULL"
    )
    outputs = {row["response_id"]: json.loads(row["output"]) for row in rows}
    compared = 0
    for bill in bills:
        if bill["text"] and bill["response_id"] in outputs:
            parts = [part for message in outputs[bill["response_id"]] for part in message["parts"]]
            assert bill["text"] in [part.get("content") for part in parts if part["type"] == "text"]
            compared += 1
    assert compared >= 10


def test_run_needs_no_line(spanloft: Running, provider: FakeProvider, bills: list[dict[str, Any]]) -> None:
    environment = spanloft.environment(PROVIDER_URL=provider.url, OTEL_SERVICE_NAME="no-line")
    subprocess.run([*SPANLOFT, "run", str(APP), "--no-line"], env=environment, check=True, timeout=60)
    spanloft.wait_for("SELECT count(*) FROM llm_calls WHERE service_name = 'no-line'", CALLS)


@pytest.mark.browser
def test_the_same_call_in_the_browser(page: Page, spanloft: Running, bills: list[dict[str, Any]]) -> None:
    """From the list of traces, by clicks, to the message of one call."""
    bill = next(bill for bill in bills if bill["provider"] == "anthropic" and bill["text"])
    (row,) = spanloft.rows("SELECT trace_id FROM llm_calls WHERE response_id = ?", bill["response_id"])
    page.goto(f"{spanloft.dashboard}/traces?service=an-app&range=1h")
    settle(page)
    newest = spanloft.rows("SELECT trace_id FROM traces WHERE service_name = 'an-app' ORDER BY start_time DESC")
    position = [found["trace_id"] for found in newest].index(row["trace_id"])
    page.locator(".sl-table tbody tr").nth(position).click()
    settle(page)
    assert f"trace={row['trace_id']}" in page.url
    expect(page.get_by_text(bill["text"], exact=False).first).to_be_visible(timeout=20_000)
    expect(page.get_by_test_id("stException")).to_have_count(0)


def settle(page: Page) -> None:
    """Wait until the script has run."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning", timeout=60_000)
    page.wait_for_timeout(800)
